package embedded

import (
	"context"
	"fmt"
	"slices"

	"recordings/index"
	"recordings/index/embedded/pending"
	"recordings/index/embedded/store"
	"recordings/index/embedded/verify"
	"recordings/mapping"
)

// Get returns one recording; see [index.Index].
func (x *Index) Get(ctx context.Context, of index.Scope, id string) (*mapping.Recording, error) {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("reading a recording: %w", err)
	}

	data, err := x.states.durable(ctx, store.RecordKey(of.ContactCenter, id))
	if err != nil {
		return nil, err
	}
	if data == nil {
		return nil, index.ErrNotFound
	}
	if in, ok := mapping.StoredRegion(data); ok && of.Region != index.AnyRegion && in != of.Region {
		return nil, index.ErrNotFound // before it is decoded, which would take time that can be measured
	}
	r, err := mapping.DecodeStored(data)
	if err != nil {
		return nil, fmt.Errorf("decoding a stored recording: %w", err)
	}

	if !of.Has(r) {
		return nil, index.ErrNotFound
	}
	return r, nil
}

// Scan calls fn for every recording; see [index.Index].
func (x *Index) Scan(ctx context.Context, fn func(contactCenter string, r *mapping.Recording) error) error {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	state, err := x.states.snapshot(ctx)
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

// ContactCenters returns those that have recordings; see [index.ContactCenters].
func (x *Index) ContactCenters(ctx context.Context) ([]string, error) {
	return x.centers(ctx, (*store.Snapshot).ContactCenters)
}

// NotedCenters returns the contact centers of an index that have orphaned media, definitions of labels or saved
// searches, be it without any recording, in order, each once.
func NotedCenters(ctx context.Context, x *Index) ([]string, error) {
	return x.centers(ctx, (*store.Snapshot).NotedCenters)
}

// centers returns contact centers that the present state of the store lists, in order, each once.
func (x *Index) centers(
	ctx context.Context, list func(*store.Snapshot, context.Context) ([]string, error),
) ([]string, error) {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	state, err := x.states.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = state.Close() }() // it would only report a state that was closed twice

	all, err := list(state, ctx)
	slices.Sort(all) // keys have NULs escaped
	return slices.Compact(all), err
}

// states takes states of the store, and of the search index with it, that can be told of: what is
// not durable yet is awaited, or left out.
type states struct {
	store   *store.Store
	pending *pending.Set
	serving *serving
}

// durable returns the stored JSON of a recording once it is durable, or nil if there is none. The
// store shows a change before it is durable. Whatever was read is durable unless the key is pending
// now; then the pending change is the answer, once it is durable.
func (s *states) durable(ctx context.Context, key string) ([]byte, error) {
	data, err := s.store.Get(key)
	if err != nil {
		return nil, err
	}

	if c := s.pending.Undurable(key); c != nil {
		if err := c.Wait(ctx); err != nil {
			return nil, err
		}
		data = c.Data
	}
	return data, nil
}

// snapshot returns the present state of the store, once it is durable. It must be closed.
func (s *states) snapshot(ctx context.Context) (*store.Snapshot, error) {
	return s.snapshotAt(ctx, func(uint64) {})
}

// snapshotAt is snapshot, and calls begin with the sequence of the newest change at the moment of
// the state, when no change can come in between.
func (s *states) snapshotAt(ctx context.Context, begin func(last uint64)) (*store.Snapshot, error) {
	var newest *pending.Change
	state := s.store.Snapshot(func(last uint64) {
		begin(last)
		newest = s.pending.Newest()
	})

	if newest != nil {
		if err := newest.Wait(ctx); err != nil {
			_ = state.Close()
			return nil, err
		}
	}
	return state, nil
}

// whole returns the present state of everything. It must be closed.
func (s *states) whole() (*verify.State, error) {
	w := &verify.State{}
	var err error
	w.Changed, err = s.pending.ViewAll(func() error {
		at, err := s.serving.reader()
		if err != nil {
			return err
		}
		w.Index, w.Reader, w.Store = at.index, at.reader, s.store.Latest()
		return nil
	})
	if err != nil {
		return nil, err
	}

	if w.Log, err = w.Store.ChangeLog(); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}
