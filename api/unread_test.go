package api_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"recordings/api"
	"recordings/index"
	"recordings/mapping"
)

// smuggled notes the ids of what only a smuggled request asks for: those that begin with "victim".
type smuggled struct {
	index.Index
	ids    sync.Map
	panics bool // at what else is read
}

func (x *smuggled) note(id string) {
	if strings.HasPrefix(id, "victim") {
		x.ids.Store(id, true)
	} else if x.panics {
		panic("a mistake")
	}
}

func (x *smuggled) Get(ctx context.Context, of index.Scope, id string) (*mapping.Recording, error) {
	x.note(id)
	return x.Index.Get(ctx, of, id)
}

func (x *smuggled) Delete(ctx context.Context, cc, id string) error {
	x.note(id)
	return x.Index.Delete(ctx, cc, id)
}

// unreadServer is a server that does not wait long for bodies.
func unreadServer(t *testing.T, x *smuggled) (*testServer, []string) {
	t.Helper()
	x.Index = openIndex(t)
	h := newHandler(
		t,
		api.Options{Index: x, Operations: x.Index.(index.Operations), LineTimeout: 100 * time.Millisecond},
	)
	server := httptest.NewUnstartedServer(h)
	server.Config.ReadHeaderTimeout = 20 * time.Second // for a header there is time enough on a busy machine
	server.Config.ReadTimeout = 200 * time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	return &testServer{Server: server, client: server.Client()}, h.Paths()
}

// interrupted is a request that is sent up to a place in its body; the rest is sent when its answer
// is there.
type interrupted struct {
	method, path string
	fields       string // of the header, beside those that say where the body ends
	version      string // of HTTP; empty: 1.1
	chunked      bool
	begin        string // of the body, in front of the request that it smuggles
	cut          func(begin, whole int) int
}

// The places at which a body is cut.
var cuts = map[string]func(begin, whole int) int{
	"before it":                  func(int, int) int { return 0 },
	"in its first line":          func(begin, _ int) int { return begin / 2 },
	"before what it smuggles":    func(begin, _ int) int { return begin },
	"within what it smuggles":    func(begin, whole int) int { return (begin + whole) / 2 },
	"before its last byte":       func(_, whole int) int { return whole - 1 },
	"nowhere, as it is all sent": func(_, whole int) int { return whole },
}

var victims atomic.Int64

// text is the request as it is sent: what is sent at first, the rest, and the id that the smuggled
// request is about.
func (r *interrupted) text() (first, rest, victim string) {
	victim = fmt.Sprint("victim", victims.Add(1))
	login := base64.StdEncoding.EncodeToString([]byte("ops:" + password))
	inner := fmt.Sprintf(
		"DELETE %s/%s?subresources=* HTTP/1.1\r\nHost: h\r\nAuthorization: Basic %s\r\n\r\n",
		opsPath,
		victim,
		login,
	)

	begin, body := len(r.begin), r.begin+inner
	framing := fmt.Sprintf("Content-Length: %d", len(body))
	if r.chunked { // the chunks end where the places to cut at are
		framing = "Transfer-Encoding: chunked"
		head := fmt.Sprintf("%x\r\n%s\r\n", len(r.begin), r.begin)
		if r.begin == "" {
			head = ""
		}
		begin, body = len(head), fmt.Sprintf("%s%x\r\n%s\r\n0\r\n\r\n", head, len(inner), inner)
	}

	version := r.version
	if version == "" {
		version = "1.1"
	}
	head := fmt.Sprintf("%s %s HTTP/%s\r\nHost: h\r\n%s%s\r\n\r\n", r.method, r.path, version, r.fields, framing)
	cut := r.cut(begin, len(body))
	return head + body[:cut], body[cut:], victim
}

