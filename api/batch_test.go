package api_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/rs/zerolog"

	"recordings/api"
	"recordings/api/access"
	"recordings/api/auth"
	"recordings/index"
	"recordings/mapping"
)

var ndjson = map[string]string{"Content-Type": "application/x-ndjson"}

// lineOf is a recording as one line.
func lineOf(id string) string {
	return `{"id":"` + id + `","callerPhoneNumber":"1","dialedPhoneNumber":"2","region":"test",` +
		`"mediaFiles":[{"callUUID":"c","startTime":"2013-05-17T11:45:32Z",` +
		`"stopTime":"2013-05-17T11:45:33Z","mediaDescriptor":{"storage":"webDAV",` +
		`"path":"http://media.example.com/a.wav"}}],` +
		`"eventHistory":[{"occurredAt":"2013-05-18T22:25:56Z","event":"Left","contact":{"type":"External",` +
		`"phoneNumber":"UNKNOWN"}}]}`
}

// TestBatchNotices: a line that is taken is told of what was probably not meant, one that is refused
// is not.
func TestBatchNotices(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	odd := strings.Replace(strings.Replace(lineOf("a"), "11:45:33", "09:45:33", 1), "a.wav", "a%2Fb.wav", 1)
	body := strings.Join([]string{odd, lineOf("b"), strings.Replace(odd, `"region":"test"`, `"region":1`, 1)}, "\n")
	checkLines(t, "notices", s.do(t, "POST", "/api/v2/ops/contact-centers/c/recordings", "ops", ndjson, body), []string{
		`{"line":1,"id":"a","outcome":"created","notice":["mediaFiles[0].stopTime lies before startTime; both are ` +
			`kept as they are: do they have the offset from UTC of the zone that they were measured in?",` +
			`"mediaFiles[0].mediaDescriptor: this media can never be fetched: `,
		`{"line":2,"id":"b","outcome":"created"}`,
		`{"line":3,"id":"a","statusCode":2,"statusMessage":"region is not`,
		`{"statusCode":7,"lines":3,"created":2,"merged":0,"unchanged":0,"failed":1}`,
	})
}

// TestBatch posts lines of every kind at every path for them.
func TestBatch(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{MaxBody: 2000})
	other := strings.Replace(lineOf("a/1"), `"callerPhoneNumber":"1"`, `"callerPhoneNumber":"12"`, 1)
	wrong := strings.Replace(lineOf("b"), `2013-05-17T11:45:33Z`, `2013-05-17`, 1)
	body := strings.Join(
		[]string{
			lineOf("a/1"),
			"",
			other,
			lineOf("ü") + "\r",
			`{"id":"x"`,
			wrong,
			strings.Repeat("y", 2001),
			lineOf("a/1"),
			lineOf("recordings"),
			"[]",
			lineOf("last"),
		},
		"\n",
	)
	want := []string{
		`{"line":1,"id":"a/1","outcome":"created"}`,
		`{"line":3,"id":"a/1","outcome":"merged"}`,
		`{"line":4,"id":"ü","outcome":"created"}`,
		`{"line":5,"id":"x","statusCode":2,"statusMessage":"id is not valid JSON`,
		`{"line":6,"id":"b","statusCode":2,"statusMessage":"mediaFiles[0].stopTime is not`,
		`{"line":7,"statusCode":2,"statusMessage":"the line is too long; accepted are 2000 bytes"}`,
		`{"line":8,"id":"a/1","outcome":"merged"}`,
		`{"line":9,"id":"recordings","statusCode":2,"statusMessage":"id is`,
		`{"line":10,"statusCode":2,"statusMessage":"the body is not`,
		`{"line":11,"id":"last","outcome":"created"}`,
		`{"statusCode":7,"lines":10,"created":3,"merged":2,"unchanged":0,"failed":5}`,
	}
	for i, path := range []string{"/api/v2/ops/contact-centers/c0/recordings",
		"/internal-api/contact-centers/c1/recordings", "/api/v2/ops/contact-centers/c2/recordings/recordings/"} {
		checkLines(
			t,
			path,
			s.do(t, "POST", path+"?dryRun=true", "ops", ndjson, body),
			want,
			`"statusCode":7,`,
			`"statusCode":7,"dryRun":true,`,
		)
		reader := fmt.Sprintf("/api/v2/ops/contact-centers/c%d/recordings/", i)
		checkAnswer(t, s.do(t, "GET", reader+"last", "ops", nil, ""), 404, 6, "")
		checkLines(t, path, s.do(t, "POST", path+"?dryRun=false", "ops", ndjson, body), want)
		for _, id := range []string{"a%2F1", "%C3%BC", "last"} {
			checkAnswer(t, s.do(t, "GET", reader+id, "ops", nil, ""), 200, 0, "")
		}
		good := lineOf("ü") + "\n\n" + lineOf("last") + "\n"
		checkLines(t, path, s.do(t, "POST", path, "ops", ndjson, good), []string{
			`{"line":1,"id":"ü","outcome":"unchanged"}`, `{"line":3,"id":"last","outcome":"unchanged"}`,
			`{"statusCode":0,"lines":2,"created":0,"merged":0,"unchanged":2,"failed":0}`,
		})
	}
	checkLines(
		t,
		"nothing",
		s.do(t, "POST", opsPath, "ops", ndjson, ""),
		[]string{`{"statusCode":0,"lines":0,"created":0,"merged":0,"unchanged":0,"failed":0}`},
	)
}

