package embedded

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync/atomic"
	"time"

	bleveindex "github.com/blevesearch/bleve_index_api"
	"golang.org/x/sync/errgroup"

	"recordings/index/embedded/newest"
	"recordings/mapping"
)

const (
	maxRetryDelay  = time.Minute
	nearlyCaughtUp = 2 // batches of changes that may be missing when pending begins to hold what follows
)

// runIndexer keeps a search index up to date until the Index is closed: the one that is there, if it is any good, or
// one built from the recordings. An index that fails is given up, and another is built.
func (x *Index) runIndexer() {
	ctx := x.gate.closing
	s := x.openCurrent()
	delay := retryDelay
	for {
		began := time.Now()
		err := x.keepIndexed(ctx, s)
		if ctx.Err() != nil {
			return
		}
		x.log.Error().Err(err).Msg("the search index is given up and will be rebuilt")
		x.state.notReady("the search index is going to be rebuilt: "+err.Error(), 0, 0)
		if time.Since(began) > maxRetryDelay {
			delay = retryDelay
		}
		sleep(ctx, delay)
		delay = min(2*delay, maxRetryDelay)
		s = nil
	}
}

// keepIndexed builds a search index unless it is given one, brings it up to date and keeps it so until the context ends
// or the index fails. It closes the index.
func (x *Index) keepIndexed(ctx context.Context, s *searchIndex) (err error) {
	if s == nil {
		if s, err = x.rebuild(ctx); err != nil {
			return fmt.Errorf("rebuilding the search index: %w", err)
		}
	}
	defer func() {
		x.state.notReady("the search index is closed", 0, 0)
		x.pending.unfollow()
		err = errors.Join(err, s.close())
	}()
	if err := x.catchUp(ctx, s); err != nil {
		return fmt.Errorf("bringing the search index up to date: %w", err)
	}
	x.state.ready(s)
	return x.follow(ctx, s)
}

// rebuild builds a search index of all recordings in a new directory and makes it the current one. It begins by
// removing what is there: an index that is not rebuilt because it is of no use is not missed.
func (x *Index) rebuild(ctx context.Context) (*searchIndex, error) {
	state, err := x.durableState(ctx)
	if err != nil {
		return nil, err
	}
	defer state.close()
	x.state.notReady("the search index is being rebuilt", 0, state.count)
	dir, err := newSearchDir(x.searchDir)
	if err != nil {
		return nil, err
	}
	s, err := openSearchIndex(dir, x.space, x.o)
	if err != nil {
		return nil, err
	}
	if err := x.fill(ctx, s, state); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if err := setCurrentDir(x.searchDir, dir); err != nil {
		return nil, errors.Join(err, s.close())
	}
	x.log.Info().Uint64("recordings", state.count).Msg("the search index is rebuilt")
	return s, nil
}

// fill adds all recordings of a state to an empty search index. One goroutine reads, others decode and index, as many as there
// are processors: their batches may come in any order, as each recording is in one of them.
func (x *Index) fill(ctx context.Context, s *searchIndex, state *durableState) error {
	const larger = 4 // than other batches: what is large already need not be merged so often
	indexing, indexingCtx := errgroup.WithContext(ctx)
	indexing.SetLimit(runtime.GOMAXPROCS(0))
	var done atomic.Uint64
	var read []storedRecord
	index := func() {
		full := read
		read = make([]storedRecord, 0, len(full))
		indexing.Go(func() error {
			x.space.await(indexingCtx)
			b := bleveindex.NewBatch()
			for _, r := range full {
				if err := addRecord(b, r.key, r.data); err != nil {
					return err
				}
			}
			if err := s.add(indexingCtx, b); err != nil {
				return err
			}
			n := done.Add(uint64(len(full)))
			x.state.notReady("the search index is being rebuilt", n, max(state.count, n))
			return nil
		})
	}
	err := state.scan(indexingCtx, func(key string, data []byte) error {
		if read = append(read, storedRecord{key, bytes.Clone(data)}); len(read) == larger*x.o.BatchSize {
			index()
		}
		return nil
	})
	if len(read) > 0 {
		index()
	}
	if err := cmp.Or(indexing.Wait(), err); err != nil {
		return err
	}
	return s.apply(ctx, bleveindex.NewBatch(), state.sequence)
}

// storedRecord is a recording as it is stored.
type storedRecord struct {
	key  string
	data []byte
}

