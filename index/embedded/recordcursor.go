package embedded

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"recordings/index"
	"recordings/index/embedded/schema"
	"recordings/mapping"
)

// recordCursor goes through the recordings of a store in the order of their keys, past what is damaged.
type recordCursor struct {
	store  pebble.Reader
	report *findings

	it    *pebble.Iterator
	key   string // of the present recording; empty at the end
	value []byte
	last  string // the key before what cannot be read
	err   error  // why the next recording cannot be read
}

func (c *recordCursor) seek(key string) {
	if c.err = c.close(); c.err != nil {
		return
	}
	it, err := c.store.NewIter(&pebble.IterOptions{LowerBound: []byte(recordPrefix), UpperBound: []byte(recordEnd)})
	if err != nil {
		c.err = err
		return
	}
	c.it = it
	c.take(func() bool { return it.SeekGE([]byte(key)) })
}

func (c *recordCursor) next() { c.take(c.it.Next) }

// take moves on. A checksum that is wrong is an error of the iterator, or of the value.
func (c *recordCursor) take(move func() bool) {
	if c.key != "" {
		c.last = c.key
	}
	c.key, c.value = "", nil
	c.err = guard(func() error {
		if !move() {
			return c.it.Error()
		}
		value, err := c.it.ValueAndErr()
		if err == nil {
			c.key, c.value = string(c.it.Key()), value
		}
		return err
	})
	if c.err != nil {
		c.report.file(index.DamagedFile, recordsDir, fmt.Errorf("recordings behind the key %q cannot be read: %w", c.last, c.err))
	}
}

// recover tries to go on, behind what cannot be read, at a key of the search index. If the recording of that key cannot be
// read it is reported.
func (c *recordCursor) recover(key string) bool {
	if key == "" {
		return false
	}
	var found bool
	err := guard(func() error {
		data, err := readRecord(c.store, key)
		found = data != nil
		return err
	})
	if err != nil {
		c.report.record(index.DamagedRecording, key, err)
		return false
	}
	if !found {
		return false
	}
	c.seek(key)
	return c.err == nil
}

// document makes what the search index should have of the present recording. If that cannot be read it is reported.
func (c *recordCursor) document() *schema.Document {
	c.report.checked(0, 1)
	contactCenter, id, err := splitRecordKey(c.key)
	var data []byte
	if err == nil {
		_, data, err = splitStoredValue(c.value)
	}
	var r *mapping.Recording
	if err == nil {
		r, err = mapping.DecodeStored(data)
	}
	if err == nil && r.ID != id {
		err = fmt.Errorf("it has the id %q", r.ID)
	}
	if err != nil {
		c.report.record(index.DamagedRecording, c.key, err)
		return nil
	}
	return schema.NewDocument(c.key, contactCenter, r.Region, r.Searchable())
}

func (c *recordCursor) close() error {
	if c.it == nil {
		return nil
	}
	it := c.it
	c.it = nil
	if c.err != nil {
		_ = it.Close() // it only repeats that error
		return nil
	}
	return it.Close()
}
