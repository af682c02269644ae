package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"recordings/index/embedded/internal/fault"
)

// Report is told what a check finds.
type Report interface {
	// Damaged is told of a file that is damaged, by its name below the data directory.
	Damaged(file string, err error)
	// Checked is told how many more files were compared with their checksums.
	Checked(files uint64)
	// Rest is asked often whether to go on. It may take its time.
	Rest() error
}

// Check compares the checksums of everything in the store as it is now, from links to its files.
func (s *Store) Check(report Report) (err error) {
	dir := s.verifyDir()
	if err := s.o.FS.RemoveAll(dir); err != nil {
		return fmt.Errorf("removing what an earlier verification has left: %w", err)
	}
	defer func() { err = errors.Join(err, s.o.FS.RemoveAll(dir)) }()

	if err := s.Checkpoint(dir); err != nil {
		return fmt.Errorf("linking the files of the records for verification: %w", err)
	}
	return check(s.o, dir, nil, report)
}

// verifyDir is within the data directory, as hard links are only made within one file system.
func (s *Store) verifyDir() string { return s.o.FS.PathJoin(s.o.Dir, verifyDir) }

// CheckStopped compares the checksums of everything in a store that is not open. Lock is held on
// it.
func CheckStopped(o Options, lock *pebble.Lock, report Report) error {
	o = o.withFS()
	return check(o, o.recordsDir(), lock, report)
}

// check opens a store without writing to it, which reads its manifest, its options and its log, and
// checks its tables.
func check(o Options, dir string, lock *pebble.Lock, report Report) (err error) {
	db, options, err := openReadOnly(o, dir, lock)
	if err != nil {
		report.Damaged(RecordsDir, fmt.Errorf("opening the records: %w", err))
		return nil
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	report.Checked(3) // the manifest, the options, the log

	if err := checkTables(db, options, dir, report); err != nil {
		return err
	}
	if err := fault.Guard(func() error { return db.CheckLevels(nil) }); err != nil {
		report.Damaged(RecordsDir, fmt.Errorf("checking the order of the tables: %w", err))
	}
	return nil
}

// openReadOnly opens a store that is there, without changing it.
func openReadOnly(o Options, dir string, lock *pebble.Lock) (db *pebble.DB, _ *pebble.Options, err error) {
	options := pebbleOptions(o, o.FS, lock)
	options.ReadOnly = true
	options.ErrorIfNotExists = true
	err = fault.Guard(func() (err error) {
		db, err = pebble.Open(dir, options)
		return err
	})
	return db, options, err
}

// OpenStopped opens the store of a data directory for reading, with the lock that is held on it.
// The store is not changed.
func OpenStopped(o Options, lock *pebble.Lock) (*Snapshot, error) {
	o = o.withFS()
	db, _, err := openReadOnly(o, o.recordsDir(), lock)
	if err != nil {
		return nil, fmt.Errorf("opening the records: %w", err)
	}
	return &Snapshot{reader: db, close: func() error { return fault.Guard(db.Close) }}, nil
}

// checkTables compares the checksums of all blocks of the tables of a store. Pebble itself only
// does so with what it reads, and what is in its cache it does not read.
func checkTables(db *pebble.DB, o *pebble.Options, dir string, report Report) error {
	levels, err := db.SSTables()
	if err != nil {
		return fmt.Errorf("listing the tables of the records: %w", err)
	}

	for _, level := range levels {
		for _, table := range level {
			if err := report.Rest(); err != nil {
				return err
			}
			name := table.BackingSSTNum.String() + ".sst"
			if err := fault.Guard(func() error { return checkTable(o, o.FS.PathJoin(dir, name)) }); err != nil {
				err = fmt.Errorf("%w; it has keys from %q to %q", err, table.Smallest.UserKey, table.Largest.UserKey)
				report.Damaged(filepath.Join(RecordsDir, name), err)
			}
			report.Checked(1)
		}
	}
	return nil
}

// checkTable compares the checksums of all blocks of a table, without any cache.
func checkTable(o *pebble.Options, path string) error {
	f, err := o.FS.Open(path)
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(f)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	r, err := sstable.NewReader(context.Background(), readable, o.MakeReaderOptions())
	if err != nil {
		return errors.Join(err, readable.Close())
	}
	return errors.Join(r.ValidateBlockChecksums(), r.Close())
}

// CheckTable compares the checksums of a file, if it is a table of a store.
func CheckTable(path string) error {
	if filepath.Ext(path) != ".sst" {
		return nil
	}
	options := pebbleOptions(Options{}, vfs.Default, nil)
	options.EnsureDefaults()
	return fault.Guard(func() error { return checkTable(options, path) })
}
