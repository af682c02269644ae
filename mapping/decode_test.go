package mapping_test

import (
	"encoding/json"
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"recordings/mapping"
)

func pageExample(t testing.TB) []byte {
	t.Helper()
	body, err := os.ReadFile("testdata/page_s3.json")
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func decode(t testing.TB, body string) *mapping.Recording {
	t.Helper()
	r, err := mapping.Decode([]byte(body), mapping.DecodeOptions{})
	if err != nil {
		t.Fatalf("decoding %s: %v", body, err)
	}
	return r
}

func TestDecodePageExample(t *testing.T) {
	r := decode(t, string(pageExample(t)))
	if got, want := r.StartTime().String(), "2013-05-17T19:45:32.000+0000"; got != want {
		t.Errorf("startTime %s, want %s", got, want)
	}

	if got, want := r.StopTime().String(), "2013-05-17T22:15:36.000+0000"; got != want {
		t.Errorf("stopTime %s, want %s", got, want)
	}

	stored, err := mapping.Encode(r)
	if err != nil {
		t.Fatal(err)
	}

	const want = `{"id":"00PV5Q27MG8AB8VNE49362LAES000014","callerPhoneNumber":"+16504668888",` +
		`"dialedPhoneNumber":"+14155551234",` +
		`"region":"test","mediaFiles":[{"mediaDescriptor":{"storage":"awsS3","path":"FTtests/sample1.mp3",` +
		`"data":{"bucket":"stage-recordings"}},` +
		`"callUUID":"callUUID","startTime":"2013-05-17T19:45:32.000+0000","stopTime":"2013-05-17T22:15:36.000+0000",` +
		`"mediaId":"00PV5Q27MG8AB8VNE49362LAES000013_029FO32T0G8LDFTEK9I4K8DAES0KTDVE.wav","type":"audio/wav",` +
		`"duration":"8000",` +
		`"size":"8544","tenant":"Environment","ivrprofile":"DefaultProfile","parameters":{"record":"source",` +
		`"recorddn":"2222"},` +
		`"masks":[{"time":"2013-02-06T10:23:10.034Z","type":"paused"}],"pkcs7":"SJOSSWKGUEKSHSVHSU",` +
		`"certAlias":["cert1","cert2"],` +
		`"partitions":["part1","part2"],"accessgroups":["US","US/CA"],"accessgroup":["US","US/CA"]}],` +
		`"eventHistory":[{"occurredAt":"2013-05-18T22:25:56.000+0000",` +
		`"event":"Left","contact":{"type":"User","phoneNumber":"+14103585834","userName":"dima.p@genesys.com",` +
		`"firstName":"Dima","lastName":"Pokh"}}]}`

	if string(stored) != want {
		t.Errorf("stored form\n got %s\nwant %s", stored, want)
	}
}

// edit changes the page's example: set assigns a value at a path of names and indexes, a nil value
// removes it.
func edit(t testing.TB, set map[string]any) string {
	t.Helper()
	var doc any
	if err := json.Unmarshal(pageExample(t), &doc); err != nil {
		t.Fatal(err)
	}

	for path, value := range set {
		assign(doc, strings.Split(path, "/"), value)
	}

	body, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}

	return string(body)
}

type remove struct{}

func assign(doc any, path []string, value any) {
	if list, ok := doc.([]any); ok {
		doc = list[0]
		if len(path) == 1 {
			list[0] = value
			return
		}
		assign(doc, path[1:], value)
		return
	}

	object := doc.(map[string]any)
	switch {
	case len(path) > 1:
		assign(object[path[0]], path[1:], value)
	case value == remove{}:
		delete(object, path[0])
	default:
		object[path[0]] = value
	}
}

