package rebuild

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"

	"recordings/index"
	"recordings/index/embedded/bleveindex"
	"recordings/index/embedded/store"
)

// fill adds all recordings to an index, from where it is.
func (b *Builder) fill(ctx context.Context, x *bleveindex.Index) error {
	if x.Position().Filling == "" {
		return nil
	}
	if err := b.job.enter(ctx, index.Filling); err != nil {
		return err
	}
	done, err := x.Count()
	if err != nil {
		return err
	}

	f := &filling{Builder: b, index: x, pacer: &pacer{builder: b, ctx: ctx, index: x}, done: done}
	for x.Position().Filling != "" {
		if err := f.fromSnapshot(ctx); err != nil {
			return err
		}
	}
	return nil
}

// filling is an index that is being filled.
type filling struct {
	*Builder
	index *bleveindex.Index
	pacer *pacer
	done  uint64         // recordings that it has
	read  []storedRecord // and that are to be added next
}

// storedRecord is a recording as it is stored.
type storedRecord struct {
	key  string
	data []byte
}

// errLongLog ends filling from a snapshot.
var errLongLog = errors.New("the change log is long")

// fromSnapshot follows the change log up to now, and then adds recordings as they are now, until
// all of them are done or the change log has become long.
func (f *filling) fromSnapshot(ctx context.Context) error {
	at, err := f.o.Service.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = at.Close() }() // it would only report a state that was closed twice
	if err := f.follow(ctx, f.index, at, f.pacer.batch(), f.pacer.do); err != nil {
		return err
	}

	// The scan goes on behind the key that the index is filled up to, wherever it was interrupted.
	f.read, f.pacer.logIsLong = nil, false
	err = at.Scan(ctx, f.index.Position().Filling, func(key string, data []byte) error {
		if f.pacer.logIsLong {
			return errLongLog
		}
		f.read = append(f.read, storedRecord{key, bytes.Clone(data)})
		if len(f.read) < f.pacer.batch()*f.pacer.workers() {
			return nil
		}
		return f.add(ctx, at, key)
	})
	switch {
	case errors.Is(err, errLongLog):
		return nil
	case err != nil:
		return err
	}
	return f.add(ctx, at, "")
}

// add adds what was read to the index, which then is filled up to a key.
func (f *filling) add(ctx context.Context, at *store.Snapshot, key string) error {
	p := f.index.Position()
	p.Filling = key
	if err := f.pacer.do(func() error { return f.addAll(ctx, p) }); err != nil {
		return err
	}

	f.done += uint64(len(f.read))
	f.read = f.read[:0]
	f.job.progress(f.done, at.Count)
	f.o.Service.Progress("the search index is being rebuilt", f.done, max(at.Count, f.done))
	return nil
}

// addAll adds what was read, in several batches at a time, and when all are in the index, how far
// it has come by that.
func (f *filling) addAll(ctx context.Context, p bleveindex.Position) error {
	adding, addingCtx := errgroup.WithContext(ctx)
	for part := range slices.Chunk(f.read, f.pacer.batch()) {
		adding.Go(func() error {
			batch := bleveindex.NewBatch()
			for _, r := range part {
				if err := addRecord(batch, r.key, r.data); err != nil {
					return err
				}
			}
			return f.index.Add(addingCtx, batch)
		})
	}
	if err := adding.Wait(); err != nil {
		return err
	}

	// Batches become persistent in the order in which they were added, so the position comes last.
	return f.index.Apply(ctx, bleveindex.NewBatch(), p)
}
