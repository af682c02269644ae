package rebuild

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"recordings/index"
	"recordings/index/embedded/internal/fault"
	"recordings/mapping"
)

// job is what a Builder is doing, or is to do. All methods may be called concurrently.
type job struct {
	dir string // of the search indexes
	log zerolog.Logger

	mu      sync.Mutex
	state   state
	urgent  bool                    // no search is answered until it is done
	cancel  context.CancelCauseFunc // of the build that is running, or nil
	changed chan struct{}           // closed, and replaced, when any of this was changed from outside
	since   time.Time               // of the rate
	from    uint64                  // recordings that were done then
}

// newJob loads what was going on when the service was stopped, or died.
func newJob(dir string, log zerolog.Logger) *job {
	j := &job{dir: dir, log: log, changed: make(chan struct{})}
	j.state.Phase = index.Idle
	if err := j.state.load(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		log.Warn().Err(err).Msg("what is known of building a search index is lost")
		j.state = state{Reindex: index.Reindex{Phase: index.Idle}}
	}
	j.since, j.from = time.Now(), j.state.Done
	return j
}

// dirs are the names of the directories of the index that is being built, and of the one before the
// current; empty: there is none.
func (j *job) dirs() (building, old string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.state.Dir, j.state.Old
}

// status is the progress, as it is shown.
func (j *job) status() index.Reindex {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.state.Reindex
	if j.state.IsPaused {
		s.Phase, s.Rate, s.SecondsLeft = index.Paused, 0, 0
	}
	return s
}

// control does what was asked for, if it makes sense.
func (j *job) control(a index.Action) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.refusalLocked(a); err != nil {
		return err
	}
	switch a {
	case index.Start:
		j.beginLocked("it was asked for")
		j.updateLocked(func(*state) {})
		return nil
	case index.Cancel:
		j.updateLocked(func(s *state) { s.end(index.Cancelled, "cancelled: the old search index stays") })
		if j.cancel != nil {
			j.cancel(errCancelled)
		}
	default:
		j.updateLocked(func(s *state) { s.IsPaused = a == index.Pause })
		j.since, j.from = time.Now(), j.state.Done
	}
	j.tellLocked()
	return nil
}

// refusalLocked returns why an action makes no sense at present, or nil.
func (j *job) refusalLocked(a index.Action) error {
	ended := j.state.Phase.Ended()
	switch {
	case a == index.Start && ended:
		return nil
	case a == index.Start:
		return &index.StateError{Message: "the search index is being rebuilt already; pause, resume or cancel that"}
	case ended:
		return &index.StateError{Message: "the search index is not being rebuilt"}
	case j.urgent:
		return &index.StateError{
			Message: "no search is answered until the search index is rebuilt; this cannot be paused or cancelled",
		}
	case j.state.Phase == index.Switching:
		return &index.StateError{Message: "the new search index is just taking its place"}
	case a == index.Pause && j.state.IsPaused:
		return &index.StateError{Message: "it is paused already"}
	case a == index.Resume && !j.state.IsPaused:
		return &index.StateError{Message: "it is not paused"}
	}
	return nil
}

// need asks for an index without which no search is answered. One that is being built already will
// do.
func (j *job) need(why string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.urgent = true
	if j.state.Phase.Ended() {
		j.beginLocked("the search index is of no use: " + why)
		return
	}
	j.state.IsPaused = false
	j.tellLocked()
}

// beginLocked notes that an index is to be built. It is saved together with the directory that the
// index gets.
func (j *job) beginLocked(cause string) {
	j.state.Reindex = index.Reindex{Phase: index.Filling, Cause: cause, Started: now()}
	j.state.Dir, j.state.IsPaused = "", false
	j.tellLocked()
}

// update changes the state, and saves it. A state that cannot be saved is good as long as the
// process lives.
func (j *job) update(change func(*state)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.updateLocked(change)
}