func TestDecodeTellsEveryProblem(t *testing.T) {
	type change = map[string]any
	const media, event, contact = "mediaFiles/0/", "eventHistory/0/", "eventHistory/0/contact/"
	for _, c := range []struct {
		name    string
		change  change
		want    []string // the beginnings of the problems, in order
		missing bool
	}{
		{"id missing", change{"id": remove{}}, []string{"id is missing"}, true},
		{"id null", change{"id": nil}, []string{"id is missing"}, true},
		{"id empty", change{"id": ""}, []string{"id is not a non-empty string"}, false},
		{"id with spaces", change{"id": " x"},
			[]string{"id is not a non-empty string without leading or ending spaces"}, false},
		{"id number", change{"id": 5}, []string{"id is not a non-empty string"}, false},
		{"id too long", change{"id": strings.Repeat("x", 5000)}, []string{"id is longer than 4096 bytes"}, false},
		{"two missing", change{"callerPhoneNumber": remove{}, "dialedPhoneNumber": remove{}},
			[]string{"callerPhoneNumber is missing", "dialedPhoneNumber is missing"}, true},
		{"region ending in a space", change{"region": "x "}, []string{"region is not"}, false},
		{"mixed", change{"region": remove{}, media + "callUUID": 7},
			[]string{"mediaFiles[0].callUUID is not", "region is missing"}, false},
		{"mediaFiles missing", change{"mediaFiles": remove{}}, []string{"mediaFiles is missing"}, true},
		{"mediaFiles empty", change{"mediaFiles": []any{}}, []string{"mediaFiles is empty"}, false},
		{"mediaFiles object", change{"mediaFiles": change{}}, []string{"mediaFiles is not a JSON array"}, false},
		{"media file a string", change{"mediaFiles/0": "x"}, []string{"mediaFiles[0] is not a JSON object"}, false},
		{"media file null", change{"mediaFiles/0": nil}, []string{"mediaFiles[0] is not a JSON object"}, false},
		{"all of a media file missing", change{"mediaFiles/0": change{}}, []string{
			"mediaFiles[0].mediaDescriptor is missing", "mediaFiles[0].callUUID is missing",
			"mediaFiles[0].startTime is missing", "mediaFiles[0].stopTime is missing"}, true},
		{"startTime no date", change{media + "startTime": "yesterday"},
			[]string{"mediaFiles[0].startTime is not an ISO 8601 date and time"}, false},
		{"startTime without offset", change{media + "startTime": "2013-05-17T11:45:32"},
			[]string{"mediaFiles[0].startTime has no offset"}, false},
		{"startTime number", change{media + "startTime": 5},
			[]string{"mediaFiles[0].startTime is not an ISO 8601 date and time"}, false},
		{"storage", change{media + "mediaDescriptor/storage": "ftp"},
			[]string{"mediaFiles[0].mediaDescriptor.storage is not awsS3 or webDAV"}, false},
		{"storage in another case", change{media + "mediaDescriptor/storage": "webdav"},
			[]string{"mediaFiles[0].mediaDescriptor.storage is not awsS3 or webDAV"}, false},
		{"storage missing", change{media + "mediaDescriptor/storage": remove{}},
			[]string{"mediaFiles[0].mediaDescriptor.storage is missing"}, true},
		{"path missing", change{media + "mediaDescriptor/path": remove{}},
			[]string{"mediaFiles[0].mediaDescriptor.path is missing"}, true},
		{"path empty", change{media + "mediaDescriptor/path": ""},
			[]string{"mediaFiles[0].mediaDescriptor.path is not a non-empty string"}, false},
		{"no data", change{media + "mediaDescriptor/data": remove{}},
			[]string{"mediaFiles[0].mediaDescriptor.data.bucket is missing"}, true},
		{"no bucket", change{media + "mediaDescriptor/data": change{}},
			[]string{"mediaFiles[0].mediaDescriptor.data.bucket is missing"}, true},
		{"auth", change{media + "mediaDescriptor/auth": "secret"},
			[]string{"mediaFiles[0].mediaDescriptor.auth is not a JSON object"}, false},
		{"masks", change{media + "masks": []any{1}}, []string{"mediaFiles[0].masks[0] is not a JSON object"}, false},
		{"certAlias", change{media + "certAlias": []any{1}}, []string{"mediaFiles[0].certAlias[0] is not a string"},
			false},
		{"partitions", change{media + "partitions": "x"},
			[]string{"mediaFiles[0].partitions is not a JSON array of strings"}, false},
		{"parameters", change{media + "parameters": []any{}}, []string{"mediaFiles[0].parameters is not a JSON object"},
			false},
		{"duration", change{media + "duration": true}, []string{"mediaFiles[0].duration is not a string or a number"},
			false},
		{"type", change{media + "type": 1}, []string{"mediaFiles[0].type is not a string"}, false},
		{"eventHistory missing", change{"eventHistory": remove{}}, []string{"eventHistory is missing"}, true},
		{"eventHistory empty", change{"eventHistory": []any{}}, []string{"eventHistory is empty"}, false},
		{"all of an event missing", change{"eventHistory/0": change{}}, []string{
			"eventHistory[0].occurredAt is missing", "eventHistory[0].event is missing",
			"eventHistory[0].contact is missing"}, true},
		{"event", change{event + "event": "Held"}, []string{"eventHistory[0].event is not Joined, Left or data"},
			false},
		{"data event without data", change{event + "event": "data"}, []string{"eventHistory[0].data is missing"}, true},
		{"data", change{event + "data": "x"}, []string{"eventHistory[0].data is not a JSON object"}, false},
		{"data too long", change{event + "data": change{"a": strings.Repeat("x", 70000)}},
			[]string{"eventHistory[0].data holds a value of more than 65536 bytes"}, false},
		{"contact null", change{event + "contact": nil}, []string{"eventHistory[0].contact is missing"}, true},
		{"all of a user missing", change{event + "contact": change{"type": "user"}},
			[]string{"eventHistory[0].contact.phoneNumber is missing",
				"eventHistory[0].contact.userName is missing", "eventHistory[0].contact.firstName is missing",
				"eventHistory[0].contact.lastName is missing"}, true},
		{"user without a last name", change{contact + "lastName": ""},
			[]string{"eventHistory[0].contact.lastName is not a non-empty string"}, false},
		{"phoneNumber empty", change{contact + "phoneNumber": ""},
			[]string{"eventHistory[0].contact.phoneNumber is not"}, false},
		{"contact type", change{contact + "type": "Robot"},
			[]string{"eventHistory[0].contact.type is not User or External"}, false},
		{"name of a wrong type", change{contact + "userName": 1},
			[]string{"eventHistory[0].contact.userName is not a string"}, false},
		{"reserved id", change{"id": "recordings"}, []string{`id is "recordings", which has a meaning of its own`},
			false},
		{"several at once", change{"id": "recordings", media + "mediaDescriptor/storage_version": 5,
			media + "mediaDescriptor/data": change{}, media + "stopTime": "2013-05-17T00:00:00"},
			[]string{`id is "recordings"`, "mediaFiles[0].mediaDescriptor.storage_version is not",
				"mediaFiles[0].mediaDescriptor.data.bucket is missing", "mediaFiles[0].stopTime has no offset"}, false},
		{"bucket no string", change{media + "mediaDescriptor/data": change{"bucket": 5}},
			[]string{"mediaFiles[0].mediaDescriptor.data.bucket is not the name"}, false},
		{"bucket with spaces", change{media + "mediaDescriptor/data": change{"bucket": " b"}},
			[]string{"mediaFiles[0].mediaDescriptor.data.bucket is not the name"}, false},
		{"bucket in another case", change{media + "mediaDescriptor/data": change{"Bucket": "b"}},
			[]string{"mediaFiles[0].mediaDescriptor.data.Bucket differs in letter case"}, false},
		{"letter case", change{"ID": "x"}, []string{"ID differs in letter case only from id"}, false},
		{"letter case inside", change{contact + "username": "x"},
			[]string{"eventHistory[0].contact.username differs in letter case only from userName"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := mapping.Decode([]byte(edit(t, c.change)), mapping.DecodeOptions{})
			var problems mapping.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("got error %v, want Problems", err)
			}

			if got := strings.Split(err.Error(), "; "); problems.Missing() != c.missing {
				t.Errorf("Missing() is %v for %q", problems.Missing(), got)
			}

			var got []string
			for _, p := range problems {
				got = append(got, p.Path+" "+p.Message)
			}

			slices.Sort(got)
			want := slices.Sorted(slices.Values(c.want))
			if len(got) != len(want) {
				t.Fatalf("got %q, want %q", got, want)
			}

			for i := range want {
				if !strings.HasPrefix(got[i], want[i]) {
					t.Errorf("got %q, want %q…", got[i], want[i])
				}
			}
		})
	}
}

