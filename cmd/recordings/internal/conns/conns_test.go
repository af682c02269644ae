package conns

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"recordings/api/front"
)

// serve serves a handler, and returns its listener and address.
func serve(t *testing.T, o Options, h http.HandlerFunc) (*Listener, string) {
	t.Helper()
	o.Log = zerolog.Nop()
	l, err := Listen("127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}

	s := &http.Server{Handler: l.Handler(h), ConnState: l.State, ConnContext: l.Context, ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return l, l.Addr().String()
}

// dial connects; the connection ends with the test.
func dial(t *testing.T, address string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	return c.(*net.TCPConn)
}

// readAll is a handler that reads the body and says how long it was.
func readAll(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		w.WriteHeader(http.StatusTeapot)
	}
	fmt.Fprint(w, n)
}

const plainGet = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n"

// framingCase is a request, and how it is answered.
type framingCase struct {
	Item, Input string
	Status      int
	Closed      bool
}

func framingCases(t *testing.T) (all []framingCase) {
	t.Helper()
	text, err := os.ReadFile("testdata/framing.json")
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil || len(all) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for i := range all {
		all[i].Input = strings.Replace(all[i].Input, "LONG", strings.Repeat("x", 20_000), 1)
	}
	return all
}

// TestFraming sends each header, and a request behind it, in pieces of several sizes: it is answered
// as it should be, and what is behind it is answered unless the connection was to be closed.
func TestFraming(t *testing.T) {
	t.Parallel()
	_, address := serve(t, Options{Max: 1000, MaxPerAddress: 1000}, readAll)

	for _, x := range framingCases(t) {
		for _, size := range []int{1, 7, 1 << 20} {
			if size == 1 && len(x.Input) > 1000 {
				continue
			}
			t.Run(fmt.Sprint(x.Item, size), func(t *testing.T) {
				t.Parallel()
				c := dial(t, address)
				go func() {
					text := x.Input + plainGet
					for len(text) > 0 {
						n := min(size, len(text))
						if _, err := io.WriteString(c, text[:n]); err != nil {
							return // it was closed
						}
						text = text[n:]
					}
				}()

				in := bufio.NewReader(c)
				resp, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				if resp.StatusCode != x.Status || resp.Close != x.Closed {
					t.Errorf("%d, closed %t; want %d, %t", resp.StatusCode, resp.Close, x.Status, x.Closed)
				}

				next, err := http.ReadResponse(in, nil)
				if x.Closed && err == nil {
					t.Error("what is behind it was taken for a request")
				}
				if !x.Closed && (err != nil || next.StatusCode != http.StatusOK) {
					t.Errorf("the next request was not answered: %v", err)
				}
			})
		}
	}
}

// TestHalfClosed: a client that sends no more and reads on is served to its end, all that it has
// sent, with TLS and without. One that has broken off, and a browser, is not.
func TestHalfClosed(t *testing.T) {
	t.Parallel()
	certificate := httptest.NewUnstartedServer(nil)
	certificate.StartTLS()
	defer certificate.Close()

	for name, config := range map[string]*tls.Config{"plain": nil, "TLS": certificate.TLS.Clone()} {
		t.Run(name, func(t *testing.T) {
			var ended sync.WaitGroup
			o := Options{Max: 9, MaxPerAddress: 9, TLS: config}
			_, address := serve(t, o, func(w http.ResponseWriter, r *http.Request) {
				ended.Add(1)
				defer ended.Done()
				_, _ = io.Copy(io.Discard, r.Body)
				if (r.TLS != nil) != (config != nil) {
					t.Error("it is not known whether TLS is spoken")
				}
				select { // as long as net/http would take to see the end
				case <-r.Context().Done():
					w.WriteHeader(http.StatusServiceUnavailable)
				case <-time.After(200 * time.Millisecond):
				}
			})

			const post = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nxx"
			tcp := dial(t, address)
			var c interface {
				net.Conn
				CloseWrite() error
			} = tcp
			if config != nil {
				c = tls.Client(tcp, &tls.Config{InsecureSkipVerify: true})
			}
			if _, err := io.WriteString(c, post+plainGet+post); err != nil {
				t.Fatal(err)
			}
			if err := c.CloseWrite(); err != nil {
				t.Fatal(err)
			}

			in := bufio.NewReader(c)
			for i := range 3 {
				resp, err := http.ReadResponse(in, nil)
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Fatalf("answer %d: %v, %v", i+1, resp, err)
				}
			}
			ended.Wait()
		})
	}
}

