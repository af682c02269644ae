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
		build, stop := b.job.await(ctx)
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
		b.building.Store(nothing)
		if !b.job.failed(err) { // nobody can wait for somebody to ask for it again
			if time.Since(began) > maxDelay {
				delay = retryDelay
			}
			pace.Sleep(ctx, delay)
			delay = min(2*delay, maxDelay)
		}
	}
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

	// There is nothing to compare an index with that searches wait for.
	verdict := "done"
	if !b.job.isUrgent() { // else it is brought up to date where it takes its place
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

	if err := b.job.enter(ctx, index.Switching); err != nil {
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
	// What was built before a restart is used if the log still has what it lacks.
	name, _ := b.job.dirs()
	if name != "" {
		dir := filepath.Join(b.o.Dir, name)
		found, err := b.opener.check(dir, b.opener.opened)
		if err == nil {
			b.o.Log.Info().Uint64("recordings", found.Docs).Msg("going on with rebuilding the search index")
			b.job.restart(found.Docs)
			return b.opener.open(dir, found.Position, b.analysisWorkers())
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
	if b.job.isUrgent() { // what else is there is of no use
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
	b.job.update(func(s *state) { s.Dir, s.Done, s.Total = filepath.Base(dir), 0, at.Count })
	b.job.restart(0)
	empty := bleveindex.Position{Sequence: at.Sequence, Filling: store.RecordPrefix}
	return b.opener.open(dir, empty, b.analysisWorkers())
}
