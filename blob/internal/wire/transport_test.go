package wire_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"recordings/blob/internal/driver"
	"recordings/blob/internal/wire"
)

// patience is for what has to come, and never comes late but on a machine that is overloaded.
const patience = time.Minute

// serve answers requests by a handler, and returns the URL of it.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// transport makes a transport to the host of a URL.
func transport(t *testing.T, to string, limits wire.Timeouts) *wire.Transport {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}

	tr := wire.New(wire.Options{Host: u.Hostname(), Timeouts: limits})
	t.Cleanup(tr.Close)
	return tr
}

// ample never ends what a test does.
var ample = wire.Timeouts{Connect: patience, Answer: patience, Stall: patience}

// send sends a request, and reads the whole answer.
func send(ctx context.Context, tr http.RoundTripper, method, to string, header ...string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, to, nil)
	if err != nil {
		return "", err
	}

	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}

	resp, err := tr.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()

	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// TestAnswersThatWereNotAskedFor: each would be misunderstood by a client library, or by its user.
func TestAnswersThatWereNotAskedFor(t *testing.T) {
	for _, c := range []struct {
		name   string
		method string
		ask    string // Range
		status int
		header []string
		body   string
		refuse string // what the error says; "" where the answer is let through
	}{
		{"whole", "GET", "", 200, nil, "audio", ""},
		{"range", "GET", "bytes=1-3", 206, []string{"Content-Range", "bytes 1-3/5"}, "udi", ""},
		{"shorter range", "GET", "bytes=1-9", 206, []string{"Content-Range", "bytes 1-4/5"}, "udio", ""},
		{"range ignored", "GET", "bytes=1-3", 200, nil, "audio", ""},
		{"missing", "GET", "", 404, nil, "no", ""},
		{"deleted", "DELETE", "", 204, nil, "", ""},
		{"redirected", "GET", "", 302, []string{"Location", "http://192.0.2.1/"}, "", "redirects are not followed"},
		{"redirected delete", "DELETE", "", 307, []string{"Location", "http://192.0.2.1/"}, "",
			"redirects are not followed"},
		{"promised delete", "DELETE", "", 202, nil, "", "not an answer to DELETE"},
		{"partial delete", "DELETE", "", 207, nil, "", "not an answer to DELETE"},
		{"not modified", "GET", "", 304, nil, "", "redirects are not followed"},
		{"no content", "GET", "", 204, nil, "", "not an answer to GET"},
		{"compressed", "GET", "", 200, []string{"Content-Encoding", "gzip"}, "x", "Content-Encoding"},
		{"a part of the whole", "GET", "", 206, []string{"Content-Range", "bytes 1-3/5"}, "udi",
			"no range was asked for"},
		{"another part", "GET", "bytes=1-3", 206, []string{"Content-Range", "bytes 0-2/5"}, "aud",
			"asked for bytes=1-3"},
		{"a longer part", "GET", "bytes=1-3", 206, []string{"Content-Range", "bytes 1-4/5"}, "udio",
			"asked for bytes=1-3"},
		{"a part that lies", "GET", "bytes=1-3", 206, []string{"Content-Range", "bytes 1-3/5"}, "ud", "has 2 bytes"},
		{"no such part", "GET", "bytes=1-3", 206, []string{"Content-Range", "bytes 3-1/5"}, "udi", "is not valid"},
		{"properties", "PROPFIND", "", 200, nil, "<html>", "not an answer to PROPFIND"},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				for i := 0; i+1 < len(c.header); i += 2 {
					w.Header().Set(c.header[i], c.header[i+1])
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})

			var header []string
			if c.ask != "" {
				header = []string{"Range", c.ask}
			}

			got, err := send(t.Context(), transport(t, u, ample), c.method, u, header...)
			switch {
			case c.refuse == "" && (err != nil || got != c.body):
				t.Errorf("%q, %v; want %q", got, err, c.body)
			case c.refuse != "" && (!errors.Is(err, driver.ErrRefused) || !strings.Contains(err.Error(), c.refuse)):
				t.Errorf("%q, %v; want ErrRefused that says %q", got, err, c.refuse)
			}
		})
	}
}

