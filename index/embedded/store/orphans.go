package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/go-json-experiment/json"

	"recordings/index"
	"recordings/index/embedded/internal/fault"
)

// listOrphans puts orphaned media on their list, with a batch.
func listOrphans(batch *pebble.Batch, contactCenter string, orphaned []index.OrphanedMedia) error {
	for i := range orphaned {
		data, err := json.Marshal(&orphaned[i])
		if err != nil {
			return fmt.Errorf("encoding orphaned media: %w", err)
		}
		if err := batch.Set([]byte(orphanKey(contactCenter, orphaned[i].ID)), data, nil); err != nil {
			return fmt.Errorf("listing orphaned media: %w", err)
		}
	}
	return nil
}

// Orphaned returns orphaned media of a contact center: see [index.Orphans].
func (s *Store) Orphaned(ctx context.Context, contactCenter, after string, limit int) (
	all []index.OrphanedMedia, err error,
) {
	end := []byte(orphanKey(contactCenter, ""))
	end[len(end)-1]++ // the terminator is the last: behind all ids
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte(orphanKey(contactCenter, after)), UpperBound: end})
	if err != nil {
		return nil, fmt.Errorf("reading the orphaned media: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()

	for it.First(); it.Valid() && len(all) < limit; it.Next() {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("reading the orphaned media: %w", context.Cause(ctx))
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return nil, fmt.Errorf("reading the orphaned media: %w", err)
		}

		var orphan index.OrphanedMedia
		if err := json.Unmarshal(value, &orphan); err != nil {
			return nil, fmt.Errorf("decoding orphaned media: %w", err)
		}
		if orphan.ID != after {
			all = append(all, orphan)
		}
	}
	return all, it.Error()
}

// IsOrphaned reports whether media of a contact center is on the list: see [index.Orphans].
func (s *Store) IsOrphaned(contactCenter, id string) (bool, error) {
	_, closer, err := s.db.Get([]byte(orphanKey(contactCenter, id)))
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for orphaned media: %w", err)
	}
	return true, closer.Close()
}

// SettleOrphaned changes the list of orphaned media: see [index.Orphans].
func (s *Store) SettleOrphaned(contactCenter string, gone []string, orphaned []index.OrphanedMedia) error {
	if len(gone) == 0 && len(orphaned) == 0 {
		return nil
	}
	switch err := s.Broken(); {
	case err != nil:
		return err
	case s.space.Full():
		return index.ErrDiskFull
	}

	batch := s.db.NewBatch()
	defer func() { _ = batch.Close() }() // an error changes nothing: it is committed, or the store is broken
	for _, id := range gone {
		if err := batch.Delete([]byte(orphanKey(contactCenter, id)), nil); err != nil {
			return fmt.Errorf("taking media off the list of orphaned ones: %w", err)
		}
	}
	if err := listOrphans(batch, contactCenter, orphaned); err != nil {
		return err
	}

	if err := fault.Guard(func() error { return batch.Commit(pebble.Sync) }); err != nil {
		return s.breakDown(err)
	}
	return s.Broken() // see pebblehost
}
