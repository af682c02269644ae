package job_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"recordings/index/opensearch/job"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counting is a job that counts to a number.
type counting struct {
	Owner string `json:"owner,omitempty"`
	Count int    `json:"count"`
	Until int    `json:"until"`
}

func (c *counting) Node() *string { return &c.Owner }

type (
	countingJob  = job.Job[counting, *counting]
	countingHeld = job.Held[counting, *counting]
)

func newJob(s job.Store) *countingJob {
	return job.New[counting, *counting](s, func() counting { return counting{} })
}

var errLater = errors.New("it may go well later")

// store keeps a document in memory, and loses answers as it is told.
type store struct {
	mu     sync.Mutex
	doc    job.Doc
	random *rand.Rand // nil: it loses none
	after  func(*job.Doc)
}

func (s *store) Read(context.Context) (job.Doc, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.random != nil && s.random.IntN(5) == 0 {
		return job.Doc{}, errLater
	}
	return s.doc, nil
}

func (s *store) Write(_ context.Context, body string, on job.Doc) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lost := s.random != nil && s.random.IntN(5) == 0
	if s.random != nil && s.random.IntN(5) == 0 {
		return false, nil // it has not come
	}
	if s.doc.Found != on.Found || s.doc.Seq != on.Seq {
		return false, nil
	}
	s.doc = job.Doc{Found: true, Seq: s.doc.Seq + 1, Term: 1, Body: body}
	if s.after != nil {
		s.after(&s.doc)
	}
	return !lost, nil
}

func (s *store) Temporary(err error) bool { return errors.Is(err, errLater) }

// start begins to count.
func start(t *testing.T, j *countingJob, until int) {
	t.Helper()
	for {
		err := j.Change(t.Context(), func(c *counting) error { c.Until = until; return nil })
		if err == nil {
			return
		}
		if !errors.Is(err, errLater) {
			t.Fatal(err)
		}
	}
}

// count has a node count, once a second, until the context ends. It reports each number to counted.
func count(ctx context.Context, t *testing.T, j *countingJob, counted func(int)) {
	j.Run(ctx, func(ctx context.Context) error {
		c, doc, left := j.Known()
		if c.Count >= c.Until || !left {
			return nil
		}
		held, err := j.Take(ctx, c, doc, func(*counting) {})
		for err == nil && held.State.Count < held.State.Until {
			if !j.Mine() {
				t.Error("the node that has the job does not know it")
			}
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			if err = held.Save(ctx, func(c *counting) { c.Count++ }); err == nil {
				counted(held.State.Count)
			}
		}
		return err
	}, func(err error) {
		if !errors.Is(err, errLater) {
			t.Error(err)
		}
	})
}

// TestTakenOver: several nodes count, each of which ends without a word while it does, but the last. Each number is
// counted once and in order, another node goes on when the one before was silent for long enough, and answers that are
// lost do no harm.
func TestTakenOver(t *testing.T) {
	for _, seed := range []uint64{0, 1, 2, 3} {
		synctest.Test(t, func(t *testing.T) {
			const nodes, until = 4, 40
			s := new(store)
			if seed > 0 {
				s.random = rand.New(rand.NewPCG(seed, 1))
			}
			var mu sync.Mutex
			last, by, since := 0, -1, time.Now()
			var running sync.WaitGroup
			for n := range nodes {
				ctx, end := context.WithCancel(t.Context())
				defer end()
				j := newJob(s)
				if n == 0 {
					start(t, j, until)
				}
				running.Go(func() {
					count(ctx, t, j, func(to int) {
						mu.Lock()
						defer mu.Unlock()
						if to != last+1 {
							t.Errorf("%d was counted after %d", to, last)
						}
						if by != n && by >= 0 && time.Since(since) < job.TakeOver {
							t.Errorf("a node goes on after %v, when another had it", time.Since(since))
						}
						if last, by, since = to, n, time.Now(); to == until*(n+1)/nodes && n < nodes-1 || to == until {
							end()
						}
					})
				})
				time.Sleep(time.Millisecond) // the next node comes later
			}
			for done := false; !done; time.Sleep(time.Second) {
				mu.Lock()
				done = last == until
				mu.Unlock()
			}
		})
	}
}

// TestActedOnAtOnce: a change that another node has acted on before this one could look is a change that was made.
func TestActedOnAtOnce(t *testing.T) {
	s := new(store)
	s.after = func(d *job.Doc) {
		d.Seq++
		d.Body = `{"owner":"another","count":1,"until":3}`
	}
	j, changes := newJob(s), 0
	err := j.Change(t.Context(), func(c *counting) error { changes++; c.Until = 3; return nil })
	if err != nil || changes != 1 {
		t.Errorf("%d changes, %v", changes, err)
	}
	if got := j.Now(); got.Owner != "another" || got.Count != 1 {
		t.Errorf("the job is %+v", got)
	}
}

// TestTaken: a node that was silent for too long, whose job another has, is told so when it writes.
func TestTaken(t *testing.T) {
	s := new(store)
	one, two := newJob(s), newJob(s)
	start(t, one, 9)
	take := func(j *countingJob) (*countingHeld, error) {
		if err := j.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		c, doc, _ := j.Known()
		return j.Take(t.Context(), c, doc, func(*counting) {})
	}
	held, err := take(one)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, left := two.Known(); !left {
		t.Error("a job that was never looked at has a node")
	}
	if err := two.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, left := two.Known(); left {
		t.Error("the job is taken for one that no node has")
	}
	if _, err := take(two); err != nil {
		t.Fatal(err)
	}
	if err := held.Save(t.Context(), func(c *counting) { c.Count = 5 }); !errors.Is(err, job.ErrTaken) {
		t.Errorf("writing a job that another has: %v", err)
	}
	if got := one.Now(); got.Count != 0 || one.Mine() {
		t.Errorf("the job is %+v", got)
	}

	refused := errors.New("refused")
	if err := one.Change(t.Context(), func(*counting) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("a change that is refused: %v", err)
	}
	s.mu.Lock()
	s.doc.Body = "{"
	s.mu.Unlock()
	if err := one.Look(t.Context()); err == nil {
		t.Error("what is no job is read")
	}
}