// updateLocked is update for those who hold the lock.
func (j *job) updateLocked(change func(*state)) {
	change(&j.state)
	if err := j.state.save(j.dir); err != nil {
		j.log.Error().Err(err).Msg("saving how building a search index is doing")
	}
}

// tellLocked lets Run look at what was changed.
func (j *job) tellLocked() {
	close(j.changed)
	j.changed = make(chan struct{})
}

// isUrgent reports whether no search is answered until the index is built. It may become so at any
// time.
func (j *job) isUrgent() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.urgent
}

// enter notes a phase of the build that is running, unless it was cancelled meanwhile.
func (j *job) enter(ctx context.Context, phase index.Phase) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	j.state.Phase = phase // not saved: a restart finds out for itself
	return nil
}

// measurable is how long something has to go on for the time left to be known.
const measurable = time.Second

// progress notes how many recordings are done. It is not saved each time: a restart looks at the
// index itself.
func (j *job) progress(done, total uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := &j.state
	s.Done, s.Total = done, max(done, total)

	if took := time.Since(j.since); took > 0 && done > j.from {
		s.Rate = math.Round(float64(done-j.from)/took.Seconds()*10) / 10
		if took >= measurable {
			s.SecondsLeft = int64(math.Ceil(float64(s.Total-done) / max(s.Rate, 0.1)))
		}
	}
}

// restart begins the rate anew.
func (j *job) restart(done uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.since, j.from, j.state.Rate, j.state.SecondsLeft = time.Now(), done, 0, 0
}

// paused reports whether the build is to wait, and when that may have changed.
func (j *job) paused() (bool, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.state.IsPaused, j.changed
}

// await waits until an index is to be built, and returns the context for that; it is nil if instead
// the old index is due to be removed.
func (j *job) await(ctx context.Context) (build context.Context, stop context.CancelCauseFunc) {
	for {
		j.mu.Lock()
		if !j.state.Phase.Ended() {
			build, stop = context.WithCancelCause(ctx)
			j.cancel = stop
			j.mu.Unlock()
			return build, stop
		}
		changed := j.changed
		var due <-chan time.Time
		if j.state.Old != "" {
			due = time.After(time.Duration(j.state.OldUntil-now()) * time.Millisecond)
		}
		j.mu.Unlock()

		select {
		case <-changed:
		case <-due:
			return nil, func(error) {}
		case <-ctx.Done():
			return nil, func(error) {}
		}
	}
}

// failed notes that a build has failed. It reports whether that is the end of it: an index that
// searches wait for is built again, from the beginning.
func (j *job) failed(err error) (ended bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.urgent {
		j.updateLocked(func(s *state) {
			s.Phase, s.Dir, s.Verdict = index.Filling, "", "not yet: "+fault.Line(err)
		})
		return false
	}

	j.updateLocked(func(s *state) {
		s.end(index.Failed, "failed: "+fault.Line(err)+"; the old search index stays")
	})
	return true
}

// done notes that the index that was built is in use, and keeps the one before it, in a directory,
// for some time; empty: there was none. It returns the verdict.
func (j *job) done(verdict, before string, keepOld time.Duration) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.urgent = false
	j.updateLocked(func(s *state) {
		s.end(index.Done, fmt.Sprintf("%s: the new search index with %d recordings is in use", verdict, s.Done))
		if before != "" {
			s.Old, s.OldUntil = filepath.Base(before), now()+mapping.Time(keepOld.Milliseconds())
		}
	})
	j.tellLocked()
	return j.state.Verdict
}

// removeOld removes the index before the current one, if there is one. After an error it is due
// again soon.
func (j *job) removeOld() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.state.Old == "" {
		return nil
	}

	if err := os.RemoveAll(filepath.Join(j.dir, j.state.Old)); err != nil {
		j.updateLocked(func(s *state) { s.OldUntil = now() + mapping.Time(retryDelay.Milliseconds()) })
		return err
	}
	j.updateLocked(func(s *state) { s.Old, s.OldUntil = "", 0 })
	return nil
}
