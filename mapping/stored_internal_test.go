package mapping

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"
)

// TestScanStored reads stored recordings by the scanner, and compares with what the library reads
// of them.
func TestScanStored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecording(t)
		data, err := Encode(r)
		if err != nil {
			t.Fatal(err)
		}

		var want, got Recording
		if err := json.Unmarshal(data, &want, jsontext.AllowDuplicateNames(true)); err != nil {
			t.Fatal(err)
		}

		if !scanStored(string(data), &got) {
			t.Fatalf("the scanner does not know %s", data)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s:\n got %+v\nwant %+v", data, got, want)
		}

		for end := range len(data) {
			if scanStored(string(data[:end]), new(Recording)) {
				t.Fatalf("the scanner takes the first %d bytes of %s", end, data)
			}
		}
	})
}

// TestStoredMarks: what the service notes of a recording is read again, by the scanner and by the library,
// and is told in the outline; no part of such a text is taken for the whole.
func TestStoredMarks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecording(t)
		text := rapid.StringOf(rapid.RuneFrom([]rune("a\"\\\n\x01é字{}[],:")))
		moment := rapid.Map(rapid.Int64Range(1, int64(MaxTime)), func(n int64) Time { return Time(n) })
		if rapid.Bool().Draw(t, "held") {
			r.NonDelete = &Hold{Time: moment.Draw(t, "since"), User: text.Draw(t, "by"), Reason: text.Draw(t, "reason")}
		}
		for range rapid.IntRange(0, 2).Draw(t, "labels") {
			r.Labels = append(r.Labels, Label{
				Name: text.Draw(t, "name"), Value: text.Draw(t, "value"), Time: moment.Draw(t, "put"), User: "u",
			})
		}
		for range rapid.IntRange(0, 3).Draw(t, "comments") {
			id := fmt.Sprint(len(r.Comments), text.Draw(t, "id")) // each its own
			c := Comment{ID: id, Text: text.Draw(t, "text"), Time: moment.Draw(t, "written"), User: "u"}
			if rapid.Bool().Draw(t, "at a moment") {
				at := RoundAt(rapid.Float64Range(0, MaxAt).Draw(t, "at"))
				c.At = &at
			}
			if rapid.Bool().Draw(t, "changed") {
				c.ChangedTime = moment.Draw(t, "changed at")
			}
			r.Comments = append(r.Comments, c)
		}
		data, err := Encode(r)
		if err != nil {
			t.Fatal(err)
		}

		var scanned Recording
		if !scanStored(string(data), &scanned) {
			t.Fatalf("the scanner does not know %s", data)
		}
		for end := range len(data) {
			if scanStored(string(data[:end]), new(Recording)) {
				t.Fatalf("the scanner takes the first %d bytes of %s", end, data)
			}
		}
		indented := append(append([]byte{}, data[:len(data)-1]...), " }"...) // which the scanner leaves to the library
		slow, err := DecodeStored(indented)
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range []*Recording{&scanned, slow} {
			if again, err := Encode(got); err != nil || string(again) != string(data) {
				t.Fatalf("%s is read as %s, %v", data, again, err)
			}
			if !OnlyAddsComments(r, got) || !OnlyAddsComments(got, r) {
				t.Fatalf("%s has the comments %+v", data, got.Comments)
			}
		}

		s, err := ReadStored(data)
		if err != nil {
			t.Fatal(err)
		}
		var marks storedMarks
		if o := s.Outline(); o == nil {
			t.Fatalf("%s has no outline", data)
		} else if err := json.Unmarshal([]byte("{"+strings.TrimSuffix(o.Marks, ",")+"}"), &marks); err != nil {
			t.Fatal(err)
		}
		if len(marks.Comments) != len(r.Comments) || len(marks.Labels) != len(r.Labels) {
			t.Fatalf("%s tells the marks %+v", data, marks)
		}
	})
}

// TestForm: the form of what was read is that of Encode, also where it was written in another one.
func TestForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data, err := Encode(drawRecording(t))
		if err != nil {
			t.Fatal(err)
		}
		spaced := jsontext.Value(data).Clone()
		if err := spaced.Indent(); err != nil {
			t.Fatal(err)
		}
		for _, text := range [][]byte{data, spaced} {
			s, err := ReadStored(text)
			if err != nil {
				t.Fatal(err)
			}
			if form, err := s.Form(); err != nil || form != string(data) {
				t.Fatalf("%s has the form %s, %v; want %s", text, form, err, data)
			}
		}
	})
}

