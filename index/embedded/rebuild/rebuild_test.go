package rebuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"recordings/index"
	"recordings/index/embedded/bleveindex"
	"recordings/index/embedded/store"
	"recordings/index/embedded/verify"
	"recordings/index/indextest"
	"recordings/mapping"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	center   = "center"
	patience = time.Minute // for what must happen some time
)

// service is a store with recordings, and what a Builder needs besides. Searches are answered from
// current, if it is not nil.
type service struct {
	t       *testing.T
	dir     string
	o       Options
	store   *store.Store
	end     context.CancelFunc
	closing context.Context
	current *bleveindex.Index
	told    atomic.Int64 // how often Progress was called
}

// newService makes a service with n recordings and no index.
func newService(t *testing.T, n int) *service {
	t.Helper()
	s := &service{t: t, dir: t.TempDir()}
	s.closing, s.end = context.WithCancel(t.Context())
	var err error
	if s.store, err = store.Open(s.closing, store.Options{Dir: s.dir}); err != nil {
		s.end()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.end()
		if s.current != nil {
			err = errors.Join(err, s.current.Close())
		}
		if err := errors.Join(err, s.store.Close()); err != nil {
			t.Error(err)
		}
	})

	s.put(0, n)
	s.o = Options{
		Dir:       filepath.Join(s.dir, "search"),
		Store:     s.store,
		BatchSize: 50,
		MaxHeld:   1000,
		KeepOld:   time.Hour,
		Service: Service{
			Snapshot: func(context.Context) (*store.Snapshot, error) { return s.store.Snapshot(nil), nil },
			State:    s.state,
			Searches: func() uint64 { return 0 },
			Progress: func(string, uint64, uint64) { s.told.Add(1) },
		},
	}
	if err := os.MkdirAll(s.o.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return s
}

func recording(n int) *mapping.Recording {
	return indextest.New(fmt.Sprintf("%05d", n), "west", mapping.Time(n)*1000)
}

// put stores recordings in one step.
func (s *service) put(from, to int) {
	s.t.Helper()
	var changes []*store.Change
	for n := from; n < to; n++ {
		data, err := mapping.Encode(recording(n))
		if err != nil {
			s.t.Fatal(err)
		}
		key := store.RecordKey(center, recording(n).ID)
		changes = append(changes, &store.Change{ContactCenter: center, Key: key, Data: data, Delta: 1})
	}
	if err := s.store.Commit(changes, func() {}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *service) state() (*verify.State, error) {
	if s.current == nil {
		return nil, &index.NotReadyError{}
	}
	r, err := s.current.Reader()
	if err != nil {
		return nil, err
	}
	state := &verify.State{Index: s.current, Reader: r, Store: s.store.Latest()}
	state.Log, err = state.Store.ChangeLog()
	return state, err
}

// builder makes a Builder, which runs until the function is called.
func (s *service) builder() (b *Builder, stop func()) {
	s.t.Helper()
	b, err := New(s.o)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(s.closing)
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.Run(ctx)
	}()
	return b, func() {
		cancel()
		<-done
	}
}

// install takes the index that is offered into use.
func (s *service) install(b *Builder) {
	s.t.Helper()
	select {
	case o := <-b.Offers():
		at := s.store.Snapshot(nil)
		defer at.Close()
		err := b.Follow(s.t.Context(), o.Index, at)
		if err == nil {
			err = b.Install(o, func() {})
		}
		o.Done(err)
		if err != nil {
			s.t.Fatal(err)
		}
		if s.current != nil {
			// What it has would be durable by itself a little later; the test does not wait that long.
			if err := errors.Join(s.current.Flush(s.t.Context()), s.current.Close()); err != nil {
				s.t.Fatal(err)
			}
		}
		s.current = o.Index
	case <-time.After(patience):
		s.t.Fatalf("no index is offered: %+v", b.Status())
	}
}

func (s *service) want(documents uint64) {
	s.t.Helper()
	if n, err := s.current.Count(); err != nil || n != documents {
		s.t.Errorf("the index has %d documents, %v, want %d", n, err, documents)
	}
}

func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !condition(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited for %s", what)
		}
	}
}

// TestNeed builds the first index, which searches wait for, and then another beside it.
func TestNeed(t *testing.T) {
	s := newService(t, 120)
	b, stop := s.builder()
	defer stop()
	if x, why := b.OpenCurrent(); x != nil || why != "there was none" {
		t.Errorf("there is an index: %s", why)
	}
	b.Need("there was none")
	var state *index.StateError
	if err := b.Control(index.Pause); !errors.As(err, &state) {
		t.Errorf("pausing what searches wait for: %v", err)
	}
	s.install(b)
	s.want(120)
	if r := b.Status(); r.Phase != index.Done || r.Done != 120 || s.told.Load() == 0 {
		t.Errorf("it is %+v, told %d times", r, s.told.Load())
	}

	first := s.current.Dir()
	s.put(120, 130)
	if err := b.Control(index.Start); err != nil {
		t.Fatal(err)
	}
	// The old one has to have what the new one is compared by.
	at := s.store.Snapshot(nil)
	if err := errors.Join(b.Follow(t.Context(), s.current, at), at.Close()); err != nil {
		t.Fatal(err)
	}
	s.install(b)
	s.want(130)
	if r := b.Status(); r.Phase != index.Done || !strings.Contains(r.Verdict, "old and new agree in all counts") {
		t.Errorf("it is %+v", r)
	}
	if current, err := bleveindex.Current(s.o.Dir); err != nil || current == first || current != s.current.Dir() {
		t.Errorf("the current one is %s, %v; it was %s", current, err, first)
	}
}

