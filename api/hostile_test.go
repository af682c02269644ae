package api_test

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"recordings/api"
)

// raw sends bytes on a connection of their own and reads one answer. The client says no more than
// that: with end it closes its side behind them.
func (s *testServer) raw(t testing.TB, request string, end bool) reply {
	t.Helper()
	return s.stream(t, strings.NewReader(request), end)
}

func (s *testServer) stream(t testing.TB, request io.Reader, end bool) reply {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		io.Copy(conn, request) // fails where the server has heard enough
		if end {
			conn.(*net.TCPConn).CloseWrite()
		}
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	<-sent
	return reply{resp.StatusCode, resp.Header, string(body)}
}

// posting is the head of a POST by operations, up to its last fields.
func posting(fields string) string {
	login := base64.StdEncoding.EncodeToString([]byte("ops:" + password))
	return "POST " + opsPath + " HTTP/1.1\r\nHost: h\r\nAuthorization: Basic " + login + "\r\n" + fields + "\r\n"
}

// wantNothingStored checks that no recording came of what was sent.
func (s *testServer) wantNothingStored(t testing.TB) {
	t.Helper()
	if a := s.do(t, "GET", opsPath+"?startTime=0", "ops", nil, ""); a.body != `{"statusCode":0,"recordings":[]}`+"\n" {
		t.Errorf("something was stored: %s", a.body)
	}
}

