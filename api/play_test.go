package api_test

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"recordings/api"
	"recordings/blob"
)

// rangeCase is a Range header for ten bytes, and what comes of it.
type rangeCase struct {
	Range        string `json:"range"`
	Status       int    `json:"status"`
	ContentRange string `json:"contentRange"`
	Body         string `json:"body"`
}

// TestRanges asks for ranges of media whose size the storage tells, and of media whose size it does
// not.
func TestRanges(t *testing.T) {
	const digits = "0123456789"
	data, err := os.ReadFile("testdata/ranges.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []rangeCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}

	s, dav := mediaServer(t)
	dav.write(t, "a.wav", []byte(digits))
	postMedia(t, s, "r1", "audio/wav", dav.URL+"/a.wav")
	uri := mediaURIs(t, s, "ops", "r1")[0]
	for _, unsized := range []bool{false, true} {
		if unsized {
			dav.fail(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Transfer-Encoding", "chunked")
				if r.Method == http.MethodGet {
					_, _ = io.WriteString(w, digits)
				}
			})
		}

		for _, c := range cases {
			t.Run(fmt.Sprint(c.Range, " unsized ", unsized), func(t *testing.T) {
				a := s.do(t, "GET", uri, "ops", map[string]string{"Range": c.Range}, "")
				if c.Status == 416 {
					c.ContentRange = "bytes */10"
					checkEnvelope(t, "GET", a)
				} else if a.body != c.Body {
					t.Errorf("got %q, want %q", a.body, c.Body)
				}
				if got := a.header.Get("Content-Range"); a.status != c.Status || got != c.ContentRange {
					t.Errorf("status %d, Content-Range %q, want %d, %q", a.status, got, c.Status, c.ContentRange)
				}
			})
		}
	}

	a := s.do(t, "HEAD", uri, "ops", nil, "")
	if a.status != 200 || a.header.Get("Content-Length") != "" || a.header.Get("Accept-Ranges") != "bytes" {
		t.Errorf("HEAD of media of unknown size: %d %v", a.status, a.header)
	}
}

// TestRangesOfNothing: an empty file is sent as what it is, whatever part of it is asked for.
func TestRangesOfNothing(t *testing.T) {
	s, dav := mediaServer(t)
	dav.write(t, "a.wav", nil)
	postMedia(t, s, "r1", "audio/wav", dav.URL+"/a.wav")
	uri := mediaURIs(t, s, "ops", "r1")[0]
	for _, header := range []string{"", "bytes=0-", "bytes=0-0", "bytes=1-", "bytes=-1", "bytes=-0", "bytes=0-,1-2"} {
		a := s.do(t, "GET", uri, "ops", map[string]string{"Range": header}, "")
		if a.status != 200 || a.body != "" || a.header.Get("Content-Range") != "" {
			t.Errorf("%q: %d %v %q", header, a.status, a.header, a.body)
		}
	}
}

// TestUnsizedBreaksOff: what ends before its end never looks like a shorter recording, and what cannot
// be measured is an error.
func TestUnsizedBreaksOff(t *testing.T) {
	s, dav := mediaServer(t)
	dav.fail(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Transfer-Encoding", "chunked")
		if r.Method == http.MethodGet {
			_, _ = w.Write(noise(100_000))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	})
	postMedia(t, s, "r1", "audio/wav", dav.URL+"/a.wav")
	uri := mediaURIs(t, s, "ops", "r1")[0]

	r, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+uri, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("ops", "ops-password")
	if resp, err := s.Client().Do(r); err == nil {
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode == 200 && err == nil {
			t.Error("half of the media looks like all of it")
		}
	}

	a := s.do(t, "GET", uri, "ops", map[string]string{"Range": "bytes=5-6"}, "")
	checkAnswer(t, a, 502, 4, "cannot be reached")
	if a.header.Get("Content-Disposition") != "" {
		t.Errorf("the error is a file: %v", a.header)
	}
}

// TestPageIsNoMedia: what a storage says in HTML is not passed on as sound.
func TestPageIsNoMedia(t *testing.T) {
	s, dav := mediaServer(t)
	dav.fail(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<html>Index of /2026</html>")
	})
	postMedia(t, s, "r1", "audio/wav", dav.URL+"/2026", dav.URL+"/a.wav")
	for _, uri := range mediaURIs(t, s, "ops", "r1") {
		for _, method := range []string{"GET", "HEAD"} {
			if a := s.do(t, method, uri, "ops", nil, ""); a.status != 502 || strings.Contains(a.body, "<html>") ||
				method == "GET" && !strings.Contains(a.body, "text/html") {
				t.Errorf("%s: %d %q", method, a.status, a.body)
			}
		}
	}
}

