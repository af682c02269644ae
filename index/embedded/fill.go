package embedded

import (
	"bytes"
	"context"
	"errors"
	"slices"

	bleveindex "github.com/blevesearch/bleve_index_api"
	"golang.org/x/sync/errgroup"

	"recordings/index"
)

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