// TestGoneClients: what is done for a client that has broken off ends, and so does what is done for
// a browser that has hung up.
func TestGoneClients(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]string{"reset": "", "a browser": "Sec-Fetch-Mode: cors\r\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begun, ended := make(chan bool), make(chan error, 1)
			_, address := serve(t, Options{Max: 9, MaxPerAddress: 9}, func(_ http.ResponseWriter, r *http.Request) {
				begun <- true
				select {
				case <-r.Context().Done():
					ended <- nil
				case <-time.After(20 * time.Second):
					ended <- errors.New("nobody noticed")
				}
			})

			c := dial(t, address)
			if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n"+header+"\r\n"); err != nil {
				t.Fatal(err)
			}
			<-begun
			if header == "" {
				_ = c.SetLinger(0)
			}
			c.Close()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRequestContext ends with the request, and with the server.
func TestRequestContext(t *testing.T) {
	t.Parallel()
	alive, end := context.WithCancel(context.WithValue(t.Context(), connKey{}, "of the connection"))
	defer end()
	request, cancel := context.WithCancel(context.WithValue(t.Context(), http.LocalAddrContextKey, "of the request"))
	c := requestContext{alive, request}
	child, stop := context.WithCancel(c)
	defer stop()

	cancel()
	if child.Err() != nil || c.Value(connKey{}) == nil || c.Value(http.LocalAddrContextKey) == nil {
		t.Errorf("%v, %v, %v", child.Err(), c.Value(connKey{}), c.Value(http.LocalAddrContextKey))
	}
	end()
	<-child.Done()
}

// clock is a time that passes when the test says so.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: it never happened", what)
		}
	}
}

// count is how many connections are open.
func (l *Listener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// isClosed reports whether the other side closes a connection, and what it says before.
func isClosed(c net.Conn, within time.Duration) (string, bool) {
	_ = c.SetReadDeadline(time.Now().Add(within))
	text, err := io.ReadAll(c)
	return string(text), !errors.Is(err, os.ErrDeadlineExceeded)
}

// TestSilentConnections of one address make room for each other, the longest silent one first, and
// never for those that have not waited long.
func TestSilentConnections(t *testing.T) {
	t.Parallel()
	l, address := serve(t, Options{Max: 100, MaxPerAddress: 3}, readAll)
	c := &clock{t: time.Now()}
	l.mu.Lock()
	l.now = c.now
	l.mu.Unlock()

	silent := make([]*net.TCPConn, 3)
	for i := range silent {
		silent[i] = dial(t, address)
		until(t, "it is accepted", func() bool { return l.count() == i+1 })
		c.pass(time.Millisecond)
	}
	text, closed := isClosed(dial(t, address), 20*time.Second)
	if !closed || !strings.HasPrefix(text, "HTTP/1.1 503 ") {
		t.Errorf("one more, while the others have just come, is told %q", text)
	}

	c.pass(waitedEnough)
	answered := dial(t, address)
	if _, err := io.WriteString(answered, plainGet); err != nil {
		t.Fatal(err)
	}
	if resp, err := http.ReadResponse(bufio.NewReader(answered), nil); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("one more: %v, %v", resp, err)
	}
	if text, closed := isClosed(silent[0], 20*time.Second); !closed || text != "" {
		t.Errorf("the longest silent one is still open, or was told %q", text)
	}
	if _, closed := isClosed(silent[1], 50*time.Millisecond); closed {
		t.Error("another one was closed, too")
	}
}

