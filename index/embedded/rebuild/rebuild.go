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
	"sync"
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
	opened   uint64        // sequence of the newest change when the store was opened
	offers   chan *Offer   // an index that is to take the place of the current one
	building atomic.Uint64 // the change log behind this sequence is needed by the index that is being built
	old      atomic.Uint64 // likewise by the one before the current

	mu      sync.Mutex
	state   state
	urgent  bool                    // no search is answered until it is done
	cancel  context.CancelCauseFunc // of the build that is running, or nil
	changed chan struct{}           // closed, and replaced, when any of this was changed from outside
	since   time.Time               // of the rate
	from    uint64                  // recordings that were done then
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
	b := &Builder{o: o, offers: make(chan *Offer), changed: make(chan struct{})}
	_, b.opened = o.Store.Size()
	b.building.Store(nothing)
	b.old.Store(nothing)
	b.state.Phase = index.Idle
	if err := b.state.load(o.Dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		o.Log.Warn().Err(err).Msg("what is known of building a search index is lost")
		b.state = state{Reindex: index.Reindex{Phase: index.Idle}}
	}

	current, err := bleveindex.Current(o.Dir)
	if name := filepath.Base(current); err == nil && name == b.state.Dir {
		b.state.end(index.Done, "done: the new search index took its place when the service was restarted")
	}
	keep := []string{stateFile, b.state.Dir, b.state.Old}
	if err == nil {
		keep = append(keep, bleveindex.CurrentFile, filepath.Base(current))
	} else if !errors.Is(err, os.ErrNotExist) {
		keep = append(keep, bleveindex.CurrentFile) // it shows why there is no index
	}

	if b.state.Dir != "" {
		b.building.Store(o.Store.Trimmed())
	}
	if b.state.Old != "" {
		b.old.Store(o.Store.Trimmed())
	}
	b.since, b.from = time.Now(), b.state.Done
	return b, bleveindex.RemoveOthers(o.Dir, keep...)
}

// Offers is where an index that was built is offered to those who keep the current one.
func (b *Builder) Offers() <-chan *Offer { return b.offers }

// Floor is the sequence behind which the change log is needed.
func (b *Builder) Floor() uint64 { return min(b.building.Load(), b.old.Load()) }

// Status is the progress of building, as it is shown.
func (b *Builder) Status() index.Reindex {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.state.Reindex
	if b.state.IsPaused {
		s.Phase, s.Rate, s.SecondsLeft = index.Paused, 0, 0
	}
	return s
}

// Control does what was asked for, if it makes sense: see [index.Operations].
func (b *Builder) Control(a index.Action) error {
	if a == index.Start && b.Status().Phase.Ended() {
		if err := b.checkSpace(); err != nil {
			return err
		}
	}

	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.refusalLocked(a); err != nil {
		return err
	}
	switch a {
	case index.Start:
		b.beginLocked("it was asked for")
		b.updateLocked(func(*state) {})
		return nil
	case index.Cancel:
		b.updateLocked(func(s *state) { s.end(index.Cancelled, "cancelled: the old search index stays") })
		if b.cancel != nil {
			b.cancel(errCancelled)
		}
	default:
		b.updateLocked(func(s *state) { s.IsPaused = a == index.Pause })
		b.since, b.from = time.Now(), b.state.Done
	}
	b.tellLocked()
	return nil
}

// refusalLocked returns why an action makes no sense at present, or nil.
func (b *Builder) refusalLocked(a index.Action) error {
	ended := b.state.Phase.Ended()
	switch {
	case a == index.Start && ended:
		return nil
	case a == index.Start:
		return &index.StateError{Message: "the search index is being rebuilt already; pause, resume or cancel that"}
	case ended:
		return &index.StateError{Message: "the search index is not being rebuilt"}
	case b.urgent:
		return &index.StateError{
			Message: "no search is answered until the search index is rebuilt; this cannot be paused or cancelled",
		}
	case b.state.Phase == index.Switching:
		return &index.StateError{Message: "the new search index is just taking its place"}
	case a == index.Pause && b.state.IsPaused:
		return &index.StateError{Message: "it is paused already"}
	case a == index.Resume && !b.state.IsPaused:
		return &index.StateError{Message: "it is not paused"}
	}
	return nil
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
		return &index.SpaceError{For: "building a second search index beside the one in use", Needed: needed, Free: free}
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

// Need asks for an index without which no search is answered. One that is being built already will
// do.
func (b *Builder) Need(why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.urgent = true
	if b.state.Phase.Ended() {
		b.beginLocked("the search index is of no use: " + why)
		return
	}
	b.state.IsPaused = false
	b.tellLocked()
}

// beginLocked notes that an index is to be built. It is saved together with the directory that the
// index gets.
func (b *Builder) beginLocked(cause string) {
	b.state.Reindex = index.Reindex{Phase: index.Filling, Cause: cause, Started: now()}
	b.state.Dir, b.state.IsPaused = "", false
	b.tellLocked()
}

// update changes the state, and saves it. A state that cannot be saved is good as long as the
// process lives.
func (b *Builder) update(change func(*state)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.updateLocked(change)
}

func (b *Builder) updateLocked(change func(*state)) {
	change(&b.state)
	if err := b.state.save(b.o.Dir); err != nil {
		b.o.Log.Error().Err(err).Msg("saving how building a search index is doing")
	}
}

// tellLocked lets Run look at what was changed.
func (b *Builder) tellLocked() {
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *Builder) isUrgent() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.urgent
}

// enter notes a phase of the build that is running, unless it was cancelled meanwhile.
func (b *Builder) enter(ctx context.Context, phase index.Phase) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	b.state.Phase = phase // not saved: a restart finds out for itself
	return nil
}

// measurable is how long something has to go on for the time left to be known.
const measurable = time.Second

// progress notes how many recordings are done. It is not saved each time: a restart looks at the
// index itself.
func (b *Builder) progress(done, total uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := &b.state
	s.Done, s.Total = done, max(done, total)

	if took := time.Since(b.since); took > 0 && done > b.from {
		s.Rate = math.Round(float64(done-b.from)/took.Seconds()*10) / 10
		if took >= measurable {
			s.SecondsLeft = int64(math.Ceil(float64(s.Total-done) / max(s.Rate, 0.1)))
		}
	}
}

// restart begins the rate anew.
func (b *Builder) restart(done uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.since, b.from, b.state.Rate, b.state.SecondsLeft = time.Now(), done, 0, 0
}

// paused reports whether the build is to wait, and when that may have changed.
func (b *Builder) paused() (bool, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state.IsPaused, b.changed
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

func now() mapping.Time { return mapping.Time(time.Now().UnixMilli()) }
