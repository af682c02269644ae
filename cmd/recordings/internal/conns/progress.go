package conns

import (
	"net"
	"time"
)

// Writes make progress or end the connection: a client that stops reading must not hold on to a
// request for ever. The time is for each piece of an answer, not for the whole: a long answer to a
// slow but living client goes on.
const (
	writeTimeout = 60 * time.Second
	writePiece   = 64 << 10 // bytes
)

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
