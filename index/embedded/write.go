package embedded

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"recordings/index"
	"recordings/mapping"
)

// Put stores or merges a recording; see [index.Index].
func (x *Index) Put(ctx context.Context, contactCenter string, r *mapping.Recording) (index.Outcome, error) {
	result := x.PutAll(ctx, contactCenter, []*mapping.Recording{r}, index.PutOptions{})[0]
	return result.Outcome, result.Err
}

// mergeInto merges a posted recording into a stored one, if there is one, and encodes the result.
func mergeInto(stored []byte, posted *mapping.Recording) (merged *mapping.Recording, data []byte, err error) {
	var old *mapping.Recording
	if stored != nil {
		if old, err = mapping.DecodeStored(stored); err != nil {
			return nil, nil, fmt.Errorf("decoding a stored recording: %w", err)
		}
	}
	merged = mapping.Merge(old, posted)
	if data, err = mapping.Encode(merged); err != nil {
		return nil, nil, fmt.Errorf("encoding a recording: %w", err)
	}
	return merged, data, nil
}

// Delete removes a recording of any region; see [index.Index].
func (x *Index) Delete(ctx context.Context, contactCenter, id string) error {
	return x.delete(ctx, contactCenter, id, nil, nil)
}

// delete removes a recording if check, given what is stored, has nothing against it, and writes something else with it.
func (x *Index) delete(ctx context.Context, contactCenter, id string, check func(stored []byte) error, with func(*pebble.Batch) error) (err error) {
	defer func() { x.metrics.deleted(err) }()
	ctx, leave, err := x.gate.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	key := recordKey(contactCenter, id)
	unlock, err := x.beginWrite(ctx, key)
	if err != nil {
		return err
	}
	defer unlock()

	stored, err := readRecord(x.db, key)
	if err != nil {
		return err
	}
	if stored == nil {
		return index.ErrNotFound
	}
	if check != nil {
		if err := check(stored); err != nil {
			return err
		}
	}
	return x.commit(&change{key: key, contactCenter: contactCenter, id: id, before: stored, delta: -1, with: with})
}

// beginWrite makes sure that changes can be written, waits for room in the pending set and for the locks of the keys.
func (x *Index) beginWrite(ctx context.Context, keys ...string) (end func(), err error) {
	if x.space.full.Load() {
		return nil, index.ErrDiskFull
	}
	if err := x.pending.reserve(ctx, len(keys)); err != nil {
		return nil, err
	}
	unlock, err := x.locks.lock(ctx, keys...)
	if err != nil {
		x.pending.release(len(keys))
		return nil, err
	}
	end = func() {
		unlock()
		x.pending.release(len(keys))
	}
	if err := x.brokenError(); err != nil { // looked at under the lock: an earlier writer of the key may have met it
		end()
		return nil, err
	}
	return end, nil
}

// commit makes changes durable in one step. After an error the outcome is unknown and nothing more can be written.
func (x *Index) commit(changes ...*change) error {
	size, settled := 0, make(chan struct{})
	for _, c := range changes {
		c.done = settled
		size += 2*len(c.key) + len(c.data) + 128
	}
	batch := x.db.NewBatchWithSize(size)
	defer func() { _ = batch.Close() }() // of no consequence: it is committed, or the store is broken
	pending, err := x.submit(changes, batch)
	if err == nil {
		err = guard(batch.SyncWait)
	}
	if err == nil {
		err = x.brokenError() // see logFS
	}
	if !pending {
		return err // it did not come to the store
	}
	if err != nil {
		err = x.breakDown(err)
	}
	x.pending.settle(changes, err)
	x.space.wrote(size)
	return err
}

// submit gives changes the next sequences and hands them to the store. The store logs changes in the order in which it
// gets them, so a change is durable only together with all earlier ones. It tells whether the changes are pending now.
func (x *Index) submit(changes []*change, batch *pebble.Batch) (pending bool, err error) {
	x.commits.Lock()
	defer x.commits.Unlock()
	if err := x.brokenError(); err != nil {
		return false, err
	}
	sequence, count := x.last, x.count
	for _, c := range changes {
		sequence++
		count += uint64(c.delta)
		c.sequence = sequence
		if err := fillBatch(batch, c, count); err != nil {
			return false, err
		}
	}
	x.pending.add(changes)
	if err := guard(func() error { return x.db.ApplyNoSyncWait(batch, pebble.Sync) }); err != nil {
		return true, x.breakDown(err) // at once, lest another change follow
	}
	x.last, x.count = sequence, count
	x.visible.Store(sequence)
	return true, nil
}

func fillBatch(batch *pebble.Batch, c *change, count uint64) error {
	key := []byte(c.key)
	var err error
	if c.data == nil {
		err = batch.Delete(key, nil)
	} else {
		err = batch.Set(key, appendStoredValue(make([]byte, 0, valueHeader+len(c.data)), c.sequence, c.data), nil)
	}
	if err != nil {
		return fmt.Errorf("preparing a change: %w", err)
	}
	if err := batch.Set(logKey(c.sequence), appendLogValue(nil, count, c.key), nil); err != nil {
		return fmt.Errorf("preparing an entry of the change log: %w", err)
	}
	if c.with == nil {
		return nil
	}
	return c.with(batch)
}

// breakDown notes that the store cannot be written any more. What is durable can still be read.
func (x *Index) breakDown(cause error) error {
	if x.broken.CompareAndSwap(nil, &cause) {
		x.log.Error().Err(cause).Msg("the store cannot be written any more; restart the service when the cause is mended")
	}
	return x.brokenError()
}

func (x *Index) brokenError() error {
	if cause := x.broken.Load(); cause != nil {
		return unavailable("writing to the store", *cause)
	}
	return nil
}
