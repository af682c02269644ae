package mapping_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"recordings/mapping"
)

func TestMergeOfTheSameChangesNothing(t *testing.T) {
	r := decode(t, edit(t, map[string]any{"x": 1, "a": []any{1}}))
	once := mapping.Merge(nil, r)
	twice := mapping.Merge(once, decode(t, edit(t, map[string]any{"a": []any{1}, "x": 1})))
	if encoded(t, once) != encoded(t, r) || encoded(t, twice) != encoded(t, r) {
		t.Errorf("posted\n%s\nonce\n%s\ntwice\n%s", encoded(t, r), encoded(t, once), encoded(t, twice))
	}
}

func TestMergeScalars(t *testing.T) {
	old := decode(t, edit(t, map[string]any{"ccid": "c", "callType": "Inbound"}))
	newer := decode(t, edit(t,
		map[string]any{"region": "eu", "callerPhoneNumber": "+49", "callType": "Outbound", "more": nil}))
	before := encoded(t, old)
	merged := mapping.Merge(old, newer)
	if merged.Region != "eu" || merged.CallerPhoneNumber != "+49" || merged.DialedPhoneNumber != old.DialedPhoneNumber {
		t.Errorf("got %+v", merged)
	}

	if got, want := sortedMembers(string(merged.Extra)), `"callType":"Outbound" "ccid":"c" "more":null`; got != want {
		t.Errorf("unknown attributes %s, want %s", got, want)
	}

	if encoded(t, old) != before {
		t.Error("Merge changed its argument")
	}
}

func TestMergeMediaFiles(t *testing.T) {
	s3 := func(bucket, path, callUUID string) map[string]any {
		return map[string]any{"callUUID": callUUID, "startTime": "2013-05-17T00:00:00Z",
			"stopTime": "2013-05-17T00:00:01Z",
			"mediaDescriptor": map[string]any{"storage": "awsS3", "path": path,
				"data": map[string]any{"bucket": bucket}}}
	}

	dav := func(path, callUUID string) map[string]any {
		m := s3("", path, callUUID)
		m["mediaDescriptor"] = map[string]any{"storage": "webDAV", "path": path}
		return m
	}

	old := decode(t, edit(t, map[string]any{"mediaFiles": []any{s3("b", "p", "1"), dav("p", "2"), s3("b", "q", "3")}}))
	newer := decode(t, edit(t,
		map[string]any{"mediaFiles": []any{s3("c", "p", "4"), dav("p", "5"), s3("b", "p", "6"), s3("c", "p", "7")}}))
	var got []string
	for _, m := range mapping.Merge(old, newer).MediaFiles {
		got = append(got, m.CallUUID)
	}

	if want := "6 5 3 7"; strings.Join(got, " ") != want {
		t.Errorf("callUUIDs %v, want %s", got, want)
	}
}

func TestMergeEvents(t *testing.T) {
	contact := func(phoneNumber, first string) map[string]any {
		return map[string]any{"type": "External", "phoneNumber": phoneNumber, "firstName": first}
	}

	const t1, t2 = "2013-05-17T00:00:00Z", "2013-05-17T00:00:00.001Z"
	history := func(events ...any) *mapping.Recording {
		return decode(t, edit(t, map[string]any{"eventHistory": events}))
	}

	for _, c := range []struct {
		name     string
		old, new any
		want     int
	}{
		{"the same event", event("Joined", t1, contact("1", "a"), nil),
			event("joined", "2013-05-16T23:00:00.000-0100", contact("1", "b"), nil), 1},
		{"another time", event("Joined", t1, contact("1", "a"), nil), event("Joined", t2, contact("1", "a"), nil), 2},
		{"another event", event("Joined", t1, contact("1", "a"), nil), event("Left", t1, contact("1", "a"), nil), 2},
		{"another number", event("Joined", t1, contact("1", "a"), nil), event("Joined", t1, contact("2", "a"), nil), 2},
		{"data counts for data events only", event("Joined", t1, contact("1", "a"), map[string]any{"k": "v"}),
			event("Joined", t1, contact("1", "a"), map[string]any{"k": "w"}), 1},
		{"the same data", event("data", t1, nil, map[string]any{"a": 1, "b": 2}),
			event("data", t1, nil, map[string]any{"b": 2, "a": 1}), 1},
		{"other data", event("data", t1, nil, map[string]any{"a": 1}), event("data", t1, nil, map[string]any{"a": 2}),
			2},
		{"the data of another contact", event("data", t1, contact("1", ""), map[string]any{"a": 1}),
			event("data", t1, nil, map[string]any{"a": 1}), 2},
	} {
		if got := len(mapping.Merge(history(c.old), history(c.new)).EventHistory); got != c.want {
			t.Errorf("%s: %d events, want %d", c.name, got, c.want)
		}
	}

	merged := mapping.Merge(history(event("Joined", t1, contact("1", "a"), nil),
		event("Left", t2, contact("1", "a"), nil)),
		history(event("Joined", t1, contact("1", "b"), nil)))

	if merged.EventHistory[0].Contact.FirstName != "b" || len(merged.EventHistory) != 2 {
		t.Errorf("not overwritten in place: %+v", merged.EventHistory)
	}
}

