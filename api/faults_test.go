package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"recordings/api"
	"recordings/index"
	"recordings/mapping"
)

// faulty is an index that answers with an error, for faults that cannot be had on order.
type faulty struct {
	index.Index
	fault  func(ctx context.Context) error
	status index.Status
}

func (x *faulty) Put(ctx context.Context, _ string, _ *mapping.Recording) (index.Outcome, error) {
	return "", x.fault(ctx)
}

func (x *faulty) Get(ctx context.Context, _ index.Scope, _ string) (*mapping.Recording, error) {
	return nil, x.fault(ctx)
}

func (x *faulty) Delete(ctx context.Context, _, _ string) error { return x.fault(ctx) }

func (x *faulty) Search(ctx context.Context, _ index.Query, _ index.Sink) (index.Page, error) {
	return index.Page{}, x.fault(ctx)
}

func (x *faulty) Status() index.Status { return x.status }

const opsPath = "/api/v2/ops/contact-centers/cc/recordings"

// requests that reach the index, one of each kind.
var indexRequests = []struct{ name, method, target, user string }{
	{"search", "GET", "/api/v2/recordings?startTime=0", "alice"},
	{"read", "GET", opsPath + "/r1", "ops"},
	{"post", "POST", opsPath, "ops"},
	{"delete", "DELETE", opsPath + "/r1", "ops"},
}

func TestErrorsOfTheIndex(t *testing.T) {
	t.Parallel()
	const secret = "+16504668888"
	cases := []struct {
		err        error
		status     int
		code       int
		message    string
		retryAfter bool
	}{
		{index.ErrNotFound, 404, 6, "no such recording", false},
		{index.ErrTooLarge, 413, 2, "too large", false},
		{index.ErrDiskFull, 507, 4, "disk", false},
		{index.ErrUnavailable, 503, 4, "trying again is safe", true},
		{index.ErrTooCostly, 503, 4, "narrow it", false},
		{&index.NotOfferedError{Message: "a backup is not offered"}, 501, 3, "a backup is not offered", false},
		{&index.NotReadyError{Done: 12, Total: 345}, 503, 4, "12 of 345", true},
		{&index.NotReadyError{}, 503, 4, "is being opened", true},
		{context.DeadlineExceeded, 503, 4, "narrow it", false},
		{errors.New("a surprise"), 500, 4, "internal error", false},
	}
	for _, c := range cases {
		t.Run(c.err.Error(), func(t *testing.T) {
			t.Parallel()
			log := new(safeBuffer)
			wrapped := fmt.Errorf("asking about %s: %w", secret, c.err)
			s := newServer(
				t,
				api.Options{
					Index: &faulty{fault: func(context.Context) error { return wrapped }},
					Log:   zerolog.New(log),
				},
			)
			for _, r := range indexRequests {
				a := s.do(t, r.method, r.target, r.user, nil, bodyFor(t, r.method))
				checkEnvelope(t, r.method, a)
				checkAnswer(t, a, c.status, c.code, c.message)
				if got := a.header.Get("Retry-After") != ""; got != c.retryAfter {
					t.Errorf("%s: Retry-After: %q", r.name, a.header.Get("Retry-After"))
				}
				if strings.Contains(a.body, secret) {
					t.Errorf("%s: the text of an internal error is sent: %s", r.name, a.body)
				}
				if c.status == 500 && !strings.Contains(a.body, a.header.Get("X-Request-Id")) {
					t.Errorf("%s: the answer does not tell the id of the request: %s", r.name, a.body)
				}
			}
			s.Close()
			if logged := strings.Count(log.String(), c.err.Error()); c.status >= 500 && logged != len(indexRequests) {
				t.Errorf("the error was logged %d times, want %d:\n%s", logged, len(indexRequests), log)
			}
		})
	}
}

func bodyFor(t testing.TB, method string) string {
	if method != http.MethodPost {
		return ""
	}
	return string(encode(t, exampleRecording(t)))
}

