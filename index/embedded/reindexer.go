package embedded

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/rs/zerolog"

	"recordings/index"
	"recordings/mapping"
)

// reindexState is what a restart must not forget of building a search index anew. It is a file beside the indexes.
type reindexState struct {
	index.Reindex              // never of the phase Paused
	Dir           string       `json:"dir,omitzero"`      // name of the directory of the index that is being built
	IsPaused      bool         `json:"isPaused,omitzero"` // until resumed
	Old           string       `json:"old,omitzero"`      // name of the directory of the index before the current one, which is kept
	OldUntil      mapping.Time `json:"oldUntil,omitzero"` // so long
}

const reindexFile = "REINDEX"

func (s *reindexState) save(searchDir string) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(searchDir, reindexFile), fmt.Sprintf("%08x %s\n", crc32.ChecksumIEEE(data), data))
}

func (s *reindexState) load(searchDir string) error {
	content, err := os.ReadFile(filepath.Join(searchDir, reindexFile))
	if err != nil {
		return err
	}
	sum, data, _ := strings.Cut(strings.TrimSuffix(string(content), "\n"), " ")
	if sum != fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(data))) {
		return fmt.Errorf("the checksum of %s is wrong", reindexFile)
	}
	return json.Unmarshal([]byte(data), s)
}

// reindexer knows the search index that is being built, if one is, and the one before the current, as long as that is
// kept. One goroutine builds (see runReindexer); others tell it what to do.
type reindexer struct {
	searchDir string
	log       zerolog.Logger
	offers    chan *offer   // an index that is to take the place of the current one
	building  atomic.Uint64 // the change log behind this sequence is needed by the index that is being built
	old       atomic.Uint64 // likewise by the one before the current

	mu      sync.Mutex
	state   reindexState
	urgent  bool                    // no search is answered until it is done
	cancel  context.CancelCauseFunc // of the build that is running, or nil
	changed chan struct{}           // closed, and replaced, when any of this was changed from outside
	since   time.Time               // of the rate
	from    uint64                  // recordings that were done then
}

// offer is a search index that is to take the place of the current one.
type offer struct {
	index   *searchIndex
	verdict string
	done    chan error // gets an element when it has, or cannot
}

var errCancelled = errors.New("it was cancelled")

const nothing = math.MaxUint64 // of the change log is needed

// openReindexer finds out what was going on when the index was closed, or the process died, and removes what is of no use
// any more.
func openReindexer(searchDir string, trimmed uint64, log zerolog.Logger) (*reindexer, error) {
	r := &reindexer{searchDir: searchDir, log: log, offers: make(chan *offer), changed: make(chan struct{})}
	r.building.Store(nothing)
	r.old.Store(nothing)
	r.state.Phase = index.Idle
	if err := r.state.load(searchDir); err != nil && !errors.Is(err, os.ErrNotExist) {
		log.Warn().Err(err).Msg("what is known of building a search index is lost")
		r.state = reindexState{Reindex: index.Reindex{Phase: index.Idle}}
	}
	current, err := currentDir(searchDir)
	if name := filepath.Base(current); err == nil && name == r.state.Dir {
		r.state.end(index.Done, "done: the new search index took its place when the service was restarted")
	}
	keep := []string{reindexFile, r.state.Dir, r.state.Old}
	if err == nil {
		keep = append(keep, currentFile, filepath.Base(current))
	} else if !errors.Is(err, os.ErrNotExist) {
		keep = append(keep, currentFile) // it tells why there is no index
	}
	if r.state.Dir != "" {
		r.building.Store(trimmed)
	}
	if r.state.Old != "" {
		r.old.Store(trimmed)
	}
	r.since, r.from = time.Now(), r.state.Done
	return r, removeOthers(searchDir, keep...)
}

// floor is the sequence behind which the change log is needed.
func (r *reindexer) floor() uint64 { return min(r.building.Load(), r.old.Load()) }

// update changes the state, and saves it. A state that cannot be saved is as good as long as the process lives.
func (r *reindexer) update(change func(*reindexState)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.updateLocked(change)
}

func (r *reindexer) updateLocked(change func(*reindexState)) {
	change(&r.state)
	if err := r.state.save(r.searchDir); err != nil {
		r.log.Error().Err(err).Msg("saving how building a search index is doing")
	}
}

// tell lets the goroutine that builds look at what was changed.
func (r *reindexer) tellLocked() {
	close(r.changed)
	r.changed = make(chan struct{})
}

func (s *reindexState) end(phase index.Phase, verdict string) {
	s.Phase, s.Verdict, s.Ended = phase, verdict, now()
	s.Dir, s.IsPaused = "", false
}

