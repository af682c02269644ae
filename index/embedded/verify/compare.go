// Package verify compares everything that is stored with its checksums, and the recordings with the
// search index: each must be there once, with the terms that it should have.
//
// Neither Pebble nor Bleve reads all of its files by itself, and what lies in a cache is not read
// at all; so damage would be noticed when it is too late to restore from a backup. Verification
// runs while the service is in use, on one consistent state of both (see [State]), gives way to
// searches, and goes on past what is damaged: a recording that cannot be read is found by the key
// of its document.
package verify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"recordings/index"
	"recordings/index/embedded/bleveindex"
	"recordings/index/embedded/internal/fault"
	"recordings/index/embedded/newest"
	"recordings/index/embedded/schema"
	"recordings/index/embedded/store"
)

// searchDir is where the search indexes are, below the data directory.
const searchDir = "search"

// State is one consistent state of everything: what a search index has, and the store.
type State struct {
	Index  *bleveindex.Index
	Reader *bleveindex.Reader
	Store  *store.Snapshot
	Log    store.ChangeLog // of the store

	// Changed are the keys of recordings of which the index may have another version than the
	// store.
	Changed map[string]struct{}
}

// Close lets go of the state.
func (s *State) Close() {
	_ = s.Reader.Close() // neither has anything to report but being closed twice
	_ = s.Store.Close()
}

// With returns the same state of the store, with another index. Only its Reader must be closed.
func (s *State) With(ctx context.Context, x *bleveindex.Index) (*State, error) {
	changed, err := s.Store.ChangedKeys(ctx, x.Position().Sequence, s.Log.Last)
	if err != nil {
		return nil, err
	}
	r, err := x.Reader()
	if err != nil {
		return nil, err
	}
	return &State{Index: x, Reader: r, Store: s.Store, Log: s.Log, Changed: changed}, nil
}

// Problems compares all recordings with the index, and returns how many problems there are. It
// calls rest often, and ends with its error.
func (s *State) Problems(ctx context.Context, rest func() error) (uint64, error) {
	found := newFindings()
	err := s.compare(ctx, found, rest)
	return found.problems, err
}

// checkFiles compares the checksums of the segments of the index that are in files. The file of a
// segment that was merged with others meanwhile may be gone: it is of no use any more.
func (s *State) checkFiles(found *findings, rest func() error) error {
	for _, path := range s.Reader.Files() {
		if err := rest(); err != nil {
			return err
		}

		err := bleveindex.CheckSegment(path)
		if errors.Is(err, fs.ErrNotExist) {
			used, readErr := s.Index.Uses(path)
			if readErr != nil {
				return readErr
			}
			if !used {
				continue
			}
		}
		if err != nil {
			name := filepath.Join(searchDir, filepath.Base(filepath.Dir(path)), filepath.Base(path))
			found.file(index.DamagedIndex, name, err)
		}
		found.checked(1, 0)
	}
	return nil
}

// compare compares all recordings with the documents of the index. An index that cannot be read is
// a finding, not an error.
func (s *State) compare(ctx context.Context, found *findings, rest func() error) error {
	err := fault.Guard(func() error { return compareRecords(s.Reader, s.Store, s.Changed, found, rest) })
	if err != nil && ctx.Err() == nil {
		found.file(index.DamagedIndex, searchDir, err)
		return nil
	}
	return err
}

// comparison goes through the recordings and the documents of an index side by side, both in the
// order of their keys.
type comparison struct {
	found   *findings
	changed map[string]struct{} // see State
	records *cursor
	checker *newest.Checker
	entry   newest.Entry // the present document; without a key at the end
}

// compareRecords compares a state of the index with one of the store, but for what was changed in
// between.
func compareRecords(
	r *bleveindex.Reader, records *store.Snapshot, changed map[string]struct{}, found *findings, rest func() error,
) (err error) {
	checker, err := newest.NewChecker(r.Snapshot, rest)
	if err != nil {
		return err
	}
	c := &comparison{found: found, changed: changed, records: newCursor(records, found), checker: checker}
	defer func() { err = errors.Join(err, c.records.close()) }()
	return c.run(rest)
}

// run compares until both sides are at their end.
func (c *comparison) run(rest func() error) (err error) {
	c.records.seek(store.RecordPrefix)
	c.entry, err = c.checker.Next()

	for n := 0; err == nil && (c.entry.Key != "" || c.records.key != "" || c.records.err != nil); n++ {
		if n%64 == 0 {
			if err := rest(); err != nil {
				return err
			}
		}

		if c.records.err != nil && !c.records.recover(c.entry.Key) {
			if c.entry.Key == "" {
				break // nothing shows what else there should be
			}
			c.entry, err = c.checker.Next()
			continue
		}
		err = c.step()
	}

	if n := c.checker.Keyless(); err == nil && c.records.err == nil && n != 0 {
		c.found.file(index.DamagedIndex, searchDir, fmt.Errorf("%d documents have no key", n))
	}
	return err
}

// step compares the lower one of the present keys, and moves on.
func (c *comparison) step() (err error) {
	// What was changed between the states is no finding, whichever side has it.
	_, skip := c.changed[c.entry.Key]
	switch {
	case c.records.key == "" || c.entry.Key != "" && c.entry.Key < c.records.key:
		if !skip {
			c.found.record(index.NoRecording, c.entry.Key, nil)
		}
		c.entry, err = c.checker.Next()

	case c.entry.Key == "" || c.records.key < c.entry.Key:
		if _, skip := c.changed[c.records.key]; c.records.document() != nil && !skip {
			c.found.record(index.Missing, c.records.key, nil)
		}
		c.records.next()

	default:
		if d := c.records.document(); d != nil && !skip {
			c.agree(d)
		}
		c.records.next()
		c.entry, err = c.checker.Next()
	}
	return err
}

// agree compares the present document with what it should be.
func (c *comparison) agree(want *schema.Document) {
	switch {
	case c.entry.Copies > 1:
		c.found.record(index.Twice, c.entry.Key, nil)
	case !c.checker.Agrees(&c.entry, want):
		c.found.record(index.Different, c.entry.Key, nil)
	}
}
