package embedded

import (
	"bytes"
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"recordings/index"
	"recordings/mapping"
)

// Put stores or merges a recording; see [index.Index].
func (x *Index) Put(ctx context.Context, contactCenter string, r *mapping.Recording) (index.Outcome, error) {
	ctx, leave, err := x.gate.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	key := recordKey(contactCenter, r.ID)
	unlock, err := x.beginWrite(ctx, key)
	if err != nil {
		return "", err
	}
	defer unlock()

	stored, err := readRecord(x.db, key)
	if err != nil {
		return "", err
	}
	merged, data, err := mergeInto(stored, r)
	switch {
	case err != nil:
		return "", err
	case stored != nil && bytes.Equal(stored, data):
		return index.Unchanged, nil // and durable: whoever wrote it held the lock until it was
	case len(data) > x.o.MaxRecording:
		return "", fmt.Errorf("%d bytes, %d are allowed: %w", len(data), x.o.MaxRecording, index.ErrTooLarge)
	}
	c := &change{
		key:           key,
		contactCenter: contactCenter,
		id:            r.ID,
		region:        merged.Region,
		data:          data,
		searchable:    merged.Searchable(),
	}
	if stored != nil {
		return index.Merged, x.commit(c, 0)
	}
	return index.Created, x.commit(c, +1)
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
func (x *Index) delete(ctx context.Context, contactCenter, id string, check func(stored []byte) error, with func(*pebble.Batch) error) error {
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
	return x.commit(&change{key: key, contactCenter: contactCenter, id: id, with: with}, -1)
}

// beginWrite makes sure that a change can be written, waits for room in the pending set and for the lock of the key.
func (x *Index) beginWrite(ctx context.Context, key string) (end func(), err error) {
	if x.space.full.Load() {
		return nil, index.ErrDiskFull
	}
	if err := x.pending.reserve(ctx); err != nil {
		return nil, err
	}
	unlock, err := x.locks.lock(ctx, key)
	if err != nil {
		x.pending.release()
		return nil, err
	}
	end = func() {
		unlock()
		x.pending.release()
	}
	if err := x.brokenError(); err != nil { // looked at under the lock: an earlier writer of the key may have met it
		end()
		return nil, err
	}
	return end, nil
}

// commit makes a change durable. After an error the outcome is unknown and nothing more can be written.
func (x *Index) commit(c *change, countDelta int) error {
	batch := x.db.NewBatchWithSize(2*len(c.key) + len(c.data) + 128)
	defer func() { _ = batch.Close() }() // of no consequence: it is committed, or the store is broken
	c.done = make(chan struct{})
	err := x.submit(c, countDelta, batch)
	if err == nil {
		err = guard(batch.SyncWait)
	}
	if c.sequence == 0 {
		return err // it did not come to the store
	}
	if err != nil {
		err = x.breakDown(err)
	}
	x.pending.settle(c, err)
	x.space.wrote(len(c.data))
	return err
}

// submit gives a change the next sequence and hands it to the store. The store logs changes in the order in which it
// gets them, so a change is durable only together with all earlier ones.
func (x *Index) submit(c *change, countDelta int, batch *pebble.Batch) error {
	x.commits.Lock()
	defer x.commits.Unlock()
	if err := x.brokenError(); err != nil {
		return err
	}
	sequence, count := x.last+1, x.count+uint64(countDelta)
	if err := fillBatch(batch, c, sequence, count); err != nil {
		return err
	}
	c.sequence = sequence
	x.pending.add(c)
	if err := guard(func() error { return x.db.ApplyNoSyncWait(batch, pebble.Sync) }); err != nil {
		return x.breakDown(err) // at once, lest another change follow
	}
	x.last, x.count = sequence, count
	return nil
}

func fillBatch(batch *pebble.Batch, c *change, sequence, count uint64) error {
	key := []byte(c.key)
	var err error
	if c.data == nil {
		err = batch.Delete(key, nil)
	} else {
		err = batch.Set(key, appendStoredValue(make([]byte, 0, valueHeader+len(c.data)), sequence, c.data), nil)
	}
	if err != nil {
		return fmt.Errorf("preparing a change: %w", err)
	}
	if err := batch.Set(logKey(sequence), appendLogValue(nil, count, c.key), nil); err != nil {
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
