// Package bleveindex is one Bleve index in a directory: it opens it, applies changes to it, makes
// sure that these are durable, seals it when it is closed, and checks it before it is trusted
// again.
//
// Bleve is disposable here: all that it has can be made anew of the recordings. So each batch also
// stores the sequence of the change log that it reaches (see [Position]), Bleve is told not to wait
// for the disk, and after a crash the changes that it lost are applied once more. What Bleve does
// not do itself is to notice damage: it verifies no checksum when it opens an index, and deletes
// what it cannot make sense of. That is what [Check] and the seal are for.
//
// Bleve is used without its own wrapper around scorch, which adds goroutines that never end.
package bleveindex

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/util"
	bleve "github.com/blevesearch/bleve_index_api"
	"github.com/rs/zerolog"

	"recordings/index/embedded/internal/fault"
	"recordings/index/embedded/newest"
)

// Options are the settings of an Index.
type Options struct {
	Log          zerolog.Logger
	Workers      int                       // processors that analysis takes; 0: all
	SearchMemory int64                     // bytes that the matches and candidates of one search may take
	AwaitSpace   func(ctx context.Context) // waits while the disk is full; nil: it never is
}

// Index is an open Bleve index. Changes are applied by one goroutine, but several may Add to it;
// all other methods may be called concurrently.
type Index struct {
	dir      string
	o        Options
	scorch   bleve.Index
	searcher *newest.Searcher
	analysis *bleve.AnalysisQueue
	closing  context.Context
	end      context.CancelFunc
	batches  sync.WaitGroup // that Bleve is working on
	died     chan struct{}  // closed when a goroutine of Bleve's has died
	dies     func()         // closes died, once

	mapping []byte      // for other programs
	mapped  atomic.Bool // a batch has had the mapping

	position Position      // of what it was given
	docs     atomic.Uint64 // given to it so far

	mu        sync.Mutex
	persisted persisted
	progress  chan struct{} // closed, and replaced, when more is persisted
	err       error         // why it is of no use any more
	failed    chan struct{} // closed when err is set
}

// persisted is how far an index survives a crash.
type persisted struct {
	sequence uint64 // the changes up to this
	docs     uint64
}

// Batch is a number of changes that are applied together.
type Batch struct{ batch *bleve.Batch }

// NewBatch returns an empty batch.
func NewBatch() *Batch { return &Batch{bleve.NewBatch()} }

// Put adds a document, in place of the one with its key.
func (b *Batch) Put(d bleve.Document) { b.batch.Update(d) }

// Delete removes the document with a key, if there is one.
func (b *Batch) Delete(key string) { b.batch.Delete(key) }

// Open opens the index in a directory, which must be empty or have passed Check, at the position
// that this has found.
func Open(dir string, at Position, o Options) (*Index, error) {
	if err := breakSeal(dir); err != nil {
		return nil, err
	}
	if err := prepare(dir); err != nil {
		return nil, err
	}

	if o.AwaitSpace == nil {
		o.AwaitSpace = func(context.Context) {}
	}
	workers := o.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	x := &Index{
		dir:       dir,
		o:         o,
		analysis:  bleve.NewAnalysisQueue(workers),
		searcher:  newest.NewSearcher(newest.Options{MemoryBytes: o.SearchMemory}),
		position:  at,
		persisted: persisted{sequence: at.Sequence},
		progress:  make(chan struct{}),
		failed:    make(chan struct{}),
		died:      make(chan struct{}),
	}
	var err error
	if x.mapping, err = indexMapping(); err != nil {
		return nil, fmt.Errorf("making the index mapping: %w", err)
	}
	x.dies = sync.OnceFunc(func() { close(x.died) })
	x.closing, x.end = context.WithCancel(context.Background())

	asyncErrors.Store(dir, x)
	err = fault.Guard(func() (err error) {
		x.scorch, err = openScorch(dir, false, x.analysis)
		return err
	})
	if err != nil {
		asyncErrors.Delete(dir)
		x.analysis.Close()
		x.end()
		return nil, fmt.Errorf("opening the search index: %w", err)
	}
	return x, nil
}

// Dir is the directory of the index.
func (x *Index) Dir() string { return x.dir }

// Position is how far the index reaches, with all that was applied to it.
func (x *Index) Position() Position { return x.position }

// Searcher searches the states of the index.
func (x *Index) Searcher() *newest.Searcher { return x.searcher }

// Apply gives the index a batch, with which it has reached a position. It makes the batch visible
// to searches, and does not wait for the disk.
func (x *Index) Apply(ctx context.Context, b *Batch, p Position) error {
	b.batch.SetInternal(positionKey, appendPosition(nil, p))
	if err := x.submit(ctx, b, p.Sequence); err != nil {
		return err
	}
	x.position = p
	return nil
}

// Add is like Apply, but changes nothing in how far the index reaches: an Apply that says so must
// follow. Several goroutines may add batches at a time.
func (x *Index) Add(ctx context.Context, b *Batch) error { return x.submit(ctx, b, 0) }

