// Package embedded keeps and finds recordings on one machine.
//
// Pebble is the system of record: every Put or Delete is one synced batch that changes the recording and appends to
// the change log. Bleve is the search index, fed from the change log by one goroutine; it is disposable, and is rebuilt
// from the recordings whenever it is missing, damaged, or of another schema. What is committed but not yet in Bleve is
// held in memory, and a search consults both, so it finds what was answered before it began.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"

	"recordings/index"
)

// Options are the settings of an Index. Of all but Dir the zero value stands for a sane default.
type Options struct {
	Dir    string         // the data directory; it is created if it is not there
	Memory bool           // for tests: keep the recordings in memory, and the search index in a temporary directory
	Log    zerolog.Logger // says what goes on, never what is in a recording

	MaxRecording    int    // bytes of a merged recording as stored; 2 MiB
	MaxPending      int    // changes that are committed but not yet in the search index; 30,000
	MaxPendingBytes int64  // memory for these; 64 MiB
	CacheBytes      int64  // memory for what was read lately: a quarter of it for recordings that searches found, the rest for blocks of the store; 256 MiB
	BatchSize       int    // changes that the search index takes at a time; 15,000
	SearchMemory    int64  // bytes that the matches and candidates of one search may take; 256 MiB
	MinFree         uint64 // bytes that must be free on the disk for writes to be accepted; 256 MiB
	Ballast         int64  // bytes held back for finishing writes on a full disk; 32 MiB, negative: none
	BackupDir       string // the directory of backups; empty: none are made
	Version         string // of the program, for its backups

	ScrubInterval time.Duration // how long after the last verification, or the opening, everything is verified; 0: never

	// For tests of this package.
	fs        vfs.FS        // where the recordings are
	trimEvery uint64        // changes that the log keeps beyond need
	maxHeld   uint64        // changes that the log keeps for an index that is being built
	keepOld   time.Duration // how long the old search index is kept after a new one took its place
	gather    time.Duration // for more changes to arrive before few are given to the search index
}

func (o Options) withDefaults() Options {
	setDefault(&o.MaxRecording, 2<<20)
	setDefault(&o.MaxPending, 30_000)
	setDefault(&o.MaxPendingBytes, 64<<20)
	setDefault(&o.CacheBytes, 256<<20)
	setDefault(&o.BatchSize, 15_000)
	setDefault(&o.MinFree, 256<<20)
	setDefault(&o.Ballast, 32<<20)
	o.Ballast = max(o.Ballast, 0)
	setDefault(&o.trimEvery, 10_000)
	setDefault(&o.maxHeld, 2_000_000)
	setDefault(&o.keepOld, 10*time.Minute)
	setDefault(&o.gather, 500*time.Millisecond)
	return o
}

func setDefault[T comparable](value *T, def T) {
	if *value == *new(T) {
		*value = def
	}
}

// Index is the embedded [index.Index].
type Index struct {
	o         Options
	log       zerolog.Logger
	gate      *gate
	lock      *pebble.Lock
	db        *pebble.DB
	space     *space
	searchDir string

	locks   *keyLocks
	pending *pending
	broken  atomic.Pointer[error] // why nothing can be written any more, until a restart
	commits sync.Mutex            // held while a change gets its sequence and goes to the store, in that order
	last    uint64                // sequence of the newest change; guarded by commits
	opened  uint64                // last, when the index was opened
	count   uint64                // recordings stored; guarded by commits
	visible atomic.Uint64         // the store shows the changes up to this sequence

	trimmed  atomic.Uint64 // the change log holds what is behind this sequence
	state    *searchState
	reindex  *reindexer
	verifier *verifier
	flushes  chan chan error // gets who wants the search index to be flushed; see Flush
	metrics  *metrics
	workers  sync.WaitGroup

	trimming sync.Mutex // held while the change log is trimmed, and while it must not be
	backup   backupState

	searches atomic.Uint64 // begun so far
	running  atomic.Int64  // searches that are under way
}

var (
	_ index.Index      = (*Index)(nil)
	_ index.Orphans    = (*Index)(nil)
	_ index.Health     = (*Index)(nil)
	_ index.Operations = (*Index)(nil)
	_ index.Backups    = (*Index)(nil)
)

// recordsDir is where the store is, below the data directory.
const recordsDir = "records"

// Open opens the index in o.Dir, or creates it. It returns when recordings can be read and written. Searches may be
// answered only later; see WaitReady.
func Open(ctx context.Context, o Options) (_ *Index, err error) {
	o = o.withDefaults()
	searchDir := filepath.Join(o.Dir, "search")
	if o.BackupDir != "" {
		if o.BackupDir, err = filepath.Abs(o.BackupDir); err != nil {
			return nil, fmt.Errorf("the directory of backups: %w", err)
		}
	}
	switch {
	case o.fs != nil:
	case o.Memory:
		o.fs = vfs.NewMem()
		if searchDir, err = os.MkdirTemp("", "recordings-search-"); err != nil {
			return nil, fmt.Errorf("creating a directory for the search index: %w", err)
		}
	default:
		o.fs = vfs.Default
	}
	x := &Index{
		o:         o,
		log:       o.Log,
		gate:      newGate(),
		searchDir: searchDir,
		locks:     newKeyLocks(),
		pending:   newPending(o.MaxPending, o.MaxPendingBytes),
		state:     newSearchState(),
		verifier:  newVerifier(o.Dir),
		flushes:   make(chan chan error),
		metrics:   newMetrics(),
	}
	if err := x.open(); err != nil {
		return nil, errors.Join(err, x.closeStore())
	}
	x.workers.Go(x.space.watch)
	x.workers.Go(x.runReindexer)
	x.workers.Go(x.runIndexer)
	x.workers.Go(x.runVerifier)
	if x.count == 0 && x.last == 0 { // a new one is ready in no time: spare its user the question
		if err := x.WaitReady(ctx); err != nil {
			return nil, errors.Join(err, x.Close())
		}
	}
	return x, nil
}

