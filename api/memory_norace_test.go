//go:build !race

// These tests are about the heap, of which the race detector makes another. `make integration` runs all
// tests without it.
package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"recordings/api"
	"recordings/blob"
	"recordings/index"
	"recordings/index/indextest"
	"recordings/mapping"
)

// heapNow is what is in use, without garbage.
func heapNow() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestLargePages has twelve clients take pages of large recordings at a time, and stop reading in
// the middle, then reads one to its end. What is held does not depend on how large the pages are.
func TestLargePages(t *testing.T) {
	const memory = 128 << 20
	s, held := largeServer(t, openLarge(t, largeRecordings), memory)
	before := heapNow()
	readers := make([]*slowReader, 12)
	var starting sync.WaitGroup
	for i := range readers {
		starting.Go(func() { readers[i] = s.slow(t, opsPath+"?startTime=0") })
	}
	starting.Wait()
	if t.Failed() {
		t.FailNow()
	}
	for _, r := range readers {
		if r.answer.StatusCode != 200 {
			t.Fatalf("status %d", r.answer.StatusCode)
		}
		if _, err := io.CopyN(io.Discard, r.answer.Body, 5*largeRecording); err != nil {
			t.Fatal(err)
		}
	}
	var peak runtime.MemStats
	runtime.ReadMemStats(&peak)
	during := heapNow()
	t.Logf("twelve pages of %d MB hold %d MB; the heap has %d MB in all", largeRecordings*largeRecording/1_000_000,
		(during-before)/1_000_000, peak.HeapSys/1_000_000)
	if took := during - before; took > memory || held() == 0 {
		t.Errorf("twelve pages hold %d bytes, of which %d are reserved; the limit is %d", took, held(), memory)
	}
	for _, r := range readers[1:] {
		r.Close()
	}

	var page struct {
		StatusCode int              `json:"statusCode"`
		Recordings []jsontext.Value `json:"recordings"`
	}
	last := s.slow(t, opsPath+"?startTime=0&limit=90&total=true&explain=true")
	if err := json.UnmarshalRead(last.answer.Body, &page, json.RejectUnknownMembers(false)); err != nil ||
		len(page.Recordings) != 90 {
		t.Errorf("%d recordings, %v", len(page.Recordings), err)
	}
	for i, r := range page.Recordings {
		if id := fmt.Sprintf(`{"id":"r%03d"`, largeRecordings-1-i); !strings.HasPrefix(string(r), id) ||
			len(r) < largeRecording {
			t.Fatalf("recording %d is %.40s with %d bytes, want %s", i, r, len(r), id)
		}
	}
	readers[0].Close()
	waitFor(t, "the memory to be given back", func() bool { return held() == 0 })
}

// TestLargeExport: an export of large recordings, to a client that stops reading, holds but a few
// of them.
func TestLargeExport(t *testing.T) {
	const memory = 64 << 20
	s, held := largeServer(t, openLarge(t, 60), memory)
	before := heapNow()
	r := s.slow(t, "/api/v2/ops/contact-centers/cc/export?startTime=0")
	lines := bufio.NewReader(r.answer.Body)
	for i := range 60 {
		line, err := lines.ReadString('\n')
		if id := fmt.Sprintf(`{"id":"r%03d"`, 59-i); err != nil || !strings.HasPrefix(line, id) {
			t.Fatalf("line %d is %.40s, %v; want %s", i, line, err, id)
		}
		if i == 30 {
			if took := heapNow() - before; took > memory || held() == 0 {
				t.Errorf("the export holds %d bytes, of which %d are reserved", took, held())
			}
		}
	}
	if line, err := lines.ReadString('\n'); line != `{"statusCode":0,"count":60}`+"\n" {
		t.Errorf("the last line is %s, %v", line, err)
	}
	waitFor(t, "the memory to be given back", func() bool { return held() == 0 })
}

// TestLargeArchive: an archive of large recordings with long media, to a client that stops reading in the
// middle of each, holds but a recording and what is sent of a media file.
func TestLargeArchive(t *testing.T) {
	const (
		memory   = 64 << 20
		size     = 8 << 20 // of a media file
		archived = 40
	)
	piece := noise(1 << 20)
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(size))
		for range size / len(piece) {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	}))
	t.Cleanup(storage.Close)

	x := openIndex(t)
	for i := range archived {
		r := indextest.New(fmt.Sprintf("r%03d", i), "test", mapping.Time(1_700_000_000_000+int64(i)*60_000))
		r.MediaFiles = r.MediaFiles[:1]
		d := mapping.MediaDescriptor{Storage: mapping.StorageWebDAV, Path: storage.URL + "/a.wav"}
		r.MediaFiles[0].Descriptor = d
		r.Extra = jsontext.Value(fmt.Sprintf(`{"x":%q}`, strings.Repeat(fmt.Sprintf("%07d ", i), largeRecording/8)))
		if _, err := x.Put(t.Context(), "cc", r); err != nil {
			t.Fatal(err)
		}
	}
	h := newHandler(t, api.Options{Index: x, AnswerMemory: memory, Media: newMedia(t, blob.Options{
		WebDAV: blob.WebDAV{Origins: []blob.Origin{{URL: storage.URL + "/"}}},
	})})
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s := &testServer{Server: server, client: server.Client()}

	indextest.Settle(t, x.(index.Health)) // what is pending is held, too
	before := heapNow()
	r := s.slow(t, "/api/v2/ops/contact-centers/cc/media.zip?startTime=0")
	most := int64(0)
	for range archived / 4 { // each time, some calls further
		if _, err := io.CopyN(io.Discard, r.answer.Body, 4*size); err != nil {
			t.Fatal(err)
		}
		most = max(most, heapNow()-before)
	}
	t.Logf("of %d MB, it holds %d MB at most, and has reserved %d MB", archived*size/1_000_000, most/1_000_000,
		h.HeldMemory()/1_000_000)
	if held := h.HeldMemory(); most > memory || held == 0 || held > memory {
		t.Errorf("it holds %d bytes at most, and has reserved %d; the limit is %d", most, held, memory)
	}
	r.Close()
	waitFor(t, "the memory to be given back", func() bool { return h.HeldMemory() == 0 })
}
