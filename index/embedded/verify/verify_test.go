package verify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"recordings/index"
	"recordings/index/embedded/bleveindex"
	"recordings/index/embedded/schema"
	"recordings/index/embedded/store"
	"recordings/index/indextest"
	"recordings/mapping"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const center = "center"

// parts are a store and a search index that agree, in a data directory.
type parts struct {
	dir   string
	store *store.Store
	index *bleveindex.Index
	close func() // what is open
}

// newParts makes parts with n recordings, each batch of which is a segment in a file.
func newParts(t *testing.T, n int) *parts {
	t.Helper()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	records, err := store.Open(ctx, store.Options{Dir: dir})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	at := filepath.Join(dir, searchDir, "000001")
	if err := os.MkdirAll(at, 0o700); err != nil {
		t.Fatal(err)
	}
	x, err := bleveindex.Open(at, bleveindex.Position{}, bleveindex.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := bleveindex.SetCurrent(filepath.Dir(at), at); err != nil {
		t.Fatal(err)
	}

	p := &parts{dir: dir, store: records, index: x}
	closed := false
	p.close = func() {
		if cancel(); closed {
			return
		}
		closed = true
		if err := errors.Join(x.Close(), records.Close()); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(p.close)
	const atATime = 100
	for from := 0; from < n; from += atATime {
		p.add(t, from, min(from+atATime, n))
	}
	return p
}

func recording(n int) *mapping.Recording {
	return indextest.New(fmt.Sprintf("%05d", n), "west", mapping.Time(n)*1000)
}

func keyOf(n int) string { return store.RecordKey(center, recording(n).ID) }

// add stores and indexes recordings, and makes both durable.
func (p *parts) add(t *testing.T, from, to int) {
	t.Helper()
	b := bleveindex.NewBatch()
	var changes []*store.Change
	for n := from; n < to; n++ {
		r := recording(n)
		data, err := mapping.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		changes = append(changes, &store.Change{ContactCenter: center, Key: keyOf(n), Data: data, Delta: 1})
		b.Put(schema.NewDocument(keyOf(n), center, r.Region, r.Searchable()))
	}
	if err := p.store.Commit(changes, func() {}); err != nil {
		t.Fatal(err)
	}
	_, last := p.store.Size()
	p.apply(t, b, last)
}

func (p *parts) apply(t *testing.T, b *bleveindex.Batch, sequence uint64) {
	t.Helper()
	if err := p.index.Apply(t.Context(), b, bleveindex.Position{Sequence: sequence}); err != nil {
		t.Fatal(err)
	}
	if err := p.index.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// damage changes the index behind the back of everybody: a recording is missing, one has other
// terms, and one is there that is not stored.
func (p *parts) damage(t *testing.T) {
	t.Helper()
	b := bleveindex.NewBatch()
	b.Delete(keyOf(3))
	b.Put(schema.NewDocument(keyOf(5), center, "east", recording(5).Searchable()))
	b.Put(schema.NewDocument(store.RecordKey(center, "ghost"), center, "west", recording(7).Searchable()))
	p.apply(t, b, p.index.Position().Sequence)
}

func (p *parts) state(t *testing.T) *State {
	t.Helper()
	s := &State{Index: p.index, Store: p.store.Latest()}
	var err error
	if s.Reader, err = p.index.Reader(); err != nil {
		t.Fatal(err)
	}
	if s.Log, err = s.Store.ChangeLog(); err != nil {
		t.Fatal(err)
	}
	return s
}

func never() error { return nil }

// TestCompare finds what is wrong, and nothing else.
func TestCompare(t *testing.T) {
	p := newParts(t, 300)
	s := p.state(t)
	defer s.Close()
	if n, err := s.Problems(t.Context(), never); n != 0 || err != nil {
		t.Errorf("where all is well it finds %d problems, %v", n, err)
	}

	p.damage(t)
	damaged, err := s.With(t.Context(), p.index)
	if err != nil {
		t.Fatal(err)
	}
	defer damaged.Reader.Close()
	found := newFindings()
	if err := damaged.compare(t.Context(), found, never); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range found.first {
		got = append(got, f.ContactCenter+" "+f.ID+" "+string(f.Kind))
	}
	slices.Sort(got)
	want := []string{
		"center 00003 missing in the index",
		"center 00005 different in the index",
		"center ghost in the index without a recording",
	}
	if !slices.Equal(got, want) || found.derived != 3 {
		t.Errorf("it finds %q, want %q", got, want)
	}

	damaged.Changed = map[string]struct{}{keyOf(3): {}, keyOf(5): {}}
	if n, err := damaged.Problems(t.Context(), never); n != 1 || err != nil {
		t.Errorf("but for what was changed since, it finds %d problems, %v", n, err)
	}
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(enough)
	if _, err := damaged.Problems(ctx, func() error { return enough }); !errors.Is(err, enough) {
		t.Errorf("given up, it ends with %v", err)
	}
}

// TestMerged verifies a state whose segments are merged, and their files removed, before it comes
// to them. That is no damage; a file that is missing and in use is.
//
// The index merges small segments by itself, soon after they are written, and removes their files
// some time later, or not while the state is kept that has them. None of that can be waited for:
// the test takes a state that has segments to merge, has them merged, and removes their files
// itself.
func TestMerged(t *testing.T) {
	p := newParts(t, 100)
	before := p.state(t)
	for n := 100; len(before.Reader.Files()) < 2; n += 100 {
		before.Close()
		p.add(t, n, n+100)
		before = p.state(t)
	}
	defer before.Close()
	if err := p.index.Merge(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, file := range before.Reader.Files() {
		if used, err := p.index.Uses(file); used || err != nil {
			t.Fatalf("after merging, %s is in use: %v, %v", file, used, err)
		}
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}

	if n := fileProblems(t, before); n != 0 {
		t.Errorf("files are missing that are in use no more, and it finds %d problems", n)
	}
	after := p.state(t)
	defer after.Close()
	if n := fileProblems(t, after); n != 0 {
		t.Fatalf("where all is well it finds %d problems", n)
	}
	if err := os.Remove(after.Reader.Files()[0]); err != nil {
		t.Fatal(err)
	}
	if n := fileProblems(t, after); n != 1 {
		t.Errorf("where a file is missing it finds %d problems", n)
	}
}

func fileProblems(t *testing.T, s *State) uint64 {
	t.Helper()
	found := newFindings()
	if err := s.checkFiles(found, never); err != nil {
		t.Fatal(err)
	}
	return found.problems
}

// TestStopped verifies a directory that nobody uses: whole, with a damaged index, ahead of the
// records, and without an index.
func TestStopped(t *testing.T) {
	p := newParts(t, 100)
	verified := func() index.Verification {
		t.Helper()
		v, err := Stopped(t.Context(), p.dir, zerolog.Nop(), func(index.Verification) {})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if _, err := Stopped(t.Context(), p.dir, zerolog.Nop(), func(index.Verification) {}); err == nil {
		t.Error("it verifies a directory that is in use")
	}
	p.damage(t)
	_, last := p.store.Size()
	p.close()

	// The damage is three documents, so there are as many of them as recordings.
	v := verified()
	if v.Phase != index.Failed || v.Problems != 3 || v.Done != 100 || v.Total != 100 {
		t.Errorf("with a damaged index it finds %+v", v)
	}

	x, err := bleveindex.Open(p.index.Dir(), p.index.Position(), bleveindex.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p.index = x
	p.apply(t, bleveindex.NewBatch(), last+1)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	v = verified()
	if len(v.Findings) != 2 || v.Findings[0].Kind != index.LostChanges || v.Findings[1].Kind != index.DamagedIndex {
		t.Errorf("with an index that is ahead it finds %+v", v)
	}

	if err := os.RemoveAll(filepath.Join(p.dir, searchDir)); err != nil {
		t.Fatal(err)
	}
	v = verified()
	if v.Phase != index.Failed || len(v.Findings) != 1 || v.Findings[0].File != searchDir || v.Done != 100 {
		t.Errorf("without an index it finds %+v", v)
	}
}

// TestDamagedRecords: recordings that cannot be read are found by their documents, and the others
// are compared all the same.
func TestDamagedRecords(t *testing.T) {
	p := newParts(t, 2000)
	if err := p.store.Flush(); err != nil {
		t.Fatal(err)
	}
	p.close()
	tables, err := filepath.Glob(filepath.Join(p.dir, store.RecordsDir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("tables %q, %v", tables, err)
	}
	table := slices.MaxFunc(tables, func(a, b string) int { return int(size(t, a) - size(t, b)) })
	data, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(table, data, 0o600); err != nil {
		t.Fatal(err)
	}

	v, err := Stopped(t.Context(), p.dir, zerolog.Nop(), func(index.Verification) {})
	if err != nil {
		t.Fatal(err)
	}
	kinds := make(map[index.Kind]int)
	for _, f := range v.Findings {
		kinds[f.Kind]++
	}
	if kinds[index.DamagedFile] == 0 || kinds[index.DamagedRecording] == 0 || kinds[index.NoRecording] != 0 {
		t.Errorf("it finds %v", kinds)
	}
	if v.Done+uint64(kinds[index.DamagedRecording]) != 2000 {
		t.Errorf("it has compared %d, and %d are damaged", v.Done, kinds[index.DamagedRecording])
	}
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// live is parts that are verified while they are in use.
type live struct {
	*parts
	t       *testing.T
	givenUp chan error
}

func (l *live) Check(r store.Report) error                               { return l.store.Check(r) }
func (l *live) State(context.Context) (*State, error)                    { return l.state(l.t), nil }
func (l *live) GiveUp(_ context.Context, _ *bleveindex.Index, why error) { l.givenUp <- why }

// TestVerifier verifies when it is asked to, and by itself when that is due; a damaged index is
// given up only with repair.
func TestVerifier(t *testing.T) {
	l := &live{parts: newParts(t, 100), t: t, givenUp: make(chan error, 1)}
	l.damage(t)
	o := Options{Dir: l.dir, Searches: func() uint64 { return 0 }}
	v := New(o, l)
	run := start(t, v)
	var state *index.StateError
	for _, a := range []index.Action{index.Cancel, index.Pause} {
		if err := v.Control(a, false); !errors.As(err, &state) {
			t.Errorf("%s while nothing is running: %v", a, err)
		}
	}
	if err := v.Control(index.Start, false); err != nil {
		t.Fatal(err)
	}
	if s := ended(t, v); s.Phase != index.Failed || s.Problems != 3 || s.Total != 100 || len(l.givenUp) != 0 {
		t.Errorf("it finds %+v; given up %d times", s, len(l.givenUp))
	}
	if err := v.Control(index.Start, true); err != nil {
		t.Fatal(err)
	}
	if err := <-l.givenUp; !errors.Is(err, ErrInconsistent) {
		t.Errorf("it is given up for %v", err)
	}
	ended(t, v)
	run()

	o.Interval = time.Hour
	if v := New(o, l); time.Since(v.last()) > time.Minute {
		t.Errorf("the last time was %v, it says", v.last())
	}
	long := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(filepath.Join(l.dir, VerifiedFile), long, long); err != nil {
		t.Fatal(err)
	}
	v = New(o, l)
	defer start(t, v)()
	<-l.givenUp // a scrub repairs
	if s := ended(t, v); s.Cause != "it was due" || !s.Repair {
		t.Errorf("what was due is %+v", s)
	}
}

// start runs a verifier until the function is called.
func start(t *testing.T, v *Verifier) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// ended waits until a verification has ended.
func ended(t *testing.T, v *Verifier) index.Verification {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); ; <-tick.C {
		if s := v.Status(); s.Phase.Ended() && s.Phase != index.Idle {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("it does not end: %+v", v.Status())
		}
	}
}
