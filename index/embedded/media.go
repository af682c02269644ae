package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/go-json-experiment/json"

	"recordings/index"
	"recordings/mapping"
)

// DeleteSeen removes a recording that is as it was seen, and lists media left behind; see [index.Index].
func (x *Index) DeleteSeen(ctx context.Context, contactCenter string, seen *mapping.Recording, left []index.OrphanedMedia) error {
	unchanged := func(stored []byte) error { return checkSeen(stored, seen) }
	list := func(batch *pebble.Batch) error { return listMediaLeft(batch, contactCenter, left) }
	return x.delete(ctx, contactCenter, seen.ID, unchanged, list)
}

// checkSeen compares recordings, not bytes: what an earlier version of this program stored may be written otherwise now.
func checkSeen(stored []byte, seen *mapping.Recording) error {
	r, err := mapping.DecodeStored(stored)
	if err != nil {
		return fmt.Errorf("decoding a stored recording: %w", err)
	}
	now, err := mapping.Encode(r)
	if err != nil {
		return fmt.Errorf("encoding a recording: %w", err)
	}
	before, err := mapping.Encode(seen)
	if err != nil {
		return fmt.Errorf("encoding a recording: %w", err)
	}
	if !bytes.Equal(now, before) {
		return index.ErrChanged
	}
	return nil
}

func listMediaLeft(batch *pebble.Batch, contactCenter string, left []index.OrphanedMedia) error {
	for i := range left {
		data, err := json.Marshal(&left[i])
		if err != nil {
			return fmt.Errorf("encoding media left behind: %w", err)
		}
		if err := batch.Set([]byte(leftKey(contactCenter, left[i].ID)), data, nil); err != nil {
			return fmt.Errorf("listing media left behind: %w", err)
		}
	}
	return nil
}

// MediaLeft lists media left behind; see [index.Index].
func (x *Index) Orphaned(ctx context.Context, contactCenter, after string, limit int) (all []index.OrphanedMedia, err error) {
	ctx, leave, err := x.gate.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	end := []byte(leftKey(contactCenter, ""))
	end[len(end)-1]++ // the terminator is the last: behind all ids
	it, err := x.db.NewIter(&pebble.IterOptions{LowerBound: []byte(leftKey(contactCenter, after)), UpperBound: end})
	if err != nil {
		return nil, fmt.Errorf("reading the media left behind: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for it.First(); it.Valid() && len(all) < limit; it.Next() {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("reading the media left behind: %w", context.Cause(ctx))
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return nil, fmt.Errorf("reading the media left behind: %w", err)
		}
		var left index.OrphanedMedia
		if err := json.Unmarshal(value, &left); err != nil {
			return nil, fmt.Errorf("decoding media left behind: %w", err)
		}
		if left.ID != after {
			all = append(all, left)
		}
	}
	return all, it.Error()
}

// SettleOrphaned changes the list of media left behind; see [index.Index].
func (x *Index) SettleOrphaned(ctx context.Context, contactCenter string, gone []string, left []index.OrphanedMedia) error {
	_, leave, err := x.gate.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if len(gone) == 0 && len(left) == 0 {
		return nil
	}
	switch err := x.brokenError(); {
	case err != nil:
		return err
	case x.space.full.Load():
		return index.ErrDiskFull
	}
	batch := x.db.NewBatch()
	defer func() { _ = batch.Close() }() // of no consequence: it is committed, or the store is broken
	for _, id := range gone {
		if err := batch.Delete([]byte(leftKey(contactCenter, id)), nil); err != nil {
			return fmt.Errorf("taking media off the list of those left behind: %w", err)
		}
	}
	if err := listMediaLeft(batch, contactCenter, left); err != nil {
		return err
	}
	if err := guard(func() error { return batch.Commit(pebble.Sync) }); err != nil {
		return x.breakDown(err)
	}
	return x.brokenError() // see logFS
}