// checkLines compares the lines of an answer, of which a text replaced by another was wanted; a
// line that is wanted without its end may go on.
func checkLines(t *testing.T, path string, a reply, want []string, replace ...string) {
	t.Helper()
	if a.status != 200 || a.header.Get("Content-Type") != "application/x-ndjson" ||
		!strings.HasSuffix(a.body, "}\n") {
		t.Fatalf("%s: %d %s %s", path, a.status, a.header, a.body)
	}
	got := strings.Split(strings.TrimSuffix(a.body, "\n"), "\n")
	if len(got) != len(want) {
		t.Fatalf("%s: %d lines, want %d:\n%s", path, len(got), len(want), a.body)
	}
	for i, w := range want {
		w = strings.NewReplacer(replace...).Replace(w)
		if got[i] != w && (strings.HasSuffix(w, "}") || !strings.HasPrefix(got[i], w)) {
			t.Errorf("%s: line %d is %s, want %s", path, i+1, got[i], w)
		}
	}
}

// TestBatchRefused has what is refused as a whole, before anything is read.
func TestBatchRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{ContactCenters: []string{"cc"}})
	full := newServer(t, api.Options{Index: &faulty{status: index.Status{DiskFull: true}}})
	broken := newServer(t, api.Options{Index: &faulty{status: index.Status{Broken: true}}})
	with := func(name, value string) map[string]string {
		return map[string]string{"Content-Type": "application/x-ndjson", name: value}
	}
	for _, c := range []struct {
		s            *testServer
		path, user   string
		header       map[string]string
		status, code int
		message      string
	}{
		{s, opsPath, "", ndjson, 401, 20, "password"},
		{s, opsPath, "alice", ndjson, 403, 5, "role"},
		{s, "/api/v2/recordings", "alice", ndjson, 415, 2, "application/json"},
		{s, strings.Replace(opsPath, "/cc/", "/other/", 1), "ops", ndjson, 404, 6, "no such contact center"},
		{s, strings.Replace(opsPath, "/cc/", "/%0A/", 1), "ops", ndjson, 400, 2, "contact center"},
		{s, opsPath + "?dryrun=true", "ops", ndjson, 400, 2, "accepted: dryRun"},
		{s, opsPath + "?dryRun=1", "ops", ndjson, 400, 2, "dryRun is neither true nor false"},
		{s, opsPath, "ops", with("Content-Encoding", "gzip"), 415, 2, "Content-Encoding"},
		{s, opsPath, "ops", with("Content-Type", "application/x-ndjson; charset=latin1"), 415, 2,
			"application/x-ndjson"},
		{s, opsPath + "?dryRun=true", "ops", nil, 400, 2, "is not a parameter"},
		{s, opsPath, "ops", with("Sec-Fetch-Site", "cross-site"), 403, 3, "another origin"},
		{full, opsPath, "ops", ndjson, 507, 4, "disk"},
		{broken, opsPath, "ops", ndjson, 503, 4, "trying again is safe"},
	} {
		a := c.s.do(t, "POST", c.path, c.user, c.header, lineOf("a"))
		checkAnswer(t, a, c.status, c.code, c.message)
	}
	checkAnswer(t, s.do(t, "GET", opsPath+"/a", "ops", nil, ""), 404, 6, "")
}

