package cluster_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"recordings/erase/jobs"
	"recordings/erase/jobs/cluster"
	"recordings/index/opensearch/job"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errLater = errors.New("it may go well later")

// documents keeps documents in memory, as an OpenSearch cluster does for all nodes.
type documents struct {
	mu     sync.Mutex
	seq    int64
	all    map[string]*job.Doc
	turns  map[string]int64 // of pages
	random *rand.Rand       // nil: no answer is lost
}

func newDocuments() *documents {
	return &documents{all: map[string]*job.Doc{}, turns: map[string]int64{}}
}

// one reports whether something happens, one time in n.
func (d *documents) one(n int) bool { return d.random != nil && d.random.IntN(n) == 0 }

func (d *documents) put(name, body string) job.Doc {
	d.seq++
	d.all[name] = &job.Doc{Found: true, Seq: d.seq, Term: 1, Body: body}
	return *d.all[name]
}

// node is a node of the service, as far as it reaches the documents.
type node struct {
	*documents
	mu     sync.Mutex
	cut    bool          // it does not
	frozen chan struct{} // not nil: what it asks for is done when that is closed, and not before
}

// enter waits until the node runs, and returns why it cannot reach the documents.
func (n *node) enter(ctx context.Context) error {
	n.mu.Lock()
	frozen := n.frozen
	n.mu.Unlock()
	if frozen != nil {
		<-frozen
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cut {
		return errLater
	}
	return ctx.Err()
}

// cutOff has the node reach nothing any more, or everything again.
func (n *node) cutOff(cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut = cut
}

// freeze has the node stand still until the function it returns is called.
func (n *node) freeze() (wake func()) {
	frozen := make(chan struct{})
	n.mu.Lock()
	defer n.mu.Unlock()
	n.frozen = frozen
	return func() {
		n.mu.Lock()
		n.frozen = nil
		n.mu.Unlock()
		close(frozen)
	}
}

func (n *node) Read(ctx context.Context, names []string) ([]job.Doc, error) {
	if err := n.enter(ctx); err != nil {
		return nil, err
	}
	d := n.documents
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.one(20) {
		return nil, errLater
	}
	all := make([]job.Doc, len(names))
	for i, name := range names {
		if doc := d.all[name]; doc != nil {
			all[i] = *doc
		}
	}
	return all, nil
}

func (n *node) Write(ctx context.Context, name, body string, on job.Doc) (job.Doc, bool, error) {
	if err := n.enter(ctx); err != nil {
		return job.Doc{}, false, err
	}
	d := n.documents
	d.mu.Lock()
	defer d.mu.Unlock()
	is := d.all[name]
	if d.one(10) || (is != nil) != on.Found || is != nil && (is.Seq != on.Seq || is.Term != on.Term) {
		return job.Doc{}, false, nil
	}
	at := d.put(name, body)
	return at, !d.one(10), nil // the answer may be lost
}

func (n *node) Put(ctx context.Context, turn int64, pages []job.Page) (bool, error) {
	if err := n.enter(ctx); err != nil {
		return false, err
	}
	d := n.documents
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range pages {
		if d.turns[p.Name] > turn {
			return false, nil
		}
		d.turns[p.Name] = turn
		d.put(p.Name, p.Body)
		if d.one(20) {
			return false, errLater
		}
	}
	return true, nil
}

func (n *node) List(ctx context.Context, prefix string) (names []string, err error) {
	if err := n.enter(ctx); err != nil {
		return nil, err
	}
	d := n.documents
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(d.all)) {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names, nil
}

func (n *node) Remove(ctx context.Context, names []string) error {
	if err := n.enter(ctx); err != nil {
		return err
	}
	d := n.documents
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range names {
		delete(d.all, name)
	}
	return nil
}

func (n *node) Temporary(err error) bool { return errors.Is(err, errLater) }

// request is what a job of these tests does: to count, once a second.
type request struct {
	Until int `json:"until"`
}

// tally is what all nodes have counted.
type tally struct {
	mu      sync.Mutex
	t       *testing.T
	running map[string]int // how many nodes work, by the job
	most    int
	steps   int // that were begun, again where another node went on
	moved   int
}

// counting is the work of one node. It writes a line of results for each number.
type counting struct {
	*tally
	name string
}

func (c counting) Run(ctx context.Context, r *jobs.Run) error {
	var q request
	state := r.State()
	if err := json.Unmarshal(state.Request, &q); err != nil {
		return err
	}
	c.note(&state, r, 1)
	defer c.note(&state, r, -1)
	if err := c.scratch(ctx, r); err != nil {
		return err
	}
	r.Show(func(s *jobs.State) { s.Enter("counting"); s.Total = uint64(q.Until) })
	for n := int(state.Done); n < q.Until; n++ {
		c.mu.Lock()
		c.steps++
		c.mu.Unlock()
		r.Show(func(s *jobs.State) { s.Waits = fmt.Sprintf("for %d", n) })
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		err := r.Checkpoint(ctx, fmt.Appendf(nil, "%d\n", n), func(s *jobs.State) {
			s.Done = uint64(n + 1)
			s.Mark = jsontext.Value(fmt.Sprint(n + 1))
			s.Add("counted", 1)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// scratch looks for what the node has written down for itself when it worked on the job before, where it was the last
// that did, or else writes it.
func (c counting) scratch(ctx context.Context, r *jobs.Run) error {
	text, err := io.ReadAll(r.ScratchReader(ctx, "own", 0))
	if err != nil {
		return err
	}
	if r.State().Turn > 1 && !r.Moved() {
		if string(text) != c.name {
			c.t.Errorf("node %s goes on with %q in scratch", c.name, text)
		}
		return nil
	}
	w := r.ScratchWriter(ctx, "own", 0)
	if _, err := w.Write([]byte(c.name)); err != nil {
		return err
	}
	return w.Flush()
}

// note notes that a node works on a job, or does so no more.
func (c counting) note(s *jobs.State, r *jobs.Run, by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running[s.ContactCenter] += by
	all := 0
	for _, n := range c.running {
		all += n
	}
	c.most = max(c.most, all)
	if by > 0 && r.Moved() {
		c.moved++
	}
}

func (counting) Ready(jobs.State, time.Time) (bool, string) { return true, "" }
func (counting) Verdict(s jobs.State) string                { return fmt.Sprintf("%d counted", s.Counts["counted"]) }
func (counting) Forget(*jobs.State)                         {}

// counts are how many nodes worked at a time, the steps that were begun, and how often another node went on.
func (c *tally) counts() (most, steps, moved int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.most, c.steps, c.moved
}

// service is some nodes.
type service struct {
	*testing.T
	*tally
	docs  *documents
	nodes []*node
	sets  []*jobs.Set
	noted []int // how many jobs of others each was told of
	close []func()
}

// start opens the jobs on some nodes.
func start(t *testing.T, docs *documents, n int) *service {
	t.Helper()
	s := &service{T: t, docs: docs, tally: &tally{t: t, running: map[string]int{}}, noted: make([]int, n)}
	for i := range n {
		s.nodes = append(s.nodes, &node{documents: docs})
		var set *jobs.Set
		for err := errLater; err != nil; {
			set, err = jobs.Open(t.Context(), jobs.Options{
				Keeper: cluster.New(s.nodes[i], "countings"), Work: counting{s.tally, fmt.Sprint(i)},
				Scratch: cluster.New(&node{documents: newDocuments()}, "scratch"),
				Noted: func(context.Context, jobs.State) {
					s.mu.Lock()
					defer s.mu.Unlock()
					s.noted[i]++
				},
				MaxResults: 100, Log: zerolog.Nop(),
			})
			if err != nil && !errors.Is(err, errLater) {
				t.Fatal(err)
			}
		}
		s.sets, s.close = append(s.sets, set), append(s.close, sync.OnceFunc(set.Close))
	}
	return s
}

// stop ends all nodes.
func (s *service) stop() {
	for _, end := range s.close {
		end()
	}
}

// try does something until it goes well.
func try[T any](s *service, do func() (T, error)) T {
	s.Helper()
	for {
		is, err := do()
		if err == nil {
			return is
		}
		if !errors.Is(err, errLater) {
			s.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (s *service) begin(on int, cc string, until int) jobs.State {
	s.Helper()
	return try(s, func() (jobs.State, error) {
		return s.sets[on].Begin(s.Context(), cc, "somebody", request{until}, nil)
	})
}

func (s *service) get(on int, is jobs.State) jobs.State {
	s.Helper()
	return try(s, func() (jobs.State, error) { return s.sets[on].Get(s.Context(), is.ContactCenter, is.Number) })
}

func (s *service) control(on int, is jobs.State, a jobs.Action) jobs.State {
	s.Helper()
	return try(s, func() (jobs.State, error) {
		return s.sets[on].Control(s.Context(), is.ContactCenter, is.Number, a)
	})
}

// await waits until a job is as it should be, as a node sees it.
func (s *service) await(on int, is jobs.State, what string, holds func(jobs.State) bool) jobs.State {
	s.Helper()
	for range 600 {
		if is = s.get(on, is); holds(is) {
			return is
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.Fatalf("it does not come to be %s: %+v", what, is)
	return is
}

func over(s jobs.State) bool { return s.Ended != 0 }

// counted checks that each number was counted once, and in order.
func (s *service) counted(on int, is jobs.State, until int) {
	s.Helper()
	text := try(s, func() (string, error) {
		lines, _, err := s.sets[on].Results(s.Context(), is.ContactCenter, is.Number)
		if err != nil {
			return "", err
		}
		all, err := io.ReadAll(lines)
		return string(all), err
	})
	var want strings.Builder
	for n := range until {
		fmt.Fprintln(&want, n)
	}
	if text != want.String() || is.Counts["counted"] != uint64(until) {
		s.Errorf("%d were counted, and the results are %q", is.Counts["counted"], text)
	}
}

// TestSeenEverywhere: what one node begins all see at once, and see how far it is; each has a number of its own.
func TestSeenEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, newDocuments(), 3)
		defer s.stop()
		is := s.begin(0, "cc", 5)
		for on := range s.sets {
			if all := s.states(on); len(all) != 1 || all[0].Number != is.Number || all[0].Cause != "somebody" {
				t.Errorf("node %d sees %+v", on, all)
			}
		}
		for on := range s.sets {
			s.await(on, is, "seen at work", func(s jobs.State) bool {
				return s.Phase == "counting" && s.Total == 5 && s.Rate > 0 && strings.HasPrefix(s.Waits, "for ")
			})
		}
		for on := range s.sets {
			is = s.await(on, is, "done", over)
			if is.Phase != jobs.Done || is.Verdict != "5 counted" || is.Done != 5 || is.Owner != "" {
				t.Errorf("node %d sees %+v", on, is)
			}
			s.counted(on, is, 5)
		}

		var begins sync.WaitGroup
		numbers := make([]int, 12)
		for i := range numbers {
			begins.Go(func() { numbers[i] = s.begin(i%3, "cc", 1).Number })
		}
		begins.Wait()
		slices.Sort(numbers)
		if !slices.Equal(numbers, []int{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}) {
			t.Errorf("they have the numbers %d", numbers)
		}
		if most, _, _ := s.counts(); most != 1 {
			t.Errorf("%d nodes work at a time", most)
		}
	})
}

// states are those of all jobs, as a node sees them.
func (s *service) states(on int) []jobs.State {
	s.Helper()
	return try(s, func() ([]jobs.State, error) {
		return s.sets[on].All(s.Context(), func(*jobs.State) bool { return true })
	})
}

// TestTakenOver: nodes are cut off while they work, or end as they should, and answers are lost: another goes on,
// one at a time, and each number is counted once.
func TestTakenOver(t *testing.T) {
	for _, seed := range []uint64{0, 1, 2, 3} {
		synctest.Test(t, func(t *testing.T) {
			docs := newDocuments()
			if seed > 0 {
				docs.random = rand.New(rand.NewPCG(seed, 1))
			}
			const nodes, until = 4, 40
			s := start(t, docs, nodes)
			defer s.stop()
			watch := nodes - 1
			is := s.begin(watch, "cc", until)
			for n := range nodes - 1 {
				part := uint64(until * (n + 1) / nodes)
				s.await(watch, is, "further", func(s jobs.State) bool { return s.Done >= part })
				if n == 1 {
					for i := range watch { // in order: whoever waits is not held up
						if s.leads(i, is) {
							s.close[i]()
						}
					}
					continue
				}
				for i := range watch {
					if s.leads(i, is) {
						s.nodes[i].cutOff(true)
					}
				}
			}
			is = s.await(watch, is, "done", over)
			s.counted(watch, is, until)
			most, steps, _ := s.counts()
			if is.Phase != jobs.Done || most != 1 || seed == 0 && steps > until+nodes {
				t.Errorf("%d nodes at a time and %d steps: %+v", most, steps, is)
			}
		})
	}
}

// leads reports whether a node, which is asked itself, works on a job.
func (s *service) leads(on int, is jobs.State) bool {
	s.Helper()
	return s.sets[on].Works()
}

// TestFrozen: a node that stood still while another went on notices that when it wakes: nothing of what it would
// write then counts.
func TestFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, newDocuments(), 2)
		defer s.stop()
		is := s.begin(0, "cc", 60)
		is = s.await(0, is, "at work", func(s jobs.State) bool { return s.Done >= 5 })
		first := slices.IndexFunc(s.sets, func(set *jobs.Set) bool { return set.Works() })
		wake := s.nodes[first].freeze()
		is = s.await(1-first, is, "gone on with", func(s jobs.State) bool { return s.Done >= 10 })
		wake()
		is = s.await(1-first, is, "done", over)
		s.counted(1-first, is, 60)
		is = s.await(first, is, "done", over)
		s.counted(first, is, 60)
		if _, _, moved := s.counts(); is.Turn != 2 || moved != 1 {
			t.Errorf("there were %d turns, %d of them by another: %+v", is.Turn, moved, is)
		}
	})
}

// TestSteered: any node pauses, resumes and cancels, also what another works on, or a node that is gone.
func TestSteered(t *testing.T) {
	for _, seed := range []uint64{0, 1, 2} {
		synctest.Test(t, func(t *testing.T) {
			docs := newDocuments()
			if seed > 0 {
				docs.random = rand.New(rand.NewPCG(seed, 1))
			}
			s := start(t, docs, 3)
			defer s.stop()
			is := s.begin(0, "cc", 30)
			waits := s.begin(1, "other", 3)
			is = s.await(1, is, "at work", func(s jobs.State) bool { return s.Done >= 3 })
			for on := range s.sets {
				if is = s.control(on, is, jobs.Pause); is.Phase != jobs.Paused {
					t.Fatalf("it is %+v", is)
				}
				is = s.await(1, is, "left alone", func(s jobs.State) bool { return s.Owner == "" })
				was := is.Done
				time.Sleep(5 * time.Second)
				if is = s.get(2-on, is); is.Done != was || is.Phase != jobs.Paused {
					t.Errorf("paused, it goes on: %+v", is)
				}
				if is = s.control(2-on, is, jobs.Resume); is.Phase != jobs.Waiting && is.Phase != "counting" {
					t.Errorf("resumed, it is %+v", is)
				}
				is = s.await(on, is, "gone on with", func(s jobs.State) bool { return s.Done > was })
			}
			s.counted(0, s.await(0, waits, "done", over), 3) // while the other was paused

			first := slices.IndexFunc(s.sets, func(set *jobs.Set) bool { return set.Works() })
			s.nodes[first].cutOff(true)
			on := (first + 1) % 3
			if is = s.control(on, is, jobs.Cancel); is.Phase != jobs.Cancelled {
				t.Errorf("cancelled, it is %+v", is)
			}
			is = s.await(on, is, "ended", over)
			if is.Phase != jobs.Cancelled || is.Verdict != fmt.Sprintf("%d counted", is.Counts["counted"]) {
				t.Errorf("cancelled, it is %+v", is)
			}
			s.counted(on, is, int(is.Done))
			var state *jobs.StateError
			if _, err := s.sets[on].Control(t.Context(), "cc", is.Number, jobs.Pause); !errors.As(err, &state) &&
				!errors.Is(err, errLater) {
				t.Errorf("pausing what has ended: %v", err)
			}
			if most, _, _ := s.counts(); most != 1 {
				t.Errorf("%d nodes work at a time", most)
			}
		})
	}
}

// TestCancelledBeforeItBegan: what no node has begun to work on ends at once, whoever cancels it.
func TestCancelledBeforeItBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, newDocuments(), 2)
		defer s.stop()
		s.begin(0, "cc", 30)
		is := s.begin(0, "cc", 30)
		if is = s.control(1, is, jobs.Cancel); is.Phase != jobs.Cancelled || is.Ended == 0 || is.Verdict == "" {
			t.Errorf("it is %+v", is)
		}
		if is = s.get(0, is); is.Phase != jobs.Cancelled || is.Ended == 0 {
			t.Errorf("elsewhere it is %+v", is)
		}
	})
}

