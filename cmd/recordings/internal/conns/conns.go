// Package conns is the connections of the service: how many there may be, which of them make room
// for others, and what net/http does not tell of them.
//
// net/http takes the end of what a client sends for the end of the client, and cancels what is done
// for it. Some clients shut down their sending side and read on. So a request has a context of its
// own here, which ends when the connection is known to be of no use: when it broke, or was closed.
package conns

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"recordings/api/auth"
	"recordings/api/front"
)

// Options are how connections are accepted.
type Options struct {
	TLS *tls.Config // nil: none

	// How many are open at a time, of all addresses and of each. Addresses of trusted proxies, which
	// have the connections of many clients, have no bound of their own.
	Max, MaxPerAddress int
	Trusted            front.Proxies

	Log zerolog.Logger
}

// Listener accepts connections. Its methods State and Context are for the [http.Server] that it is
// served by, and Handler is for the handler of that.
type Listener struct {
	net.Listener
	Options
	timeout time.Duration // see [progressConn]
	now     func() time.Time

	mu     sync.Mutex
	open   map[*Conn]struct{}
	counts map[netip.Prefix]int // how many of them each address has

	leaving   chan struct{} // has an element for each connection that is being turned away
	changed   chan struct{} // has an element when there may be room
	closed    chan struct{}
	closeOnce sync.Once
}

// Listen opens a listener.
func Listen(address string, o Options) (*Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listening on %s: another process has this port; "+
			"stop it, or choose another address by --listen", address)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("listening on %s: this user may not use the port; "+
			"choose one above 1023 by --listen", address)
	case err != nil:
		return nil, fmt.Errorf("listening on %s: %w", address, err)
	}

	return &Listener{
		Listener: l, Options: o, timeout: writeTimeout, now: time.Now,
		open: make(map[*Conn]struct{}), counts: make(map[netip.Prefix]int),
		leaving: make(chan struct{}, mostTurnedAway), changed: make(chan struct{}, 1), closed: make(chan struct{}),
	}, nil
}

// Close implements [net.Listener]. Connections that are open stay so.
func (l *Listener) Close() error {
	l.closeOnce.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// Accept implements [net.Listener]. It returns when there is room for one more connection.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		tcp, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}

		c := l.newConn(tcp)
		switch err := l.admit(c); {
		case err == nil:
			return c, nil
		case errors.Is(err, errTooMany):
			l.turnAway(tcp)
		default:
			_ = tcp.Close()
			return nil, err
		}
	}
}

// tooMany is what a client without TLS is told. It takes no request to know that, and none is read: so
// the id is always a new one.
const tooMany = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n" +
	"X-Request-Id: %[1]s\r\nConnection: close\r\n\r\n" +
	`{"statusCode":4,"statusMessage":"as many connections as one address may have are in use; try again later",` +
	`"requestId":"%[1]s"}` + "\n"

// How many connections that were turned away are closed with care at a time, and how long that takes: if
// what their clients have sent was not read, these might lose the answer.
const (
	mostTurnedAway = 64
	turnAwayTime   = 500 * time.Millisecond
	turnAwayBytes  = 64 << 10
)

// turnAway closes a connection of an address that has too many.
func (l *Listener) turnAway(tcp net.Conn) {
	if l.TLS != nil {
		_ = tcp.Close()
		return
	}

	_ = tcp.SetDeadline(time.Now().Add(turnAwayTime)) // the buffers of a new connection have room
	_, _ = fmt.Fprintf(tcp, tooMany, rand.Text())
	half, ok := tcp.(interface{ CloseWrite() error })
	select {
	case l.leaving <- struct{}{}:
	default:
		ok = false
	}
	if !ok {
		_ = tcp.Close()
		return
	}

	go func() {
		_ = half.CloseWrite()
		_, _ = io.CopyN(io.Discard, tcp, turnAwayBytes)
		_ = tcp.Close()
		<-l.leaving
	}()
}

// newConn makes a connection of one that was accepted.
func (l *Listener) newConn(tcp net.Conn) *Conn {
	progress := progressConn{tcp, l.timeout}
	address := front.AddrOf(tcp.RemoteAddr().String())
	c := &Conn{Conn: progress, tcp: tcp, listener: l, from: auth.NetworkOf(address), trusted: l.Trusted.Trust(address)}
	if l.TLS != nil {
		c.tls = tls.Server(progress, l.TLS)
		c.Conn = c.tls
	}
	return c
}

// State is the ConnState of the server.
func (l *Listener) State(nc net.Conn, state http.ConnState) {
	c, ok := nc.(*Conn)
	if !ok {
		return
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	switch state {
	case http.StateActive:
		c.idleSince = time.Time{}
	case http.StateIdle:
		c.idleSince = l.now()
		l.notify()
	}
}

// connKey is that of the connection in the context of a request.
type connKey struct{}

// Context is the ConnContext of the server.
func (l *Listener) Context(ctx context.Context, nc net.Conn) context.Context {
	c, ok := nc.(*Conn)
	if !ok {
		return ctx
	}
	c.alive, c.end = context.WithCancel(ctx)
	return context.WithValue(ctx, connKey{}, c)
}

// Conn is a connection.
type Conn struct {
	net.Conn // by which it is read and written
	tcp      net.Conn
	tls      *tls.Conn // nil: none
	listener *Listener
	from     netip.Prefix
	trusted  bool // from is the address of a trusted proxy
	requests requestReader

	idleSince time.Time // when it began to wait for a request; zero: it has one. Guarded by the listener's mutex

	alive context.Context // ends with the connection; nil until it is served
	end   context.CancelFunc
}

// Read implements [net.Conn]. That a client sends no more does not end what is done for it.
func (c *Conn) Read(p []byte) (int, error) {
	if c.tls != nil && !c.tls.ConnectionState().HandshakeComplete {
		if err := c.handshake(); err != nil {
			return 0, io.EOF // there is nobody to answer
		}
	}

	n, err := c.requests.read(c.Conn, p)
	var timeout net.Error
	if err != nil && err != io.EOF && (!errors.As(err, &timeout) || !timeout.Timeout()) {
		c.broke()
	}
	return n, err
}

// handshake begins TLS. That is the business of the goroutine that serves the connection, within the
// time that a header may take.
func (c *Conn) handshake() error {
	err := c.tls.Handshake()
	if err == nil {
		return nil
	}

	reason := err.Error()
	if e, ok := errors.AsType[tls.RecordHeaderError](err); ok && e.Conn != nil && looksLikeHTTP(e.RecordHeader) {
		_, _ = io.WriteString(e.Conn,
			"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
		reason = "the client sent an HTTP request to an HTTPS server"
	}
	c.listener.Log.Warn().Str("remote", c.RemoteAddr().String()).Str("detail", reason).Msg("a TLS handshake failed")
	return err
}

// looksLikeHTTP reports whether the first bytes of a connection are those of a request without TLS.
func looksLikeHTTP(b [5]byte) bool {
	switch string(b[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET":
		return true
	}
	return false
}

// Write implements [net.Conn].
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil {
		c.broke()
	}
	return n, err
}

// CloseWrite says that nothing more will be sent.
func (c *Conn) CloseWrite() error {
	if c.tls != nil {
		return c.tls.CloseWrite()
	}
	if tcp, ok := c.tcp.(*net.TCPConn); ok {
		return tcp.CloseWrite()
	}
	return nil
}

// Close implements [net.Conn].
func (c *Conn) Close() error {
	c.broke()
	c.listener.release(c)
	return c.Conn.Close()
}

// broke ends what is done for the client.
func (c *Conn) broke() {
	if c.end != nil {
		c.end()
	}
}
