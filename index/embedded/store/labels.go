package store

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"recordings/index"
	"recordings/index/embedded/internal/fault"
)

// Labels returns what is kept of the labels of a contact center, in the order of the names that they
// were set by.
func (s *Store) Labels(contactCenter string) (all [][]byte, err error) {
	err = s.eachNote(labelPrefix, contactCenter, func(_ string, value []byte) {
		all = append(all, bytes.Clone(value))
	})
	return all, err
}

// eachNote calls fn with what is kept of a kind beside the recordings of a contact center, and with under
// what it is kept, in the order of that.
func (s *Store) eachNote(prefix, contactCenter string, fn func(name string, value []byte)) (err error) {
	from := []byte(keyOf(prefix, contactCenter, ""))
	it, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: from, UpperBound: behindContactCenter(prefix, contactCenter),
	})
	if err != nil {
		return fmt.Errorf("reading what is kept beside recordings: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()

	for it.First(); it.Valid(); it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("reading what is kept beside recordings: %w", err)
		}
		fn(string(it.Key()[len(from):]), value)
	}
	return it.Error()
}

// SetLabel keeps a label under a name, durably; nil data removes it.
func (s *Store) SetLabel(contactCenter, name string, data []byte) error {
	return s.setNote(labelKey(contactCenter, name), data)
}

// SavedSearches returns what is kept of the saved searches of a user, nil if there is nothing.
func (s *Store) SavedSearches(contactCenter, user string) ([]byte, error) {
	value, closer, err := s.db.Get([]byte(keyOf(searchPrefix, contactCenter, user)))
	switch {
	case errors.Is(err, pebble.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading saved searches: %w", err)
	}
	data := bytes.Clone(value)
	return data, closer.Close()
}

// SetSavedSearches keeps the saved searches of a user, durably; nil data removes them.
func (s *Store) SetSavedSearches(contactCenter, user string, data []byte) error {
	return s.setNote(keyOf(searchPrefix, contactCenter, user), data)
}

// SavedSearchUsers returns the users of a contact center who have saved searches, in order.
func (s *Store) SavedSearchUsers(contactCenter string) (users []string, err error) {
	err = s.eachNote(searchPrefix, contactCenter, func(user string, _ []byte) { users = append(users, user) })
	return users, err
}

// setNote keeps what is no recording under a key, durably; nil data removes it.
func (s *Store) setNote(name string, data []byte) error {
	switch err := s.Broken(); {
	case err != nil:
		return err
	case s.space.Full():
		return index.ErrDiskFull
	}

	key := []byte(name)
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
