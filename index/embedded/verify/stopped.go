package verify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
	"github.com/rs/zerolog"

	"recordings/index"
	"recordings/index/embedded/bleveindex"
	"recordings/index/embedded/internal/fault"
	"recordings/index/embedded/store"
)

// Stopped compares everything in a data directory that no service has open. Nothing is written.
// Tell is called often with the progress. The report is complete even if there is an error, which
// says why not everything could be compared.
func Stopped(
	ctx context.Context, dir string, log zerolog.Logger, tell func(index.Verification),
) (_ index.Verification, err error) {
	v := New(Options{Dir: dir, Log: log}, nil)
	v.beginLocked("it was asked for", false)
	if _, err := os.Stat(filepath.Join(dir, store.RecordsDir)); err != nil {
		return v.Status(), fmt.Errorf("there is no data directory at %s: %w", dir, err)
	}
	o := store.Options{Dir: dir, Log: log}
	lock, err := store.Lock(o)
	if err != nil {
		return v.Status(), err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()

	rest := func() error {
		tell(v.Status())
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return nil
	}
	s := &stopped{dir: dir, found: v.found, rest: rest}
	if err := s.verify(ctx, v, o, lock); err != nil {
		return v.Status(), err
	}
	v.endLocked(v.found.verdict())
	return v.Status(), nil
}

// stopped is a data directory that nobody uses.
type stopped struct {
	dir   string
	found *findings
	rest  func() error

	records *store.Snapshot
	log     store.ChangeLog // of records
}

// verify verifies the store, and the search index against it as far as the store can be read.
func (s *stopped) verify(ctx context.Context, v *Verifier, o store.Options, lock *pebble.Lock) (err error) {
	if err := store.CheckStopped(o, lock, &report{s.found, s.rest}); err != nil {
		return err
	}

	if s.records, err = store.OpenStopped(o, lock); err != nil {
		return nil // which was reported
	}
	defer func() { err = errors.Join(err, s.records.Close()) }()
	if s.log, err = s.records.ChangeLog(); err != nil {
		s.found.file(index.DamagedFile, store.RecordsDir, err)
		return nil
	}

	v.compares(s.log.Count)
	if err := fault.Guard(s.records.CheckCount); err != nil {
		s.found.file(index.DamagedFile, store.RecordsDir, err)
	}
	return s.verifyIndex(ctx)
}

// verifyIndex verifies the search index. Where there is none the recordings are verified alone: it
// is then built anew when the service is started.
func (s *stopped) verifyIndex(ctx context.Context) error {
	dir, err := bleveindex.Current(filepath.Join(s.dir, searchDir))
	var at bleveindex.Checked
	if err == nil {
		at, err = bleveindex.Check(dir)
	}
	if err == nil {
		err = s.fits(&at)
	}
	if errors.Is(err, os.ErrNotExist) && s.log.Last == 0 {
		return nil // nothing was ever stored
	}

	name := filepath.Join(searchDir, filepath.Base(dir))
	if dir == "" && errors.Is(err, os.ErrNotExist) {
		name, err = searchDir, errors.New("there is none; it is built when the service starts")
	}
	if err != nil {
		s.found.file(index.DamagedIndex, name, err)
		return s.verifyAlone(ctx)
	}
	return s.compareIndex(ctx, dir, at.Sequence)
}

// compareIndex compares the index in a directory, which has the changes up to a sequence.
func (s *stopped) compareIndex(ctx context.Context, dir string, sequence uint64) error {
	changed, err := s.records.ChangedKeys(ctx, sequence, s.log.Last)
	if err != nil {
		return err
	}

	err = bleveindex.ReadStopped(dir, func(r *bleveindex.Reader) error {
		s.found.checked(uint64(r.Segments())+1, 0) // the root, too; Check has compared them
		return compareRecords(r, s.records, changed, s.found, s.rest)
	})
	if err != nil && ctx.Err() == nil {
		s.found.file(index.DamagedIndex, filepath.Join(searchDir, filepath.Base(dir)), err)
		return nil
	}
	return err
}

// fits makes sure that the change log goes on where the index ends. An index that is ahead of the
// records shows that these have lost changes.
func (s *stopped) fits(at *bleveindex.Checked) error {
	switch {
	case at.Filling != "":
		return errors.New("the search index is not complete")
	case at.Sequence > s.log.Last:
		err := fmt.Errorf("the search index has the changes up to %d, the recordings only those up to %d",
			at.Sequence, s.log.Last)
		s.found.file(index.LostChanges, store.RecordsDir, err)
		return err
	case at.Sequence+1 < s.log.First:
		return fmt.Errorf("the search index has the changes up to %d, the change log those from %d",
			at.Sequence, s.log.First)
	case at.Between:
		return nil
	}

	count, known, err := s.records.CountAt(at.Sequence)
	if err == nil && known && count != at.Docs {
		err = fmt.Errorf("the search index has %d documents, but there were %d recordings", at.Docs, count)
	}
	return err
}

// verifyAlone reads all recordings.
func (s *stopped) verifyAlone(ctx context.Context) (err error) {
	c := newCursor(s.records, s.found)
	defer func() { err = errors.Join(err, c.close()) }()
	for c.seek(store.RecordPrefix); c.key != "" && ctx.Err() == nil; c.next() {
		c.document()
		if err := s.rest(); err != nil {
			return err
		}
	}
	return nil
}