// TestConditions: of many that look and begin, one does.
func TestConditions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docs := newDocuments()
		s := start(t, docs, 3)
		defer s.stop()
		var begins sync.WaitGroup
		var mu sync.Mutex
		begun, refused := 0, 0
		for i := range 30 {
			begins.Go(func() {
				_, err := s.sets[i%3].Begin(t.Context(), "cc", "policy", request{1}, func(all []jobs.State) bool {
					return len(all) == 0
				})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					begun++
				case errors.Is(err, jobs.ErrRefused):
					refused++
				default:
					t.Error(err)
				}
			})
		}
		begins.Wait()
		if begun != 1 || refused != 29 || len(s.states(1)) != 1 {
			t.Errorf("%d are begun, and %d refused; there are %d", begun, refused, len(s.states(1)))
		}
	})
}

// TestKeptTogether: what is not kept any more is so for all nodes, also for one that comes later; each is told of
// what another has done.
func TestKeptTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docs := newDocuments()
		s := start(t, docs, 2)
		defer s.stop()
		var all []jobs.State
		for on := range 4 {
			is := s.begin(on%2, "cc", 30) // 80 bytes of results each, of which 100 are kept beside the newest
			all = append(all, s.await(1-on%2, is, "done", over))
		}
		time.Sleep(2 * time.Minute) // all are looked at now and then
		later := start(t, docs, 1)
		defer later.stop()
		for i, is := range all {
			for _, set := range []*jobs.Set{s.sets[0], s.sets[1], later.sets[0]} {
				is, err := set.Get(t.Context(), "cc", is.Number)
				if err != nil || is.ResultsDropped != (i < 2) {
					t.Errorf("job %d: %+v, %v", i, is, err)
				}
				if _, _, err = set.Results(t.Context(), "cc", is.Number); errors.Is(err, jobs.ErrDropped) != (i < 2) {
					t.Errorf("the results of job %d: %v", i, err)
				}
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.noted[0]+s.noted[1] != len(all) {
			t.Errorf("they were told of %d jobs", s.noted)
		}
		pages, err := s.nodes[0].List(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		pages = slices.DeleteFunc(pages, func(name string) bool { return !strings.Contains(name, "/text/") })
		if len(pages) != 2 {
			t.Errorf("there are still %q", pages)
		}
	})
}

