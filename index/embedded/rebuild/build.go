package rebuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"recordings/index"
	"recordings/index/embedded/bleveindex"
	"recordings/index/embedded/internal/fault"
	"recordings/index/embedded/internal/pace"
	"recordings/index/embedded/store"
)

// The time between attempts at what does not work at present.
const (
	retryDelay = time.Second
	maxDelay   = time.Minute
)

// Run builds a search index whenever one is wanted, and removes the old one some time later, until
// the context ends. An index that is being built then stays, for a restart.
func (b *Builder) Run(ctx context.Context) {
	delay := retryDelay
	for {
		build, stop := b.await(ctx)
		if ctx.Err() != nil {
			stop(nil)
			return
		}
		if build == nil {
			b.removeOld()
			continue
		}

		began := time.Now()
		err := b.build(build, ctx)
		stop(nil)
		if err == nil || errors.Is(err, errCancelled) || ctx.Err() != nil {
			delay = retryDelay
			continue
		}

		b.o.Log.Error().Err(err).Msg("the search index could not be rebuilt")
		if !b.failed(err) { // nobody can wait for somebody to ask for it again
			if time.Since(began) > maxDelay {
				delay = retryDelay
			}
			pace.Sleep(ctx, delay)
			delay = min(2*delay, maxDelay)
		}
	}
}

// await waits until an index is to be built, and returns the context for that; it is nil if instead
// the old index is due to be removed.
func (b *Builder) await(ctx context.Context) (build context.Context, stop context.CancelCauseFunc) {
	for {
		b.mu.Lock()
		if !b.state.Phase.Ended() {
			build, stop = context.WithCancelCause(ctx)
			b.cancel = stop
			b.mu.Unlock()
			return build, stop
		}
		changed := b.changed
		var due <-chan time.Time
		if b.state.Old != "" {
			due = time.After(time.Duration(b.state.OldUntil-now()) * time.Millisecond)
		}
		b.mu.Unlock()

		select {
		case <-changed:
		case <-due:
			return nil, func(error) {}
		case <-ctx.Done():
			return nil, func(error) {}
		}
	}
}

// failed notes that a build has failed. It reports whether that is the end of it: an index that
// searches wait for is built again, from the beginning.
func (b *Builder) failed(err error) (ended bool) {
	b.building.Store(nothing)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.urgent {
		b.updateLocked(func(s *state) {
			s.Phase, s.Dir, s.Verdict = index.Filling, "", "not yet: "+fault.Line(err)
		})
		return false
	}

	b.updateLocked(func(s *state) {
		s.end(index.Failed, "failed: "+fault.Line(err)+"; the old search index stays")
	})
	return true
}

// build builds an index and offers it to those who keep the current one. When the service is closed
// meanwhile, what is there of it stays.
func (b *Builder) build(ctx, closing context.Context) (err error) {
	x, err := b.openBuild(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if err == nil {
			return
		}
		err = errors.Join(err, x.Close())
		if closing.Err() == nil {
			b.building.Store(nothing)
			err = errors.Join(err, os.RemoveAll(x.Dir()))
		}
	}()

	if err := b.fill(ctx, x); err != nil {
		return err
	}
	verdict := "done"
	if !b.isUrgent() { // else it is brought up to date where it takes its place
		if err := b.catchUp(ctx, x); err != nil {
			return err
		}
		if x, err = b.prove(ctx, x); err != nil {
			return err
		}
		if verdict, err = b.compare(ctx, x); err != nil {
			return err
		}
	}

	if err := b.enter(ctx, index.Switching); err != nil {
		return err
	}
	return b.offer(closing, x, verdict)
}

// offer gives an index away, and waits until it has taken the place of the current one. Only
// closing ends that.
func (b *Builder) offer(closing context.Context, x *bleveindex.Index, verdict string) error {
	o := &Offer{Index: x, verdict: verdict, done: make(chan error, 1)}
	select {
	case b.offers <- o:
		return <-o.done
	case <-closing.Done():
		return context.Cause(closing)
	}
}

// openBuild opens the index that was being built before a restart, if it is of use, or a new one.
func (b *Builder) openBuild(ctx context.Context) (*bleveindex.Index, error) {
	b.mu.Lock()
	name := b.state.Dir
	b.mu.Unlock()
	if name != "" {
		dir := filepath.Join(b.o.Dir, name)
		found, err := b.check(dir, b.opened)
		if err == nil {
			b.o.Log.Info().Uint64("recordings", found.Docs).Msg("going on with rebuilding the search index")
			b.restart(found.Docs)
			return b.open(dir, found.Position, b.analysisWorkers())
		}

		b.o.Log.Warn().Err(err).Msg("rebuilding the search index begins anew")
		if err := os.RemoveAll(dir); err != nil {
			return nil, fmt.Errorf("removing what is left of a search index: %w", err)
		}
	}
	return b.create(ctx)
}

// create makes an empty index, which needs the changes from now on.
func (b *Builder) create(ctx context.Context) (*bleveindex.Index, error) {
	dir, err := bleveindex.NewDir(b.o.Dir)
	if err != nil {
		return nil, err
	}
	if b.isUrgent() { // what else is there is of no use
		if err := bleveindex.RemoveOthers(b.o.Dir, stateFile, filepath.Base(dir)); err != nil {
			return nil, err
		}
	} else {
		b.removeOld()
	}

	b.building.Store(0) // lest the log be trimmed before it is known from where on it is needed
	at, err := b.o.Service.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = at.Close() }() // it would only report a state that was closed twice

	b.building.Store(at.Sequence)
	b.update(func(s *state) { s.Dir, s.Done, s.Total = filepath.Base(dir), 0, at.Count })
	b.restart(0)
	empty := bleveindex.Position{Sequence: at.Sequence, Filling: store.RecordPrefix}
	return b.open(dir, empty, b.analysisWorkers())
}

// open opens an index whose analysis takes so many processors; 0: all.
func (b *Builder) open(dir string, at bleveindex.Position, workers int) (*bleveindex.Index, error) {
	o := b.o.Index
	o.Workers = workers
	return bleveindex.Open(dir, at, o)
}
