package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/rs/zerolog"

	"recordings/erase/jobs"
)

// request is what a job of these tests does.
type request struct {
	Results int    `json:"results"` // how many bytes of results it writes
	Fails   bool   `json:"fails"`   // and then fails
	List    string `json:"list"`    // what it writes for itself, before
	Stays   bool   `json:"stays"`   // and then waits until it is stopped
}

// work does that.
type work struct{}

func (work) Run(ctx context.Context, r *jobs.Run) error {
	var q request
	if err := json.Unmarshal(r.State().Request, &q); err != nil {
		return err
	}
	w := r.Writer(ctx, "list", 0)
	if _, err := w.Write([]byte(q.List)); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	results := []byte(strings.Repeat("x", q.Results))
	if err := r.Checkpoint(ctx, results, func(s *jobs.State) { s.Add("written", uint64(q.Results)) }); err != nil {
		return err
	}
	if q.Stays {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	if q.Fails {
		return &jobs.Failure{Message: "it was told to"}
	}
	return nil
}

func (work) Ready(jobs.State, time.Time) (bool, string) { return true, "" }
func (work) Verdict(jobs.State) string                  { return "it has ended" }
func (work) Forget(*jobs.State)                         {}

// bench is a set of jobs in a directory.
type bench struct {
	*testing.T
	*jobs.Set
	dir   string
	begun []jobs.State // in order
}

// open opens the jobs of a directory, of which these were begun before, until close.
func open(t *testing.T, dir string, begun ...jobs.State) *bench {
	t.Helper()
	s, err := jobs.Open(t.Context(), jobs.Options{
		Keeper: jobs.NewFiles(dir), Work: work{}, MaxResults: 100, Log: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return &bench{t, s, dir, begun}
}

// do begins a job, and returns its place among all that were begun.
func (b *bench) do(contactCenter string, q request) int {
	b.Helper()
	s, err := b.Begin(b.Context(), contactCenter, "somebody", q, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.begun = append(b.begun, s)
	return len(b.begun)
}

// get returns the job of a place.
func (b *bench) get(place int) (jobs.State, error) {
	s := b.begun[place-1]
	return b.Get(b.Context(), s.ContactCenter, s.Number)
}

// await waits until something holds.
func (b *bench) await(what string, holds func() bool) {
	b.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatalf("it is not so that %s: %+v", what, b.all())
		}
	}
}

// all are the states of all jobs.
func (b *bench) all() []jobs.State {
	b.Helper()
	all, err := b.All(b.Context(), func(*jobs.State) bool { return true })
	if err != nil {
		b.Fatal(err)
	}
	return all
}

// ended waits for the end of a job.
func (b *bench) ended(place int) {
	b.Helper()
	b.await("it has ended", func() bool {
		s, err := b.get(place)
		return err == nil && s.Ended != 0
	})
}

// files are what a job has in the directory, but for its state.
func (b *bench) files(place int) string {
	b.Helper()
	found, err := filepath.Glob(filepath.Join(b.dir, fmt.Sprintf("%08d", place), "*"))
	if err != nil {
		b.Fatal(err)
	}
	var names []string
	for _, path := range found {
		if name := filepath.Base(path); name != "state.json" {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// check compares which results are kept with which should be: a letter for each job.
func (b *bench) check(when, want string) {
	b.Helper()
	for i, c := range want {
		place, kept := i+1, c == 'k'
		b.await(when+", what is not kept is gone", func() bool {
			return (b.files(place) == "results") == kept && (b.files(place) == "") == !kept
		})
		s, err := b.get(place)
		if err != nil || s.ResultsDropped == kept || s.Counts["written"] != uint64(s.Results) || s.Results == 0 ||
			s.Verdict == "" {
			b.Errorf("%s: job %d is %+v, %v", when, place, s, err)
		}
		lines, size, err := b.Results(b.Context(), s.ContactCenter, s.Number)
		if !kept {
			if !errors.Is(err, jobs.ErrDropped) {
				b.Errorf("%s: the results of job %d: %v", when, place, err)
			}
			continue
		}
		if err != nil {
			b.Fatal(err)
		}
		text, err := io.ReadAll(lines)
		if err != nil || int64(len(text)) != size || size != s.Results {
			b.Errorf("%s: the results of job %d are %d bytes of %d, %v", when, place, len(text), s.Results, err)
		}
	}
}

// TestResultsAreBounded: the oldest results go when they are too many, and never the numbers, nor the results
// of the newest job of a contact center, and of the newest that was done.
func TestResultsAreBounded(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "jobs")
	b := open(t, dir)
	b.ended(b.do("other", request{Results: 500}))
	b.ended(b.do("cc", request{Results: 60}))
	b.ended(b.do("cc", request{Results: 40}))
	b.ended(b.do("cc", request{Results: 40}))
	b.check("at first", "kkkk")
	b.ended(b.do("cc", request{Results: 900})) // 60, 40 and 40 are too many now
	b.check("then", "kdkkk")
	b.ended(b.do("cc", request{Results: 300, Fails: true})) // beside the newest that was done
	b.check("after a failure", "kdkkkk")
	b.ended(b.do("cc", request{Results: 1, Fails: true}))
	b.check("after another", "kdddkdk")
	b.Close()
	b = open(t, dir, b.begun...)
	b.check("opened again", "kdddkdk")
}

// TestNothingElseIsKept: what a job writes for itself is gone when it has ended, however that was.
func TestNothingElseIsKept(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "jobs")
	b := open(t, dir)
	b.ended(b.do("cc", request{Results: 1, List: "of one that is done"}))
	b.ended(b.do("cc", request{Results: 1, List: "of one that fails", Fails: true}))
	running := b.do("cc", request{Results: 1, List: "of one that is cancelled", Stays: true})
	waiting := b.do("cc", request{Results: 1, List: "of one that does not come to it"})
	b.await("it runs", func() bool { return b.files(running) == "list results" })
	for _, n := range []int{waiting, running} {
		if _, err := b.Control(t.Context(), "cc", n, jobs.Cancel); err != nil {
			t.Fatal(err)
		}
		b.ended(n)
	}
	b.await("lists are gone", func() bool {
		of := []string{b.files(1), b.files(2), b.files(running), b.files(waiting)}
		return slices.Equal(of, []string{"results", "results", "results", ""})
	})
	paused := b.do("cc", request{Results: 1, List: "of one that is paused", Stays: true})
	b.await("it runs", func() bool { return b.files(paused) == "list results" })
	if _, err := b.Control(t.Context(), "cc", paused, jobs.Pause); err != nil {
		t.Fatal(err)
	}
	b.Close()

	// So it is if the process was killed in between.
	left := filepath.Join(dir, "00000001", "list")
	if err := os.WriteFile(left, []byte("left"), 0o600); err != nil {
		t.Fatal(err)
	}
	b = open(t, dir, b.begun...)
	if b.files(1) != "results" || b.files(paused) != "list results" {
		t.Errorf("there is %q and %q", b.files(1), b.files(paused))
	}
}

// TestNumbers: a job has its number among those of its contact center, from which nobody can tell how many there
// are of others, and which no other job ever has.
func TestNumbers(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "jobs")
	b := open(t, dir)
	check := func(when string, place, want int) {
		t.Helper()
		if s := b.begun[place-1]; s.Number != want {
			t.Errorf("%s: a job of %s has the number %d, want %d", when, s.ContactCenter, s.Number, want)
		}
		b.ended(place)
	}
	check("the first", b.do("one", request{Results: 1}), 1)
	check("the second", b.do("one", request{Results: 2}), 2)
	check("the first of another", b.do("other", request{Results: 3}), 1)
	check("the third", b.do("one", request{Results: 4}), 3)
	if _, err := b.Get(t.Context(), "other", 2); !errors.Is(err, jobs.ErrNoJob) {
		t.Errorf("another's job: %v", err)
	}
	if _, err := b.Control(t.Context(), "other", 3, jobs.Cancel); !errors.Is(err, jobs.ErrNoJob) {
		t.Errorf("doing something with another's job: %v", err)
	}
	if _, _, err := b.Results(t.Context(), "other", 2); !errors.Is(err, jobs.ErrNoJob) {
		t.Errorf("the results of another's job: %v", err)
	}

	b.Close()
	b = open(t, dir, b.begun...)
	check("opened again", b.do("other", request{Results: 5}), 2)
	check("opened again", b.do("one", request{Results: 6}), 4)
	for place, s := range b.begun {
		if now, err := b.get(place + 1); err != nil || now.Results != int64(place+1) || now.Created != s.Created {
			t.Errorf("job %d of %s is %+v, %v", s.Number, s.ContactCenter, now, err)
		}
	}
}

// state is what is kept of a job that has ended.
func state(contactCenter string, number int) string {
	return fmt.Sprintf(`{"number":%d,"contactCenter":%q,"phase":"done","cause":"somebody",`+
		`"created":"2026-01-01T00:00:00.000Z","started":"2026-01-01T00:00:00.000Z","ended":"2026-01-01T00:00:01.000Z",`+
		`"total":1,"done":1,"verdict":"it has ended","request":{},"results":3}`, number, contactCenter)
}

// keep keeps a job in a directory as an earlier version, or an earlier process, has left it there.
func keep(t *testing.T, dir string, place int, state string) {
	t.Helper()
	of := filepath.Join(dir, fmt.Sprintf("%08d", place))
	if err := os.MkdirAll(of, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"state.json": state, jobs.ResultsName: "xyz"} {
		if err := os.WriteFile(filepath.Join(of, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNumbersOfBefore: jobs of earlier versions, which have numbers among all jobs, keep these, and others go on
// behind them.
func TestNumbersOfBefore(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "jobs")
	for place, contactCenter := range []string{1: "one", 3: "one", 4: "other", 7: "one"} {
		if contactCenter != "" {
			keep(t, dir, place, state(contactCenter, place))
		}
	}
	b := open(t, dir)
	for number, contactCenter := range map[int]string{1: "one", 3: "one", 4: "other", 7: "one"} {
		lines, size, err := b.Results(t.Context(), contactCenter, number)
		if err != nil || size != 3 {
			t.Fatalf("job %d: %d bytes, %v", number, size, err)
		}
		if text, err := io.ReadAll(lines); err != nil || string(text) != "xyz" {
			t.Errorf("job %d: %s, %v", number, text, err)
		}
	}
	for _, want := range []struct {
		contactCenter string
		number        int
	}{{"one", 8}, {"other", 5}, {"new", 1}, {"other", 6}} {
		s, err := b.Begin(t.Context(), want.contactCenter, "somebody", request{Results: 1}, nil)
		if err != nil || s.Number != want.number {
			t.Errorf("a job of %s has the number %d, %v", want.contactCenter, s.Number, err)
		}
	}
}

// memory keeps jobs in memory, which is quicker where they are many.
type memory struct {
	mu     sync.Mutex
	states map[int]jobs.Kept
}

func (m *memory) States(context.Context) (map[int]jobs.Kept, error) { return maps.Clone(m.states), nil }

func (m *memory) Save(_ context.Context, job int, state []byte, on jobs.Version) (jobs.Version, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.states[job] = jobs.Kept{State: state}
	return on, nil
}

func (m *memory) Append(context.Context, int, int64, string, int64, []byte) error { return nil }

func (m *memory) ReadAt(context.Context, int, string, []byte, int64) (int, error) { return 0, io.EOF }

func (m *memory) Keep(context.Context, int, ...string) error { return nil }

func (m *memory) Remove(_ context.Context, job int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.states, job)
	return nil
}

// TestManyJobs: of many jobs the oldest go, but never the newest of a contact center, whose number the next one
// would have.
func TestManyJobs(t *testing.T) {
	t.Parallel()
	const most, more = 1000, 5
	m := &memory{states: map[int]jobs.Kept{}}
	for n := range 2 {
		m.states[1+n] = jobs.Kept{State: []byte(state("seldom", 1+n))}
	}
	for n := range most + more - 2 {
		m.states[3+n] = jobs.Kept{State: []byte(state("often", 1+n))}
	}
	s, err := jobs.Open(t.Context(), jobs.Options{Keeper: m, Work: work{}, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()

	count := func(contactCenter string) int {
		all, err := s.All(t.Context(), func(s *jobs.State) bool { return s.ContactCenter == contactCenter })
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	if seldom, often := count("seldom"), count("often"); seldom != 1 || often != most || len(m.states) != most+1 {
		t.Errorf("%d and %d are kept, together %d", seldom, often, len(m.states))
	}
	if next, err := s.Begin(t.Context(), "seldom", "somebody", request{}, nil); err != nil || next.Number != 3 {
		t.Errorf("the next one has the number %d, %v", next.Number, err)
	}
}

// slow takes its time to save a state, and notes where something is removed meanwhile.
type slow struct {
	memory
	saving   map[int]int // how many are, by job
	overlaps int
}

func (k *slow) Save(ctx context.Context, job int, state []byte, on jobs.Version) (jobs.Version, error) {
	k.change(job, 1)
	defer k.change(job, -1)
	time.Sleep(5 * time.Millisecond) // in which the other one would come
	return k.memory.Save(ctx, job, state, on)
}

func (k *slow) Keep(_ context.Context, job int, _ ...string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.saving[job] > 0 {
		k.overlaps++
	}
	return nil
}

func (k *slow) change(job, by int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.saving[job] += by
}

// TestNothingGoesWhileSaved: a job that ends and is cancelled at the same time has its state saved twice, and what
// it wrote for itself is removed at neither time: a file system has half of a state there.
func TestNothingGoesWhileSaved(t *testing.T) {
	t.Parallel()
	k := &slow{memory: memory{states: map[int]jobs.Kept{}}, saving: map[int]int{}}
	s, err := jobs.Open(t.Context(), jobs.Options{Keeper: k, Work: work{}, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	b := &bench{T: t, Set: s}
	for n := range 20 {
		b.do("cc", request{Results: 1, Stays: true})
		b.await("it runs", func() bool { s, err := b.get(n + 1); return err == nil && s.Results > 0 })
		if _, err := b.Control(t.Context(), "cc", n+1, jobs.Cancel); err != nil {
			t.Fatal(err)
		}
		b.ended(n + 1)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.overlaps > 0 {
		t.Errorf("%d times something went while a state was saved", k.overlaps)
	}
}