func TestDecodeAccepts(t *testing.T) {
	type change = map[string]any
	for _, c := range []struct {
		name   string
		change change
		stored string // must be part of the stored form
	}{
		{"numbers as duration and size", change{"mediaFiles/0/duration": 8000, "mediaFiles/0/size": 1.5},
			`"duration":"8000","size":"1.5"`},
		{"accessgroups", change{"mediaFiles/0/accessgroups": []any{"B"}, "mediaFiles/0/accessgroup": remove{}},
			`"accessgroups":["B"]}]`},
		{"accessgroup", change{"mediaFiles/0/accessgroup": []any{"B"}}, `"accessgroups":["B"],"accessgroup":["B"]`},
		{"a stopTime before the startTime", change{"mediaFiles/0/stopTime": "2013-05-17T11:45:31.999-0800"},
			`"stopTime":"2013-05-17T19:45:31.999+0000"`},
		{"a path with spaces around it", change{"mediaFiles/0/mediaDescriptor/path": " a b "}, `"path":" a b "`},
		{"both spellings of accessgroups",
			change{"mediaFiles/0/accessgroups": []any{"B"}, "mediaFiles/0/accessgroup": []any{"A"}},
			`"accessgroups":["A","B"]`},
		{"empty lists", change{"mediaFiles/0/masks": []any{}, "mediaFiles/0/certAlias": []any{}}, `"masks":[],`},
		{"null is absent", change{"mediaFiles/0/type": nil, "mediaFiles/0/masks": nil}, `DVE.wav","duration"`},
		{"words in any case", change{"eventHistory/0/event": "LEFT", "eventHistory/0/contact/type": "uSER"},
			`"event":"Left","contact":{"type":"User"`},
		{"external without names",
			change{"eventHistory/0/contact": change{"type": "External", "phoneNumber": "UNKNOWN", "userName": nil,
				"firstName": ""}},
			`"contact":{"type":"External","phoneNumber":"UNKNOWN","userName":"","firstName":"","lastName":""}`},
		{"data event without contact",
			change{"eventHistory/0": change{"occurredAt": "2014-12-03T18:31:26Z", "event": "DATA",
				"data": change{"a": 1}}},
			`{"occurredAt":"2014-12-03T18:31:26.000+0000","event":"data","data":{"a":1}}`},
		{"unknown attributes everywhere",
			change{"ccid": "c", "mediaFiles/0/x": change{"y": nil}, "mediaFiles/0/mediaDescriptor/z": 1.0,
				"eventHistory/0/callType": []any{1, "2"}, "eventHistory/0/contact/id": true},
			`"callType":[1,"2"]`},
		{"computed attributes are left out",
			change{"startTime": 5, "stopTime": nil, "mediaFiles/0/mediaUri": "http://x",
				"mediaFiles/0/originalMediaDescriptor": 1}, `}]}`},
		{"webDAV without data",
			change{"mediaFiles/0/mediaDescriptor": change{"storage": "webDAV",
				"path": "http://10.10.15.83:8080/sample1.mp3"}},
			`{"storage":"webDAV","path":"http://10.10.15.83:8080/sample1.mp3"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			stored, err := mapping.Encode(decode(t, edit(t, c.change)))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(stored), c.stored) {
				t.Errorf("got %s, want it to hold %s", stored, c.stored)
			}
		})
	}
}

func TestDecodeKeepsUnknownAttributesAsSent(t *testing.T) {
	const sent = `"big":12345678901234567890.10,"text":"\u00e9\/","deep":{"b":[1,{"a":null}],"a":2}`
	body := strings.Replace(string(pageExample(t)), "{", "{"+strings.ReplaceAll(sent, ",", " , "), 1)
	body = strings.Replace(body, `"2}`, `"2},`, 1)
	body = strings.Replace(body, `"a":2}`, `"a":2},`, 1)
	stored, err := mapping.Encode(decode(t, body))
	if err != nil {
		t.Fatal(err)
	}

	for _, part := range []string{`"big":12345678901234567890.10`, `"deep":{"b":[1,{"a":null}],"a":2}`} {
		if !strings.Contains(string(stored), part) {
			t.Errorf("%s is not in %s", part, stored)
		}
	}

	again, err := mapping.DecodeStored(stored)
	if err != nil {
		t.Fatal(err)
	}

	if twice, _ := mapping.Encode(again); string(twice) != string(stored) {
		t.Errorf("stored twice\n got %s\nwant %s", twice, stored)
	}
}

func TestDecodeEmptyHistory(t *testing.T) {
	for _, body := range []string{edit(t, map[string]any{"eventHistory": []any{}}),
		edit(t, map[string]any{"eventHistory": remove{}})} {
		if _, err := mapping.Decode([]byte(body), mapping.DecodeOptions{AcceptEmptyHistory: true}); err != nil {
			t.Errorf("with the setting: %v", err)
		}
		if _, err := mapping.Decode([]byte(body), mapping.DecodeOptions{}); err == nil {
			t.Error("taken without the setting")
		}
	}
}

func TestDecodeRefusesWhatIsNotStrictJSON(t *testing.T) {
	page := strings.TrimSpace(string(pageExample(t)))
	for _, c := range []struct{ name, body, want string }{
		{"empty", "", "the body is not valid JSON"},
		{"white space", " \n", "the body is not valid JSON"},
		{"truncated", page[:len(page)/2], "is not valid JSON"},
		{"bytes behind", page + " {}", "the body goes on behind the JSON object"},
		{"garbage behind", page + "x", "the body goes on behind the JSON object"},
		{"an array", "[" + page + "]", "the body is not a JSON object"},
		{"a string", `"x"`, "is not a JSON object"},
		{"null", `null`, "is not a JSON object"},
		{"duplicate", strings.Replace(page, `"region":"test"`, `"region":"test","region":"test"`, 1),
			"region is there twice"},
		{"duplicate by escape", strings.Replace(page, `"region":"test"`, `"region":"test","\u0072egion":"test"`, 1),
			"region is there twice"},
		{"duplicate inside", strings.Replace(page, `"record": "source"`, `"record":1,"record":1`, 1),
			"mediaFiles[0].parameters.record is there twice"},
		{"invalid UTF-8", strings.Replace(page, "test", "te\xffst", 1), "is not valid JSON"},
		{"lone surrogate", strings.Replace(page, "test", `te\ud800st`, 1), "is not valid JSON"},
		{"NUL", strings.Replace(page, `"test"`, `"te\u0000st"`, 1), "region holds a NUL character"},
		{"NUL in a name", strings.Replace(page, `"record"`, `"rec\u0000ord"`, 1), "holds a NUL character"},
		{"raw NUL", strings.Replace(page, `"test"`, "\"te\x00st\"", 1), "is not valid JSON"},
		{"byte order mark", "\ufeff" + page, "is not valid JSON"},
		{"comment", "/* */" + page, "is not valid JSON"},
		{"deep arrays", strings.Repeat("[", 100_000), "is nested deeper than 32 levels"},
		{"deep objects", strings.Repeat(`{"a":`, 100_000), "is nested deeper than 32 levels"},
		{"many values", `{"a":[` + strings.Repeat("0,", 60_000) + "0]}", "holds more than 50000 JSON values and names"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := mapping.Decode([]byte(c.body), mapping.DecodeOptions{})
			var problems mapping.Problems
			if !errors.As(err, &problems) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want Problems with %q", err, c.want)
			}
			if err != nil && len(err.Error()) > 10_000 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(pageExample(f))
	f.Add([]byte(`{"id":"a","eventHistory":[{"event":"data",` +
		`"data":{"added":{"x":["y",1,true,null]},"deleted":["z"]}}]}`))
	f.Add([]byte(`{"ID":1,"mediaFiles":[{},null,[{}]],"\u0000":"\ud800"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := mapping.Decode(body, mapping.DecodeOptions{AcceptEmptyHistory: true})
		if err != nil {
			var problems mapping.Problems
			if !errors.As(err, &problems) || len(problems) == 0 {
				t.Fatalf("error %v is not Problems", err)
			}
			_ = err.Error()
			return
		}

		stored, err := mapping.Encode(r)
		if err != nil {
			t.Fatalf("encoding what was decoded: %v", err)
		}

		again, err := mapping.DecodeStored(stored)
		if err != nil {
			t.Fatalf("reading %s: %v", stored, err)
		}

		if twice, _ := mapping.Encode(again); string(twice) != string(stored) {
			t.Fatalf("stored form changes:\n%s\n%s", stored, twice)
		}

		if merged, _ := mapping.Encode(mapping.Merge(mapping.Merge(nil, r), r)); string(merged) != encoded(t,
			mapping.Merge(nil, r)) {
			t.Fatalf("the same post twice changes the recording: %s", merged)
		}

		r.Searchable()
	})
}

func encoded(t testing.TB, r *mapping.Recording) string {
	t.Helper()
	b, err := mapping.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func BenchmarkDecode(b *testing.B) {
	body := pageExample(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := mapping.Decode(body, mapping.DecodeOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	r := decode(b, string(pageExample(b)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := mapping.Encode(r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeStored(b *testing.B) {
	stored := []byte(encoded(b, decode(b, string(pageExample(b)))))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := mapping.DecodeStored(stored); err != nil {
			b.Fatal(err)
		}
	}
}

// A body with a problem in every other byte costs no more than one without.
func TestDecodeOfManyProblemsIsCheap(t *testing.T) {
	for _, element := range []string{"0", "{}", "null"} {
		body := []byte(`{"mediaFiles":[` + strings.Repeat(element+",", 20_000) + element + `],"eventHistory":[` +
			strings.Repeat(element+",", 20_000) + element + `]}`)
		var bytes uint64
		perRun := testing.AllocsPerRun(3, func() {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := mapping.Decode(body, mapping.DecodeOptions{})
			runtime.ReadMemStats(&after)
			bytes = after.TotalAlloc - before.TotalAlloc
			if err == nil || !strings.HasSuffix(err.Error(), "; and more") {
				t.Fatalf("got %v", err)
			}
		})

		if perRun > 5000 || bytes > uint64(4*len(body)) {
			t.Errorf("%s: %d bytes of a body made %.0f allocations of %d bytes", element, len(body), perRun, bytes)
		}
	}
}
