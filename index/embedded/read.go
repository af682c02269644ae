package embedded

import (
	"context"
	"fmt"

	"recordings/index"
	"recordings/index/embedded/pending"
	"recordings/index/embedded/store"
	"recordings/mapping"
)

// Get returns one recording; see [index.Index].
func (x *Index) Get(ctx context.Context, contactCenter, region, id string) (*mapping.Recording, error) {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("reading a recording: %w", err)
	}

	data, err := x.durable(ctx, store.RecordKey(contactCenter, id))
	if err != nil {
		return nil, err
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

// durable returns the stored JSON of a recording once it is durable, or nil if there is none. The
// store shows a change before it is durable. Whatever was read is durable unless the key is pending
// now; then the pending change is the answer, once it is durable.
func (x *Index) durable(ctx context.Context, key string) ([]byte, error) {
	data, err := x.store.Get(key)
	if err != nil {
		return nil, err
	}

	if c := x.pending.Undurable(key); c != nil {
		if err := c.Wait(ctx); err != nil {
			return nil, err
		}
		data = c.Data
	}
	return data, nil
}

// Scan calls fn for every recording; see [index.Index].
func (x *Index) Scan(ctx context.Context, fn func(contactCenter string, r *mapping.Recording) error) error {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	state, err := x.snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = state.Close() }() // it would only report a state that was closed twice

	return state.Scan(ctx, store.RecordPrefix, func(key string, data []byte) error {
		contactCenter, _, err := store.SplitRecordKey(key)
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

// snapshot returns the present state of the store, once it is durable. It must be closed.
func (x *Index) snapshot(ctx context.Context) (*store.Snapshot, error) {
	return x.snapshotAt(ctx, func(uint64) {})
}

// snapshotAt is snapshot, and calls begin with the sequence of the newest change at the moment of
// the state, when no change can come in between.
func (x *Index) snapshotAt(ctx context.Context, begin func(last uint64)) (*store.Snapshot, error) {
	var newest *pending.Change
	state := x.store.Snapshot(func(last uint64) {
		begin(last)
		newest = x.pending.Newest()
	})

	if newest != nil {
		if err := newest.Wait(ctx); err != nil {
			_ = state.Close()
			return nil, err
		}
	}
	return state, nil
}
