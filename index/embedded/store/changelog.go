package store

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"recordings/index/embedded/internal/fault"
)

// ChangeLog is what the store knows of its change log. The last entry is never trimmed, so that the
// sequence goes on from there.
type ChangeLog struct {
	First uint64 // sequence of the oldest entry that is still there, 0: the log is empty
	Last  uint64 // sequence of the newest entry, 0: nothing was ever changed
	Count uint64 // recordings stored
}

// Entry is one entry of the change log.
type Entry struct {
	Sequence uint64
	Key      string // of the recording that was changed
}

// readChangeLog looks at both ends of the change log. That is all that a start needs of it.
func readChangeLog(r pebble.Reader) (l ChangeLog, err error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: []byte(logPrefix), UpperBound: []byte(logEnd)})
	if err != nil {
		return l, fmt.Errorf("reading the change log: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()

	if !it.First() {
		return l, it.Error()
	}
	if l.First, err = splitLogKey(it.Key()); err != nil {
		return l, err
	}

	if !it.Last() {
		return l, it.Error()
	}
	if l.Last, err = splitLogKey(it.Key()); err != nil {
		return l, err
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return l, fmt.Errorf("reading the change log: %w", err)
	}
	l.Count, _, err = splitLogValue(value)
	return l, err
}

// countAt returns how many recordings there were after a change, if the change log still knows it.
func countAt(r pebble.Reader, sequence uint64) (count uint64, known bool, err error) {
	if sequence == 0 {
		return 0, true, nil
	}

	value, closer, err := r.Get(logKey(sequence))
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("reading the change log: %w", err)
	}
	defer closer.Close()

	count, _, err = splitLogValue(value)
	return count, err == nil, err
}

// entriesBehind returns the oldest entries of the change log behind a sequence, at most n.
func entriesBehind(r pebble.Reader, after uint64, n int) (entries []Entry, err error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: logKey(after + 1), UpperBound: []byte(logEnd)})
	if err != nil {
		return nil, fmt.Errorf("reading the change log: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()

	for it.First(); it.Valid() && len(entries) < n; it.Next() {
		sequence, err := splitLogKey(it.Key())
		if err != nil {
			return nil, err
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return nil, fmt.Errorf("reading the change log: %w", err)
		}
		_, key, err := splitLogValue(value)
		if err != nil {
			return nil, err
		}
		entries = append(entries, Entry{sequence, key})
	}
	return entries, it.Error()
}

// CountAt returns how many recordings there were after a change, if the change log still knows it.
func (s *Store) CountAt(sequence uint64) (count uint64, known bool, err error) {
	return countAt(s.db, sequence)
}

// Trimmed returns the sequence behind which the change log has all changes.
func (s *Store) Trimmed() uint64 { return s.trimmed.Load() }

// Trim removes the entries of the change log up to a sequence, but never the last one. Nothing
// depends on this being durable.
func (s *Store) Trim(upTo uint64) error {
	s.trimming.Lock()
	defer s.trimming.Unlock()
	_, last := s.Size()
	upTo = min(upTo, max(last, 1)-1)
	if upTo <= s.trimmed.Load() {
		return nil
	}

	err := fault.Guard(func() error { return s.db.DeleteRange(logKey(0), logKey(upTo+1), pebble.NoSync) })
	if err != nil {
		return s.breakDown(err)
	}
	s.trimmed.Store(upTo)
	return nil
}

// KeepLog keeps the change log as it is, until release is called.
func (s *Store) KeepLog() (release func()) {
	s.trimming.Lock()
	return s.trimming.Unlock
}
