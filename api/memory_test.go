package api_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"recordings/api"
	"recordings/index"
	"recordings/index/indextest"
	"recordings/mapping"
)

const (
	largeRecordings = 100       // a page of them
	largeRecording  = 1_900_000 // bytes
)

// openLarge opens an index with large recordings.
func openLarge(t *testing.T, n int) index.Index {
	t.Helper()
	x := openIndex(t)
	for i := range n {
		r := indextest.New(fmt.Sprintf("r%03d", i), "test", mapping.Time(1_700_000_000_000+int64(i)*60_000))
		r.Extra = jsontext.Value(fmt.Sprintf(`{"x":%q}`, strings.Repeat(fmt.Sprintf("%07d ", i), largeRecording/8)))
		if _, err := x.Put(context.Background(), "cc", r); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

// largeServer is a server of such an index, and how many bytes it has reserved.
func largeServer(t *testing.T, x index.Index, memory int64) (s *testServer, held func() int64) {
	t.Helper()
	h := newHandler(t, api.Options{Index: x, AnswerMemory: memory})
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return &testServer{server, server.Client()}, h.HeldMemory
}

// slowReader is a client that asks for something, and reads no more than it is told to.
type slowReader struct {
	net.Conn
	answer *http.Response
}

func (s *testServer) slow(t *testing.T, target string) *slowReader {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil { // so that the kernel takes little
		t.Fatal(err)
	}
	login := base64.StdEncoding.EncodeToString([]byte("ops:" + password))
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: h\r\nAuthorization: Basic %s\r\n\r\n", target, login)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return &slowReader{conn, answer}
}

// heapNow is what is in use, without garbage.
func heapNow() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// onlyInFull leaves a test to `make integration`: it is about the heap, of which the race detector
// makes another, and hundreds of megabytes take it a minute.
func onlyInFull(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("at full length only")
	}
}

// TestLargePages has twelve clients take pages of large recordings at a time, and stop reading in
// the middle, then reads one to its end. What is held does not depend on how large the pages are.
func TestLargePages(t *testing.T) {
	onlyInFull(t)
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
	onlyInFull(t)
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

// TestNoMemory: what would be too much waits, is refused if it has to wait for long, and is
// answered later.
func TestNoMemory(t *testing.T) {
	t.Parallel()
	s, held := largeServer(t, openLarge(t, 10), 8<<20)
	const page = opsPath + "?startTime=0"
	r := s.slow(t, page)
	var asking sync.WaitGroup
	for _, target := range []string{page, opsPath + "/r001", "/api/v2/ops/contact-centers/cc/export?startTime=0"} {
		asking.Go(func() {
			a := s.do(t, "GET", target, "ops", nil, "")
			checkAnswer(t, a, 503, 4, "try again later")
			if a.header.Get("Retry-After") == "" {
				t.Errorf("%s: no Retry-After", target)
			}
		})
	}
	asking.Wait()
	checkAnswer(t, s.do(t, "GET", "/api/v2/ops/status", "ops", nil, ""), 200, 0, "")
	r.Close()
	checkAnswer(t, s.do(t, "GET", page, "ops", nil, ""), 200, 0, "")
	checkAnswer(t, s.do(t, "GET", opsPath+"/r001", "ops", nil, ""), 200, 0, "")
	waitFor(t, "the memory to be given back", func() bool { return held() == 0 })
}

// waitFor waits for a condition.
func waitFor(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waiting for %s", what)
		}
	}
}
