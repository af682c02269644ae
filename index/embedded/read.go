package embedded

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"recordings/index"
	"recordings/mapping"
)

// Get returns one recording; see [index.Index].
func (x *Index) Get(ctx context.Context, contactCenter, region, id string) (*mapping.Recording, error) {
	ctx, leave, err := x.gate.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("reading a recording: %w", err)
	}
	key := recordKey(contactCenter, id)
	data, err := readRecord(x.db, key)
	if err != nil {
		return nil, err
	}
	// The store shows a change before it is durable. Whatever was read is durable unless the key is pending now; then the
	// pending change is the answer, once it is durable.
	if c := x.pending.undurableChange(key); c != nil {
		if err := c.wait(ctx); err != nil {
			return nil, err
		}
		data = c.data
	}
	if data == nil {
		return nil, index.ErrNotFound
	}
	r, err := mapping.DecodeStored(data)
	if err != nil {
		return nil, fmt.Errorf("decoding a stored recording: %w", err)
	}
	if region != index.AnyRegion && r.Region != region {
		return nil, index.ErrNotFound
	}
	return r, nil
}

// Scan calls fn for every recording; see [index.Index].
func (x *Index) Scan(ctx context.Context, fn func(contactCenter string, r *mapping.Recording) error) error {
	ctx, leave, err := x.gate.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	state, err := x.durableState(ctx)
	if err != nil {
		return err
	}
	defer state.close()
	return state.scan(ctx, recordPrefix, func(key string, data []byte) error {
		contactCenter, _, err := splitRecordKey(key)
		if err != nil {
			return fmt.Errorf("reading a recording: %w", err)
		}
		r, err := mapping.DecodeStored(data)
		if err != nil {
			return fmt.Errorf("decoding a stored recording: %w", err)
		}
		return fn(contactCenter, r)
	})
}

// durableState is a durable state of the store: all changes up to a sequence and none behind it.
type durableState struct {
	*pebble.Snapshot
	sequence uint64
	count    uint64 // recordings
}

// durableState returns the present state, once it is durable. It must be closed.
func (x *Index) durableState(ctx context.Context) (*durableState, error) {
	x.commits.Lock()
	s, newest := x.stateLocked()
	x.commits.Unlock()
	if err := s.await(ctx, newest); err != nil {
		return nil, err
	}
	return s, nil
}

// stateLocked returns the present state and its newest change. The state is durable when that change is. The caller
// holds commits.
func (x *Index) stateLocked() (*durableState, *change) {
	s := &durableState{Snapshot: x.db.NewSnapshot(), sequence: x.last, count: x.count}
	return s, x.pending.newestChange()
}

// await waits until the state is durable. After an error it is closed.
func (s *durableState) await(ctx context.Context, newest *change) error {
	if newest == nil {
		return nil
	}
	if err := newest.wait(ctx); err != nil {
		s.close()
		return err
	}
	return nil
}

func (s *durableState) close() { _ = s.Snapshot.Close() } // it only tells of a snapshot closed twice

// scan calls fn with the key and the JSON of each recording behind a key, in the order of the keys. The bytes are only valid
// during the call.
func (s *durableState) scan(ctx context.Context, after string, fn func(key string, data []byte) error) (err error) {
	it, err := s.NewIter(&pebble.IterOptions{LowerBound: []byte(after + "\x00"), UpperBound: []byte(recordEnd)})
	if err != nil {
		return fmt.Errorf("reading the recordings: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for it.First(); it.Valid(); it.Next() {
		if ctx.Err() != nil {
			return fmt.Errorf("reading the recordings: %w", context.Cause(ctx))
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return unreadable(err)
		}
		_, data, err := splitStoredValue(value)
		if err != nil {
			return unreadable(err)
		}
		if err := fn(string(it.Key()), data); err != nil {
			return err
		}
	}
	if err := it.Error(); err != nil {
		return unreadable(err)
	}
	return nil
}

// logged is an entry of the change log.
type logged struct {
	sequence uint64
	key      string
}

// changes returns the oldest entries of the change log behind a sequence, at most n.
func (s *durableState) changes(after uint64, n int) ([]logged, error) { return changesOf(s, after, n) }

// changesOf returns the oldest entries of the change log of the store, or a snapshot of it, behind a sequence, at most n.
func changesOf(r pebble.Reader, after uint64, n int) (changes []logged, err error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: logKey(after + 1), UpperBound: []byte(logEnd)})
	if err != nil {
		return nil, fmt.Errorf("reading the change log: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for it.First(); it.Valid() && len(changes) < n; it.Next() {
		sequence, err := splitLogKey(it.Key())
		if err != nil {
			return nil, err
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return nil, fmt.Errorf("reading the change log: %w", err)
		}
		_, key, err := splitLogValue(value)
		if err != nil {
			return nil, err
		}
		changes = append(changes, logged{sequence, key})
	}
	return changes, it.Error()
}

// trimLog removes the entries of the change log up to a sequence, but never the last one. Nothing depends on this being
// durable.
func (x *Index) trimLog(upTo uint64) error {
	x.trimming.Lock()
	defer x.trimming.Unlock()
	x.commits.Lock()
	last := x.last
	x.commits.Unlock()
	upTo = min(upTo, max(last, 1)-1)
	if upTo <= x.trimmed.Load() {
		return nil
	}
	err := guard(func() error { return x.db.DeleteRange(logKey(0), logKey(upTo+1), pebble.NoSync) })
	if err != nil {
		return x.breakDown(err)
	}
	x.trimmed.Store(upTo)
	return nil
}