// TestTexts: a text is what was appended, wherever a page or a character of it ends, also where it was cut.
func TestTexts(t *testing.T) {
	t.Parallel()
	const most = 700 << 10
	random := rand.New(rand.NewPCG(1, 2))
	for name, keeper := range map[string]jobs.Keeper{
		"files":     jobs.NewFiles(t.TempDir() + "/jobs"),
		"documents": cluster.New(&node{documents: newDocuments()}, "texts"),
	} {
		t.Run(name, func(t *testing.T) {
			var want []byte
			for range 60 {
				at := len(want)
				if random.IntN(4) == 0 {
					at = random.IntN(at + 1)
				}
				if len(want) > most {
					at = random.IntN(256 << 10)
				}
				sizes := []int{0, 1, 5, 1000, 256<<10 - at%(256<<10), 256 << 10, 300 << 10}
				add := bytes.Repeat([]byte("äö\x00\n€\"x"), 1+sizes[random.IntN(len(sizes))]/11)
				add = add[:min(len(add), sizes[random.IntN(len(sizes))])]
				if err := keeper.Append(t.Context(), 7, 1, "list", int64(at), add); err != nil {
					t.Fatal(err)
				}
				want = append(want[:at:at], add...)
				from := random.IntN(len(want) + 1)
				section := io.NewSectionReader(readerAt{t, keeper, "list"}, int64(from), 1<<40)
				got, err := io.ReadAll(bufio.NewReaderSize(section, 100<<10))
				if err != nil || !bytes.Equal(got, want[from:]) {
					t.Fatalf("from %d of %d, %d are read, %v", from, len(want), len(got), err)
				}
			}
			if err := keeper.Append(t.Context(), 7, 1, "other", 0, []byte("kept")); err != nil {
				t.Fatal(err)
			}
			if err := keeper.Keep(t.Context(), 7, "other"); err != nil {
				t.Fatal(err)
			}
			for text, want := range map[string]string{"list": "", "other": "kept"} {
				p := make([]byte, 10)
				n, err := keeper.ReadAt(t.Context(), 7, text, p, 0)
				if string(p[:n]) != want || !errors.Is(err, io.EOF) {
					t.Errorf("of the text %s there is %q, %v", text, p[:n], err)
				}
			}
		})
	}
}