func TestHostileBodies(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	whole := bodyFor(t, "POST")
	member := func(value string) string { return `{"x":` + value + `,` + whole[1:] }
	bodies := map[string]string{
		"100,000 arrays":         strings.Repeat("[", 100_000),
		"100,000 arrays, closed": strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000),
		"100,000 objects":        strings.Repeat(`{"a":`, 100_000),
		"100,000 objects in a member": member(
			strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000),
		),
		"100,000 arrays in a member":   member(strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)),
		"as many values as fit":        member("[" + strings.Repeat("1,", 500_000) + "1]"),
		"as many empty objects as fit": member("[" + strings.Repeat("{},", 300_000) + "{}]"),
		"as many media files as fit":   `{"mediaFiles":[` + strings.Repeat("{},", 300_000) + "{}]}",
		"as many events as fit":        `{"eventHistory":[` + strings.Repeat("0,", 500_000) + "0]}",
		"as many members as fit":       "{" + manyMembers(80_000) + "}",
		"a name as long as fits":       `{"` + strings.Repeat("n", 1_000_000) + `":1}`,
		"a name as long as fits, twice": `{"` + strings.Repeat(
			"n",
			500_000,
		) + `":1,"` + strings.Repeat(
			"n",
			500_000,
		) + `":1}`,
		"an id as long as fits":    strings.Replace(whole, `"r1"`, `"`+strings.Repeat("i", 1_000_000)+`"`, 1),
		"a number as long as fits": `{"id":` + strings.Repeat("9", 1_000_000) + `}`,
		"lone surrogates":          `{"id":"\ud800","x":"\udfff"}`,
		"NULs":                     strings.Repeat("\x00", 1000),
		"escaped NULs":             member(`"` + strings.Repeat(`\u0000`, 10_000) + `"`),
		"truncated in a string":    whole[:20],
		"truncated in an array":    whole[:len(whole)-3],
		"every byte there is":      everyByte(),
	}
	for name, body := range bodies {
		a := s.do(t, "POST", opsPath, "ops", nil, body)
		checkEnvelope(t, "POST", a)
		if a.status != 400 {
			t.Errorf("%s: %d %.300s", name, a.status, a.body)
		}
		if len(a.body) > 10_000 {
			t.Errorf("%s: the answer has %d bytes", name, len(a.body))
		}
	}
	s.wantNothingStored(t)
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"%d":{},`, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

func everyByte() string {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

// TestHugeBody sends 64 MiB, announced and not. The server must not take it in.
func TestHugeBody(t *testing.T) {
	s := newServer(t, api.Options{})
	const size = 64 << 20
	announced := posting(fmt.Sprintf("Content-Length: %d\r\n", size))
	chunked := posting("Transfer-Encoding: chunked\r\n") + fmt.Sprintf("%x\r\n", size)
	checkAnswer(t, s.raw(t, announced, true), 413, 2, "too large") // without any of it
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, head := range []string{announced, chunked} {
		request := io.MultiReader(strings.NewReader(head), io.LimitReader(endless{}, size))
		checkAnswer(t, s.stream(t, request, true), 413, 2, "too large")
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 32<<20 {
		t.Errorf("64 MiB bodies took %d bytes of memory", took)
	}
	s.wantNothingStored(t)
}

func TestTruncatedBody(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	body := bodyFor(t, "POST")
	announced := posting(fmt.Sprintf("Content-Length: %d\r\n", len(body)+1))
	checkAnswer(t, s.raw(t, announced+body, true), 400, 2, "Content-Length") // though it is a whole recording
	checkAnswer(t, s.raw(t, announced+body[:10], true), 400, 2, "Content-Length")
	chunked := posting("Transfer-Encoding: chunked\r\n")
	checkAnswer(t, s.raw(t, chunked+fmt.Sprintf("%x\r\n%s\r\n", len(body), body), true), 400, 2, "body")
	checkAnswer(t, s.raw(t, chunked+"zz\r\n"+body, true), 400, 2, "body")
	s.wantNothingStored(t)
}

// TestSlowBody is about a server with a read timeout, as every real one has.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(newHandler(t, api.Options{}))
	server.Config.ReadTimeout = time.Second
	server.Start()
	t.Cleanup(server.Close)
	s := &testServer{Server: server, client: server.Client()}
	body := bodyFor(t, "POST")
	a := s.raw(t, posting(fmt.Sprintf("Content-Length: %d\r\n", len(body)))+body[:len(body)-1], false)
	checkEnvelope(t, "POST", a)
	checkAnswer(t, a, 400, 2, "did not arrive")
	s.wantNothingStored(t)
}

func TestHostileHeaders(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	big := strings.Repeat("x", 100_000)
	headers := []map[string]string{
		{"Authorization": "Basic " + big},
		{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(big+":"+big))},
		{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("ops:\x00\xff"))},
		{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(":"))},
		{"Authorization": "Basic"},
		{"Authorization": "Digest username=\"ops\""},
	}
	for _, h := range headers {
		a := s.do(t, "POST", opsPath, "", h, bodyFor(t, "POST"))
		checkEnvelope(t, "POST", a)
		checkAnswer(t, a, 401, 20, "password")
	}
	media := []map[string]string{
		{"Content-Type": big},
		{"Content-Type": "application/json; charset=" + big},
		{"Content-Type": "application/json;;;=;"},
		{"Content-Encoding": big},
	}
	for _, h := range media {
		a := s.do(t, "POST", opsPath, "ops", h, bodyFor(t, "POST"))
		checkEnvelope(t, "POST", a)
		checkAnswer(t, a, 415, 2, "accepted")
	}
	twice := posting("Content-Type: application/json\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n") + "{}"
	checkAnswer(t, s.raw(t, twice, false), 415, 2, "application/json")
	s.wantNothingStored(t)
}

// TestHostileSearches sends searches within the bounds of the grammar that match nothing but almost
// everything, and so have to be tried in many places. They are answered before the search is given
// up.
func TestHostileSearches(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	long := strings.Repeat("9", 6000)
	for i := range 5 {
		r := setPath(t, exampleRecording(t), "id", fmt.Sprint(i))
		r = setPath(t, r, "callerPhoneNumber", long)
		r = setPath(t, r, "eventHistory[0].data", map[string]any{"x": strings.Repeat("9 ", 3000)})
		checkAnswer(t, s.do(t, "POST", opsPath, "ops", nil, string(encode(t, r))), 200, 0, "")
	}
	stars := "*" + strings.Repeat("9*", 15) + "x"
	queries := []string{
		"callerPhoneNumber=" + stars, "userName=" + stars, "userData=" + stars, "userData=%22" + stars + "%22",
		"callerPhoneNumber=" + strings.Repeat("*", 16) + "x",
		"userData=" + strings.Repeat("9+AND+", 31) + "x",
		"userName=" + strings.Repeat("a+", 31) + "a&userData=" + strings.Repeat("b+", 31) + "b",
		"callerPhoneNumber=*" + strings.Repeat("9", 1000) + "*x",
	}
	for _, q := range queries {
		a := s.do(t, "GET", opsPath+"?"+q, "ops", nil, "")
		if a.body != `{"statusCode":0,"recordings":[]}`+"\n" {
			t.Errorf("%.60s: %s", q, a.body)
		}
	}
}

// TestTLS is about the scheme of the URIs, which is that of the request.
func TestTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(newHandler(t, api.Options{}))
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS13}
	server.StartTLS()
	t.Cleanup(server.Close)
	r, err := http.NewRequest("GET", server.URL+"/api/v2/recordings?startTime=0&offset=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("alice", password)
	resp, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if uri := at(decode(t, string(body)), "prevUri"); uri != server.URL+
		"/api/v2/recordings?startTime=0&offset=0&limit=100" {
		t.Errorf("prevUri is %v", uri)
	}
}

// TestOldClients is about HTTP/1.0, where a request need not say whom it is for.
func TestOldClients(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	login := base64.StdEncoding.EncodeToString([]byte("alice:" + password))
	a := s.raw(
		t,
		"GET /api/v2/recordings?startTime=0&offset=1 HTTP/1.0\r\nAuthorization: Basic "+login+"\r\n\r\n",
		false,
	)
	if uri := at(decode(t, a.body), "prevUri"); uri != s.URL+"/api/v2/recordings?startTime=0&offset=0&limit=100" {
		t.Errorf("prevUri is %v", uri)
	}
}
