// Package rebuild builds a search index beside the one in use, and lets it take its place.
//
// The new index is filled from snapshots of the records, in the order of their keys, and each batch
// leaves in it how far that has come, so that a restart goes on from there. Whatever is changed
// meanwhile is in the change log, which is kept from where the index needs it: all recordings up to
// the key are as they were at the sequence of its position, or later, and so following the log from
// there makes them right. If the log becomes long, it is followed in between, and the rest is
// filled from a younger snapshot.
//
// A new index is closed, checked and compared with the old one before it is used. The old one is
// kept for some time, in case that the new one fails.
package rebuild

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"recordings/index"
	"recordings/index/embedded/bleveindex"
	"recordings/index/embedded/store"
	"recordings/index/embedded/verify"
	"recordings/mapping"
)

// Options are the settings of a Builder. All are required but Log.
type Options struct {
	Dir       string // of the search indexes
	Log       zerolog.Logger
	Store     *store.Store
	Index     bleveindex.Options // of every index
	BatchSize int                // changes that an index takes at a time
	MinFree   uint64             // bytes of the disk that a second index must leave free
	MaxHeld   uint64             // changes that the log keeps for an index that is being built
	KeepOld   time.Duration      // how long the old index is kept after a new one took its place
	Service   Service
}

// Service is what a Builder asks of the service that it builds an index for.
type Service struct {
	// Snapshot returns the present state of the store, once it is durable. It must be closed.
	Snapshot func(ctx context.Context) (*store.Snapshot, error)
	// State returns what searches are answered from at present, or a [*index.NotReadyError].
	State func() (*verify.State, error)
	// Searches returns how many searches have begun so far: they go first.
	Searches func() uint64
	// Progress is told how far it is until searches are answered, if they are not.
	Progress func(reason string, done, total uint64)
}

// Builder knows the search index that is being built, if one is, and the one before the current, as
// long as that is kept. Run builds; the other methods may be called concurrently.
type Builder struct {
	o        Options
	job      *job
	opener   *opener
	offers   chan *Offer   // an index that is to take the place of the current one
	building atomic.Uint64 // the change log behind this sequence is needed by the index that is being built
	old      atomic.Uint64 // likewise by the one before the current
}

// Offer is a search index that is to take the place of the current one. Whoever receives it either
// installs it, or declines it, and then calls Done.
type Offer struct {
	Index   *bleveindex.Index
	verdict string
	done    chan error // gets an element when it has, or cannot
}

// Done says that the index is in use now, or why it cannot be. In the latter case the Builder
// closes it.
func (o *Offer) Done(err error) { o.done <- err }

var errCancelled = errors.New("it was cancelled")

// nothing of the change log is needed.
const nothing = math.MaxUint64

// New finds out what was going on when the service was stopped, or died, and removes what is of no
// use any more.
func New(o Options) (*Builder, error) {
	_, last := o.Store.Size()
	b := &Builder{
		o:      o,
		job:    newJob(o.Dir, o.Log),
		opener: &opener{o: o.Index, store: o.Store, opened: last},
		offers: make(chan *Offer),
	}
	b.building.Store(nothing)
	b.old.Store(nothing)

	job := &b.job.state
	current, err := bleveindex.Current(o.Dir)
	if name := filepath.Base(current); err == nil && name == job.Dir {
		job.end(index.Done, "done: the new search index took its place when the service was restarted")
	}
	keep := []string{stateFile, job.Dir, job.Old}
	if err == nil {
		keep = append(keep, bleveindex.CurrentFile, filepath.Base(current))
	} else if !errors.Is(err, os.ErrNotExist) {
		keep = append(keep, bleveindex.CurrentFile) // it shows why there is no index
	}

	if job.Dir != "" {
		b.building.Store(o.Store.Trimmed())
	}
	if job.Old != "" {
		b.old.Store(o.Store.Trimmed())
	}
	return b, bleveindex.RemoveOthers(o.Dir, keep...)
}

// Need asks for an index without which no search is answered. One that is being built already will
// do.
func (b *Builder) Need(why string) { b.job.need(why) }

// Offers is where an index that was built is offered to those who keep the current one.
func (b *Builder) Offers() <-chan *Offer { return b.offers }

// Floor is the sequence behind which the change log is needed.
func (b *Builder) Floor() uint64 { return min(b.building.Load(), b.old.Load()) }

// Status is the progress of building, as it is shown.
func (b *Builder) Status() index.Reindex { return b.job.status() }

// Control does what was asked for, if it makes sense: see [index.Operations].
func (b *Builder) Control(a index.Action) error {
	if a == index.Start && b.Status().Phase.Ended() {
		if err := b.checkSpace(); err != nil {
			return err
		}
	}
	return b.job.control(a)
}

// checkSpace makes sure that there is room for a second search index on the disk. One is about as
// large as the current one, which is small where there is none; while its segments are merged, half
// as much is needed besides.
func (b *Builder) checkSpace() error {
	free, ok := b.o.Store.Space().Free()
	if !ok {
		return nil
	}

	var size uint64
	if dir, err := bleveindex.Current(b.o.Dir); err == nil {
		size = sizeOf(dir)
	}
	if needed := size + size/2 + b.o.MinFree; free < needed {
		purpose := "building a second search index beside the one in use"
		return &index.SpaceError{For: purpose, Needed: needed, Free: free}
	}
	return nil
}

// sizeOf is how many bytes the files in a directory have.
func sizeOf(dir string) (size uint64) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			size += uint64(info.Size())
		}
	}
	return size
}

// hold keeps the change log behind what the index that is being built has persisted.
func (b *Builder) hold(x *bleveindex.Index) {
	sequence, _ := x.Persisted()
	b.building.Store(max(sequence, b.building.Load()))
}

// held is how many changes the log keeps for the index that is being built.
func (b *Builder) held() uint64 {
	_, last := b.o.Store.Size()
	return last - min(last, b.building.Load())
}

// now is the time as it is stored and shown, in milliseconds.
func now() mapping.Time { return mapping.Time(time.Now().UnixMilli()) }