// failing is an index that answers to the first PutAll, and to later ones with an error.
type failing struct {
	index.Index
	err   error
	calls atomic.Int32
}

func (x *failing) PutAll(
	ctx context.Context,
	contactCenter string,
	recordings []*mapping.Recording,
	o index.PutOptions,
) []index.PutResult {
	results := x.Index.PutAll(ctx, contactCenter, recordings, o)
	if x.calls.Add(1) > 1 {
		for i := range results {
			results[i] = index.PutResult{Err: fmt.Errorf("a secret: %w", x.err)}
		}
	}
	return results
}

// talk is a batch whose lines are sent one by one.
type talk struct {
	*testing.T
	body    *io.PipeWriter
	answers *bufio.Scanner
}

// startTalk sends the first line, and returns when its verdict has come.
func startTalk(t *testing.T, s *testServer) *talk {
	t.Helper()
	return startTalkOf(t, s, http.Header{"Authorization": {"Basic " + basic("ops", password)}})
}

// startTalkOf is startTalk of whose credentials are in a header.
func startTalkOf(t *testing.T, s *testServer, header http.Header) *talk {
	t.Helper()
	b := tryTalkOf(t, s, header)
	const want = `{"line":1,"id":"first","outcome":"created"}`
	if b == nil || b.answers.Text() != want {
		t.Fatalf("the first line is not created: %+v", b)
	}
	return b
}

// tryTalkOf is startTalkOf, or nil where the credentials are no longer good, be it when the first line arrives.
func tryTalkOf(t *testing.T, s *testServer, header http.Header) *talk {
	t.Helper()
	in, out := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+opsPath, in)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	r.Header.Set("Content-Type", "application/x-ndjson")
	go fmt.Fprintln(out, lineOf("first"))
	resp, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close(); out.Close() })
	if resp.StatusCode == http.StatusUnauthorized {
		return nil
	}

	b := &talk{t, out, bufio.NewScanner(resp.Body)}
	const first = `{"line":1,"id":"first",`
	b.wants(first)
	switch rest := strings.TrimPrefix(b.answers.Text(), first); {
	case strings.HasPrefix(rest, `"statusCode":20,`):
		return nil
	case rest != `"outcome":"created"}` && rest != `"outcome":"unchanged"}`: // the latter where it was tried before
		t.Fatalf("the first line has the answer %q", b.answers.Text())
	}
	return b
}

func (b *talk) says(text string) {
	b.Helper()
	if _, err := io.WriteString(b.body, text); err != nil {
		b.Fatal(err)
	}
}

// wants reads the next line of the answer, which must begin so.
func (b *talk) wants(prefix string) {
	b.Helper()
	if !b.answers.Scan() || !strings.HasPrefix(b.answers.Text(), prefix) {
		b.Fatalf("the answer is %q, %v, want %q", b.answers.Text(), b.answers.Err(), prefix)
	}
}

