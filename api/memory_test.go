package api_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

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
	return &testServer{Server: server, client: server.Client()}, h.HeldMemory
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
