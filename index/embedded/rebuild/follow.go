package rebuild

import (
	"context"
	"fmt"

	"recordings/index"
	"recordings/index/embedded/bleveindex"
	"recordings/index/embedded/schema"
	"recordings/index/embedded/store"
	"recordings/mapping"
)

// Follow brings an index up to a state of the store, by the change log.
func (b *Builder) Follow(ctx context.Context, x *bleveindex.Index, at *store.Snapshot) error {
	direct := func(work func() error) error { return work() }
	return b.follow(ctx, x, at, b.o.BatchSize, direct)
}

// follow is Follow with batches of a size, each applied by do, which may take its time.
func (b *Builder) follow(
	ctx context.Context, x *bleveindex.Index, at *store.Snapshot, size int, do func(work func() error) error,
) error {
	from := x.Position().Sequence
	for x.Position().Sequence < at.Sequence {
		done := x.Position().Sequence - from
		b.o.Service.Progress("the search index is being brought up to date", done, at.Sequence-from)
		batch, next, err := nextBatch(x.Position(), at, size)
		if err != nil {
			return err
		}
		if err := do(func() error { return x.Apply(ctx, batch, next) }); err != nil {
			return err
		}
	}
	return nil
}

// nextBatch makes a batch of the next changes, and returns the position that an index reaches with
// it.
func nextBatch(
	p bleveindex.Position, at *store.Snapshot, size int,
) (*bleveindex.Batch, bleveindex.Position, error) {
	entries, err := at.Changes(p.Sequence, size)
	if err != nil {
		return nil, p, err
	}
	if len(entries) == 0 {
		return nil, p, fmt.Errorf("the change log ends at %d instead of %d", p.Sequence, at.Sequence)
	}

	batch := bleveindex.NewBatch()
	for i, e := range entries {
		if want := p.Sequence + 1 + uint64(i); e.Sequence != want {
			return nil, p, fmt.Errorf("the change log has %d where %d should be", e.Sequence, want)
		}
		data, err := at.Get(e.Key)
		if err != nil {
			return nil, p, err
		}
		if err := addRecord(batch, e.Key, data); err != nil {
			return nil, p, err
		}
	}

	p.Sequence = entries[len(entries)-1].Sequence
	p.Between = p.Sequence < at.Sequence // the recordings are as they were in the state
	return batch, p, nil
}

// addRecord adds what is stored under a record key to a batch; data is nil if it is deleted.
func addRecord(b *bleveindex.Batch, key string, data []byte) error {
	if data == nil {
		b.Delete(key)
		return nil
	}

	contactCenter, _, err := store.SplitRecordKey(key)
	if err != nil {
		return fmt.Errorf("indexing a recording: %w", err)
	}
	r, err := mapping.DecodeStored(data)
	if err != nil {
		return fmt.Errorf("indexing a recording: %w", err)
	}
	b.Put(schema.NewDocument(key, contactCenter, r.Region, r.Searchable()))
	return nil
}

// catchUp brings an index that nobody uses nearly up to date.
func (b *Builder) catchUp(ctx context.Context, x *bleveindex.Index) error {
	if err := b.job.enter(ctx, index.CatchingUp); err != nil {
		return err
	}

	p := &pacer{builder: b, ctx: ctx, index: x}
	before := uint64(nothing)
	for {
		at, err := b.o.Service.Snapshot(ctx)
		if err != nil {
			return err
		}
		missing := at.Sequence - x.Position().Sequence
		err = b.follow(ctx, x, at, p.batch(), p.do)
		_ = at.Close() // it would only report a state that was closed twice

		// If it does not become less, writers must be slowed down, which is done where it is
		// installed.
		if err != nil || missing <= uint64(p.batch()) || missing > before/2 {
			return err
		}
		before = missing
	}
}
