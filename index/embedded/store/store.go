// Package store keeps the recordings of one machine, in Pebble: it is the system of record.
//
// Every change of a recording is one synced batch that also appends to the change log, which says
// which key was changed. A change has a sequence, one more than that of the change before it, and
// Pebble logs the changes in that order: if one is durable, so are all with lower sequences. The
// search index is made of the recordings by following the change log, and is never read here.
//
// Where the log of Pebble cannot be written, nothing more is written until a restart, while what is
// durable can still be read (see pebblehost). Where the disk is full, writes are refused until there is
// space again (see [Space]).
package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"

	"recordings/index/embedded/internal/fault"
	"recordings/index/embedded/internal/fsx"
	"recordings/internal/pebblehost"
)

// LayoutVersion is the version of the keys and values of the store. It is stored with them.
//
//	1  as in keys.go
const LayoutVersion = 1

// PebbleFormat is the version of Pebble's own files, which a store has from its opening on. A Pebble
// that does not know it refuses them.
const PebbleFormat = int(pebble.FormatNewest)

// RecordsDir is where Pebble has its files, below the data directory.
const RecordsDir = "records"

// verifyDir is where the files of the store are linked to while they are verified.
const verifyDir = "verifying"

// Options are the settings of a Store.
type Options struct {
	Dir        string // the data directory; it is created if it is not there
	FS         vfs.FS // where that is; nil: the operating system's
	Log        zerolog.Logger
	CacheBytes int64  // memory for blocks that were read lately; 0: Pebble's default
	MinFree    uint64 // bytes that must be free on the disk for writes to be accepted
	Ballast    int64  // bytes held back for finishing writes on a full disk; 0: none

	Waiting func(reason string) // is told before a write waits for space on the disk; nil: nobody is

	// Stamp appends to b what is stored of the data of a change at a time; nil: the data as they are.
	Stamp func(b, data []byte, changed int64) []byte
	Now   func() time.Time // nil: the clock of the machine
}

