package embedded

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	bleveindex "github.com/blevesearch/bleve_index_api"

	"recordings/index/embedded/schema"
	"recordings/mapping"
)

const (
	nearlyCaughtUp = 2 // batches of changes that may be missing when pending begins to hold what follows
)

// runIndexer keeps a search index up to date until the Index is closed: the one that is there, if it is any good, or
// one built from the recordings. An index that fails is given up, and the one before it or another takes its place.
func (x *Index) runIndexer() {
	ctx := x.gate.closing
	s, why := x.openCurrent()
	for {
		if s == nil {
			if s = x.awaitIndex(ctx, why); s == nil {
				return
			}
		}
		err := x.keepIndexed(ctx, s)
		if ctx.Err() != nil {
			return
		}
		x.log.Error().Err(err).Msg("the search index is given up")
		x.state.notReady("the search index is going to be rebuilt: "+err.Error(), 0, 0)
		why = err.Error()
		s = x.fallBack(why, math.MaxUint64)
	}
}

// keepIndexed brings a search index up to date, keeps it so, and goes over to a new one when there is one, until the context
// ends or the index fails. It closes the index.
func (x *Index) keepIndexed(ctx context.Context, s *searchIndex) (err error) {
	defer func() {
		x.state.notReady("the search index is closed", 0, 0)
		x.pending.unfollow()
		err = errors.Join(err, s.close())
	}()
	if err := x.catchUp(ctx, s); err != nil {
		return fmt.Errorf("bringing the search index up to date: %w", err)
	}
	x.state.ready(s)
	for {
		next, err := x.follow(ctx, s)
		if err != nil {
			return err
		}
		if x.switchTo(ctx, next) {
			if err := s.close(); err != nil {
				x.log.Warn().Err(err).Msg("closing the search index before this one")
			}
			s = next.index
		}
	}
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
	b.Update(schema.NewDocument(key, contactCenter, r.Region, r.Searchable()))
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
		follow := missing <= uint64(nearlyCaughtUp*x.o.BatchSize) || missing > before/2 || x.pending.isFollowing()
		if follow {
			x.pending.follow()
		}
		state, newest := x.stateLocked()
		x.commits.Unlock()
		if err := state.await(ctx, newest); err != nil {
			return err
		}
		err := x.indexLogged(ctx, s, state, nil)
		state.close()
		if err != nil || follow {
			return err
		}
		before = missing
	}
}

// indexLogged brings an index up to a state, at a pace if there is one.
func (x *Index) indexLogged(ctx context.Context, s *searchIndex, state *durableState, pace *pacer) error {
	size := x.o.BatchSize
	if pace != nil {
		size = pace.batch()
	}
	from := s.sequence
	for s.sequence < state.sequence {
		x.state.progress("the search index is being brought up to date", s.sequence-from, state.sequence-from)
		changes, err := state.changes(s.sequence, size)
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
		p := s.position
		p.sequence = changes[len(changes)-1].sequence
		p.between = p.sequence < state.sequence // the recordings are as they were in the state
		apply := func() error { return s.apply(ctx, b, p) }
		if pace != nil {
			err = pace.do(apply)
		} else {
			err = apply()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// follow adds the pending changes to the index as they come, until another index is to take its place.
func (x *Index) follow(ctx context.Context, s *searchIndex) (*offer, error) {
	for {
		x.space.await(ctx)
		if err := x.trimBehind(s); err != nil {
			return nil, err
		}
		_, progress := s.persistence()
		changes := x.durableChanges(ctx)
		if len(changes) > 0 {
			if err := x.indexPending(ctx, s, changes); err != nil {
				return nil, err
			}
			if len(changes) == x.o.BatchSize {
				continue
			}
		}
		select {
		case <-x.pending.wake:
			sleep(ctx, x.o.gather)
		case <-progress:
		case done := <-x.flushes:
			done <- s.flush(ctx)
		case next := <-x.reindex.offers:
			return next, nil
		case <-s.failed:
			return nil, s.failure()
		case <-ctx.Done():
			return nil, context.Cause(ctx)
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
			b.Update(schema.NewDocument(c.key, c.contactCenter, c.region, c.searchable))
		}
	}
	if err := s.apply(ctx, b, position{sequence: changes[len(changes)-1].sequence}); err != nil {
		return err
	}
	x.pending.indexed(len(changes))
	return nil
}

// trimBehind trims the change log behind what the search index has persisted, and another one does not need.
func (x *Index) trimBehind(s *searchIndex) error {
	p, _ := s.persistence()
	upTo := min(p.sequence, x.reindex.floor())
	if upTo < x.trimmed.Load()+x.o.trimEvery {
		return nil
	}
	if err := syncPath(s.dir); err != nil {
		return fmt.Errorf("making the files of the search index durable: %w", err)
	}
	if err := x.trimLog(upTo - 1); err != nil { // the last one tells how many recordings the index must have
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