// TestTurnedAway: who has sent a request already reads why it is not answered, as JSON with an id.
func TestTurnedAway(t *testing.T) {
	t.Parallel()
	l, address := serve(t, Options{Max: 100, MaxPerAddress: 1}, readAll)
	dial(t, address)
	until(t, "it is accepted", func() bool { return l.count() == 1 })

	for range 2 * mostTurnedAway {
		c := dial(t, address)
		_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n"+strings.Repeat("x", 5000))
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		var told struct {
			StatusCode int
			RequestID  string
		}
		if err := json.NewDecoder(resp.Body).Decode(&told); err != nil {
			t.Fatal(err)
		}
		id := resp.Header.Get("X-Request-Id")
		if resp.StatusCode != http.StatusServiceUnavailable || told.StatusCode != 4 {
			t.Fatalf("it is told %d %+v", resp.StatusCode, told)
		}
		if id == "" || told.RequestID != id {
			t.Fatalf("the request %q is told to be %q", id, told.RequestID)
		}
		c.Close()
	}
	until(t, "all of them are gone", func() bool { return len(l.leaving) == 0 })
}

// TestBusyConnections are never closed for others: of the same address, more are turned away.
func TestBusyConnections(t *testing.T) {
	t.Parallel()
	begun, release := make(chan bool), make(chan bool)
	l, address := serve(t, Options{Max: 100, MaxPerAddress: 2}, func(w http.ResponseWriter, r *http.Request) {
		begun <- true
		<-release
	})
	c := &clock{t: time.Now()}
	l.mu.Lock()
	l.now = c.now
	l.mu.Unlock()

	var busy []*net.TCPConn
	for range 2 {
		busy = append(busy, dial(t, address))
		if _, err := io.WriteString(busy[len(busy)-1], plainGet); err != nil {
			t.Fatal(err)
		}
		<-begun
	}
	c.pass(time.Hour)
	text, closed := isClosed(dial(t, address), 20*time.Second)
	if !closed || !strings.Contains(text, "Retry-After: 1\r\n") || !strings.Contains(text, `"statusCode":4`) {
		t.Errorf("one more is told %q", text)
	}

	close(release)
	for _, b := range busy {
		if resp, err := http.ReadResponse(bufio.NewReader(b), nil); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("one that is busy: %v, %v", resp, err)
		}
	}
}

// TestTrustedProxies have no bound of their own.
func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	proxies, err := front.ParseProxies([]string{"127.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	l, address := serve(t, Options{Max: 100, MaxPerAddress: 1, Trusted: proxies}, readAll)
	for range 5 {
		dial(t, address)
	}
	until(t, "all are accepted", func() bool { return l.count() == 5 })
}

// TestConnectionsAreBounded: where all are in use, one more than allowed is answered when another
// one ends; where one has waited long enough, it makes room.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	l, err := Listen("127.0.0.1:0", Options{Max: 1, MaxPerAddress: 9, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan *Conn)
	go func() {
		defer close(accepted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c.(*Conn)
		}
	}()

	dial(t, l.Addr().String())
	first := <-accepted
	l.State(first, http.StateActive)
	dial(t, l.Addr().String())
	select {
	case <-accepted:
		t.Fatal("a second connection is open")
	case <-time.After(50 * time.Millisecond):
	}
	first.Close()
	second := <-accepted

	dial(t, l.Addr().String())
	third := <-accepted // as soon as the second has waited enough
	if _, err := second.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the second is open: %v", err)
	}
	second.Close()
	l.State(third, http.StateActive)

	dial(t, l.Addr().String()) // it waits for room when the listener closes
	time.AfterFunc(20*time.Millisecond, func() { l.Close() })
	for range accepted {
		t.Error("there was no room")
	}
	third.Close()
	if n := l.count(); n != 0 {
		t.Errorf("%d are counted", n)
	}
}

// TestPlainRequestToTLS is answered in the clear, as net/http does.
func TestPlainRequestToTLS(t *testing.T) {
	t.Parallel()
	certificate := httptest.NewUnstartedServer(nil)
	certificate.StartTLS()
	defer certificate.Close()
	_, address := serve(t, Options{Max: 9, MaxPerAddress: 9, TLS: certificate.TLS.Clone()}, readAll)
	c := dial(t, address)
	if _, err := io.WriteString(c, plainGet); err != nil {
		t.Fatal(err)
	}
	text, closed := isClosed(c, 20*time.Second)
	if !closed || !strings.Contains(text, "HTTP request to an HTTPS server") {
		t.Errorf("it is told %q", text)
	}
}
