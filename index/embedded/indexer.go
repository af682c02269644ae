package embedded

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/rs/zerolog"

	"recordings/index/embedded/bleveindex"
	"recordings/index/embedded/internal/pace"
	"recordings/index/embedded/pending"
	"recordings/index/embedded/rebuild"
	"recordings/index/embedded/schema"
	"recordings/index/embedded/store"
	"recordings/internal/durable"
)

// nearlyCaughtUp is how many batches of changes may be missing when pending begins to hold what
// follows.
const nearlyCaughtUp = 2

// indexer keeps a search index up to date, in a goroutine of its own.
type indexer struct {
	o        Options
	log      zerolog.Logger
	store    *store.Store
	pending  *pending.Set
	serving  *serving
	builder  *rebuild.Builder
	snapshot func(ctx context.Context, begin func(last uint64)) (*store.Snapshot, error)
	flushes  chan chan error // gets who wants the search index to be flushed; see Flush
}

// newIndexer returns the indexer of an index, whose parts it needs are there.
func newIndexer(x *Index) *indexer {
	return &indexer{
		o:        x.o,
		log:      x.log,
		store:    x.store,
		pending:  x.pending,
		serving:  x.serving,
		builder:  x.builder,
		snapshot: x.states.snapshotAt,
		flushes:  make(chan chan error),
	}
}

// run keeps a search index up to date until the context ends: the one that is there, if it is any
// good, or one built from the recordings. An index that fails is given up, and the one before it or
// another takes its place.
func (i *indexer) run(ctx context.Context) {
	x, why := i.builder.OpenCurrent()
	for {
		if x == nil {
			if x = i.awaitIndex(ctx, why); x == nil {
				return
			}
		}

		err := i.keep(ctx, x)
		if ctx.Err() != nil {
			return
		}
		i.log.Error().Err(err).Msg("the search index is given up")
		i.serving.notReady("the search index is going to be rebuilt: " + err.Error())
		why = err.Error()
		x = i.builder.FallBack(why)
	}
}

// awaitIndex waits for a search index where there is none, and makes it the current one.
func (i *indexer) awaitIndex(ctx context.Context, why string) *bleveindex.Index {
	for {
		i.builder.Need(why)
		select {
		case o := <-i.builder.Offers():
			err := i.builder.Install(o, func() {})
			o.Done(err)
			if err == nil {
				return o.Index
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// keep brings an index up to date, keeps it so, and goes over to a new one when there is one, until
// the context ends or the index fails. It closes the index.
func (i *indexer) keep(ctx context.Context, x *bleveindex.Index) (err error) {
	defer func() {
		i.serving.notReady("the search index is closed")
		i.pending.Unfollow()
		err = errors.Join(err, x.Close())
	}()
	if err := i.catchUp(ctx, x); err != nil {
		return fmt.Errorf("bringing the search index up to date: %w", err)
	}
	i.serving.ready(x)

	// From here on the index answers; what it does not have yet is pending.
	for {
		next, err := i.follow(ctx, x)
		if err != nil {
			return err
		}
		if i.switchTo(ctx, next) {
			if err := x.Close(); err != nil {
				i.log.Warn().Err(err).Msg("closing the search index before this one")
			}
			x = next.Index
		}
	}
}

// switchTo lets another index take the place of the current one, which goes on being searched until
// then. It reports whether it could; the current one is then closed by the caller.
func (i *indexer) switchTo(ctx context.Context, o *rebuild.Offer) bool {
	err := i.catchUp(ctx, o.Index)
	if err == nil {
		err = i.builder.Install(o, func() {
			i.serving.ready(o.Index)
			i.pending.IndexedUpTo(o.Index.Position().Sequence)
		})
	}
	o.Done(err)
	return err == nil
}

// catchUp brings an index up to date from the change log. When it returns, pending holds every
// change that is not in the index.
//
// Each round indexes what was changed during the one before. Once little is left, or it does not
// become much less because changes come as fast as they are indexed, pending holds what follows,
// which slows the writers down.
func (i *indexer) catchUp(ctx context.Context, x *bleveindex.Index) error {
	before := uint64(math.MaxUint64)
	for {
		var missing uint64
		follow := false
		at, err := i.snapshot(ctx, func(last uint64) {
			missing = last - x.Position().Sequence
			few := missing <= uint64(nearlyCaughtUp*i.o.BatchSize)
			if follow = few || missing > before/2 || i.pending.Following(); follow {
				i.pending.Follow()
			}
		})
		if err != nil {
			return err
		}

		// Without follow, writers go on meanwhile, and the log has what they do.
		err = i.builder.Follow(ctx, x, at)
		_ = at.Close() // it would only report a state that was closed twice
		if err != nil || follow {
			return err
		}
		before = missing
	}
}

// follow adds the pending changes to the index as they come, until another index is to take its
// place.
func (i *indexer) follow(ctx context.Context, x *bleveindex.Index) (*rebuild.Offer, error) {
	for {
		i.store.Space().Await(ctx)
		persisted, progress := x.Persisted() // at once, so that no progress is missed
		if err := i.trimBehind(x, persisted); err != nil {
			return nil, err
		}

		// A full batch is followed by another at once; with less there is time to look around.
		changes := i.durableChanges(ctx)
		if len(changes) > 0 {
			if err := i.add(ctx, x, changes); err != nil {
				return nil, err
			}
			if len(changes) == i.o.BatchSize {
				continue
			}
		}

		select {
		case <-i.pending.Wake():
			pace.Sleep(ctx, i.o.gather)
		case <-progress:
		case done := <-i.flushes:
			done <- x.Flush(ctx)
		case next := <-i.builder.Offers():
			return next, nil
		case <-x.Failed():
			return nil, x.Failure()
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// durableChanges returns the oldest pending changes that are durable, at most a batch.
func (i *indexer) durableChanges(ctx context.Context) []*pending.Change {
	changes := i.pending.Next(i.o.BatchSize)
	for n, c := range changes {
		if c.Wait(ctx) != nil {
			return changes[:n] // none behind it is durable, either
		}
	}
	return changes
}

// add adds pending changes to the index, and lets go of them.
func (i *indexer) add(ctx context.Context, x *bleveindex.Index, changes []*pending.Change) error {
	b := bleveindex.NewBatch()
	for _, c := range changes {
		if c.Data == nil {
			b.Delete(c.Key)
		} else {
			b.Put(schema.NewDocument(c.Key, c.ContactCenter, c.Region, c.Searchable))
		}
	}

	last := changes[len(changes)-1].Sequence
	if err := x.Apply(ctx, b, bleveindex.Position{Sequence: last}); err != nil {
		return err
	}
	i.pending.Indexed(len(changes))
	return nil
}

// trimBehind trims the change log behind what the search index has persisted, and another one does
// not need.
func (i *indexer) trimBehind(x *bleveindex.Index, persisted uint64) error {
	upTo := min(persisted, i.builder.Floor())
	if upTo < i.store.Trimmed()+i.o.trimEvery {
		return nil
	}

	// Bleve syncs its files, but not the names that they have.
	if err := durable.Sync(x.Dir()); err != nil {
		return fmt.Errorf("making the files of the search index durable: %w", err)
	}
	// The last entry stays: it says how many recordings an index must have that reaches it.
	if err := i.store.Trim(upTo - 1); err != nil {
		i.log.Error().Err(err).Msg("trimming the change log")
	}
	return nil
}