// open opens the store. What it opened before an error is closed by closeStore.
func (x *Index) open() error {
	records := x.o.fs.PathJoin(x.o.Dir, recordsDir)
	if err := makeDir(x.o.fs, records); err != nil {
		return fmt.Errorf("creating the data directory: %w", err)
	}
	var err error
	if x.lock, err = pebble.LockDirectory(records, x.o.fs); err != nil {
		return fmt.Errorf("the data directory %s is in use by another process, or cannot be locked: %w", x.o.Dir, err)
	}
	if err := makeDir(vfs.Default, x.searchDir); err != nil {
		return fmt.Errorf("creating the directory of the search index: %w", err)
	}
	if err := refuseNewerSchema(x.searchDir); err != nil {
		return err
	}
	if x.o.fs == vfs.Default {
		if err := os.RemoveAll(x.stagingDir()); err != nil {
			return fmt.Errorf("removing what an interrupted backup has left behind: %w", err)
		}
	}
	if err := x.o.fs.RemoveAll(x.o.fs.PathJoin(x.o.Dir, checkpointDir)); err != nil {
		return fmt.Errorf("removing what an earlier verification has left: %w", err)
	}
	x.space = newSpace(x.gate.closing, x.o.fs, x.o)
	if x.db, err = openStore(records, x.storeFS(), x.lock, x.o); err != nil {
		return err
	}
	if err := x.brokenError(); err != nil { // while it was opened
		return err
	}
	log, err := readChangeLog(x.db)
	if err != nil {
		return err
	}
	x.last, x.opened, x.count = log.last, log.last, log.count
	x.visible.Store(log.last)
	if log.first > 0 {
		x.trimmed.Store(log.first - 1)
	}
	x.reindex, err = openReindexer(x.searchDir, x.trimmed.Load(), x.log)
	return err
}

// storeFS is the file system as Pebble sees it.
func (x *Index) storeFS() vfs.FS {
	return &logFS{FS: vfs.OnDiskFull(x.o.fs, x.space.exhausted), fail: func(err error) { _ = x.breakDown(err) }}
}

// Close ends what is running and closes the index. Everything that was answered is durable already.
func (x *Index) Close() error {
	if !x.gate.close() {
		return nil
	}
	x.workers.Wait()
	return x.closeStore()
}

func (x *Index) closeStore() error {
	var errs []error
	if x.db != nil {
		if err := guard(x.db.Close); err != nil {
			errs = append(errs, fmt.Errorf("closing the records: %w", err))
		}
	}
	if x.lock != nil {
		errs = append(errs, x.lock.Close())
	}
	if x.o.Memory {
		errs = append(errs, os.RemoveAll(x.searchDir))
	}
	return errors.Join(errs...)
}

// WaitReady waits until searches are answered.
func (x *Index) WaitReady(ctx context.Context) error {
	ctx, leave, err := x.gate.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	for {
		ready, changed := x.state.isReady()
		if ready {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return unavailable("waiting for the search index", context.Cause(ctx))
		}
	}
}

// Flush waits until there is a search index, and what it has is durable. It would be so some time later: this is for who closes
// the index and then looks at its files.
func (x *Index) Flush(ctx context.Context) error {
	ctx, leave, err := x.gate.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	done := make(chan error, 1)
	select {
	case x.flushes <- done:
	case <-ctx.Done():
		return unavailable("flushing the search index", context.Cause(ctx))
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return unavailable("flushing the search index", context.Cause(ctx))
	}
}

// Status tells how the index is doing.
func (x *Index) Status() index.Status {
	s := x.state.status()
	s.Pending = x.pending.count()
	s.DiskFull = x.space.full.Load()
	switch err := x.broken.Load(); {
	case err != nil:
		s.Broken, s.Reason = true, "nothing can be written until the service is restarted: "+(*err).Error()
	case s.Reason == "" && s.DiskFull:
		s.Reason = "the disk is full"
	}
	return s
}

// retryDelay is the time between attempts at what does not work at present.
const retryDelay = time.Second

// makeDir creates a directory and its parents durably.
func makeDir(fs vfs.FS, dir string) error {
	var missing []string
	for d := dir; ; d = fs.PathDir(d) {
		if _, err := fs.Stat(d); err == nil || fs.PathDir(d) == d {
			break
		}
		missing = append(missing, d)
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, d := range missing {
		if err := syncDir(fs, fs.PathDir(d)); err != nil {
			return err
		}
	}
	return nil
}

// syncDir makes durable which files are in a directory.
func syncDir(fs vfs.FS, dir string) error {
	f, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
