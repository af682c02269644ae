package api

import (
	"errors"
	"io"
	"sync"
	"time"
)

// batchBody is a body that is waited for only so long. Once it has ended, the server itself reads
// on, to see the client hang up, and takes a deadline that passes for that: it would cancel this
// request and all later ones of the connection. So the deadline goes when the body ends.
type batchBody struct {
	from        io.Reader
	setDeadline func(time.Time) error // fails only if there is no connection any more

	reading sync.Mutex // held while a Read waits
	broken  bool       // a Read has failed; guarded by reading

	mu      sync.Mutex
	ended   bool
	aborted bool // nothing is waited for
	lost    bool // it ended when nothing was waited for any more
}

// Read implements [io.Reader].
func (b *batchBody) Read(p []byte) (int, error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	n, err := b.from.Read(p)
	if errors.Is(err, io.EOF) {
		b.end()
	} else if err != nil {
		b.broken = true
	}
	return n, err
}

// end takes the deadline away, once.
func (b *batchBody) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ended {
		b.ended, b.lost = true, b.aborted
		_ = b.setDeadline(time.Time{})
	}
}

// failed reports whether a Read has failed. It waits for one that has yet to return: net/http
// cancels the request before that.
func (b *batchBody) failed() bool {
	b.reading.Lock()
	defer b.reading.Unlock()
	return b.broken
}

// await lets reads fail that take longer from now on.
func (b *batchBody) await(timeout time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ended {
		b.aborted = timeout == 0
		_ = b.setDeadline(time.Now().Add(timeout))
	}
}

// spoiled reports whether the connection is of no use any more.
func (b *batchBody) spoiled() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lost
}
