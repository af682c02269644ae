package store

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"recordings/index"
	"recordings/index/embedded/internal/fault"
)

// Labels returns what is kept of the labels of a contact center, in the order of the names that they
// were set by.
func (s *Store) Labels(contactCenter string) (all [][]byte, err error) {
	from, end := []byte(labelKey(contactCenter, "")), []byte(labelKey(contactCenter, ""))
	end[len(end)-1]++ // the terminator is the last: behind all names
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: end})
	if err != nil {
		return nil, fmt.Errorf("reading the labels: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()

	for it.First(); it.Valid(); it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return nil, fmt.Errorf("reading the labels: %w", err)
		}
		all = append(all, append([]byte(nil), value...))
	}
	return all, it.Error()
}

// SetLabel keeps a label under a name, durably; nil data removes it.
func (s *Store) SetLabel(contactCenter, name string, data []byte) error {
	switch err := s.Broken(); {
	case err != nil:
		return err
	case s.space.Full():
		return index.ErrDiskFull
	}

	key := []byte(labelKey(contactCenter, name))
	err := fault.Guard(func() error {
		if data == nil {
			return s.db.Delete(key, pebble.Sync)
		}
		return s.db.Set(key, data, pebble.Sync)
	})
	if err != nil {
		return s.breakDown(err)
	}
	return s.Broken() // see pebblehost
}
