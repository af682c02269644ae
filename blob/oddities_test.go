package blob_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-json-experiment/json"

	"recordings/blob"
	"recordings/blob/blobtest"
	"recordings/mapping"
)

// oddity is a way in which a server answers to GET and HEAD, and what comes of it.
type oddity struct {
	Name       string `json:"name"`
	Key        string `json:"key"` // empty: a.wav
	Body       string `json:"body"`
	Type       string `json:"type"`
	Chunked    bool   `json:"chunked"`
	HeadLength bool   `json:"headLength"` // only HEAD tells the length
	NoHead     bool   `json:"noHead"`
	Close      bool   `json:"close"`  // neither a length nor chunks: HTTP/1.0
	Broken     bool   `json:"broken"` // the connection ends within the body

	Opens  bool   `json:"opens"`
	Size   int64  `json:"size"`
	Fails  string `json:"fails"`  // what the error of opening says
	Breaks string `json:"breaks"` // what the error of reading says
}

// ServeHTTP implements [http.Handler].
func (o *oddity) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := r.Method == http.MethodHead
	if head && o.NoHead {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	w.Header()["Content-Type"] = []string{o.Type}
	if o.Type == "" {
		w.Header()["Content-Type"] = []string{"audio/wav"}
	}

	switch {
	case o.Close:
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		body := o.Body
		if head {
			body = ""
		}
		_, _ = io.WriteString(conn, "HTTP/1.0 200 OK\r\nContent-Type: audio/wav\r\n\r\n"+body)
		conn.Close()
		return
	case !o.Chunked || head && o.HeadLength:
		w.Header().Set("Content-Length", strconv.Itoa(len(o.Body)))
	case head:
		w.Header().Set("Transfer-Encoding", "chunked")
		return
	}

	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	_, _ = io.WriteString(w, o.Body)
	if o.Broken {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// TestOddities: servers of both protocols that answer oddly are understood, or refused in words that
// say what was odd.
func TestOddities(t *testing.T) {
	data, err := os.ReadFile("testdata/oddities.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []*oddity
	if err := json.Unmarshal(data, &all, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}

	for _, o := range all {
		server := httptest.NewServer(o)
		defer server.Close()
		key := o.Key
		if key == "" {
			key = "a.wav"
		}
		store := blobtest.NewStore(t, blob.Options{
			S3: blob.S3{Buckets: []string{"calls"}, Region: "r", Endpoint: server.URL, PathStyle: true,
				AccessKey: "k", SecretKey: "s"},
			WebDAV: blob.WebDAV{Origins: []blob.Origin{{URL: server.URL}}},
		}, new(blobtest.Observer))

		for _, d := range []mapping.MediaDescriptor{s3("calls", key), webDAV(server.URL + "/" + key)} {
			t.Run(string(d.Storage)+" "+o.Name, func(t *testing.T) { o.test(t, store, d) })
		}
	}
}

func (o *oddity) test(t *testing.T, store *blob.Store, d mapping.MediaDescriptor) {
	r, err := store.Open(t.Context(), d, blob.Want{})
	if !o.Opens {
		if err == nil || !strings.Contains(err.Error(), o.Fails) || o.Fails == "" {
			t.Fatalf("error %v, want one that says %q", err, o.Fails)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()

	if r.Size() != o.Size {
		t.Errorf("size %d, want %d", r.Size(), o.Size)
	}
	got, err := io.ReadAll(r)
	if o.Breaks != "" {
		if err == nil || !strings.Contains(err.Error(), o.Breaks) || r.Err() == nil {
			t.Errorf("read %q, error %v, want one that says %q", got, err, o.Breaks)
		}
		return
	}
	if err != nil || string(got) != o.Body {
		t.Errorf("read %q, error %v, want %q", got, err, o.Body)
	}
}

// TestMeasure: media of unknown size can be read in any order once it has been measured, and not be
// sought from its end before.
func TestMeasure(t *testing.T) {
	data := blobtest.Data(300_000)
	server := httptest.NewServer(&oddity{Body: string(data), Chunked: true})
	defer server.Close()
	store := blobtest.NewStore(t, blob.Options{WebDAV: blob.WebDAV{Origins: []blob.Origin{{URL: server.URL}}}},
		new(blobtest.Observer))

	r, err := store.Open(t.Context(), webDAV(server.URL+"/a.wav"), blob.Want{Range: "bytes=200000-"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Seek(0, io.SeekEnd); err == nil || r.Size() != -1 {
		t.Errorf("size %d, and its end was sought: %v", r.Size(), err)
	}

	// What was read before does not count twice.
	if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if err := r.Measure(1000); err != nil || r.Size() != -1 {
		t.Errorf("what is too long was measured: size %d, %v", r.Size(), err)
	}
	if err := r.Measure(1 << 20); err != nil || r.Size() != int64(len(data)) {
		t.Fatalf("size %d, %v", r.Size(), err)
	}
	for _, from := range []int64{200_000, 0, 299_999, 5} {
		if _, err := r.Seek(from, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, data[from:]) {
			t.Errorf("from %d: %d bytes, %v", from, len(got), err)
		}
	}
}

// TestMeasureChanged: what became another one after it was measured is not passed off as the same.
func TestMeasureChanged(t *testing.T) {
	var present atomic.Pointer[oddity] // an answer may still be being sent when all of it has come
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		present.Load().ServeHTTP(w, r)
	}))
	defer server.Close()
	store := blobtest.NewStore(t, blob.Options{WebDAV: blob.WebDAV{Origins: []blob.Origin{{URL: server.URL}}}},
		new(blobtest.Observer))

	for _, length := range []int{900, 1100} {
		present.Store(&oddity{Body: strings.Repeat("x", 1000), Chunked: true})
		r, err := store.Open(t.Context(), webDAV(server.URL+"/a.wav"), blob.Want{})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Measure(1 << 20); err != nil {
			t.Fatal(err)
		}

		present.Store(&oddity{Body: strings.Repeat("y", length), Chunked: true})
		if got, err := io.ReadAll(r); err == nil {
			t.Errorf("%d bytes of what has %d were read as 1000 bytes", len(got), length)
		}
		r.Close()
	}
}

// TestBucketNames: nothing that could lead to another bucket, where it stands in the path of a URL.
func TestBucketNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"calls": true, "Calls.2013_old-1": true, "a": true, "9calls": true, strings.Repeat("a", 255): true,
		"a/../b": false, "..": false, ".": false, "a..b": false, "a/b": false, "a b": false, "a%2Fb": false, "": false,
		`a\b`: false, "-a": false, "ä": false, "a?b": false, "a#b": false, "a\nb": false,
		strings.Repeat("a", 256): false,
	} {
		store, err := blob.New(t.Context(), blob.Options{
			S3: blob.S3{Buckets: []string{name}, Region: "r", AccessKey: "k", SecretKey: "s"}})
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "storage.awsS3.buckets") {
			t.Errorf("%q: %v", name, err)
		}
		if err == nil {
			store.Close()
		}
	}
}
