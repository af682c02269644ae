package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"recordings/index"
)

// A search index is built beside the current one, if there is one. It is filled from snapshots of the records, in the order of
// their keys, and each batch leaves in it how far that has come, so that a restart goes on from there. Whatever is changed
// meanwhile is in the change log, which is kept from where the index needs it: all recordings up to the key are as they
// were at the sequence of its position, or later, and so following the log from there makes them right. If the log becomes
// long, it is followed in between, and the rest is filled from a younger snapshot.
const maxDelay = time.Minute

// runReindexer builds a search index whenever one is wanted, and removes the old one some time later.
func (x *Index) runReindexer() {
	ctx := x.gate.closing
	delay := retryDelay
	for {
		build, stop := x.reindex.await(ctx)
		if ctx.Err() != nil {
			stop(nil)
			return
		}
		if build == nil {
			x.removeOld()
			continue
		}
		began := time.Now()
		err := x.build(build)
		stop(nil)
		if err == nil || errors.Is(err, errCancelled) || ctx.Err() != nil {
			delay = retryDelay
			continue
		}
		x.log.Error().Err(err).Msg("the search index could not be rebuilt")
		if !x.reindex.failed(err) { // nobody can wait for somebody to ask for it again
			if time.Since(began) > maxDelay {
				delay = retryDelay
			}
			sleep(ctx, delay)
			delay = min(2*delay, maxDelay)
		}
	}
}

// await waits until an index is to be built, and returns the context for that; it is nil if instead the old index is due to be
// removed.
func (r *reindexer) await(ctx context.Context) (build context.Context, stop context.CancelCauseFunc) {
	for {
		r.mu.Lock()
		if !r.state.Phase.Ended() {
			build, stop = context.WithCancelCause(ctx)
			r.cancel = stop
			r.mu.Unlock()
			return build, stop
		}
		changed := r.changed
		var due <-chan time.Time
		if r.state.Old != "" {
			due = time.After(time.Duration(r.state.OldUntil-now()) * time.Millisecond)
		}
		r.mu.Unlock()
		select {
		case <-changed:
		case <-due:
			return nil, func(error) {}
		case <-ctx.Done():
			return nil, func(error) {}
		}
	}
}

// failed notes that a build has failed. It tells whether that is the end of it: an index that searches wait for is built
// again, from the beginning.
func (r *reindexer) failed(err error) (ended bool) {
	r.building.Store(nothing)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.urgent {
		r.updateLocked(func(s *reindexState) { s.Phase, s.Dir, s.Verdict = index.Filling, "", "not yet: "+detail(err) })
		return false
	}
	r.updateLocked(func(s *reindexState) { s.end(index.Failed, "failed: "+detail(err)+"; the old search index stays") })
	return true
}

// build builds an index and offers it to the goroutine that keeps the current one. When the Index is closed meanwhile, what
// is there of it stays.
func (x *Index) build(ctx context.Context) (err error) {
	s, err := x.openBuild(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if err == nil {
			return
		}
		err = errors.Join(err, s.close())
		if x.gate.closing.Err() == nil {
			x.reindex.building.Store(nothing)
			err = errors.Join(err, os.RemoveAll(s.dir))
		}
	}()
	if err := x.fill(ctx, s); err != nil {
		return err
	}
	verdict := "done"
	if !x.reindex.isUrgent() { // else it is brought up to date where it takes its place
		if err := x.catchUpBeside(ctx, s); err != nil {
			return err
		}
		if s, err = x.proveIndex(ctx, s); err != nil {
			return err
		}
		if verdict, err = x.compareIndexes(ctx, s); err != nil {
			return err
		}
	}
	if err := x.reindex.enter(ctx, index.Switching); err != nil {
		return err
	}
	return x.offer(s, verdict)
}

// offer gives an index away, and waits until it has taken the place of the current one. Only closing ends that.
func (x *Index) offer(s *searchIndex, verdict string) error {
	o := &offer{index: s, verdict: verdict, done: make(chan error, 1)}
	select {
	case x.reindex.offers <- o:
		return <-o.done
	case <-x.gate.closing.Done():
		return context.Cause(x.gate.closing)
	}
}

// openBuild opens the index that was being built before a restart, if it is of use, or a new one.
func (x *Index) openBuild(ctx context.Context) (*searchIndex, error) {
	workers := besideWorkers
	if x.reindex.isUrgent() {
		workers = 0
	}
	x.reindex.mu.Lock()
	name, old := x.reindex.state.Dir, x.reindex.state.Old
	x.reindex.mu.Unlock()
	if name != "" {
		dir := filepath.Join(x.searchDir, name)
		found, err := x.checkIndex(dir, x.opened)
		if err == nil {
			x.log.Info().Uint64("recordings", found.docs).Msg("going on with rebuilding the search index")
			x.reindex.restart(found.docs)
			return openSearchIndex(dir, found.position, workers, x.space, x.o)
		}
		x.log.Warn().Err(err).Msg("rebuilding the search index begins anew")
		if err := os.RemoveAll(dir); err != nil {
			return nil, fmt.Errorf("removing what is left of a search index: %w", err)
		}
	}
	dir, err := newSearchDir(x.searchDir)
	if err != nil {
		return nil, err
	}
	if x.reindex.isUrgent() { // what else is there is of no use
		if err := removeOthers(x.searchDir, reindexFile, filepath.Base(dir)); err != nil {
			return nil, err
		}
	} else if old != "" {
		x.removeOld()
	}
	return x.createBuild(ctx, dir, workers)
}

// createBuild makes an empty index, which needs the changes from now on.
func (x *Index) createBuild(ctx context.Context, dir string, workers int) (*searchIndex, error) {
	x.reindex.building.Store(0) // lest the log be trimmed before it is known from where on it is needed
	state, err := x.durableState(ctx)
	if err != nil {
		return nil, err
	}
	defer state.close()
	x.reindex.building.Store(state.sequence)
	x.reindex.update(func(s *reindexState) { s.Dir, s.Done, s.Total = filepath.Base(dir), 0, state.count })
	x.reindex.restart(0)
	return openSearchIndex(dir, position{sequence: state.sequence, filling: recordPrefix}, workers, x.space, x.o)
}
