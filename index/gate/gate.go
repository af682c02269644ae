// Package gate lets calls in until it is closed, and then waits for those that are inside: so what
// they use can be closed safely.
package gate

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"recordings/index"
)

// ErrClosed is the cause with which the contexts of those inside end.
var ErrClosed = errors.New("the index is closed")

// Gate knows the calls that are running. All methods may be called concurrently.
type Gate struct {
	mu      sync.RWMutex
	shut    bool
	running sync.WaitGroup
	closing context.Context
	end     context.CancelCauseFunc
}

// New returns an open gate.
func New() *Gate {
	g := &Gate{}
	g.closing, g.end = context.WithCancelCause(context.Background())
	return g
}

// Closing is a context that ends when the gate is closed.
func (g *Gate) Closing() context.Context { return g.closing }

// Enter lets a call in. Its context also ends when the gate is closed; it must call leave when it
// is through. Behind a closed gate the error is an [index.ErrUnavailable].
func (g *Gate) Enter(ctx context.Context) (_ context.Context, leave func(), err error) {
	if !g.count() {
		return nil, nil, fmt.Errorf("%w: %w", index.ErrUnavailable, ErrClosed)
	}

	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(g.closing, func() { cancel(ErrClosed) })
	return ctx, func() {
		stop()
		cancel(nil)
		g.running.Done()
	}, nil
}

// count counts a call in, if the gate is open.
func (g *Gate) count() bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if !g.shut {
		g.running.Add(1)
	}
	return !g.shut
}

// Close lets nobody in any more, ends the contexts of those inside and waits for them. It reports
// whether it was the first to do so.
func (g *Gate) Close() bool {
	g.mu.Lock()
	first := !g.shut
	g.shut = true
	g.mu.Unlock()

	g.end(ErrClosed)
	g.running.Wait()
	return first
}