func (b *talk) ends() {
	b.Helper()
	if b.answers.Scan() {
		b.Fatalf("the answer goes on: %q", b.answers.Text())
	}
}

// TestBatchFails lets the index fail when the answer has begun.
func TestBatchFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err           error
		verdict, last string
	}{
		"DiskFull": {index.ErrDiskFull,
			`{"line":2,"id":"second","statusCode":4,"statusMessage":"the disk of the service is full`,
			`{"statusCode":4,"statusMessage":"the disk of the service is full`},
		"Unavailable": {index.ErrUnavailable,
			`{"line":2,"id":"second","statusCode":4,"statusMessage":"the index is not available at the moment; ` +
				`trying again is safe"}`, `{"statusCode":4,"statusMessage":"the index is not`},
		"TooLarge": {index.ErrTooLarge, `{"line":2,"id":"second","statusCode":2,"statusMessage":"the recording ` +
			`would become too large`, ""},
		"Internal": {errors.New("a surprise"),
			`{"line":2,"id":"second","statusCode":4,"statusMessage":"internal error;`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startTalk(t, newServer(t, api.Options{Index: &failing{Index: openIndex(t), err: c.err}}))
			b.says("\n" + lineOf("second"))
			b.says("\n")
			b.wantsVerdictOf(c.verdict)
			if c.last != "" {
				b.wants(c.last) // though there might be more to come
				b.ends()
				return
			}
			b.body.Close()
			b.wants(`{"statusCode":7,"lines":2,"created":1,"merged":0,"unchanged":0,"failed":1}`)
			b.ends()
		})
	}
}

// TestBatchRevoked: a batch ends when its caller may not post any more, be the token gone or another one in its
// place, and goes on when something else is read again.
func TestBatchRevoked(t *testing.T) {
	t.Parallel()
	token, hash := auth.NewToken()
	_, otherHash := auth.NewToken()
	rec := auth.Token{Name: "rec", Hash: hash, Role: auth.RoleRecorder, ContactCenters: []string{"cc"}}
	renewed, elsewhere, expired := rec, rec, rec
	renewed.Hash, elsewhere.ContactCenters, expired.Expires = otherHash, []string{"dd"}, "2020-12-31"
	for name, after := range map[string][]auth.Token{
		"gone": nil, "renewed": {renewed}, "elsewhere": {elsewhere}, "expired": {expired},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, api.Options{Tokens: []auth.Token{rec}})
			b := startTalkOf(t, s, http.Header{"Authorization": {"Bearer " + token}})
			reload := func(tokens []auth.Token, users ...auth.User) {
				t.Helper()
				if err := s.api.Reload(access.Settings{Users: users, Tokens: tokens}); err != nil {
					t.Fatal(err)
				}
			}
			reload([]auth.Token{rec}, opsUser)
			b.says("\n" + lineOf("second") + "\n")
			b.wantsVerdictOf(`{"line":3,"id":"second","outcome":"created"}`)

			reload(after, opsUser)
			b.says(lineOf("third") + "\n")
			b.wantsVerdictOf(`{"line":4,"id":"third","statusCode":20,"statusMessage":"the credentials`)
			b.wants(`{"statusCode":20,"statusMessage":"the credentials`)
			b.ends()
			checkAnswer(t, s.do(t, "GET", opsPath+"/third", "ops", nil, ""), 404, 6, "")
		})
	}
}

