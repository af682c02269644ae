package store

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Records goes through the recordings of a state. To go on with one is quicker than to begin anew
// for each recording. It must be closed, and not be used concurrently.
type Records struct{ it *pebble.Iterator }

// Records returns an iterator over the recordings of the state.
func (s *Snapshot) Records() (*Records, error) { return newRecords(s.reader, false) }

// Lookup returns an iterator over the present recordings for those who mostly look for what is not
// there. Unlike Get and other iterators, it looks into the filters of the lowest level, too, where
// almost all recordings are, before it reads a block.
func (s *Store) Lookup() (*Records, error) { return newRecords(s.db, true) }

// newRecords makes an iterator. With filters it also looks into those of the lowest level, which
// pays only where most of what is looked for is not there.
func newRecords(r pebble.Reader, filters bool) (*Records, error) {
	it, err := r.NewIter(&pebble.IterOptions{
		LowerBound:   []byte(RecordPrefix),
		UpperBound:   []byte(recordEnd),
		UseL6Filters: filters,
	})
	if err != nil {
		return nil, fmt.Errorf("reading the recordings: %w", err)
	}
	return &Records{it}, nil
}

// Get returns the stored JSON of a recording, or nil if there is none. The bytes are only valid
// until the next call.
func (r *Records) Get(key string) ([]byte, error) {
	if !r.it.SeekPrefixGE([]byte(key)) || string(r.it.Key()) != key {
		if err := r.it.Error(); err != nil {
			return nil, unreadable(err)
		}
		return nil, nil
	}

	value, err := r.it.ValueAndErr()
	if err != nil {
		return nil, unreadable(err)
	}
	_, data, err := splitValue(value)
	if err != nil {
		return nil, unreadable(err)
	}
	return data, nil
}

// Seek goes to the first recording whose key is not before the given one. It reports whether there
// is one, or else Err tells why not.
func (r *Records) Seek(key string) bool { return r.it.SeekGE([]byte(key)) }

// Next goes to the next recording. It reports whether there is one, or else Err tells why not.
func (r *Records) Next() bool { return r.it.Next() }

// Key is that of the present recording.
func (r *Records) Key() string { return string(r.it.Key()) }

// Value is that of the present recording, as Content reads it. The bytes are only valid until the
// next call. A checksum that is wrong is an error, here or of Err.
func (r *Records) Value() ([]byte, error) { return r.it.ValueAndErr() }

// Err is why there is no present recording; nil at the end.
func (r *Records) Err() error { return r.it.Error() }

// Close ends the iteration. It returns the error of Err, too.
func (r *Records) Close() error { return r.it.Close() }

// Content returns the JSON in the value of a recording.
func Content(value []byte) ([]byte, error) {
	_, data, err := splitValue(value)
	return data, err
}