func TestLongNumbersOfDataEventsAreNotConfused(t *testing.T) {
	const at = `{"event":"data","occurredAt":"2013-05-17T00:00:00Z","data":{"n":%}}`
	body := func(n string) string {
		page := string(pageExample(t))
		start := strings.Index(page, `"eventHistory"`)
		return page[:start] + `"eventHistory":[` + strings.Replace(at, "%", n, 1) + `]}`
	}

	merged := mapping.Merge(decode(t, body("9007199254740993")), decode(t, body("9007199254740992")))
	if len(merged.EventHistory) != 2 {
		t.Errorf("two numbers became one: %s", encoded(t, merged))
	}
}

// The names are part of links that people keep: they must never change.
func TestMediaName(t *testing.T) {
	r := decode(t, string(pageExample(t)))
	m := r.MediaFiles[0]
	const want = "6a24ed6a-1262-5dc3-8156-ee6c5e3b6774.mp3"
	if got := m.Descriptor.MediaName("a5539ef5-7dd5-4150-818f-ee1bcd447cbe", r.ID, false); got != want {
		t.Errorf("name %s, want %s", got, want)
	}

	names := map[string]bool{m.Descriptor.MediaName("cc", "id", false): true,
		m.Descriptor.MediaName("cc2", "id", false): true,
		m.Descriptor.MediaName("cc", "id2", false): true}
	m.Descriptor.Path += "x"
	names[m.Descriptor.MediaName("cc", "id", false)] = true
	if len(names) != 4 {
		t.Errorf("names are not different: %v", names)
	}

	form := regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[0-9A-Za-z]{1,8}$`)
	for path, ext := range map[string]string{
		"a.wav": ".wav", "a.WAV": ".WAV", "a": ".mp3", "a.": ".mp3", "a.b/c": ".mp3", ".mp4": ".mp4", "a.w v": ".mp3",
		"a.toolongext": ".mp3", "a.wäv": ".mp3",
		"http://h/a.wav?x=.mp4": ".wav", "http://h/a.wav#y.z": ".wav", "a.tar.gz": ".gz",
	} {
		m.Descriptor = mapping.MediaDescriptor{Storage: "webDAV", Path: path}
		if got := m.Descriptor.MediaName("cc", "id", false); !strings.HasSuffix(got, ext) || !form.MatchString(got) {
			t.Errorf("the name of %q is %s, want it to end in %s", path, got, ext)
		}
	}
}

func TestPublicDescriptorHasNoAuth(t *testing.T) {
	r := decode(t, edit(t, map[string]any{"mediaFiles/0/mediaDescriptor/auth": map[string]any{"password": "s3cret"}}))
	d := r.MediaFiles[0].Descriptor
	if public := d.Public(); public.Auth != nil || d.Auth == nil || public.Path != d.Path ||
		string(public.Data) != string(d.Data) {
		t.Errorf("public %+v of %+v", public, d)
	}
}

func sortedMembers(object string) string {
	members := strings.Split(strings.Trim(object, "{}"), ",")
	for i := range members {
		for j := i + 1; j < len(members); j++ {
			if members[j] < members[i] {
				members[i], members[j] = members[j], members[i]
			}
		}
	}
	return strings.Join(members, " ")
}

func TestPublicDescriptorHasNoPasswordInItsURL(t *testing.T) {
	for in, want := range map[string]string{
		"http://u:secret@h/a@b.wav": "http://h/a@b.wav", "http://h/a.wav": "http://h/a.wav", "http://u@h": "http://h",
		"http://h?u@x": "http://h?u@x",
		"a@b.wav":      "a@b.wav", "http://a:b@c:d@h:1/x": "http://h:1/x", "": "",
	} {
		d := mapping.MediaDescriptor{Storage: mapping.StorageWebDAV, Path: in}
		if got := d.Public().Path; got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
		if d.Storage = mapping.StorageS3; d.Public().Path != in {
			t.Errorf("the key %q is shown as %q", in, d.Public().Path)
		}
	}
}

func TestBucket(t *testing.T) {
	for data, want := range map[string]string{
		``:                            "",
		`{}`:                          "",
		`{"bucket":"a"}`:              "a",
		`{"bucket":""}`:               "",
		`{ "bucket" : "a" }`:          "a",
		`{"bucket":"a","x":"b"}`:      "a",
		`{"x":"b\"}","bucket":"a"}`:   "a",
		`{"bucket":"a\"}"}`:           `a"}`,
		`{"bucket":"\u0061"}`:         "a",
		`{"bucket":5}`:                "",
		`{"bucket":{"bucket":"a"}}`:   "",
		`{"Bucket":"a"}`:              "",
		`{"bucket":"a","bucket":"b"}`: "", // not what anybody could have posted
	} {
		d := mapping.MediaDescriptor{Storage: mapping.StorageS3, Data: jsontext.Value(data)}
		if got := d.Bucket(); got != want {
			t.Errorf("of %s it is %q, want %q", data, got, want)
		}
		d.Storage = mapping.StorageWebDAV
		if got := d.Bucket(); got != "" {
			t.Errorf("of a WebDAV server it is %q", got)
		}
	}
}