// withFS returns the options with a file system.
func (o Options) withFS() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Stamp == nil {
		o.Stamp = plainStamp
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// recordsDir is the directory of Pebble's files.
func (o Options) recordsDir() string { return o.FS.PathJoin(o.Dir, RecordsDir) }

// Store is the system of record. All methods may be called concurrently, until Close is.
type Store struct {
	o     Options
	db    *pebble.DB
	lock  *pebble.Lock
	space *Space
	watch sync.WaitGroup

	broken  atomic.Pointer[error] // why nothing can be written any more, until a restart
	commits sync.Mutex            // held while changes get their sequences and go to Pebble, in that order
	last    uint64                // sequence of the newest change; guarded by commits
	count   uint64                // recordings stored; guarded by commits
	clock   changeClock           // of the changes; guarded by commits
	visible atomic.Uint64         // readers see the changes up to this sequence

	trimming sync.Mutex    // held while the change log is trimmed, and while it must not be
	trimmed  atomic.Uint64 // the change log holds what is behind this sequence
}

// Open opens the store in a data directory, or creates it. A write that finds no space at all waits
// for some, until the context closing ends.
func Open(closing context.Context, o Options) (_ *Store, err error) {
	o = o.withFS()
	if err := fsx.MakeDir(o.FS, o.recordsDir()); err != nil {
		return nil, fmt.Errorf("creating the data directory: %w", err)
	}
	lock, err := Lock(o)
	if err != nil {
		return nil, err
	}

	s := &Store{o: o, lock: lock, clock: changeClock{now: o.Now}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := o.FS.RemoveAll(s.verifyDir()); err != nil {
		return nil, fmt.Errorf("removing what an earlier verification has left: %w", err)
	}

	closing, stop := context.WithCancel(closing)
	defer func() {
		if err != nil {
			stop()
		}
	}()
	s.space = newSpace(closing, o)
	if err := s.open(); err != nil {
		return nil, err
	}
	s.watch.Go(func() {
		defer stop()
		s.space.watch()
	})
	return s, nil
}

// open opens Pebble, and finds out how far the change log reaches.
func (s *Store) open() (err error) {
	if s.db, err = openPebble(s.o, s.pebbleFS(), s.lock); err != nil {
		return err
	}
	if err := s.Broken(); err != nil { // while it was opened
		return err
	}

	log, err := readChangeLog(s.db)
	if err != nil {
		return err
	}
	if err := s.clock.read(s.db); err != nil {
		return err
	}
	s.last, s.count = log.Last, log.Count
	s.visible.Store(log.Last)
	if log.First > 0 {
		s.trimmed.Store(log.First - 1)
	}
	return nil
}

// Lock locks the store in a data directory, lest another process open it.
func Lock(o Options) (*pebble.Lock, error) {
	o = o.withFS()
	lock, err := pebble.LockDirectory(o.recordsDir(), o.FS)
	if err != nil {
		return nil, fmt.Errorf("the data directory %s is in use by another process, or cannot be locked: %w",
			o.Dir, err)
	}
	return lock, nil
}

// Close closes the store, when the context that it was opened with has ended. Everything that was
// committed is durable already.
func (s *Store) Close() error {
	s.watch.Wait()

	var errs []error
	if s.db != nil {
		if err := fault.Guard(s.db.Close); err != nil {
			errs = append(errs, fmt.Errorf("closing the records: %w", err))
		}
	}
	return errors.Join(append(errs, s.lock.Close())...)
}

// Space returns the watch of the disk's free space.
func (s *Store) Space() *Space { return s.space }

// Size returns how many recordings are stored, and the sequence of the newest change.
func (s *Store) Size() (recordings, last uint64) {
	s.commits.Lock()
	defer s.commits.Unlock()
	return s.count, s.last
}

// DiskBytes is the disk space of the records.
func (s *Store) DiskBytes() uint64 { return s.db.Metrics().DiskSpaceUsage() }

// Flush writes what is only in Pebble's log to a table. Nothing depends on it; it is for tests that
// look at files.
func (s *Store) Flush() error { return s.db.Flush() }

// Checkpoint makes another store of hard links to the files of this one, as it is now.
func (s *Store) Checkpoint(dir string) error {
	return fault.Guard(func() error { return s.db.Checkpoint(dir) })
}

// breakDown notes that the store cannot be written any more. What is durable can still be read.
func (s *Store) breakDown(cause error) error {
	if s.broken.CompareAndSwap(nil, &cause) {
		s.o.Log.Error().Err(cause).
			Msg("the store cannot be written any more; restart the service when the cause is mended")
	}
	return s.Broken()
}

// Broken returns why nothing can be written until the store is opened anew, as an
// [recordings/index.ErrUnavailable], or nil.
func (s *Store) Broken() error {
	if cause := s.BrokenCause(); cause != nil {
		return fault.Unavailable("writing to the store", cause)
	}
	return nil
}

// BrokenCause is what Broken wraps, or nil.
func (s *Store) BrokenCause() error {
	if cause := s.broken.Load(); cause != nil {
		return *cause
	}
	return nil
}

// pebbleFS is the file system as Pebble sees it.
func (s *Store) pebbleFS() vfs.FS {
	return pebblehost.WithSafeLog(vfs.OnDiskFull(s.o.FS, s.space.exhausted), func(err error) { _ = s.breakDown(err) })
}

// pebbleOptions are the settings of Pebble.
func pebbleOptions(o Options, fs vfs.FS, lock *pebble.Lock) *pebble.Options {
	options := &pebble.Options{
		FS:                          fs,
		Lock:                        lock,
		Logger:                      pebblehost.Logger(o.Log),
		EventListener:               pebblehost.BackgroundErrors(o.Log),
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                16 << 20,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       8, // every compaction of level 0 writes the level below it anew
		LBaseMaxBytes:               64 << 20,
		MaxOpenFiles:                512,
	}
	options.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionBalanced })

	for i := range options.Levels {
		// A recording has about 2 kB: several of them compress better than each alone.
		options.Levels[i].BlockSize = 8 << 10
		// A Put first looks whether there is such a recording, and most often there is none.
		options.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return options
}

// openPebble opens Pebble for writing, creating it if it is not there.
func openPebble(o Options, fs vfs.FS, lock *pebble.Lock) (db *pebble.DB, err error) {
	options := pebbleOptions(o, fs, lock)
	if o.CacheBytes > 0 {
		options.Cache = pebble.NewCache(o.CacheBytes)
		defer options.Cache.Unref() // Pebble keeps its own reference
	}

	dir := o.recordsDir()
	err = fault.Guard(func() (err error) {
		if err := checkManifest(o, fs, lock); err != nil {
			return err
		}
		db, err = pebble.Open(dir, options)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("opening the records in %s: %w", dir, err)
	}

	if err := checkLayout(db); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the records in %s: %w", dir, err), db.Close())
	}
	return db, nil
}

// checkLayout refuses a store that a later version of the service has written, and marks a new one.
func checkLayout(db *pebble.DB) error {
	value, closer, err := db.Get([]byte(formatKey))
	if errors.Is(err, pebble.ErrNotFound) {
		return markLayout(db)
	}
	if err != nil {
		return fmt.Errorf("reading the version of the layout: %w", err)
	}
	defer closer.Close()

	if version, err := strconv.Atoi(string(value)); err != nil || version != LayoutVersion {
		return fmt.Errorf("the layout is of version %q, this program knows %d; "+
			"use the version of the program that wrote it or a later one", value, LayoutVersion)
	}
	return nil
}

// markLayout stores the version of the layout, which must be there before anything else is.
func markLayout(db *pebble.DB) error {
	if log, err := readChangeLog(db); err != nil || log.Last > 0 {
		missing := errors.New("the version of the layout is missing, which was there before anything else; " +
			"restore from a backup")
		return errors.Join(missing, err)
	}

	if err := db.Set([]byte(formatKey), []byte(strconv.Itoa(LayoutVersion)), pebble.Sync); err != nil {
		return fmt.Errorf("writing the version of the layout: %w", err)
	}
	return nil
}
