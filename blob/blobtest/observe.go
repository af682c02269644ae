package blobtest

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// Observer counts what goes over the wire. Its Wrap method is an Observe of blob.Options.
type Observer struct {
	requests, open, bytes atomic.Int64
}

// Wrap counts the requests of a transport.
func (o *Observer) Wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		o.requests.Add(1)
		resp, err := next.RoundTrip(req)
		if err == nil {
			o.open.Add(1)
			resp.Body = &countedBody{ReadCloser: resp.Body, o: o}
		}
		return resp, err
	})
}

// Requests is how many requests were sent.
func (o *Observer) Requests() int64 { return o.requests.Load() }

// OpenBodies is how many bodies of answers have not been closed.
func (o *Observer) OpenBodies() int64 { return o.open.Load() }

// Bytes is how many bytes of bodies were read.
func (o *Observer) Bytes() int64 { return o.bytes.Load() }

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

type countedBody struct {
	io.ReadCloser
	o      *Observer
	closed atomic.Bool
}

// Read implements [io.Reader].
func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.o.bytes.Add(int64(n))
	return n, err
}

// Close implements [io.Closer].
func (b *countedBody) Close() error {
	if !b.closed.Swap(true) {
		b.o.open.Add(-1)
	}
	return b.ReadCloser.Close()
}

// Canary is a server that must never hear anything.
type Canary struct {
	URL         string
	connections atomic.Int64
}

// NewCanary starts a canary; when the test ends it must not have seen a single connection.
func NewCanary(t testing.TB) *Canary {
	c := &Canary{}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			c.connections.Add(1)
		}
	}

	server.Start()
	c.URL = server.URL
	t.Cleanup(func() {
		server.Close()
		if n := c.connections.Load(); n > 0 {
			t.Errorf("the canary saw %d connections", n)
		}
	})

	return c
}

// Connections is how many connections the canary has seen.
func (c *Canary) Connections() int64 { return c.connections.Load() }