// TestNobodyElseIsContacted: the address is judged when connecting, whatever the URL says.
func TestNobodyElseIsContacted(t *testing.T) {
	u := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it was contacted") })
	for _, host := range []string{"192.0.2.1", "dav.example"} {
		tr := wire.New(wire.Options{Host: host, Timeouts: ample})
		defer tr.Close()
		if _, err := send(t.Context(), tr, http.MethodGet, u); err == nil {
			t.Errorf("a transport to %s contacts loopback", host)
		}
	}
}

// TestNoCompressionIsAskedFor: offsets are those of the bytes as they are stored.
func TestNoCompressionIsAskedFor(t *testing.T) {
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("Accept-Encoding")+" "+r.Header.Get("Idempotency-Key"))
	})
	if got, err := send(t.Context(), transport(t, u, ample), http.MethodGet, u); got != "identity " || err != nil {
		t.Errorf("sent %q, %v", got, err)
	}
}

// TestStalled: a storage that says nothing any more is given up, before and within its answer.
func TestStalled(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
		}
		<-release
	})

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	const soon = 50 * time.Millisecond
	limits := wire.Timeouts{Connect: patience, Answer: soon, Stall: patience}
	if _, err := send(ctx, transport(t, u, limits), http.MethodGet, u+"/header"); err == nil {
		t.Error("an answer that never begins is waited for")
	}

	limits = wire.Timeouts{Connect: patience, Answer: patience, Stall: soon}
	got, err := send(ctx, transport(t, u, limits), http.MethodGet, u+"/body")
	if !errors.Is(err, driver.ErrTimeout) || got != "half" {
		t.Errorf("read %q, %v; want ErrTimeout", got, err)
	}
}

// TestListenersMayPause: the time of a stall runs only while somebody reads, not before the first
// read, and not between two.
func TestListenersMayPause(t *testing.T) {
	const (
		stall = 200 * time.Millisecond
		size  = 1 << 20
	)
	u := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", size))
	})

	limits := wire.Timeouts{Connect: patience, Answer: patience, Stall: stall}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, u, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport(t, u, limits).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()

	// The listener pauses: this is what is tested, and waits for nothing.
	var one [1]byte
	for range 2 {
		<-time.After(2 * stall)
		if _, err := resp.Body.Read(one[:]); err != nil {
			t.Fatalf("after a pause: %v", err)
		}
	}

	<-time.After(2 * stall)
	if n, err := io.Copy(io.Discard, resp.Body); n != size-2 || err != nil {
		t.Errorf("after the pauses, %d bytes came: %v", n, err)
	}
}

// TestContextEndsARead: who does not listen any more ends the request to the storage.
func TestContextEndsARead(t *testing.T) {
	ended := make(chan struct{})
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(ended)
	})

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		t.Fatal(err)
	}

	resp, err := transport(t, u, ample).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()

	cancel()
	if _, err := io.ReadAll(resp.Body); !errors.Is(err, context.Canceled) {
		t.Errorf("reading ended with %v", err)
	}

	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("the storage goes on sending")
	}
}

// TestTroubleIsBounded: of an answer that is no media only its beginning is read.
func TestTroubleIsBounded(t *testing.T) {
	u := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write(make([]byte, 1<<20))
	})
	got, err := send(t.Context(), transport(t, u, ample), http.MethodGet, u)
	if err != nil || len(got) == 0 || len(got) >= 1<<20 {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
}

// TestUnreachable: nobody listens there.
func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	u := "http://" + l.Addr().String()
	l.Close()

	_, err = send(t.Context(), transport(t, u, ample), http.MethodGet, u)
	if classified := driver.Classify(t.Context(), err); !errors.Is(classified, driver.ErrUnreachable) {
		t.Errorf("got %v", classified)
	}
}
