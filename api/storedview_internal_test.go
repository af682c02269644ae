package api

import (
	"bytes"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"recordings/index/indextest"
	"recordings/mapping"
)

// TestAppendStored: what is made of the stored text is, byte for byte, what is made of the decoded
// recording.
func TestAppendStored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := indextest.Recordings().Draw(t, "recording")
		decorate(t, r)
		data, err := mapping.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		s, err := mapping.ReadStored(data)
		if err != nil || s.Outline() == nil {
			t.Fatalf("%s: no outline, %v", data, err)
		}
		decoded, err := s.Recording()
		if err != nil {
			t.Fatal(err)
		}
		v := viewer{
			base: rapid.SampledFrom([]string{"http://127.0.0.1:8080", `https://a"b\é<host>/x`}).
				Draw(t, "base"),
			contactCenter: indextest.ContactCenters().Draw(t, "contact center"),
			ops:           rapid.Bool().Draw(t, "ops"),
			paths:         rapid.Bool().Draw(t, "paths"),
		}
		if rapid.Bool().Draw(t, "named") {
			s.NameMedia(v.contactCenter)
		}
		want, err := json.Marshal(v.recording(decoded))
		if err != nil {
			t.Fatal(err)
		}
		got, err := v.appendStored([]byte("x"), s)
		if err != nil || string(got) != "x"+string(want) {
			t.Fatalf("%v\n got %s\nwant %s", err, got[1:], want)
		}
	})
}

// decorate adds what the recordings of the index's tests do not have: secrets, and attributes that
// the service does not know.
func decorate(t *rapid.T, r *mapping.Recording) {
	extra := rapid.SampledFrom([]jsontext.Value{nil, jsontext.Value(`{"ccid":"1","calls":[{"a":"]}"}]}`)})
	r.Extra = extra.Draw(t, "extra")
	r.ChangedTime = rapid.SampledFrom([]mapping.Time{0, 1, 1_747_511_132_000, mapping.MaxTime}).Draw(t, "changedTime")
	for i := range r.EventHistory {
		r.EventHistory[i].OccurredNanos = rapid.SampledFrom([]int32{0, 0, 0, 456_789}).Draw(t, "nanos")
	}
	for i := range r.MediaFiles {
		m := &r.MediaFiles[i]
		m.Extra = rapid.SampledFrom([]jsontext.Value{nil, jsontext.Value(`{"calls":[{"a":"]}"}]}`),
			jsontext.Value(`{"auth":1,"b":[]}`), jsontext.Value(`{"Auth":{"a":"x"}}`),
			jsontext.Value(`{"playPath":"x","mediaPath":1}`)}).Draw(t, "hidden")
		m.Parameters = rapid.SampledFrom([]jsontext.Value{nil, jsontext.Value(`{"a":1,"db.Pass_Word":{"b":2}}`),
			jsontext.Value(`{"a":[{"\u0061uth":1}]}`), jsontext.Value(`{"a":"token\":"}`)}).Draw(t, "parameters")
		m.PKCS7 = rapid.SampledFrom([]string{"", "x"}).Draw(t, "pkcs7")
		m.Descriptor.Extra = extra.Draw(t, "extra of the descriptor")
		m.Descriptor.Auth = rapid.SampledFrom([]jsontext.Value{nil, jsontext.Value(`{"password":"x"}`)}).
			Draw(t, "auth")
		if rapid.Bool().Draw(t, "webDAV") {
			m.Descriptor.Storage, m.Descriptor.Data = mapping.StorageWebDAV, nil
			m.Descriptor.Path = rapid.SampledFrom([]string{"http://10.0.0.1/a.wav.bin",
				"http://user:secret@10.0.0.1/a.wav?b", "a/b.mp3"}).
				Draw(t, "path")
		}
	}
}

// TestAppendStoredInOtherForms: a text that an earlier version has written is decoded.
func TestAppendStoredInOtherForms(t *testing.T) {
	s, err := mapping.ReadStored(
		[]byte(
			`{"mediaFiles":[{"mediaDescriptor":{"storage":"awsS3","path":"a"},"startTime":"2013-05-17T19:45:32Z",` +
				`"stopTime":"2013-05-17T19:45:33Z"}],"id":"a","eventHistory":null}`,
		),
	)
	if err != nil || s.Outline() != nil {
		t.Fatalf("%+v, %v", s, err)
	}
	got, err := viewer{base: "http://h", contactCenter: "c"}.appendStored(nil, s)
	var answer struct {
		ID           string          `json:"id"`
		StartTime    mapping.Time    `json:"startTime"`
		EventHistory []mapping.Event `json:"eventHistory"`
	}
	if err != nil || json.Unmarshal(got, &answer) != nil || answer.ID != "a" ||
		answer.StartTime.String() != "2013-05-17T19:45:32.000+0000" ||
		answer.EventHistory == nil {
		t.Errorf("%s, %v", got, err)
	}
}

// TestListAnswer: the answer to a search is the JSON that the library would make of it.
func TestListAnswer(t *testing.T) {
	total := 3
	for _, a := range []listAnswer{{}, {Recordings: jsonList(`,{"id":"a"},{"id":"b"}`), Total: &total, PrevURI: "p",
		NextURI: "n"}} {
		var want struct {
			StatusCode int            `json:"statusCode"`
			Recordings jsontext.Value `json:"recordings"`
			Total      *int           `json:"total,omitzero"`
			PrevURI    string         `json:"prevUri,omitzero"`
			NextURI    string         `json:"nextUri,omitzero"`
		}
		want.Recordings = append(append(jsontext.Value("["), a.Recordings.inside()...), ']')
		want.Total, want.PrevURI, want.NextURI = a.Total, a.PrevURI, a.NextURI
		wanted, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		body, err := encode(a)
		if got := bytes.Join(body, nil); err != nil || string(got) != string(wanted) {
			t.Errorf("got %s, %v; want %s", got, err, wanted)
		}
	}
}
