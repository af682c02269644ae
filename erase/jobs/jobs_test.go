package jobs_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	dir string
}

// open opens the jobs of a directory, until close.
func open(t *testing.T, dir string) *bench {
	t.Helper()
	s, err := jobs.Open(t.Context(), jobs.Options{
		Keeper: jobs.NewFiles(dir), Work: work{}, MaxResults: 100, Log: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return &bench{t, s, dir}
}

// do begins a job.
func (b *bench) do(contactCenter string, q request) int {
	b.Helper()
	s, err := b.Begin(b.Context(), contactCenter, "somebody", q)
	if err != nil {
		b.Fatal(err)
	}
	return s.Number
}

// await waits until something holds.
func (b *bench) await(what string, holds func() bool) {
	b.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatalf("it is not so that %s: %+v", what, b.All(func(*jobs.State) bool { return true }))
		}
	}
}

// ended waits for the end of a job.
func (b *bench) ended(number int) int {
	b.Helper()
	b.await("it has ended", func() bool {
		s, err := b.Get(number)
		return err == nil && s.Ended != 0
	})
	return number
}

// files are what a job has in the directory, but for its state.
func (b *bench) files(number int) string {
	b.Helper()
	found, err := filepath.Glob(filepath.Join(b.dir, "*"+string(rune('0'+number)), "*"))
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
		number, kept := i+1, c == 'k'
		b.await(when+", what is not kept is gone", func() bool {
			return (b.files(number) == "results") == kept && (b.files(number) == "") == !kept
		})
		s, err := b.Get(number)
		if err != nil || s.ResultsDropped == kept || s.Counts["written"] != uint64(s.Results) || s.Results == 0 ||
			s.Verdict == "" {
			b.Errorf("%s: job %d is %+v, %v", when, number, s, err)
		}
		lines, size, err := b.Results(b.Context(), number)
		if !kept {
			if !errors.Is(err, jobs.ErrDropped) {
				b.Errorf("%s: the results of job %d: %v", when, number, err)
			}
			continue
		}
		if err != nil {
			b.Fatal(err)
		}
		text, err := io.ReadAll(lines)
		if err != nil || int64(len(text)) != size || size != s.Results {
			b.Errorf("%s: the results of job %d are %d bytes of %d, %v", when, number, len(text), s.Results, err)
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
	b = open(t, dir)
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
		if _, err := b.Control(t.Context(), n, jobs.Cancel); err != nil {
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
	if _, err := b.Control(t.Context(), paused, jobs.Pause); err != nil {
		t.Fatal(err)
	}
	b.Close()

	// So it is if the process was killed in between.
	left := filepath.Join(dir, "00000001", "list")
	if err := os.WriteFile(left, []byte("left"), 0o600); err != nil {
		t.Fatal(err)
	}
	b = open(t, dir)
	if b.files(1) != "results" || b.files(paused) != "list results" {
		t.Errorf("there is %q and %q", b.files(1), b.files(paused))
	}
}
