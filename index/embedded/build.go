package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	bleveindex "github.com/blevesearch/bleve_index_api"
	"golang.org/x/sync/errgroup"

	"recordings/index"
	"recordings/mapping"
)

// A search index is built beside the current one, if there is one. It is filled from snapshots of the records, in the order of
// their keys, and each batch leaves in it how far that has come, so that a restart goes on from there. Whatever is changed
// meanwhile is in the change log, which is kept from where the index needs it: all recordings up to the key are as they
// were at the sequence of its position, or later, and so following the log from there makes them right. If the log becomes
// long, it is followed in between, and the rest is filled from a younger snapshot.
const (
	besideBatch   = 500 // recordings at a time, while searches are answered from another index
	besideWorkers = 1   // processors that their analysis takes
	restFactor    = 3   // a batch is followed by that many times its duration of rest, if there were searches meanwhile
	maxDelay      = time.Minute
)

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
		r.updateLocked(func(s *reindexState) { s.Phase, s.Dir, s.Verdict = index.Filling, "", "not yet: "+err.Error() })
		return false
	}
	r.updateLocked(func(s *reindexState) { s.end(index.Failed, "failed: "+err.Error()+"; the old search index stays") })
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

// fill adds all recordings to an index, from where it is.
func (x *Index) fill(ctx context.Context, s *searchIndex) error {
	if s.filling == "" {
		return nil
	}
	if err := x.reindex.enter(ctx, index.Filling); err != nil {
		return err
	}
	done, err := s.count()
	if err != nil {
		return err
	}
	p := &pacer{x: x, ctx: ctx, index: s}
	for s.filling != "" {
		state, err := x.durableState(ctx)
		if err == nil {
			err = x.indexLogged(ctx, s, state, p)
		}
		if err == nil {
			done, err = x.fillFrom(ctx, s, state, done, p)
		}
		if state != nil {
			state.close()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// errLongLog ends filling from a snapshot.
var errLongLog = errors.New("the change log is long")

// storedRecord is a recording as it is stored.
type storedRecord struct {
	key  string
	data []byte
}

// fillFrom adds recordings of a state, until all of them are done or the change log has become long. It returns how many
// recordings are done.
func (x *Index) fillFrom(ctx context.Context, s *searchIndex, state *durableState, done uint64, p *pacer) (uint64, error) {
	var read []storedRecord
	add := func(filling string) error {
		at := s.position
		at.filling = filling
		if err := p.do(func() error { return x.addRound(ctx, s, read, at, p) }); err != nil {
			return err
		}
		done += uint64(len(read))
		read = read[:0]
		x.reindex.progress(done, state.count)
		x.state.progress("the search index is being rebuilt", done, max(state.count, done))
		return nil
	}
	p.logIsLong = false
	err := state.scan(ctx, s.filling, func(key string, data []byte) error {
		if p.logIsLong {
			return errLongLog
		}
		read = append(read, storedRecord{key, bytes.Clone(data)})
		if len(read) < p.batch()*p.workers() {
			return nil
		}
		return add(key)
	})
	if errors.Is(err, errLongLog) {
		return done, nil
	}
	if err != nil {
		return done, err
	}
	return done, add("")
}

// addRound adds recordings, in several batches at a time, and when all are in the index, how far it has come by that.
func (x *Index) addRound(ctx context.Context, s *searchIndex, read []storedRecord, at position, p *pacer) error {
	adding, addingCtx := errgroup.WithContext(ctx)
	for part := range slices.Chunk(read, p.batch()) {
		adding.Go(func() error {
			b := bleveindex.NewBatch()
			for _, r := range part {
				if err := addRecord(b, r.key, r.data); err != nil {
					return err
				}
			}
			return s.submit(addingCtx, b, 0)
		})
	}
	if err := adding.Wait(); err != nil {
		return err
	}
	return s.apply(ctx, bleveindex.NewBatch(), at)
}

// pacer lets searches go first: with every batch of an index that is built beside another, it waits as long as it is paused,
// or the disk is full, and where there were searches it does nothing for some time. So these find the processors free
// for three quarters of the time, and one of them taken at most for the rest; without searches it takes one.
type pacer struct {
	x         *Index
	ctx       context.Context
	index     *searchIndex
	searches  uint64
	logIsLong bool // behind the sequence of the index, for which it is kept
}

// batch is how many recordings are added at a time.
func (p *pacer) batch() int {
	const larger = 4 // than other batches: what is large already need not be merged so often
	if p.x.reindex.isUrgent() {
		return larger * p.x.o.BatchSize
	}
	return min(besideBatch, p.x.o.BatchSize)
}

// workers is how many batches are made at the same time.
func (p *pacer) workers() int {
	if p.x.reindex.isUrgent() {
		return runtime.GOMAXPROCS(0)
	}
	return besideWorkers
}

func (p *pacer) do(work func() error) error {
	if err := p.wait(); err != nil {
		return err
	}
	began := time.Now()
	if err := work(); err != nil {
		return err
	}
	p.rest(time.Since(began))
	p.x.hold(p.index)
	return nil
}

func (p *pacer) rest(took time.Duration) {
	if n := p.x.searches.Load(); n != p.searches && !p.x.reindex.isUrgent() {
		p.searches = n
		sleep(p.ctx, restFactor*took)
	}
}

// wait waits while the build is paused. That must not go on for so long that the change log grows without bounds.
func (p *pacer) wait() error {
	tick := time.NewTicker(retryDelay)
	defer tick.Stop()
	for {
		p.x.space.await(p.ctx)
		p.logIsLong = p.x.held() > p.x.o.maxHeld
		paused, changed := p.x.reindex.paused()
		switch {
		case p.ctx.Err() != nil:
			return context.Cause(p.ctx)
		case !paused:
			return nil
		case p.logIsLong:
			return fmt.Errorf("it was paused for more than %d changes", p.x.o.maxHeld)
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-p.ctx.Done():
		}
	}
}

// hold keeps the change log behind what the index that is being built has persisted.
func (x *Index) hold(s *searchIndex) {
	p, _ := s.persistence()
	x.reindex.building.Store(max(p.sequence, x.reindex.building.Load()))
}

// held is how many changes the log keeps for the index that is being built.
func (x *Index) held() uint64 {
	x.commits.Lock()
	defer x.commits.Unlock()
	return x.last - min(x.last, x.reindex.building.Load())
}

// catchUpBeside brings an index that nobody uses nearly up to date.
func (x *Index) catchUpBeside(ctx context.Context, s *searchIndex) error {
	if err := x.reindex.enter(ctx, index.CatchingUp); err != nil {
		return err
	}
	p := &pacer{x: x, ctx: ctx, index: s}
	before := uint64(nothing)
	for {
		state, err := x.durableState(ctx)
		if err != nil {
			return err
		}
		missing := state.sequence - s.sequence
		err = x.indexLogged(ctx, s, state, p)
		state.close()
		if err != nil || missing <= uint64(p.batch()) || missing > before/2 { // it does not become less: writers must be slowed down
			return err
		}
		before = missing
	}
}

// awaitIndex waits for a search index where there is none, and makes it the current one.
func (x *Index) awaitIndex(ctx context.Context, why string) *searchIndex {
	x.reindex.need(why)
	select {
	case o := <-x.reindex.offers:
		if err := x.install(o); err != nil {
			o.done <- err
			return x.awaitIndex(ctx, why)
		}
		o.done <- nil
		return o.index
	case <-ctx.Done():
		return nil
	}
}

// switchTo lets another index take the place of the current one, which goes on being searched until then. It tells whether it
// could; the current one is then closed by the caller.
func (x *Index) switchTo(ctx context.Context, o *offer) bool {
	err := x.catchUp(ctx, o.index)
	if err == nil {
		err = x.install(o)
	}
	if err == nil {
		x.state.ready(o.index)
		x.pending.indexedUpTo(o.index.sequence)
	}
	o.done <- err
	return err == nil
}

// install makes an index the current one for the time after a restart, and keeps the one before, in case that the new one fails.
func (x *Index) install(o *offer) error {
	before, err := currentDir(x.searchDir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := setCurrentDir(x.searchDir, o.index.dir); err != nil {
		return err
	}
	r := x.reindex
	r.mu.Lock()
	defer r.mu.Unlock()
	r.urgent = false
	r.updateLocked(func(s *reindexState) {
		s.end(index.Done, fmt.Sprintf("%s: the new search index with %d recordings is in use", o.verdict, s.Done))
		if before != "" {
			s.Old, s.OldUntil = filepath.Base(before), now()+mapping.Time(x.o.keepOld.Milliseconds())
		}
	})
	if before != "" {
		r.old.Store(x.trimmed.Load())
	}
	r.building.Store(nothing)
	r.tellLocked()
	x.log.Info().Str("verdict", r.state.Verdict).Msg("the search index is rebuilt")
	return nil
}

// removeOld removes the search index before the current one.
func (x *Index) removeOld() {
	r := x.reindex
	r.mu.Lock()
	defer r.mu.Unlock()
	r.old.Store(nothing)
	if r.state.Old == "" {
		return
	}
	if err := os.RemoveAll(filepath.Join(x.searchDir, r.state.Old)); err != nil {
		x.log.Warn().Err(err).Msg("removing the old search index")
	}
	r.updateLocked(func(s *reindexState) { s.Old, s.OldUntil = "", 0 })
}

// fallBack opens the search index before the current one, if it is still there: the current one has failed.
func (x *Index) fallBack(why string, last uint64) *searchIndex {
	r := x.reindex
	r.mu.Lock()
	name := r.state.Old
	r.mu.Unlock()
	if name == "" {
		return nil
	}
	failed, _ := currentDir(x.searchDir) // if it is not known, it is removed when the index is opened the next time
	dir := filepath.Join(x.searchDir, name)
	s, err := x.openChecked(dir, last)
	if err == nil {
		err = setCurrentDir(x.searchDir, dir)
	}
	if err != nil {
		x.log.Warn().Err(err).Msg("the old search index is of no use, either")
		return nil
	}
	if failed != "" && failed != dir {
		if err := os.RemoveAll(failed); err != nil {
			x.log.Warn().Err(err).Msg("removing the search index that failed")
		}
	}
	r.update(func(s *reindexState) {
		s.Old, s.OldUntil = "", 0
		if s.Phase == index.Done {
			s.end(index.Failed, "failed: the new search index was given up ("+why+"); the old one is in use again")
		}
	})
	r.old.Store(nothing)
	x.log.Warn().Msg("the old search index is in use again")
	return s
}