// TestOutline reads the outlines of stored recordings, and puts them together again.
func TestOutline(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecording(t)
		data, err := Encode(r)
		if err != nil {
			t.Fatal(err)
		}

		s, err := ReadStored(data)
		if err != nil {
			t.Fatal(err)
		}

		o := s.Outline()
		if o == nil {
			t.Fatalf("no outline of %s", data)
		}

		if s.ID() != r.ID || s.Region() != r.Region || s.StartTime() != r.StartTime() || o.StopTime() != r.StopTime() ||
			len(o.MediaFiles) != len(r.MediaFiles) {
			t.Fatalf("%s: got %+v", data, o)
		}

		region, err := json.Marshal(o.Region)
		if err != nil {
			t.Fatal(err)
		}

		text := "{" + o.Numbers + `,"region":` + string(region) + `,"mediaFiles":[`
		for i, m := range o.MediaFiles {
			if got, want := m.Descriptor.identity(), r.MediaFiles[i].Descriptor.identity(); got != want {
				t.Fatalf("%s: media file %d is %q, want %q", data, i, got, want)
			}
			if i > 0 {
				text += ","
			}
			text += `{"mediaDescriptor":` + m.Place + "," + m.Rest + "}"
		}

		if text += `],"eventHistory":` + o.Events + o.Extra + "}"; text != string(data) {
			t.Fatalf("got %s\nwant %s", text, data)
		}

		if decoded, err := s.Recording(); err != nil || decoded.ID != r.ID ||
			len(decoded.EventHistory) != len(r.EventHistory) {
			t.Fatalf("%s: decoded %+v, %v", data, decoded, err)
		}

		for end := range len(data) {
			if s, err := ReadStored(data[:end]); err == nil && s.Outline() != nil {
				t.Fatalf("there is an outline of the first %d bytes of %s", end, data)
			}
		}
	})
}

// TestDecodeStoredInOtherForms: what an earlier version or a restored backup has may be spaced and
// ordered otherwise.
func TestDecodeStoredInOtherForms(t *testing.T) {
	for _, text := range []string{
		`{ "id" : "a", "mediaFiles" : [ ], "eventHistory":null, "x": {"y":[1, "]"]} }`,
		`{"eventHistory":[{"contact":null,"event":"data","occurredAt":"2013-05-17T19:45:32Z","data":{"a":null}}],` +
			`"i\u0064":"a"}`,
		`{"id":"a","mediaFiles":[{"masks":[ {"time":"x"} ],"size":"1"}],"region":null}`,
	} {
		got, err := DecodeStored([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}

		var want Recording
		if err := json.Unmarshal([]byte(text), &want, jsontext.AllowDuplicateNames(true)); err != nil {
			t.Fatal(err)
		}

		if !reflect.DeepEqual(*got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", text, *got, want)
		}

		s, err := ReadStored([]byte(text))
		if err != nil || s.Outline() != nil || s.ID() != want.ID || s.Region() != want.Region ||
			s.StartTime() != want.StartTime() {
			t.Errorf("%s was read as %+v, %v", text, s, err)
		}
	}

	for _, text := range []string{``, `{`, `null x`, `{"id":1}`, `{"id":"a"}}`, `{"id":"a","startTime"`, `[]`,
		`{"mediaFiles":[{"startTime":"then"}]}`} {
		if r, err := DecodeStored([]byte(text)); err == nil {
			t.Errorf("%s was read as %+v", text, r)
		}
	}
}

// TestParseStoredTime reads a time of each day that there is, and what is no time.
func TestParseStoredTime(t *testing.T) {
	step := Time(24*60*60*1000 + 977_131) // a day, at another time of it
	if testing.Short() {
		step *= 11
	}
	for at := Time(0); at <= MaxTime; at += step {
		if got, ok := parseStoredTime(at.String()); !ok || got != at {
			t.Fatalf("%s was read as %s, %v", at, got, ok)
		}
	}

	if got, ok := parseStoredTime(MaxTime.String()); !ok || got != MaxTime {
		t.Errorf("%s was read as %s, %v", MaxTime, got, ok)
	}

	for _, text := range []string{
		"", "1969-12-31T23:59:59.999+0000", "2013-02-29T00:00:00.000+0000", "2100-02-29T00:00:00.000+0000",
		"2013-04-31T00:00:00.000+0000", "2013-13-01T00:00:00.000+0000",
		"2013-00-01T00:00:00.000+0000", "2013-01-00T00:00:00.000+0000", "2013-01-32T00:00:00.000+0000",
		"2013-01-01T24:00:00.000+0000", "2013-01-01T00:60:00.000+0000",
		"2013-01-01T00:00:60.000+0000", "2013-01-01T00:00:00.000+0100", "2013-01-01T00:00:00.000-0000",
		"2013-01-01 00:00:00.000+0000", "2013-01-01T00:00:00.0x0+0000",
	} {
		if got, ok := parseStoredTime(text); ok {
			t.Errorf("%q was read as %s", text, got)
		}
	}
}

func drawRecording(t *rapid.T) *Recording {
	// no NUL and no lone surrogate
	text := rapid.OneOf(rapid.StringMatching(`[a-z+]{0,8}`),
		rapid.StringOf(rapid.RuneFrom([]rune("a\"\\\n\x01é字{}[],:"))))
	texts := rapid.OneOf(rapid.Just([]string(nil)), rapid.SliceOfN(text, 0, 3))
	moment := rapid.Map(rapid.Int64Range(0, int64(MaxTime)), func(n int64) Time { return Time(n) })
	object := rapid.Custom(func(t *rapid.T) jsontext.Value {
		members := rapid.MapOfN(rapid.StringMatching(`x[a-z]{0,5}`),
			rapid.SampledFrom([]string{`1`, `"}"`, `"\\"`, `[{},[],"]"]`, `null`, `true`, `{"a":{"b":-1.5e3}}`}), 1,
			3).Draw(t, "members")
		var b jsontext.Value
		for _, name := range sortedUnique(keys(members)) {
			b = append(append(append(separated(b), `"`+name+`":`...), members[name]...), '}')
		}
		return b
	})

	extra := rapid.OneOf(rapid.Just(jsontext.Value(nil)), object)
	r := &Recording{ID: text.Draw(t, "id"), CallerPhoneNumber: text.Draw(t, "caller"),
		DialedPhoneNumber: text.Draw(t, "dialed"), Region: text.Draw(t, "region"), Extra: extra.Draw(t, "extra")}
	for range rapid.IntRange(0, 2).Draw(t, "media files") {
		r.MediaFiles = append(r.MediaFiles, MediaFile{
			Descriptor: MediaDescriptor{Storage: text.Draw(t, "storage"), StorageVersion: text.Draw(t, "version"),
				Path: text.Draw(t, "path"), Auth: extra.Draw(t, "auth"), Data: extra.Draw(t, "data"),
				Extra: extra.Draw(t, "extra")},
			CallUUID: text.Draw(t, "uuid"), StartTime: moment.Draw(t, "start"), StopTime: moment.Draw(t, "stop"),
			MediaID: text.Draw(t, "media id"),
			Type:    text.Draw(t, "type"), Duration: text.Draw(t, "duration"), Size: text.Draw(t, "size"),
			Tenant:     text.Draw(t, "tenant"),
			IVRProfile: text.Draw(t, "profile"), Parameters: extra.Draw(t, "parameters"), PKCS7: text.Draw(t, "pkcs7"),
			CertAlias: texts.Draw(t, "alias"), Partitions: texts.Draw(t, "partitions"),
			AccessGroups: texts.Draw(t, "groups"), AccessGroup: texts.Draw(t, "group"), Extra: extra.Draw(t, "extra"),
		})
	}

	for range rapid.IntRange(0, 2).Draw(t, "events") {
		e := Event{OccurredAt: moment.Draw(t, "at"), OccurredNanos: rapid.Int32Range(0, 999_999).Draw(t, "nanos"),
			Event: text.Draw(t, "event"), Data: extra.Draw(t, "data"),
			Extra: extra.Draw(t, "extra")}
		if rapid.Bool().Draw(t, "contact") {
			e.Contact = &Contact{Type: text.Draw(t, "type"), PhoneNumber: text.Draw(t, "number"),
				UserName: text.Draw(t, "user"), FirstName: text.Draw(t, "first"), LastName: text.Draw(t, "last"),
				Extra: extra.Draw(t, "extra")}
		}
		r.EventHistory = append(r.EventHistory, e)
	}

	return r
}

func keys(m map[string]string) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	return names
}

