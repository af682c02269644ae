package embedded

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"recordings/index"
	"recordings/index/embedded/internal/claims"
	"recordings/index/embedded/internal/keylock"
	"recordings/index/embedded/pending"
	"recordings/index/embedded/store"
	"recordings/mapping"
)

// writer changes recordings: it merges what is put into what is stored, makes it durable, and lets
// it be pending until the search index has it.
type writer struct {
	store   *store.Store
	pending *pending.Set
	locks   *keylock.Locks
	// Of recordings and media that are being deleted. They are taken before the other locks.
	claims       *claims.Claims
	saving       sync.Mutex             // held while saved searches are changed
	defining     sync.RWMutex           // of labels; held for reading while some are put on recordings
	dropping     map[labelInCenter]bool // labels that are just being dropped; guarded by defining
	maxRecording int                    // bytes of a merged recording as stored
}

// Put stores or merges a recording; see [index.Index].
func (x *Index) Put(ctx context.Context, contactCenter string, r *mapping.Recording) (index.Outcome, error) {
	result := x.PutAll(ctx, contactCenter, []*mapping.Recording{r}, index.PutOptions{})[0]
	return result.Outcome, result.Err
}

// Delete removes a recording of any region; see [index.Index].
func (x *Index) Delete(ctx context.Context, contactCenter, id string) error {
	return x.delete(ctx, contactCenter, id, nil, nil)
}

// DeleteSeen removes a recording that is as it was seen, and lists orphaned media; see
// [index.Orphans].
func (x *Index) DeleteSeen(
	ctx context.Context, contactCenter string, seen *mapping.Recording, orphaned []index.OrphanedMedia,
) error {
	unchanged := func(stored []byte) error { return checkSeen(stored, seen) }
	return x.delete(ctx, contactCenter, seen.ID, unchanged, orphaned)
}

// checkSeen compares recordings, not bytes: what an earlier version of this program stored may be
// written otherwise now.
func checkSeen(stored []byte, seen *mapping.Recording) error {
	r, err := mapping.DecodeStored(stored)
	if err != nil {
		return fmt.Errorf("decoding a stored recording: %w", err)
	}
	r.ChangedTime = 0 // what was changed and changed back is as it was seen
	now, err := mapping.Encode(r)
	if err != nil {
		return fmt.Errorf("encoding a recording: %w", err)
	}
	before := *seen
	before.ChangedTime = 0
	then, err := mapping.Encode(&before)
	if err != nil {
		return fmt.Errorf("encoding a recording: %w", err)
	}

	if !bytes.Equal(now, then) {
		return index.ErrChanged
	}
	return nil
}

// Orphaned lists orphaned media; see [index.Orphans].
func (x *Index) Orphaned(ctx context.Context, contactCenter, after string, limit int) ([]index.OrphanedMedia, error) {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return x.store.Orphaned(ctx, contactCenter, after, limit)
}

// IsOrphaned looks for orphaned media; see [index.Orphans].
func (x *Index) IsOrphaned(ctx context.Context, contactCenter, id string) (bool, error) {
	_, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	return x.store.IsOrphaned(contactCenter, id)
}

// SettleOrphaned changes the list of orphaned media; see [index.Orphans].
func (x *Index) SettleOrphaned(
	ctx context.Context, contactCenter string, gone []string, orphaned []index.OrphanedMedia,
) error {
	_, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return x.store.SettleOrphaned(contactCenter, gone, orphaned)
}

// delete removes a recording; see writer.delete.
func (x *Index) delete(
	ctx context.Context, contactCenter, id string, check func(stored []byte) error, orphaned []index.OrphanedMedia,
) (err error) {
	defer func() { x.metrics.deleted(err) }()
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return x.writer.delete(ctx, contactCenter, id, check, orphaned)
}

// delete removes a recording if check, given what is stored, has nothing against it. In the same
// step it lists orphaned media.
func (w *writer) delete(
	ctx context.Context, contactCenter, id string, check func(stored []byte) error, orphaned []index.OrphanedMedia,
) error {
	key := store.RecordKey(contactCenter, id)
	end, err := w.begin(ctx, key)
	if err != nil {
		return err
	}
	defer end()

	// Nobody else changes the key from here on, so what is read now is what is deleted.
	stored, err := w.store.Get(key)
	if err != nil {
		return err
	}
	if stored == nil {
		return index.ErrNotFound
	}
	if mapping.StoredHeld(stored) {
		return index.ErrHeld
	}
	if check != nil {
		if err := check(stored); err != nil {
			return err
		}
	}

	return w.commit([]*pending.Change{{
		Change: store.Change{ContactCenter: contactCenter, Key: key, Delta: -1, Orphaned: orphaned},
		Before: stored,
	}})
}

// begin makes sure that changes can be written, and waits for room in the pending set and for
// the locks of the keys.
func (w *writer) begin(ctx context.Context, keys ...string) (end func(), err error) {
	if w.store.Space().Full() {
		return nil, index.ErrDiskFull
	}
	if err := w.pending.Reserve(ctx, len(keys)); err != nil {
		return nil, err
	}
	unlock, err := w.locks.Lock(ctx, keys...)
	if err != nil {
		w.pending.Release(len(keys))
		return nil, err
	}

	end = func() {
		unlock()
		w.pending.Release(len(keys))
	}
	// It is asked under the lock: an earlier writer of the key may have met it.
	if err := w.store.Broken(); err != nil {
		end()
		return nil, err
	}
	return end, nil
}

// commit makes changes durable in one step, and pending until the search index has them. After an
// error the outcome is unknown and nothing more can be written.
func (w *writer) commit(changes []*pending.Change) error {
	stored := make([]*store.Change, len(changes))
	for i, c := range changes {
		stored[i] = &c.Change
	}

	// The changes have to be pending before anybody can read them from the store, and in the same
	// order: else a search could miss one that the search index does not have either.
	added := false
	err := w.store.Commit(stored, func() {
		for _, c := range changes {
			if c.Searchable != nil {
				c.Searchable.ChangedTime = mapping.Time(c.Changed)
			}
		}
		w.pending.Add(changes)
		added = true
	})
	if added {
		w.pending.Settle(changes, err)
	}
	return err
}