// addRecord adds what is stored under a record key to a batch; data is nil if it is deleted.
func addRecord(b *bleveindex.Batch, key string, data []byte) error {
	if data == nil {
		b.Delete(key)
		return nil
	}
	contactCenter, _, err := splitRecordKey(key)
	if err != nil {
		return fmt.Errorf("indexing a recording: %w", err)
	}
	r, err := mapping.DecodeStored(data)
	if err != nil {
		return fmt.Errorf("indexing a recording: %w", err)
	}
	b.Update(newest.NewDocument(key, contactCenter, r.Region, r.Searchable()))
	return nil
}

// catchUp brings an index up to date from the change log. When it returns, pending holds every change that is not in
// the index.
//
// Each round indexes what was changed during the one before. Once little is left, or it does not become much less because
// changes come as fast as they are indexed, pending holds what follows, which slows the writers down.
func (x *Index) catchUp(ctx context.Context, s *searchIndex) error {
	before := uint64(math.MaxUint64)
	for {
		x.commits.Lock()
		missing := x.last - s.sequence
		follow := missing <= uint64(nearlyCaughtUp*x.o.BatchSize) || missing > before/2
		if follow {
			x.pending.follow()
		}
		state, newest := x.stateLocked()
		x.commits.Unlock()
		if err := state.await(ctx, newest); err != nil {
			return err
		}
		err := x.indexLogged(ctx, s, state)
		state.close()
		if err != nil || follow {
			return err
		}
		before = missing
	}
}

// indexLogged brings an index up to a state.
func (x *Index) indexLogged(ctx context.Context, s *searchIndex, state *durableState) error {
	from := s.sequence
	for s.sequence < state.sequence {
		x.state.notReady("the search index is being brought up to date", s.sequence-from, state.sequence-from)
		changes, err := state.changes(s.sequence, x.o.BatchSize)
		if err != nil {
			return err
		}
		b := bleveindex.NewBatch()
		for i, c := range changes {
			if c.sequence != s.sequence+1+uint64(i) {
				return fmt.Errorf("the change log has %d where %d should be", c.sequence, s.sequence+1+uint64(i))
			}
			data, err := readRecord(state, c.key)
			if err != nil {
				return err
			}
			if err := addRecord(b, c.key, data); err != nil {
				return err
			}
		}
		if len(changes) == 0 {
			return fmt.Errorf("the change log ends at %d instead of %d", s.sequence, state.sequence)
		}
		if err := s.apply(ctx, b, changes[len(changes)-1].sequence); err != nil {
			return err
		}
	}
	return nil
}

// follow adds the pending changes to the index as they come.
func (x *Index) follow(ctx context.Context, s *searchIndex) error {
	for {
		x.space.await(ctx)
		if err := x.trimBehind(s); err != nil {
			return err
		}
		_, progress := s.persistence()
		changes := x.durableChanges(ctx)
		if len(changes) > 0 {
			if err := x.indexPending(ctx, s, changes); err != nil {
				return err
			}
			if len(changes) == x.o.BatchSize {
				continue
			}
		}
		select {
		case <-x.pending.wake:
			sleep(ctx, x.o.gather)
		case <-progress:
		case <-s.failed:
			return s.failure()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// durableChanges returns the oldest pending changes that are durable, at most a batch.
func (x *Index) durableChanges(ctx context.Context) []*change {
	changes := x.pending.next(x.o.BatchSize)
	for i, c := range changes {
		if c.wait(ctx) != nil {
			return changes[:i] // none behind it is durable, either
		}
	}
	return changes
}

func (x *Index) indexPending(ctx context.Context, s *searchIndex, changes []*change) error {
	b := bleveindex.NewBatch()
	for _, c := range changes {
		if c.data == nil {
			b.Delete(c.key)
		} else {
			b.Update(newest.NewDocument(c.key, c.contactCenter, c.region, c.searchable))
		}
	}
	if err := s.apply(ctx, b, changes[len(changes)-1].sequence); err != nil {
		return err
	}
	x.pending.indexed(len(changes))
	return nil
}

// trimBehind trims the change log behind what the search index has persisted.
func (x *Index) trimBehind(s *searchIndex) error {
	p, _ := s.persistence()
	if p.sequence < x.trimmed.Load()+x.o.trimEvery {
		return nil
	}
	if err := syncPath(s.dir); err != nil {
		return fmt.Errorf("making the files of the search index durable: %w", err)
	}
	if err := x.trimLog(p.sequence); err != nil {
		x.log.Error().Err(err).Msg("trimming the change log")
	}
	return nil
}

// sleep waits, but not beyond the end of the context.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