// TestArchived: who may only listen learns as well what must be done.
func TestArchived(t *testing.T) {
	storage := newDAV(t)
	storage.fail(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "<Error><Code>InvalidObjectState</Code></Error>")
	})
	s := newServer(t, api.Options{Media: newMedia(t, blob.Options{S3: blob.S3{
		Buckets: []string{"calls"}, Region: "us-east-1", Endpoint: storage.URL, PathStyle: true, AccessKey: "k",
		SecretKey: "s",
	}})})

	rec := exampleRecording(t).(map[string]any)
	rec["id"] = "r1"
	rec["mediaFiles"].([]any)[0].(map[string]any)["mediaDescriptor"] = map[string]any{
		"storage": "awsS3", "path": "a.wav", "data": map[string]any{"bucket": "calls"}}
	if a := s.do(t, "POST", opsRecordings, "ops", nil, string(encode(t, rec))); a.status != 200 {
		t.Fatalf("POST: %d %s", a.status, a.body)
	}
	for _, user := range []string{"ops", "alice"} {
		a := s.do(t, "GET", mediaURIs(t, s, user, "r1")[0], user, nil, "")
		checkAnswer(t, a, 502, 4, "is archived and has to be restored first")
		if told := strings.Contains(a.body, "calls"); told != (user == "ops") {
			t.Errorf("%s learns the bucket: %v", user, told)
		}
	}
}

// TestDownload: a file that is saved has a name that tells what is in it, and nothing is saved, or
// shown, that a browser would run.
func TestDownload(t *testing.T) {
	s, dav := mediaServer(t)
	for _, name := range []string{"a.wav", "b.html", "c.svg", "d"} {
		dav.write(t, name, noise(10))
	}
	postMedia(t, s, "r1", "audio/wav", dav.URL+"/a.wav", dav.URL+"/b.html")
	postMedia(t, s, "r2", "text/html", dav.URL+"/b.html", dav.URL+"/c.svg", dav.URL+"/d")
	postMedia(t, s, "r3", "audio/wav", dav.URL+"/a.wav")

	for _, c := range []struct {
		id, query, kind, name, mediaType string
		file                             int
	}{
		{"r1", "", "inline", "r1-1.wav", "audio/wav", 0},
		{"r1", "", "inline", "r1-2.wav", "audio/wav", 1},
		{"r1", "?download=1", "attachment", "2013-05-17T00-00-00Z %s (2).wav", "audio/wav", 1},
		{"r3", "?download=1", "attachment", "2013-05-17T00-00-00Z %s.wav", "audio/wav", 0},
		{"r2", "", "attachment", "r2-1.bin", "application/octet-stream", 0},
		{"r2", "", "attachment", "r2-2.bin", "application/octet-stream", 1},
		{"r2", "?download=1", "attachment", "2013-05-17T00-00-00Z %s (1).bin", "application/octet-stream", 0},
	} {
		a := s.do(t, "GET", mediaURIs(t, s, "ops", c.id)[c.file]+c.query, "ops", nil, "")
		kind, params, err := mime.ParseMediaType(a.header.Get("Content-Disposition"))
		rec := exampleRecording(t)
		who := fmt.Sprint(at(rec, "callerPhoneNumber"), " ", agentOf(rec))
		want := strings.ReplaceAll(c.name, "%s", who)
		if err != nil || kind != c.kind || params["filename"] != want || a.status != 200 {
			t.Errorf("%s%s: %d %s %q, %v; want %s %q", c.id, c.query, a.status, kind, params["filename"], err, c.kind,
				want)
		}

		h := a.header
		sandboxed := strings.Contains(h.Get("Content-Security-Policy"), "sandbox")
		if unknown := c.mediaType == "application/octet-stream"; h.Get("Content-Type") != c.mediaType ||
			sandboxed != unknown || h.Get("Cross-Origin-Resource-Policy") != "same-origin" ||
			h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s%s: %v", c.id, c.query, h)
		}
	}

	uri := mediaURIs(t, s, "ops", "r1")[0]
	for _, query := range []string{"?download=0", "?download=", "?download", "?download=1&download=1", "?name=x"} {
		if a := s.do(t, "GET", uri+query, "ops", nil, ""); a.status != 400 {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
	a := s.do(t, "GET", opsRecordings+"/r1", "ops", nil, "")
	if a.header.Get("Cross-Origin-Resource-Policy") != "same-origin" {
		t.Errorf("JSON: %v", a.header)
	}
}

// agentOf is the name of the first user in a recording.
func agentOf(rec any) string {
	for _, e := range at(rec, "eventHistory").([]any) {
		if c, ok := e.(map[string]any)["contact"].(map[string]any); ok && c["type"] == "User" {
			return fmt.Sprint(c["firstName"], " ", c["lastName"])
		}
	}
	return ""
}

// TestUnsizedConditional: who has media of unknown size already does not get it again.
func TestUnsizedConditional(t *testing.T) {
	s, dav := mediaServer(t)
	dav.fail(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"tag"`)
		w.Header().Set("Transfer-Encoding", "chunked")
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, "0123456789")
		}
	})
	postMedia(t, s, "r1", "audio/wav", dav.URL+"/a.wav")
	uri := mediaURIs(t, s, "ops", "r1")[0]

	for name, c := range map[string]struct {
		header map[string]string
		status int
	}{
		"the same":           {map[string]string{"If-None-Match": `"tag"`}, 304},
		"another":            {map[string]string{"If-None-Match": `"other"`}, 200},
		"only another":       {map[string]string{"If-Match": `"other"`}, 412},
		"a part, if so":      {map[string]string{"If-Range": `"tag"`, "Range": "bytes=2-3"}, 206},
		"a part, if another": {map[string]string{"If-Range": `"other"`, "Range": "bytes=2-3"}, 200},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			if a := s.do(t, method, uri, "ops", c.header, ""); a.status != c.status {
				t.Errorf("%s, %s: %d, want %d", name, method, a.status, c.status)
			}
		}
	}
}