// TestBatchSession: a batch that the page has begun ends with its session, and not with another one's.
func TestBatchSession(t *testing.T) {
	t.Parallel()
	const session, sessions = "/api/v2/session", "/api/v2/sessions"
	for name, path := range map[string]string{"signed out": session, "signed out everywhere": sessions} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, api.Options{})
			ended, other := signedIn(t, s, "ops"), signedIn(t, s, "alice")
			b := startTalkOf(t, s, http.Header{"Cookie": {withCookie(ended)["Cookie"]}})
			checkAnswer(t, s.do(t, "DELETE", path, "", withCookie(other), ""), 200, 0, "")
			b.says("\n" + lineOf("second") + "\n")
			b.wantsVerdictOf(`{"line":3,"id":"second","outcome":"created"}`)

			checkAnswer(t, s.do(t, "DELETE", path, "", withCookie(ended), ""), 200, 0, "")
			b.says("[]\n") // a line that is none is enough
			b.wants(`{"line":4,"statusCode":2,`)
			b.wants(`{"statusCode":20,"statusMessage":"the credentials`)
			b.ends()
			checkAnswer(t, s.do(t, "GET", opsPath+"/second", "ops", nil, ""), 200, 0, "")
		})
	}
}

// TestBatchExpires: a batch ends with the token of an identity provider that it was begun with, and what was
// stored before stays.
func TestBatchExpires(t *testing.T) {
	t.Parallel()
	const tolerance = time.Minute
	log, p := new(safeBuffer), newIssuer(t)
	settings := signOnSettings(p.URL)
	settings.Roles.Ops = []string{"operations"}
	s := newServer(t, api.Options{SignOn: settings, Log: zerolog.New(log)})

	// The token is to be good for the first line, however slow this machine is.
	var b *talk
	var token string
	var until time.Time
	for good := 2 * time.Second; b == nil; good *= 2 {
		until = time.Now().Add(good).Truncate(time.Second)
		token = p.token(t, until.Add(-tolerance))
		b = tryTalkOf(t, s, http.Header{"Authorization": {"Bearer " + token}})
	}
	line, last := 1, ""
	tick := time.NewTicker(20 * time.Millisecond) // as fast as it can, it would only make more lines to look at
	defer tick.Stop()
	for accepted := true; accepted; <-tick.C {
		line++
		b.says(lineOf(fmt.Sprint("r", line)) + "\n")
		if !b.answers.Scan() {
			t.Fatalf("no verdict for line %d: %v", line, b.answers.Err())
		}
		accepted = strings.Contains(b.answers.Text(), `"outcome":"created"`)
		if last = b.answers.Text(); accepted && time.Now().After(until.Add(time.Minute)) {
			t.Fatal("lines are taken a minute after the token has expired")
		}
	}
	refused := fmt.Sprintf(`{"line":%d,"id":"r%d","statusCode":20,"statusMessage":"the credentials`, line, line)
	if !strings.HasPrefix(last, refused) || time.Now().Before(until) {
		t.Errorf("%v before its end: %s", time.Until(until), last)
	}
	b.wants(`{"statusCode":20,"statusMessage":"the credentials`)
	b.ends()

	checkAnswer(t, s.do(t, "POST", opsPath, "", bearer(token), "{}"), 401, 20, "a valid token is required")
	checkAnswer(t, s.do(t, "GET", fmt.Sprint(opsPath, "/r", line), "ops", nil, ""), 404, 6, "")
	for n := 2; n < line; n++ {
		checkAnswer(t, s.do(t, "GET", fmt.Sprint(opsPath, "/r", n), "ops", nil, ""), 200, 0, "")
	}
	if !strings.Contains(log.String(), `"user":"olga","refused":"it has expired"`) {
		t.Errorf("the log does not tell why:\n%s", log)
	}
}

// TestBatchFailsAtItsEnd lets the index fail when all lines have arrived: the connection serves
// later requests all the same.
func TestBatchFailsAtItsEnd(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{Index: &failing{Index: openIndex(t), err: index.ErrUnavailable}})
	send := func() reply {
		return s.do(
			t,
			"POST",
			opsPath,
			"ops",
			map[string]string{"Content-Type": "application/x-ndjson"},
			lineOf("first")+"\n"+lineOf("second")+"\n",
		)
	}
	send()
	for range 20 {
		if r := send(); !strings.Contains(r.body, "the index is not available") {
			t.Fatalf("the index did not fail: %+v", r)
		}
		if r := s.do(t, "GET", opsPath+"/first", "ops", nil, ""); r.status != http.StatusOK {
			t.Fatalf("the next request: %+v", r)
		}
	}
}

