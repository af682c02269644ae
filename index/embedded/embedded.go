// Package embedded keeps and finds recordings on one machine.
//
// Pebble is the system of record: every Put or Delete is one synced batch that changes the
// recording and appends to the change log. Bleve is the search index, fed from the change log by
// one goroutine; it is disposable, and is rebuilt from the recordings whenever it is missing,
// damaged, or of another schema. What is committed but not yet in Bleve is held in memory, and a
// search consults both, so it finds what was answered before it began.
//
// The parts are packages of their own, none of which knows this one: store (Pebble), pending,
// bleveindex, newest (searches), rebuild, verify and backup. Here they are wired: a call enters by
// the gate, and Close waits for all that are inside.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"

	"recordings/index"
	"recordings/index/embedded/backup"
	"recordings/index/embedded/bleveindex"
	"recordings/index/embedded/internal/claims"
	"recordings/index/embedded/internal/fsx"
	"recordings/index/embedded/internal/keylock"
	"recordings/index/embedded/pending"
	"recordings/index/embedded/rebuild"
	"recordings/index/embedded/store"
	"recordings/index/embedded/verify"
	"recordings/index/gate"
)

// Index is the embedded [index.Index].
type Index struct {
	o         Options
	log       zerolog.Logger
	searchDir string // of the search indexes
	gate      *gate.Gate
	definitions

	store    *store.Store
	pending  *pending.Set
	writer   *writer
	serving  *serving
	states   *states
	indexer  *indexer
	builder  *rebuild.Builder
	verifier *verify.Verifier
	backups  *backups
	workers  sync.WaitGroup

	metrics  *metrics
	searches atomic.Uint64 // begun so far
	running  atomic.Int64  // searches that are under way
}

var (
	_ index.Index          = (*Index)(nil)
	_ index.Histograms     = (*Index)(nil)
	_ index.ContactCenters = (*Index)(nil)
	_ index.Orphans        = (*Index)(nil)
	_ index.Marks          = (*Index)(nil)
	_ index.Labels         = (*Index)(nil)
	_ index.SavedSearches  = (*Index)(nil)
	_ index.MediaNames     = (*Index)(nil)
	_ index.Health         = (*Index)(nil)
	_ index.Operations     = (*Index)(nil)
	_ index.Backups        = (*Index)(nil)
)

// searchDirName is where the search indexes are, below the data directory.
const searchDirName = "search"

// Open opens the index in o.Dir, or creates it. It returns when recordings can be read and written.
// Searches may be answered only later; see WaitReady.
func Open(ctx context.Context, o Options) (_ *Index, err error) {
	o = o.withDefaults()
	if !o.Memory {
		if err := backup.Refuse(o.Dir); err != nil {
			return nil, fmt.Errorf("opening the data directory: %w", err)
		}
	}
	if o.BackupDir != "" {
		if o.BackupDir, err = filepath.Abs(o.BackupDir); err != nil {
			return nil, fmt.Errorf("the directory of backups: %w", err)
		}
	}
	x := &Index{
		o:         o,
		log:       o.Log,
		searchDir: filepath.Join(o.Dir, searchDirName),
		gate:      gate.New(),
		pending:   pending.New(o.MaxPending, o.MaxPendingBytes),
		serving:   newServing(o.CacheBytes / 4),
		metrics:   newMetrics(),
	}
	if o.Memory {
		if x.searchDir, err = os.MkdirTemp("", "recordings-search-"); err != nil {
			return nil, fmt.Errorf("creating a directory for the search index: %w", err)
		}
	}

	if err := x.open(); err != nil {
		x.gate.Close() // ends what the store has begun
		return nil, errors.Join(err, x.close())
	}

	// Each of these ends with the gate, and Close waits for them.
	x.workers.Go(func() { x.builder.Run(x.gate.Closing()) })
	x.workers.Go(func() { x.indexer.run(x.gate.Closing()) })
	x.workers.Go(func() { x.verifier.Run(x.gate.Closing()) })

	// A new one is ready in no time, unless the disk is full: spare its user the question.
	if count, last := x.store.Size(); count == 0 && last == 0 {
		if err := x.serving.settle(ctx, x.store.Space().Full); err != nil {
			return nil, errors.Join(err, x.Close())
		}
	}
	return x, nil
}

// open opens the store, and makes the parts that need it. What it opened before an error is closed
// by close.
func (x *Index) open() (err error) {
	if x.store, err = store.Open(x.gate.Closing(), x.o.store()); err != nil {
		return err
	}
	x.serving.watchSpace(x.store.Space().Reason)
	if err := fsx.MakeDir(vfs.Default, x.searchDir); err != nil {
		return fmt.Errorf("creating the directory of the search index: %w", err)
	}
	x.backups = &backups{o: x.o, store: x.store, serving: x.serving}
	if err := bleveindex.RefuseNewer(x.searchDir); err != nil {
		return err
	}
	if x.o.fs == vfs.Default {
		if err := os.RemoveAll(x.backups.stagingDir()); err != nil {
			return fmt.Errorf("removing what an interrupted backup has left behind: %w", err)
		}
	}

	// The parts know the store, and what they need of each other, but not the Index.
	x.writer = &writer{
		store: x.store, pending: x.pending, locks: keylock.New(), claims: claims.New(),
		dropping: map[labelInCenter]bool{}, maxRecording: x.o.MaxRecording,
	}
	x.states = &states{store: x.store, pending: x.pending, serving: x.serving}
	x.definitions = definitions{x.gate, x.writer, lookups{x.pending, x.serving, x.states}}
	x.builder, err = rebuild.New(rebuild.Options{
		Dir:       x.searchDir,
		Log:       x.log,
		Store:     x.store,
		Index:     x.o.search(x.store),
		BatchSize: x.o.BatchSize,
		MinFree:   x.o.MinFree,
		MaxHeld:   x.o.maxHeld,
		KeepOld:   x.o.keepOld,
		Service: rebuild.Service{
			Snapshot: x.states.snapshot,
			State:    x.states.whole,
			Searches: x.searches.Load,
			Progress: x.serving.progress,
		},
	})
	if err != nil {
		return err
	}
	x.indexer = newIndexer(x)
	x.verifier = verify.New(x.o.verify(x.searches.Load), subject{x})
	return nil
}

// Release makes space on a full disk for what else must be written to the data directory, if there is any
// left; see store.Space.
func (x *Index) Release() { x.store.Space().Release() }

// IsData returns why a directory is none that an index was ever opened in. Who means one that there is asks before,
// as Open makes a data directory of any other, in place of saying that its name is wrong.
func IsData(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, store.RecordsDir)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is no data directory: it has no records", dir)
	}
	return nil
}

// Close ends what is running and closes the index. Everything that was answered is durable already.
func (x *Index) Close() error {
	if !x.gate.Close() {
		return nil
	}

	// The gate has ended the contexts of all who work for it; nobody uses the store any more.
	x.workers.Wait()
	return x.close()
}

// close closes the store, when nobody uses it any more.
func (x *Index) close() error {
	var errs []error
	if x.store != nil {
		errs = append(errs, x.store.Close())
	}
	if x.o.Memory {
		errs = append(errs, os.RemoveAll(x.searchDir))
	}
	return errors.Join(errs...)
}