// readerAt reads a text.
type readerAt struct {
	t      *testing.T
	keeper jobs.Keeper
	text   string
}

func (r readerAt) ReadAt(p []byte, offset int64) (int, error) {
	return r.keeper.ReadAt(r.t.Context(), 7, r.text, p, offset)
}

// TestLateText: what a node writes whose turn is over is refused where another has written, and what it wrote
// before is no part of the text.
func TestLateText(t *testing.T) {
	t.Parallel()
	k := cluster.New(&node{documents: newDocuments()}, "texts")
	put := func(turn int64, offset int64, text string, want error) {
		t.Helper()
		if err := k.Append(t.Context(), 1, turn, "results", offset, []byte(text)); !errors.Is(err, want) {
			t.Errorf("appending %q: %v", text, err)
		}
	}
	put(1, 0, "aaaa", nil)
	put(1, 4, "bbbb", nil)                           // and nobody came to know
	put(2, 4, "cc", nil)                             // by who went on from there
	put(1, 4, strings.Repeat("b", 9), jobs.ErrTaken) // whoever wakes
	p := make([]byte, 100)
	if n, err := k.ReadAt(t.Context(), 1, "results", p, 0); string(p[:n]) != "aaaacc" || !errors.Is(err, io.EOF) {
		t.Errorf("there is %q, %v", p[:n], err)
	}
}

