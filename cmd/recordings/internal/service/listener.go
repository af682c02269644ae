package service

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"golang.org/x/net/netutil"
)

// Writes make progress or end the connection: a client that stops reading must not hold on to a
// request for ever. The time is for each piece of an answer, not for the whole: a long answer to a
// slow but living client goes on.
const (
	writeTimeout = 60 * time.Second
	writePiece   = 64 << 10 // bytes
)

// listen opens the listener of a service. At most maxConnections are open at a time; more wait to
// be accepted.
func listen(address string, maxConnections int) (net.Listener, error) {
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

	return netutil.LimitListener(progressListener{l, writeTimeout}, maxConnections), nil
}

// progressListener gives each piece of what is written to its connections a time limit.
type progressListener struct {
	net.Listener
	timeout time.Duration
}

// Accept implements [net.Listener].
func (l progressListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return progressConn{c, l.timeout}, nil
}

// progressConn is a connection whose writes are cut off when a piece takes too long.
type progressConn struct {
	net.Conn
	timeout time.Duration
}

// Write implements [net.Conn].
func (c progressConn) Write(p []byte) (written int, err error) {
	// Once, at least, also where there is nothing to write: the connection says whether it is closed.
	for first := true; first || len(p) > 0; first = false {
		if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
			return written, err
		}

		n, err := c.Conn.Write(p[:min(len(p), writePiece)])
		written += n
		if err != nil {
			return written, err
		}

		p = p[n:]
	}
	return written, nil
}
