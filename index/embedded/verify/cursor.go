package verify

import (
	"fmt"

	"recordings/index"
	"recordings/index/embedded/internal/fault"
	"recordings/index/embedded/schema"
	"recordings/index/embedded/store"
	"recordings/mapping"
)

// cursor goes through the recordings of a store in the order of their keys, past what is damaged.
type cursor struct {
	store *store.Snapshot
	found *findings

	records *store.Records // nil: it is to be opened
	key     string         // of the present recording; empty at the end
	value   []byte
	last    string // the key before what cannot be read
	err     error  // why the next recording cannot be read
}

// newCursor returns a cursor that is nowhere yet: seek comes first.
func newCursor(s *store.Snapshot, found *findings) *cursor { return &cursor{store: s, found: found} }

// seek goes to the first recording whose key is not before the given one.
func (c *cursor) seek(key string) {
	if c.err = c.close(); c.err != nil {
		return
	}

	records, err := c.store.Records()
	if err != nil {
		c.err = err
		return
	}
	c.records = records
	c.take(func() bool { return records.Seek(key) })
}

// next goes to the next recording.
func (c *cursor) next() { c.take(c.records.Next) }

// take moves on. A checksum that is wrong is an error of the iterator, or of the value.
func (c *cursor) take(move func() bool) {
	if c.key != "" {
		c.last = c.key
	}
	c.key, c.value = "", nil

	c.err = fault.Guard(func() error {
		if !move() {
			return c.records.Err()
		}
		value, err := c.records.Value()
		if err == nil {
			c.key, c.value = c.records.Key(), value
		}
		return err
	})
	if c.err != nil {
		err := fmt.Errorf("recordings behind the key %q cannot be read: %w", c.last, c.err)
		c.found.file(index.DamagedFile, store.RecordsDir, err)
	}
}

// recover tries to go on, behind what cannot be read, at a key of the search index. If the
// recording of that key cannot be read it is reported.
func (c *cursor) recover(key string) bool {
	if key == "" {
		return false
	}

	var there bool
	err := fault.Guard(func() error {
		data, err := c.store.Get(key)
		there = data != nil
		return err
	})
	if err != nil {
		c.found.record(index.DamagedRecording, key, err)
		return false
	}
	if !there {
		return false
	}

	c.seek(key)
	return c.err == nil
}

// document makes what the search index should have of the present recording. If that cannot be read
// it is reported.
func (c *cursor) document() *schema.Document {
	c.found.checked(0, 1)
	d, err := documentOf(c.key, c.value)
	if err != nil {
		c.found.record(index.DamagedRecording, c.key, err)
		return nil
	}
	return d
}

// documentOf makes the document of a stored recording, as indexing it would.
func documentOf(key string, value []byte) (*schema.Document, error) {
	contactCenter, id, err := store.SplitRecordKey(key)
	if err != nil {
		return nil, err
	}
	data, err := store.Content(value)
	if err != nil {
		return nil, err
	}
	r, err := mapping.DecodeStored(data)
	if err != nil {
		return nil, err
	}

	if r.ID != id {
		return nil, fmt.Errorf("it has the id %q", r.ID)
	}
	return schema.NewDocument(key, contactCenter, r.Region, r.Searchable()), nil
}

// close ends the iterator, if there is one. Another seek begins anew.
func (c *cursor) close() error {
	if c.records == nil {
		return nil
	}

	records := c.records
	c.records = nil
	if c.err != nil {
		_ = records.Close() // it only repeats that error
		return nil
	}
	return records.Close()
}
