package store

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"recordings/index"
	"recordings/index/embedded/internal/fault"
)

// Change is a recording that is put or deleted.
type Change struct {
	Sequence      uint64 // set by Commit
	ContactCenter string
	Key           string // see [RecordKey]
	Data          []byte // JSON; nil: the recording is deleted; Commit makes what is stored of it, see Options.Stamp
	Delta         int    // by how much it changes the number of recordings
	Changed       int64  // set by Commit: milliseconds since 1970, see changeClock

	Orphaned []index.OrphanedMedia // are put on their list in the same step
}

// Commit makes changes durable in one step. It gives them the next sequences; submitted is called
// when they have them and before anybody can read the changes, in the order of the sequences.
//
// If submitted was not called, nothing has happened. After any other error the outcome is unknown,
// and nothing more can be written.
func (s *Store) Commit(changes []*Change, submitted func()) error {
	size := 0
	for _, c := range changes {
		size += 2*len(c.Key) + len(c.Data) + 128
	}
	batch := s.db.NewBatchWithSize(size)
	defer func() { _ = batch.Close() }() // an error changes nothing: it is committed, or the store is broken

	begun, err := s.submit(changes, batch, submitted)
	if !begun {
		return err
	}
	if err == nil {
		err = fault.Guard(batch.SyncWait)
	}
	if err == nil {
		err = s.Broken() // see pebblehost
	}
	if err != nil {
		err = s.breakDown(err)
	}
	s.space.wrote(size)
	return err
}

// submit gives changes the next sequences and hands them to Pebble, which logs changes in the order
// in which it gets them. So a change is durable only together with all earlier ones. It reports
// whether submitted was called.
func (s *Store) submit(changes []*Change, batch *pebble.Batch, submitted func()) (begun bool, err error) {
	s.commits.Lock()
	defer s.commits.Unlock()
	if err := s.Broken(); err != nil {
		return false, err
	}

	sequence, count := s.last, s.count
	for _, c := range changes {
		sequence++
		count += uint64(c.Delta)
		c.Sequence, c.Changed = sequence, s.clock.next()
		if err := s.fillBatch(batch, c, count); err != nil {
			return false, err
		}
	}
	if err := batch.Set([]byte(changedKey), appendChanged(nil, s.clock.last), nil); err != nil {
		return false, fmt.Errorf("preparing the time of a change: %w", err)
	}

	submitted()
	if err := fault.Guard(func() error { return s.db.ApplyNoSyncWait(batch, pebble.Sync) }); err != nil {
		return true, s.breakDown(err) // at once, lest another change follow
	}
	s.last, s.count = sequence, count
	s.visible.Store(sequence)
	return true, nil
}

// fillBatch adds a change to a batch, with how many recordings there are after it.
func (s *Store) fillBatch(batch *pebble.Batch, c *Change, count uint64) error {
	key := []byte(c.Key)
	var err error
	if c.Data == nil {
		err = batch.Delete(key, nil)
	} else {
		value := appendHeader(make([]byte, 0, valueHeader+stampRoom+len(c.Data)), c.Sequence)
		value = s.o.Stamp(value, c.Data, c.Changed)
		c.Data = value[valueHeader:]
		err = batch.Set(key, value, nil)
	}
	if err != nil {
		return fmt.Errorf("preparing a change: %w", err)
	}

	if err := batch.Set(logKey(c.Sequence), appendLogValue(nil, count, c.Key), nil); err != nil {
		return fmt.Errorf("preparing an entry of the change log: %w", err)
	}
	return listOrphans(batch, c.ContactCenter, c.Orphaned)
}

// stampRoom is for what a stamp adds.
const stampRoom = 64

// plainStamp stores the data as they are.
func plainStamp(b, data []byte, _ int64) []byte { return append(b, data...) }