func checkAnswer(t testing.TB, a reply, status, code int, message string) {
	t.Helper()
	answer := decode(t, a.body)
	text, _ := at(answer, "statusMessage").(string)
	if a.status != status || at(answer, "statusCode") != float64(code) || !strings.Contains(text, message) {
		t.Errorf("%d %s; want %d, %d and %q", a.status, a.body, status, code, message)
	}
}

func TestPanic(t *testing.T) {
	t.Parallel()
	log := new(safeBuffer)
	s := newServer(
		t,
		api.Options{
			Index: &faulty{fault: func(context.Context) error { panic("a mistake") }},
			Log:   zerolog.New(log),
		},
	)
	for _, r := range indexRequests {
		a := s.do(t, r.method, r.target, r.user, nil, bodyFor(t, r.method))
		checkEnvelope(t, r.method, a)
		checkAnswer(t, a, 500, 4, a.header.Get("X-Request-Id"))
		if strings.Contains(a.body, "mistake") {
			t.Errorf("%s: the panic is sent: %s", r.name, a.body)
		}
	}
	s.Close()
	if !strings.Contains(log.String(), "a mistake") || !strings.Contains(log.String(), "faults_test.go") {
		t.Errorf("the log does not tell the panic and where it was:\n%s", log)
	}
}

func TestSearchTimeout(t *testing.T) {
	t.Parallel()
	x := &faulty{fault: func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}}
	s := newServer(t, api.Options{Index: x, SearchTimeout: time.Millisecond})
	checkAnswer(t, s.do(t, "GET", "/api/v2/recordings?startTime=0", "alice", nil, ""), 503, 4, "narrow it")
}

func TestClientLeaves(t *testing.T) {
	t.Parallel()
	arrived, gone := make(chan struct{}), make(chan error, 1)
	x := &faulty{fault: func(ctx context.Context) error {
		close(arrived)
		<-ctx.Done()
		gone <- ctx.Err()
		return fmt.Errorf("searching: %w", ctx.Err())
	}}
	log := new(safeBuffer)
	s := newServer(t, api.Options{Index: x, Log: zerolog.New(log)})
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", s.URL+"/api/v2/recordings?startTime=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("alice", password)
	go func() {
		<-arrived
		leave()
	}()
	if resp, err := s.client.Do(r); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, %v; the client should have left", resp, err)
	}
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("the context ended with %v", err)
	}
	s.Close()
	if line := log.String(); !strings.Contains(line, `"level":"info"`) || strings.Contains(line, `"level":"error"`) {
		t.Errorf("a client that leaves is not an error of the service: %s", line)
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	x := &faulty{status: index.Status{Reason: "rebuilding the search index", Done: 12, Total: 345}}
	s := newServer(t, api.Options{Index: x})
	a := s.do(t, "GET", "/readyz", "", nil, "")
	checkEnvelope(t, "GET", a)
	checkAnswer(t, a, 503, 4, "rebuilding the search index; 12 of 345")
	checkAnswer(t, s.do(t, "GET", "/healthz", "", nil, ""), 200, 0, "")
	if a.header.Get("Retry-After") == "" {
		t.Error("not ready, and no Retry-After")
	}
}

// An index that nothing can be written to until a restart is told to whoever watches over the
// service.
func TestHealthOfABrokenIndex(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status index.Status
		want   int
	}{
		{index.Status{Ready: true}, 200},
		{index.Status{Reason: "the search index is being rebuilt"}, 200},
		{index.Status{Ready: true, DiskFull: true, Reason: "the disk is full"}, 200},
		{index.Status{Ready: true, Broken: true, Reason: "nothing can be written"}, 503},
	} {
		s := newServer(t, api.Options{Index: &faulty{status: c.status}})
		if a := s.do(t, "GET", "/healthz", "", nil, ""); a.status != c.want {
			t.Errorf("%+v: %d %s, want %d", c.status, a.status, a.body, c.want)
		}
	}
}