// TestFallBack: the index before the current one is opened when that has failed.
func TestFallBack(t *testing.T) {
	s := newService(t, 60)
	b, stop := s.builder()
	defer stop()
	b.Need("there was none")
	s.install(b)
	first := s.current.Dir()
	if b.FallBack("nothing") != nil {
		t.Error("there is an index before the first")
	}
	if err := b.Control(index.Start); err != nil {
		t.Fatal(err)
	}
	s.install(b)
	if b.Floor() != s.store.Trimmed() {
		t.Errorf("the log is needed from %d on, for the old index", b.Floor())
	}

	if err := s.current.Close(); err != nil {
		t.Fatal(err)
	}
	if s.current = b.FallBack("injected"); s.current == nil || s.current.Dir() != first {
		t.Fatal("the old one is not opened")
	}
	s.want(60)
	if r := b.Status(); r.Phase != index.Failed || !strings.Contains(r.Verdict, "injected") || b.Floor() != nothing {
		t.Errorf("it is %+v; the log is needed from %d on", r, b.Floor())
	}
}

// TestRestart: an index that is being built when the service is stopped is gone on with, paused if
// it was.
func TestRestart(t *testing.T) {
	s := newService(t, 500)
	b, stop := s.builder()
	if err := errors.Join(b.Control(index.Start), b.Control(index.Pause)); err != nil {
		t.Fatal(err)
	}
	await(t, "it to begin", func() bool { return b.Status().Total == 500 })
	began := b.Status().Started
	stop()

	b, stop = s.builder()
	defer stop()
	if r := b.Status(); r.Phase != index.Paused || r.Started != began {
		t.Errorf("after a restart it is %+v", r)
	}
	if err := b.Control(index.Resume); err != nil {
		t.Fatal(err)
	}
	s.install(b)
	s.want(500)
}

// TestControl refuses what makes no sense, and cancels.
func TestControl(t *testing.T) {
	s := newService(t, 60)
	b, stop := s.builder()
	defer stop()
	refused := func(a index.Action, want string) {
		t.Helper()
		var state *index.StateError
		if err := b.Control(a); !errors.As(err, &state) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", a, err, want)
		}
	}
	refused(index.Pause, "not being rebuilt")
	refused(index.Cancel, "not being rebuilt")
	if err := errors.Join(b.Control(index.Start), b.Control(index.Pause)); err != nil {
		t.Fatal(err)
	}
	refused(index.Start, "being rebuilt already")
	refused(index.Pause, "paused already")
	await(t, "it to begin", func() bool { return b.Status().Total > 0 })
	if err := b.Control(index.Cancel); err != nil {
		t.Fatal(err)
	}
	if r := b.Status(); r.Phase != index.Cancelled {
		t.Errorf("cancelled, it is %+v", r)
	}
	await(t, "what was built to be removed", func() bool {
		left, err := filepath.Glob(filepath.Join(s.o.Dir, "0*"))
		return err == nil && len(left) == 0 && b.Floor() == nothing
	})
}

// TestSpace has no room for a second index.
func TestSpace(t *testing.T) {
	s := newService(t, 1)
	s.o.MinFree = 1 << 60
	b, err := New(s.o)
	if err != nil {
		t.Fatal(err)
	}
	var space *index.SpaceError
	if err := b.Control(index.Start); !errors.As(err, &space) || space.Needed <= space.Free {
		t.Errorf("it was started: %v", err)
	}
}

// TestState: what is saved is loaded, and nothing else.
func TestState(t *testing.T) {
	dir := t.TempDir()
	saved := state{Reindex: index.Reindex{Phase: index.Filling, Done: 7}, Dir: "000002", IsPaused: true}
	if err := saved.save(dir); err != nil {
		t.Fatal(err)
	}
	var loaded state
	if err := loaded.load(dir); err != nil || loaded != saved {
		t.Errorf("it is %+v, %v, want %+v", loaded, err, saved)
	}

	path := filepath.Join(dir, stateFile)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[20] ^= 1
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := loaded.load(dir); err == nil {
		t.Error("damage is not noticed")
	}
	if b, err := New(Options{Dir: dir, Store: newService(t, 1).store}); err != nil || b.Status().Phase != index.Idle {
		t.Errorf("with a damaged state: %v", err)
	}
}
