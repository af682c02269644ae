package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"recordings/index"
)

// Snapshot is one state of the store, which stays as it is until it is closed. Old states take disk
// space, so it should not be held for longer than needed.
type Snapshot struct {
	reader pebble.Reader
	close  func() error

	Sequence uint64 // of the newest change in it
	Count    uint64 // recordings
}

// Snapshot returns the present state. If begin is not nil, it is called with the newest sequence at
// that very moment, when no change can come in between.
//
// The state may have changes that are not durable yet; it is durable when its newest change is.
func (s *Store) Snapshot(begin func(last uint64)) *Snapshot {
	s.commits.Lock()
	defer s.commits.Unlock()
	if begin != nil {
		begin(s.last)
	}

	at := s.db.NewSnapshot()
	return &Snapshot{reader: at, close: at.Close, Sequence: s.last, Count: s.count}
}

// Latest returns about the present state, and waits for nobody. It has the changes up to its
// Sequence, and perhaps some behind it; its Count is not known.
func (s *Store) Latest() *Snapshot {
	visible := s.visible.Load()
	at := s.db.NewSnapshot()
	return &Snapshot{reader: at, close: at.Close, Sequence: visible}
}

// Close lets go of the state.
func (s *Snapshot) Close() error { return s.close() }

// Get returns the stored JSON of a recording, or nil if there is none.
func (s *Snapshot) Get(key string) ([]byte, error) { return get(s.reader, key) }

// Get returns the stored JSON of a recording, or nil if there is none. It may not be durable yet.
func (s *Store) Get(key string) ([]byte, error) { return get(s.db, key) }

// get copies what it returns: the memory of Pebble is only lent.
func get(r pebble.Reader, key string) ([]byte, error) {
	value, closer, err := r.Get([]byte(key))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, unreadable(err)
	}
	defer closer.Close()

	_, data, err := splitValue(value)
	if err != nil {
		return nil, unreadable(err)
	}
	return append([]byte(nil), data...), nil
}

// unreadable is the error of a recording that cannot be read.
func unreadable(err error) error {
	if pebble.IsCorruptionError(err) {
		return fmt.Errorf("%w: %w", index.ErrDamaged, err)
	}
	return fmt.Errorf("reading a recording: %w", err)
}

// Scan calls fn with the key and the JSON of each recording behind a key, in the order of the keys.
// The bytes are only valid during the call.
func (s *Snapshot) Scan(ctx context.Context, after string, fn func(key string, data []byte) error) (err error) {
	it, err := s.reader.NewIter(&pebble.IterOptions{LowerBound: []byte(after + "\x00"), UpperBound: []byte(recordEnd)})
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
		_, data, err := splitValue(value)
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

// ContactCenters returns the contact centers that have recordings, in the order of their keys.
func (s *Snapshot) ContactCenters(ctx context.Context) ([]string, error) {
	return s.centers(ctx, RecordPrefix)
}

// NotedCenters returns the contact centers that have orphaned media, definitions of labels or saved searches,
// which they may have without any recording, some of them twice.
func (s *Snapshot) NotedCenters(ctx context.Context) ([]string, error) {
	var all []string
	for _, prefix := range []string{orphanPrefix, labelPrefix, searchPrefix} {
		some, err := s.centers(ctx, prefix)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// centers returns the contact centers that have keys of a kind. It jumps from each to the next, whatever
// number of keys is between.
func (s *Snapshot) centers(ctx context.Context, prefix string) (all []string, err error) {
	end := []byte(prefix)
	end[len(end)-1]++
	it, err := s.reader.NewIter(&pebble.IterOptions{LowerBound: []byte(prefix), UpperBound: end})
	if err != nil {
		return nil, fmt.Errorf("reading the recordings: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()

	for ok := it.First(); ok; {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("reading the recordings: %w", context.Cause(ctx))
		}
		contactCenter, _, err := splitKey(prefix, string(it.Key()))
		if err != nil {
			return nil, fmt.Errorf("reading a recording: %w", err)
		}
		all = append(all, contactCenter)
		ok = it.SeekGE(behindContactCenter(prefix, contactCenter))
	}

	if err := it.Error(); err != nil {
		return nil, unreadable(err)
	}
	return all, nil
}

// ChangeLog returns how far the change log reaches in this state.
func (s *Snapshot) ChangeLog() (ChangeLog, error) { return readChangeLog(s.reader) }

// CountAt returns how many recordings there were after a change, if the change log still knows it.
func (s *Snapshot) CountAt(sequence uint64) (count uint64, known bool, err error) {
	return countAt(s.reader, sequence)
}

// Changes returns the oldest entries of the change log behind a sequence, at most n.
func (s *Snapshot) Changes(after uint64, n int) ([]Entry, error) {
	return entriesBehind(s.reader, after, n)
}

// ChangedKeys returns the keys of the recordings that were changed behind a sequence, up to
// another.
func (s *Snapshot) ChangedKeys(ctx context.Context, after, last uint64) (map[string]struct{}, error) {
	const atATime = 10_000
	keys := make(map[string]struct{})
	for after < last {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}

		entries, err := s.Changes(after, atATime)
		if err != nil {
			return nil, err
		}
		if len(entries) == 0 || entries[0].Sequence != after+1 {
			return nil, fmt.Errorf("the change log does not have %d", after+1)
		}
		for _, e := range entries {
			keys[e.Key] = struct{}{}
		}
		after = entries[len(entries)-1].Sequence
	}
	return keys, nil
}

// CheckCount compares the number of recordings with what the change log says.
func (s *Snapshot) CheckCount() error { return checkStoredCount(s.reader) }
