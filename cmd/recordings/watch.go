package main

import (
	"context"
	"fmt"

	"recordings/cmd/recordings/internal/progress"
	"recordings/index/embedded"
)

// watch shows how far work is until it has ended; see [progress.Watch].
func (p *program) watch(ctx context.Context, what string, look progress.Look) error {
	return progress.Watch(ctx, p.stderr, what, look)
}

// openStopped opens the index in the data directory of a service that is not running.
func (p *program) openStopped(ctx context.Context, dir string) (*embedded.Index, error) {
	if err := embedded.IsData(dir); err != nil {
		return nil, err
	}

	x, err := embedded.Open(ctx, embedded.Options{Dir: dir, Version: version, Log: newLog(p.stderr, "error")})
	if err != nil {
		return nil, fmt.Errorf("opening the data directory %s (without --data, a running service does it): %w", dir,
			err)
	}
	return x, nil
}

// awaitIndex waits until the search index is up to date and durable, which takes long only where it
// must be built anew.
func (p *program) awaitIndex(ctx context.Context, x *embedded.Index) error {
	ready := make(chan error, 1) // with room, so that the goroutine ends also where nobody waits any more
	go func() {
		err := x.WaitReady(ctx)
		if err == nil {
			err = x.Flush(ctx)
		}
		ready <- err
	}()

	return p.watch(ctx, "the search index", func() (progress.State, bool, error) {
		select {
		case err := <-ready:
			return progress.State{}, true, err
		default:
		}

		s := x.Status()
		return progress.State{
			Phase: "preparing the search index", Done: int64(s.Done), Total: int64(s.Total), Unit: "recordings",
		}, false, nil
	})
}