// run sends the request, and returns an error unless its answer is all that there is and the
// connection ends.
func (r *interrupted) run(s *testServer, x *smuggled) error {
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}

	first, rest, victim := r.text()
	if _, err := io.WriteString(conn, first); err != nil {
		return err
	}
	answers := bufio.NewReader(conn)
	if err := readAnswer(answers, r.method); err != nil {
		return err
	}
	_, _ = io.WriteString(conn, rest) // fails where the connection is closed already, which is right
	if rest == "" {
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil && !errors.Is(err, syscall.ENOTCONN) {
			return err
		}
	}

	behind, err := io.ReadAll(answers)
	if _, ran := x.ids.Load(victim); ran {
		return fmt.Errorf("the smuggled request ran: %s", behind)
	}
	if len(behind) > 0 {
		return fmt.Errorf("there is a second answer: %s", behind)
	}
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("the connection does not end: %w", err)
	}
	return nil
}

func readAnswer(answers *bufio.Reader, method string) error {
	resp, err := http.ReadResponse(answers, &http.Request{Method: method})
	if err != nil {
		return fmt.Errorf("the first answer: %w", err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return fmt.Errorf("the first answer: %w", err)
	}
	return nil
}

// runAll runs requests, many at a time.
func runAll(t *testing.T, s *testServer, x *smuggled, all map[string]*interrupted) {
	t.Helper()
	var running sync.WaitGroup
	slots := make(chan struct{}, 128)
	for name, r := range all {
		running.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if t.Failed() {
				return // one is enough, and each may take its time
			}
			if err := r.run(s, x); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	running.Wait()
	t.Logf("%d requests", len(all))
}

// TestNothingIsSmuggled sends requests whose bodies hold another request, to every path that is
// routed, with every method, and cut at every kind of place. Nothing of a body may ever run.
func TestNothingIsSmuggled(t *testing.T) {
	t.Parallel()
	x := &smuggled{}
	s, paths := unreadServer(t, x)
	if len(paths) < 20 {
		t.Fatalf("the paths are %q", paths)
	}

	variable := regexp.MustCompile(`\{[a-z]+\}`)
	n := 0
	all := map[string]*interrupted{}
	for _, path := range append(paths, "/", "/api/v2/nothing", "/nothing") {
		path = strings.ReplaceAll(path, "{ccid}", "cc")
		path = variable.ReplaceAllString(path, "r1")
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"} {
			for _, fields := range fieldsFor(method) {
				for _, chunked := range []bool{false, true} {
					for place, cut := range cuts {
						if n++; testing.Short() && n%17 != 0 {
							continue // which of them are left out is another matter each time
						}
						r := &interrupted{
							method:  method,
							path:    path,
							fields:  fields,
							chunked: chunked,
							begin:   lineOf("r2") + "\n",
							cut:     cut,
						}
						all[fmt.Sprintf("%s %s, %q, chunked %t, cut %s", method, path, fields, chunked, place)] = r
					}
				}
			}
		}
	}
	runAll(t, s, x, all)
}

// fieldsFor are headers with which a request of this method is answered in different ways.
func fieldsFor(method string) []string {
	ops := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("ops:"+password)) + "\r\n"
	admin := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("alice:"+password)) + "\r\n"
	if method != "POST" {
		return []string{"", ops}
	}
	return []string{
		"", admin,
		ops + "Content-Type: application/json\r\n",
		ops + "Content-Type: application/x-ndjson\r\n",
		ops + "Content-Type: text/plain\r\n",
		ops + "Sec-Fetch-Site: cross-site\r\n",
		"Content-Type: application/x-www-form-urlencoded\r\n",
	}
}

