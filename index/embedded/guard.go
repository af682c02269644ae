package embedded

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"recordings/index"
)

// guard calls fn and returns its error, or what it panicked with: Pebble panics where it cannot write its log, Bleve
// where a file of its index is damaged. A fault while reading a mapped file that was cut short is a panic, too.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover().(type) {
		case nil:
		case error:
			err = fmt.Errorf("panic: %w", r)
		default:
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return fn()
}

// unavailable wraps the cause of an error after which trying again is safe.
func unavailable(doing string, cause error) error {
	return fmt.Errorf("%s: %w: %w", doing, index.ErrUnavailable, cause)
}

var errClosed = errors.New("the index is closed")

// gate knows the calls that are running, so that Close can end and await them.
type gate struct {
	mu      sync.RWMutex
	shut    bool
	running sync.WaitGroup
	closing context.Context // ends when the gate is closed
	end     context.CancelCauseFunc
}

func newGate() *gate {
	g := &gate{}
	g.closing, g.end = context.WithCancelCause(context.Background())
	return g
}

// enter lets a call in. Its context also ends when the gate is closed; it must call leave when it is through.
func (g *gate) enter(ctx context.Context) (_ context.Context, leave func(), err error) {
	if !g.count() {
		return nil, nil, fmt.Errorf("%w: %w", index.ErrUnavailable, errClosed)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(g.closing, func() { cancel(errClosed) })
	return ctx, func() {
		stop()
		cancel(nil)
		g.running.Done()
	}, nil
}

// count counts a call in, if the gate is open.
func (g *gate) count() bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if !g.shut {
		g.running.Add(1)
	}
	return !g.shut
}

// close lets nobody in any more, ends the contexts of those inside and waits for them. It tells whether it was the first.
func (g *gate) close() bool {
	g.mu.Lock()
	first := !g.shut
	g.shut = true
	g.mu.Unlock()
	g.end(errClosed)
	g.running.Wait()
	return first
}