// beginLocked notes that an index is to be built. It is saved together with the directory that the index gets.
func (r *reindexer) beginLocked(cause string) {
	r.state.Reindex = index.Reindex{Phase: index.Filling, Cause: cause, Started: now()}
	r.state.Dir, r.state.IsPaused = "", false
	r.tellLocked()
}

// need asks for an index without which no search is answered. One that is being built already will do.
func (r *reindexer) need(why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.urgent = true
	if r.state.Phase.Ended() {
		r.beginLocked("the search index is of no use: " + why)
		return
	}
	r.state.IsPaused = false
	r.tellLocked()
}

func (r *reindexer) isUrgent() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.urgent
}

// control does what was asked for, if it makes sense.
func (r *reindexer) control(a index.Action) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	ended := r.state.Phase.Ended()
	switch {
	case a == index.Start && !ended:
		return &index.StateError{Message: "the search index is being rebuilt already; pause, resume or cancel that"}
	case a == index.Start:
		r.beginLocked("it was asked for")
		r.updateLocked(func(*reindexState) {})
		return nil
	case ended:
		return &index.StateError{Message: "the search index is not being rebuilt"}
	case r.urgent:
		return &index.StateError{Message: "no search is answered until the search index is rebuilt; this cannot be paused or cancelled"}
	case r.state.Phase == index.Switching:
		return &index.StateError{Message: "the new search index is just taking its place"}
	case a == index.Pause && r.state.IsPaused:
		return &index.StateError{Message: "it is paused already"}
	case a == index.Resume && !r.state.IsPaused:
		return &index.StateError{Message: "it is not paused"}
	case a == index.Cancel:
		r.updateLocked(func(s *reindexState) { s.end(index.Cancelled, "cancelled: the old search index stays") })
		if r.cancel != nil {
			r.cancel(errCancelled)
		}
	default:
		r.updateLocked(func(s *reindexState) { s.IsPaused = a == index.Pause })
		r.since, r.from = time.Now(), r.state.Done
	}
	r.tellLocked()
	return nil
}

// status is the state as it is told.
func (r *reindexer) status() index.Reindex {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.state.Reindex
	if r.state.IsPaused {
		s.Phase, s.Rate, s.SecondsLeft = index.Paused, 0, 0
	}
	return s
}

// enter notes a phase of the build that is running, unless it was cancelled meanwhile.
func (r *reindexer) enter(ctx context.Context, phase index.Phase) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.state.Phase = phase // a restart finds out for itself
	return nil
}

// progress notes how many recordings are done. It is not saved each time: a restart looks at the index itself.
func (r *reindexer) progress(done, total uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.state
	s.Done, s.Total = done, max(done, total)
	if took := time.Since(r.since); took > 0 && done > r.from {
		s.Rate = math.Round(float64(done-r.from)/took.Seconds()*10) / 10
		if took >= measurable {
			s.SecondsLeft = int64(math.Ceil(float64(s.Total-done) / max(s.Rate, 0.1)))
		}
	}
}

// restart begins the rate anew.
func (r *reindexer) restart(done uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.since, r.from, r.state.Rate, r.state.SecondsLeft = time.Now(), done, 0, 0
}

// paused tells whether the build is to wait, and when that may have changed.
func (r *reindexer) paused() (bool, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.IsPaused, r.changed
}

// Reindex tells how building the search index anew is doing; see [index.Operations].
func (x *Index) Reindex() index.Reindex { return x.reindex.status() }

// ControlReindex starts, pauses, resumes or cancels it; see [index.Operations].
func (x *Index) ControlReindex(ctx context.Context, a index.Action) (index.Reindex, error) {
	_, leave, err := x.gate.enter(ctx)
	if err != nil {
		return index.Reindex{}, err
	}
	defer leave()
	if a == index.Start && x.reindex.status().Phase.Ended() {
		if err := x.roomForIndex(); err != nil {
			return index.Reindex{}, err
		}
	}
	if err := x.reindex.control(a); err != nil {
		return index.Reindex{}, err
	}
	x.log.Info().Str("action", string(a)).Msg("rebuilding the search index")
	return x.reindex.status(), nil
}

// roomForIndex makes sure that there is room for a second search index on the disk. One is about as large as the current one,
// which is small where there is none; while its segments are merged, half as much is needed besides.
func (x *Index) roomForIndex() error {
	free, ok := x.space.free()
	if !ok {
		return nil
	}
	var size uint64
	if dir, err := currentDir(x.searchDir); err == nil {
		size = treeSize(dir)
	}
	if needed := size + size/2 + x.o.MinFree; free < needed {
		return &index.SpaceError{For: "building a second search index beside the one in use", Needed: needed, Free: free}
	}
	return nil
}

// treeSize is how many bytes the files in a directory have.
func treeSize(dir string) (size uint64) {
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