// wantsVerdictOf wants a verdict whose line number counts the blank line.
func (b *talk) wantsVerdictOf(text string) {
	b.Helper()
	b.wants(strings.Replace(text, `"line":2`, `"line":3`, 1))
	if strings.Contains(b.answers.Text(), "secret") {
		b.Errorf("the text of an internal error is sent: %s", b.answers.Text())
	}
}

// TestBatchCut breaks the connection in the middle of a line: what was whole is stored, nothing
// else, and sending all of it again does the rest.
func TestBatchCut(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	line := lineOf("whole") + "\n"
	fmt.Fprintf(
		c,
		"POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Basic b3BzOmNvcnJlY3QgaG9yc2U=\r\nContent-Type: "+
			"application/x-ndjson\r\nContent-Length: 100000\r\n\r\n%s%s",
		opsPath,
		line,
		strings.TrimSuffix(lineOf("cut"), "}"),
	)
	in := bufio.NewReader(c)
	for {
		text, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text, `"outcome":"created"`) {
			break
		}
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil { // "cut" is valid with the } that is missing, but no line
		t.Fatal(err)
	}
	rest, err := io.ReadAll(in)
	if err != nil ||
		!strings.Contains(string(rest), `{"statusCode":2,"statusMessage":"the body ended, or did not go on`) ||
		!strings.Contains(string(rest), `"lines":1,`) {
		t.Errorf("the answer ends with %q, %v", rest, err)
	}
	checkAnswer(t, s.do(t, "GET", opsPath+"/whole", "ops", nil, ""), 200, 0, "")
	checkAnswer(t, s.do(t, "GET", opsPath+"/cut", "ops", nil, ""), 404, 6, "")
	checkLines(t, "again", s.do(t, "POST", opsPath, "ops", ndjson, line+lineOf("cut")), []string{
		`{"line":1,"id":"whole","outcome":"unchanged"}`, `{"line":2,"id":"cut","outcome":"created"}`,
		`{"statusCode":0,"lines":2,"created":1,"merged":0,"unchanged":1,"failed":0}`,
	})
}

// TestBatchLong sends far more than is held in memory, and reads the verdicts meanwhile.
func TestBatchLong(t *testing.T) {
	t.Parallel()
	lines, ids := 60_000, 500
	if testing.Short() {
		lines /= 10
	}

	s := newServer(t, api.Options{})
	in, out := io.Pipe()
	go func() {
		w := bufio.NewWriterSize(out, 1<<16)
		for i := range lines {
			fmt.Fprintln(w, lineOf(fmt.Sprint(i%ids)))
		}
		out.CloseWithError(w.Flush())
	}()
	r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+opsPath, in)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("ops", password)
	r.Header.Set("Content-Type", "application/x-ndjson")
	began := time.Now()
	resp, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answers := bufio.NewScanner(resp.Body)
	for n := 1; n <= lines; n++ {
		var v struct {
			Line    int           `json:"line"`
			ID      string        `json:"id"`
			Outcome index.Outcome `json:"outcome"`
		}
		if !answers.Scan() || json.Unmarshal(answers.Bytes(), &v) != nil || v.Line != n ||
			v.ID != fmt.Sprint((n-1)%ids) ||
			(v.Outcome == index.Created) != (n <= ids) {
			t.Fatalf("verdict %d is %q, %v", n, answers.Text(), answers.Err())
		}
	}
	b := talk{T: t, answers: answers}
	b.wants(
		fmt.Sprintf(
			`{"statusCode":0,"lines":%d,"created":%d,"merged":0,"unchanged":%d,"failed":0}`,
			lines,
			ids,
			lines-ids,
		),
	)
	b.ends()
	t.Logf("%.0f lines a second", float64(lines)/time.Since(began).Seconds())
}