// Flush waits until everything that the index was given survives a crash.
func (x *Index) Flush(ctx context.Context) error {
	// The mark counts as a document, since a batch without any cannot be told from the one before.
	mark := x.docs.Add(1)
	if err := x.Apply(ctx, NewBatch(), x.position); err != nil {
		return err
	}
	return x.awaitPersisted(ctx, func(p persisted) bool { return p.docs >= mark })
}

// maxUnpersisted bounds the documents that Bleve holds in memory because it cannot write them as
// fast as they come.
const maxUnpersisted = 50_000

// submit makes a batch visible to searches. It survives a crash only some time later, in the order
// of the batches; while much is waiting for that, submit waits.
func (x *Index) submit(ctx context.Context, b *Batch, sequence uint64) error {
	if err := x.Failure(); err != nil {
		return err
	}
	err := x.awaitPersisted(ctx, func(p persisted) bool { return x.docs.Load()-p.docs < maxUnpersisted })
	if err != nil {
		return err
	}

	if !x.mapped.Swap(true) {
		b.batch.SetInternal(util.MappingInternalKey, x.mapping)
	}
	reached := persisted{sequence, x.docs.Add(uint64(len(b.batch.IndexOps)))}
	b.batch.SetPersistedCallback(func(err error) {
		if err == nil {
			x.setPersisted(reached)
		}
	})

	done := make(chan error, 1)
	x.batches.Go(func() {
		done <- fault.Guard(func() error { return x.scorch.Batch(b.batch) })
	})
	select {
	case err := <-done:
		if err != nil {
			return x.Fail(fmt.Errorf("adding to the search index: %w", err))
		}
		return nil
	case <-x.failed: // if a goroutine of Bleve's has died, Batch may never return
		return x.Failure()
	}
}

func (x *Index) setPersisted(p persisted) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if p.docs >= x.persisted.docs {
		x.persisted = p
		close(x.progress)
		x.progress = make(chan struct{})
	}
}

// Persisted returns the sequence up to which the index survives a crash, and a channel that is
// closed when it is farther.
func (x *Index) Persisted() (sequence uint64, progress <-chan struct{}) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.persisted.sequence, x.progress
}

// awaitPersisted waits until enough is persistent.
func (x *Index) awaitPersisted(ctx context.Context, enough func(persisted) bool) error {
	for {
		x.mu.Lock()
		p, progress := x.persisted, x.progress
		x.mu.Unlock()
		if enough(p) {
			return nil
		}

		select {
		case <-progress:
		case <-x.failed:
			return x.Failure()
		case <-ctx.Done():
			return fmt.Errorf("writing the search index: %w", context.Cause(ctx))
		}
	}
}

// Fail notes that the index is of no use any more. It returns why: this error, or an earlier one.
func (x *Index) Fail(err error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err == nil {
		x.err = err
		close(x.failed)
	}
	return x.err
}

// Failed is closed when the index has become of no use.
func (x *Index) Failed() <-chan struct{} { return x.failed }

// Failure is why the index is of no use any more, or nil.
func (x *Index) Failure() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.err
}

// Stats is what Bleve counts. The index may be closed meanwhile; then it is nil.
func (x *Index) Stats() (stats map[string]any) {
	_ = fault.Guard(func() error {
		stats = x.scorch.StatsMap()
		return nil
	})
	return stats
}

// Merge merges all segments into one. Nothing depends on it; it is for tests that look at files.
func (x *Index) Merge(ctx context.Context) error {
	merger, ok := x.scorch.(*scorch.Scorch)
	if !ok {
		return errors.New("the search index is of a kind that cannot be merged")
	}
	return merger.ForceMerge(ctx, nil)
}

// Uses reports whether a file has a segment of the present state.
func (x *Index) Uses(path string) (bool, error) {
	r, err := x.Reader()
	if err != nil {
		return false, err
	}
	return slices.Contains(r.Files(), path), r.Close()
}

// Count returns how many documents the index has.
func (x *Index) Count() (n uint64, err error) {
	r, err := x.scorch.Reader()
	if err == nil {
		n, err = r.DocCount()
		err = errors.Join(err, r.Close())
	}
	if err != nil {
		return 0, fmt.Errorf("counting the documents of the search index: %w", err)
	}
	return n, nil
}

// Close ends the index, and seals it. What is not persistent is lost; the change log has it.
func (x *Index) Close() error {
	x.end()
	x.awaitBatches()

	err := fault.Guard(x.scorch.Close)
	asyncErrors.Delete(x.dir)
	x.analysis.Close()
	if err == nil {
		err = writeSeal(x.dir)
	}
	if err != nil {
		return fmt.Errorf("closing the search index: %w", err)
	}
	return nil
}

// awaitBatches waits for the batches that are under way, which submit does not if the index has
// failed: they would never return once it is closed. Nor do they if a goroutine of Bleve's has
// died.
func (x *Index) awaitBatches() {
	done := make(chan struct{})
	go func() {
		x.batches.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-x.died:
	}
}
