package api_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"recordings/api"
)

// TestCompressed: a long answer is compressed for who takes that, is what it is without, and has an entity tag of
// its own.
func TestCompressed(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	example := bytes.Split(encode(t, exampleRecording(t)), []byte(`"r1"`))
	for i := range 20 {
		body := bytes.Join(example, fmt.Appendf(nil, `"r%d"`, i))
		checkAnswer(t, s.do(t, "POST", opsPath, "ops", nil, string(body)), 200, 0, "")
	}
	long := strings.Repeat("a long name, ", 1000) + "that ends"
	checkAnswer(t, s.do(t, "POST", opsPath, "ops", nil,
		string(bytes.Replace(bytes.Join(example, []byte(`"long"`)), []byte("Dima"), []byte(long), 1))), 200, 0, "")

	unpacked := func(path, accepts string) (string, http.Header) {
		a := s.do(t, "GET", path, "ops", map[string]string{"Accept-Encoding": accepts}, "")
		if a.header.Get("Content-Encoding") == "" {
			return a.body, a.header
		}
		z, err := gzip.NewReader(strings.NewReader(a.body))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(z)
		length := a.header.Get("Content-Length")
		if err != nil || len(text) < 3*len(a.body) || fmt.Sprint(len(a.body)) != length {
			t.Errorf("%s: %d bytes of %d, length %s, %v", path, len(a.body), len(text), length, err)
		}
		return string(text), a.header
	}
	for path, isLong := range map[string]bool{
		opsPath + "?startTime=0": true, opsPath + "/long": true, opsPath + "/r1": false,
	} {
		plain, h := unpacked(path, "identity")
		if h.Get("Content-Encoding") != "" || isLong != (h.Get("Vary") == "Accept-Encoding") {
			t.Errorf("%s is sent with %v", path, h)
		}
		for accepts, compressed := range map[string]bool{
			"gzip": true, "br, gzip;q=0.5": true, "*": true, "gzip;q=0": false, "br": false,
		} {
			text, h := unpacked(path, accepts)
			if compressed = compressed && isLong; compressed != (h.Get("Content-Encoding") == "gzip") || text != plain {
				t.Errorf("%s, for who takes %s: %v", path, accepts, h)
			}
		}
	}

	_, h := unpacked(opsPath+"/long", "identity")
	_, zipped := unpacked(opsPath+"/long", "gzip")
	tag, ownTag := h.Get("ETag"), zipped.Get("ETag")
	if tag == "" || tag == ownTag {
		t.Errorf("the entity tags are %s and %s", tag, ownTag)
	}
	for _, known := range []string{tag, ownTag, "W/" + ownTag} {
		a := s.do(t, "GET", opsPath+"/long", "ops",
			map[string]string{"Accept-Encoding": "gzip", "If-None-Match": known}, "")
		if a.status != http.StatusNotModified {
			t.Errorf("%d for who has %s", a.status, known)
		}
	}
}