// FuzzStored reads bytes as a stored recording. What is stored may have been damaged on the disk,
// so no bytes may end the process; where the scanner and the library both read a text that is
// stored as it is, they read the same.
func FuzzStored(f *testing.F) {
	for _, seed := range []string{
		"", "{}", `{"id":"a"`,
		`{"id":"a","callerPhoneNumber":"1","dialedPhoneNumber":"2","region":"r","mediaFiles":[],"eventHistory":[]}`,
		`{"id":"\u00e9\"","callerPhoneNumber":"1","dialedPhoneNumber":"2","region":"r",` +
			`"mediaFiles":[{"mediaDescriptor":` +
			`{"storage":"awsS3","path":"p","data":{"bucket":"b"}},"callUUID":"c",` +
			`"startTime":"2013-05-17T19:45:32.000+0000",` +
			`"stopTime":"2013-05-17T19:45:33.000+0000","x":[1,{"y":"}"}]}],"eventHistory":[{"occurredAt":` +
			`"2013-05-17T19:45:32.000+0000","event":"data","data":{"k":"v"}}],"extra":null}`,
	} {
		f.Add([]byte(seed))
	}

	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := ReadStored(data); err == nil {
			s.ID()
			s.StartTime()
			s.Size()
			s.Outline()
			_, _ = s.Recording()
		}

		// What Encode makes of what was read is read again as the same, by either.
		r, err := DecodeStored(data)
		if err != nil {
			return
		}

		stored, err := Encode(r)
		if err != nil {
			return // damaged bytes may be read as what nobody can have posted
		}

		var want, got Recording
		if err := json.Unmarshal(stored, &want, jsontext.AllowDuplicateNames(true)); err != nil {
			t.Fatalf("the library does not read %s: %v", stored, err)
		}

		if region, ok := StoredRegion(stored); !ok || region != r.Region {
			t.Fatalf("the region is %q, %t, of %s", region, ok, stored)
		}
		StoredRegion(data)
		if !scanStored(string(stored), &got) {
			t.Fatalf("the scanner does not know %s", stored)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s:\n got %+v\nwant %+v", stored, got, want)
		}
	})
}