// TestTurns: one node at a time has a turn; another gets it when that one gives it back, or is silent for long enough,
// and then that one learns that it has it no more.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docs := newDocuments()
		nodes := []*node{{documents: docs}, {documents: docs}}
		turns := []*cluster.Turns{cluster.NewTurns(nodes[0], "x"), cluster.NewTurns(nodes[1], "x")}
		take := func(on int, want bool) jobs.Turn {
			t.Helper()
			turn, err := turns[on].Take(t.Context())
			if err != nil || (turn != nil) != want {
				t.Fatalf("node %d has the turn: %v, %v", on, turn != nil, err)
			}
			return turn
		}
		first := take(0, true)
		take(1, false)
		for range 10 {
			time.Sleep(5 * time.Second)
			if err := first.Keep(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			take(1, false)
		}
		if err := first.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		second := take(1, true)
		take(0, false)
		time.Sleep(job.TakeOver - time.Millisecond)
		take(0, false)
		time.Sleep(2 * time.Millisecond)
		take(0, true)
		if err := second.Keep(t.Context(), nil); !errors.Is(err, jobs.ErrTaken) {
			t.Errorf("the one before says that it is alive: %v", err)
		}
		if err := second.Release(t.Context()); !errors.Is(err, jobs.ErrTaken) {
			t.Errorf("the one before gives it back: %v", err)
		}
		take(1, false)
	})
}