// TestNothingIsSmuggledByAccident has answers that end early for reasons of their own.
func TestNothingIsSmuggledByAccident(t *testing.T) {
	t.Parallel()
	x := &smuggled{panics: true}
	s, _ := unreadServer(t, x)
	ops := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("ops:"+password)) + "\r\n"
	batch := ops + "Content-Type: application/x-ndjson\r\n"
	all := map[string]*interrupted{}
	for place, cut := range cuts {
		for name, r := range map[string]interrupted{
			"a panic":            {method: "DELETE", path: opsPath + "/r1", fields: ops},
			"a panic, chunked":   {method: "GET", path: opsPath + "/r1", fields: ops, chunked: true},
			"asked for its body": {method: "POST", path: opsPath, fields: "Expect: 100-continue\r\n"},
			"an old client": {method: "POST", path: opsPath, version: "1.0",
				fields: ops + "Connection: keep-alive\r\n"},
			"an old client's batch": {method: "POST", path: opsPath, version: "1.0",
				fields: batch + "Connection: keep-alive\r\n"},
			"a batch without a line":  {method: "POST", path: opsPath, fields: batch, begin: ""},
			"a batch within a line":   {method: "POST", path: opsPath, fields: batch, begin: lineOf("r1") + "\n{"},
			"a batch of a wrong line": {method: "POST", path: opsPath, fields: batch, begin: "x\n", chunked: true},
			"too large a body":        {method: "POST", path: opsPath, fields: ops, begin: strings.Repeat(" ", 2<<20)},
			"a large batch": {method: "POST", path: opsPath, fields: batch,
				begin: strings.Repeat("x", 2<<20) + "\n"},
			"a large body, refused": {method: "POST", path: opsPath, begin: strings.Repeat(" ", 300<<10)},
		} {
			r.cut = cut
			all[name+", cut "+place] = &r
		}
	}
	runAll(t, s, x, all)
}

// TestStalledBatch: what was whole is stored and told, and the end is told as the client's own, not
// as a fault of ours.
func TestStalledBatch(t *testing.T) {
	t.Parallel()
	s, _ := unreadServer(t, &smuggled{})
	head := posting("Content-Type: application/x-ndjson\r\nContent-Length: 100000\r\n")
	a := s.raw(t, head+lineOf("whole")+"\n"+lineOf("cut")[:20], false)
	checkLines(t, "stalled", a, []string{
		`{"line":1,"id":"whole","outcome":"created"}`,
		`{"statusCode":2,"statusMessage":"the body ended, or did not go on for 100ms, in the middle;`,
	})
	checkAnswer(t, s.do(t, "GET", opsPath+"/whole", "ops", nil, ""), 200, 0, "")
}

// TestConnectionIsKept: a body that was read to its end costs no connection, nor does a short one that
// is refused.
func TestConnectionIsKept(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for i, body := range []string{bodyFor(t, "POST"), "{", lineOf("a") + "\n", lineOf("b") + "\nx\n"} {
		kind := "application/json"
		if i >= 2 {
			kind = "application/x-ndjson"
		}
		fmt.Fprint(conn, posting(fmt.Sprintf("Content-Type: %s\r\nContent-Length: %d\r\n", kind, len(body))), body)
		if err := readAnswer(answers, "POST"); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}

	body := bodyFor(t, "POST")
	length := fmt.Sprintf("Content-Length: %d\r\n", len(body))
	for what, head := range map[string]string{
		"nobody's":           "POST " + opsPath + " HTTP/1.1\r\nHost: h\r\n" + length + "\r\n",
		"of a type":          posting("Content-Type: text/plain\r\n" + length),
		"with a parameter":   strings.Replace(posting(length), opsPath, opsPath+"?no=1", 1),
		"where there is not": strings.Replace(posting(length), opsPath, "/api/v2/nothing", 1),
		"not to be had so":   strings.Replace(posting(length), "POST", "PUT", 1),
	} {
		fmt.Fprint(conn, head, body)
		if err := readAnswer(answers, "POST"); err != nil {
			t.Fatalf("a body %s: %v", what, err)
		}
	}
}

// TestSlowSignIn: a form that does not arrive is told as such.
func TestSlowSignIn(t *testing.T) {
	t.Parallel()
	s, _ := unreadServer(t, &smuggled{})
	a := s.raw(
		t,
		"POST /api/v2/session HTTP/1.1\r\nHost: h\r\nContent-Type: "+formType+"\r\nContent-Length: 100\r\n\r\nuser=ops",
		false,
	)
	checkAnswer(t, a, 400, 2, "did not arrive")
}
