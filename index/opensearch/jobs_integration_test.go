//go:build integration

package opensearch_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/rs/zerolog"

	"recordings/blob"
	"recordings/blob/blobtest"
	"recordings/erase"
	"recordings/erase/deletion"
	"recordings/erase/jobs"
	"recordings/erase/jobs/cluster"
	"recordings/erase/policy"
	"recordings/erase/reconcile"
	"recordings/erase/retention"
	"recordings/index"
	"recordings/index/opensearch"
	"recordings/index/opensearch/job"
	"recordings/mapping"
)

// wire is the way of a service to the cluster, which can be cut.
type wire struct {
	net.Listener
	to string

	mu    sync.Mutex
	cut   bool
	conns []net.Conn
	ended sync.WaitGroup
}

// newWire leads to an address of the cluster until the test ends.
func newWire(t *testing.T, address string) *wire {
	t.Helper()
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l, to: to.Host}
	w.ended.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			w.ended.Go(func() { w.lead(c) })
		}
	})
	t.Cleanup(func() {
		w.set(true)
		_ = l.Close() // which ends accepting
		w.ended.Wait()
	})
	return w
}

func (w *wire) url() string { return "http://" + w.Addr().String() }

// set cuts the way, or heals it.
func (w *wire) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	for _, c := range w.conns {
		_ = c.Close() // whatever is on its way is lost
	}
	w.conns = nil
}

// lead leads one connection to the cluster.
func (w *wire) lead(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", w.to)
	if err != nil {
		return
	}
	defer to.Close()
	w.mu.Lock()
	cut := w.cut
	w.conns = append(w.conns, from, to)
	w.mu.Unlock()
	if cut {
		return
	}
	w.ended.Go(func() {
		_, _ = io.Copy(to, from)
		_ = to.Close()
	})
	_, _ = io.Copy(from, to)
}

// log is the audit log of one service.
type log struct {
	mu      sync.Mutex
	entries []erase.Entry
}

func (l *log) Record(_ context.Context, entries []erase.Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, entries...)
	return nil
}

func (l *log) Recorded(_ context.Context, e erase.Entry) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Contains(l.entries, e), nil
}

func (l *log) Erased(context.Context, string, []string) error { return nil }

// count counts how often each recording, or policy, was begun with.
func (l *log) count(action string, of map[string]int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		if e.Action == action && e.Outcome == "" {
			of[e.ContactCenter+" "+e.Recording]++
		}
	}
}

// eraser is what deletes in one service.
type eraser struct {
	x               *opensearch.Index
	log             *log
	deletions       *deletion.Deletions
	reconciliations *reconcile.Reconciliations
	retention       *retention.Retention
}

// How many recordings the services of these tests delete in a second, and how many objects they list.
const (
	jobRate    = 100
	objectRate = 30
)

// mediaCenter is a contact center whose recordings have media: so many are there, missing, and of another size. There
// are as many further objects.
const (
	mediaCenter             = "with media"
	right, missing, another = 200, 30, 1
)

// fillWithMedia puts recordings of that contact center, and their media.
func fillWithMedia(t *testing.T, x *opensearch.Index, store *blobtest.Server) {
	t.Helper()
	var all []*mapping.Recording
	for i := range right + missing + another {
		path := fmt.Sprintf("/d%d/%d.wav", i/10, i)
		r := recording(fmt.Sprint(i), i, "+1", "x")
		r.MediaFiles[0].Descriptor = mapping.MediaDescriptor{Storage: mapping.StorageWebDAV, Path: store.URL + path}
		r.MediaFiles[0].Size = "5"
		switch {
		case i < right:
			store.Put(path, []byte("12345"))
			store.Put(path+".late", []byte("a recording of it may still come"))
		case i >= right+missing:
			store.Put(path, []byte("123456"))
		}
		all = append(all, r)
	}
	for _, r := range x.PutAll(t.Context(), mediaCenter, all, index.PutOptions{}) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
}

// erasing starts what deletes in a service.
func erasing(t *testing.T, o opensearch.Options, media *blob.Store, policies ...policy.Policy) *eraser {
	t.Helper()
	e := &eraser{x: open(t, o), log: new(log)}
	docs, of := e.x.Documents(), erase.New(e.x, media)
	var err error
	e.deletions, err = deletion.Open(t.Context(), deletion.Options{
		Index: e.x, Orphans: e.x, Eraser: of, Keeper: cluster.New(docs, "deletions"), Audit: e.log,
		Region: region, Rate: jobRate, Log: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.deletions.Close)
	e.reconciliations, err = reconcile.Open(t.Context(), reconcile.Options{
		Index: e.x, Eraser: of, Media: media, Keeper: cluster.New(docs, "reconciliations"),
		Scratch: jobs.NewFiles(t.TempDir() + "/scratch"), Audit: e.log, Rate: objectRate, Log: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.reconciliations.Close)
	e.retention = retention.Start(retention.Options{
		Policies: policies, Deletions: e.deletions, Turns: cluster.NewTurns(docs, "retention"), Centers: e.x,
		Log: zerolog.Nop(),
	})
	t.Cleanup(e.retention.Close)
	return e
}

// deletion is one as the service sees it.
func (e *eraser) deletion(t *testing.T, contactCenter string, number int) deletion.Deletion {
	t.Helper()
	d, err := e.deletions.Get(t.Context(), contactCenter, number)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// reconciliation is one as the service sees it.
func (e *eraser) reconciliation(t *testing.T, number int) reconcile.Reconciliation {
	t.Helper()
	r, err := e.reconciliations.Get(t.Context(), mediaCenter, number)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// eventually waits for a condition, each look at which asks the cluster.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	await(t, what, func() bool {
		if is() {
			return true
		}
		time.Sleep(200 * time.Millisecond) // between two looks at a condition
		return false
	})
}

// TestJobsOfServices: deletions, reconciliations and policies are one service's work, and seen and steered by all.
// The one that works is cut off from the cluster: another goes on, each recording is deleted once and has one line
// among the results, what is put under a hold meanwhile stays, and when the first is back it has done no harm.
func TestJobsOfServices(t *testing.T) {
	t.Parallel()
	o := place(t, 2)
	const n = 800
	store := blobtest.NewServer(t, blobtest.WebDAV)
	media := blobtest.NewStore(t, blob.Options{
		WebDAV: blob.WebDAV{Origins: []blob.Origin{{URL: store.URL + "/"}}},
	}, new(blobtest.Observer))

	// Only the first is there when the jobs begin.
	way := newWire(t, o.Cluster.Addresses[0])
	cut := o
	cut.Cluster.Addresses = []string{way.url()}
	policies := []policy.Policy{
		{Name: "first", After: "1d", Everything: true, MaxShare: 100, ContactCenters: []string{"kept-short"}},
		{Name: "then", After: "2d", Everything: true, MaxShare: 100, ContactCenters: []string{"kept-long"}},
	}
	before := open(t, o)
	fillWith(t, before, n)
	for _, p := range policies {
		if _, err := before.Put(t.Context(), p.ContactCenters[0], recording("old", 0, "+1", "x")); err != nil {
			t.Fatal(err)
		}
	}
	fillWithMedia(t, before, store)
	first := erasing(t, cut, media, policies[0])
	awaitRun(t, first, policies[0])
	request := deletion.Request{Criteria: map[string]string{"startTime": "0"}, Expected: n}
	d, err := first.deletions.Begin(t.Context(), center, "ops", request)
	if err != nil {
		t.Fatal(err)
	}
	r, err := first.reconciliations.Begin(t.Context(), mediaCenter, "ops", reconcile.Request{})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the deletion has begun", func() bool { return first.deletion(t, center, d.Number).Deleted > 0 })
	eventually(t, "the reconciliation has begun", func() bool { return first.reconciliation(t, r.Number).Done > 0 })

	// The second sees and steers them.
	second := erasing(t, o, media, policies[0])
	all, err := second.deletions.All(t.Context(), center)
	if err != nil || len(all) != 1 || all[0].Number != d.Number || all[0].Matched != n || all[0].Deleted == 0 {
		t.Fatalf("the other service sees %+v, %v", all, err)
	}
	eventually(t, "progress is seen", func() bool {
		return second.deletion(t, center, d.Number).Rate > 0 && second.reconciliation(t, r.Number).Done > 0
	})
	d, err = second.deletions.Control(t.Context(), center, d.Number, jobs.Pause)
	if err != nil || d.Phase != jobs.Paused {
		t.Fatalf("pausing: %+v, %v", d, err)
	}
	held := holdSome(t, second.x, n)
	if d, err = second.deletions.Control(t.Context(), center, d.Number, jobs.Resume); err != nil {
		t.Fatalf("resuming: %v", err)
	}
	was := d.Done
	eventually(t, "it goes on", func() bool { return first.deletion(t, center, d.Number).Done > was })

	way.set(true)
	second.retention.Replace(policies, nil)
	held = append(held, holdSome(t, second.x, n/2)...)
	eventually(t, "the other goes on", func() bool { return len(second.begun(center)) > 0 })
	held = append(held, holdSome(t, second.x, n/2)...)
	eventually(t, "the deletion ends", func() bool { return second.deletion(t, center, d.Number).Phase.Ended() })
	eventually(t, "the reconciliation ends", func() bool { return second.reconciliation(t, r.Number).Ended != 0 })
	way.set(false)

	for _, e := range []*eraser{first, second} {
		eventually(t, "both see it", func() bool {
			all, err := e.deletions.All(t.Context(), center)
			return err == nil && len(all) == 1 && all[0].Ended != 0
		})
		e.check(t, d.Number, n, held)
	}
	checkAudit(t, d.Number, first, second)
	r = second.reconciliation(t, r.Number)
	if r.Phase != jobs.Done || r.Media != right+missing+another || r.Objects != 2*right+another ||
		r.Missing != missing || r.OtherSize != another || r.NotAsked+r.Unnamed > 0 {
		t.Errorf("the reconciliation ends as %+v", r)
	}
	for _, e := range []*eraser{first, second} {
		eventually(t, "what was found is known to both", func() bool {
			return len(e.reconciliations.States(mediaCenter)) == missing+another
		})
	}

	// The first has run one policy before, and the second the other, when it was its turn.
	runs := map[string]int{}
	for i, e := range []*eraser{first, second} {
		awaitRun(t, second, policies[i])
		awaitRun(t, first, policies[i])
		mine := map[string]int{}
		e.log.count(erase.ActionRetention, mine)
		if mine[policies[i].ContactCenters[0]+" "] != 1 || len(mine) != 1 {
			t.Errorf("service %d has begun runs in %v", i, mine)
		}
		e.log.count(erase.ActionRetention, runs)
	}
	if len(runs) != 2 {
		t.Errorf("runs were begun in %v", runs)
	}
}

// awaitRun waits until a service sees that a policy was run, once.
func awaitRun(t *testing.T, e *eraser, p policy.Policy) {
	t.Helper()
	eventually(t, "the policy "+p.Name+" was run", func() bool {
		all, err := e.deletions.All(t.Context(), p.ContactCenters[0])
		return err == nil && len(all) == 1 && all[0].Ended != 0 && all[0].Deleted == 1
	})
}

// begun counts what a service has begun to delete in a contact center.
func (e *eraser) begun(contactCenter string) map[string]int {
	all, of := map[string]int{}, map[string]int{}
	e.log.count(erase.ActionDelete, all)
	for key, n := range all {
		if strings.HasPrefix(key, contactCenter+" ") {
			of[key] = n
		}
	}
	return of
}

// holdSome puts every twentieth of the older half of what there is of n recordings under a hold, and returns what
// came to be under one.
func holdSome(t *testing.T, x *opensearch.Index, n int) (held []string) {
	t.Helper()
	var ids []string
	for i := 0; i < n; i += 20 {
		ids = append(ids, fmt.Sprintf("old-%d", i))
	}
	for i, err := range x.MarkAll(t.Context(), center, ids, func(r *mapping.Recording) error {
		if r.NonDelete == nil {
			r.NonDelete = &mapping.Hold{Time: mapping.Time(time.Now().UnixMilli()), User: "ops"}
		}
		return nil
	}) {
		switch {
		case err == nil:
			held = append(held, ids[i])
		case !errors.Is(err, index.ErrNotFound):
			t.Fatal(err)
		}
	}
	return held
}

// check looks at what became of a deletion of n recordings: as the service sees it, and in the index.
func (e *eraser) check(t *testing.T, number, n int, held []string) {
	t.Helper()
	d := e.deletion(t, center, number)
	if d.Phase != jobs.Done || d.Matched != uint64(n) || d.Deleted+d.Held+d.Changed+d.Failed != d.Matched ||
		d.Held == 0 || d.Changed+d.Failed > 0 {
		t.Errorf("it ends as %+v", d)
	}
	lines, _, err := e.deletions.Results(t.Context(), center, number)
	if err != nil {
		t.Fatal(err)
	}
	outcomes, counts := map[string]string{}, map[string]uint64{}
	for s := bufio.NewScanner(lines); s.Scan(); {
		var one deletion.Result
		if err := json.Unmarshal(s.Bytes(), &one); err != nil {
			t.Fatal(err)
		}
		if outcomes[one.ID] != "" {
			t.Errorf("%s has two lines", one.ID)
		}
		outcomes[one.ID] = one.Outcome
		counts[one.Outcome]++
	}
	if len(outcomes) != n || counts[deletion.Deleted] != d.Deleted || counts[deletion.Held] != d.Held {
		t.Errorf("there are %d results, %v", len(outcomes), counts)
	}
	there := map[string]bool{}
	err = e.x.Scan(t.Context(), func(contactCenter string, r *mapping.Recording) error {
		if contactCenter == center {
			there[r.ID] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, outcome := range outcomes {
		if there[id] == (outcome == deletion.Deleted) {
			t.Errorf("%s is there: %v, and the result is %s", id, there[id], outcome)
		}
	}
	for _, id := range held {
		if !there[id] || outcomes[id] != deletion.Held {
			t.Errorf("%s was under a hold, and it is there: %v, the result is %s", id, there[id], outcomes[id])
		}
	}
}

// checkAudit looks for the entries of what was deleted in the logs of both services: one for each. Those of one batch
// may be in both, where the first did not come to note that it had them, and then it deleted none of it.
func checkAudit(t *testing.T, number int, first, second *eraser) {
	t.Helper()
	of := first.begun(center)
	twice := 0
	for key, n := range second.begun(center) {
		if n > 1 {
			t.Errorf("%s has %d entries in one log", key, n)
		}
		if of[key] > 0 {
			twice++
		}
		of[key] += n
	}
	if twice > jobRate/2 {
		t.Errorf("%d recordings have entries in both logs", twice)
	}
	d := second.deletion(t, center, number)
	if len(of) < int(d.Deleted) {
		t.Errorf("%d were deleted, and %d have entries", d.Deleted, len(of))
	}
	t.Logf("%d entries of the first, %d of the second, %d in both", len(first.begun(center)), len(second.begun(center)),
		twice)
}

// TestDocuments: what jobs keep in the cluster is written on the condition that it is as it was read; pages of a later
// turn are not replaced; and all are found by what their names begin with.
func TestDocuments(t *testing.T) {
	t.Parallel()
	docs := open(t, place(t, 1)).Documents()
	write := func(body string, on job.Doc, want bool) job.Doc {
		t.Helper()
		at, certain, err := docs.Write(t.Context(), "a/1/state", body, on)
		if err != nil || certain != want {
			t.Fatalf("writing %q: %v, %v", body, certain, err)
		}
		return at
	}
	first := write("ä one", job.Doc{}, true)
	write("another one", job.Doc{}, false)
	second := write("two", first, true)
	write("three", first, false)
	all, err := docs.Read(t.Context(), []string{"a/1/state", "a/2/state"})
	if err != nil || all[0] != second || all[0].Body != "two" || all[1].Found {
		t.Errorf("there are %+v, %v", all, err)
	}

	for _, step := range []struct {
		turn int64
		want bool
	}{{1, true}, {1, true}, {3, true}, {2, false}, {3, true}, {1, false}} {
		body := fmt.Sprint("turn ", step.turn)
		pages := []job.Page{{Name: "a/1/text/0", Body: body}, {Name: "a/10/text/0", Body: "x"}}
		if ok, err := docs.Put(t.Context(), step.turn, pages); ok != step.want || err != nil {
			t.Errorf("writing in turn %d: %v, %v", step.turn, ok, err)
		}
	}
	if all, err = docs.Read(t.Context(), []string{"a/1/text/0"}); err != nil || all[0].Body != "turn 3" {
		t.Errorf("there are %+v, %v", all, err)
	}
	names, err := docs.List(t.Context(), "a/1/")
	if err != nil || !slices.Equal(names, []string{"a/1/state", "a/1/text/0"}) {
		t.Errorf("listed are %q, %v", names, err)
	}
	if err := docs.Remove(t.Context(), append(names, "a/3/state")); err != nil {
		t.Error(err)
	}
	if names, err = docs.List(t.Context(), ""); err != nil || !slices.Equal(names, []string{"a/10/text/0"}) {
		t.Errorf("then there are %q, %v", names, err)
	}

	// Texts, whose pages are of any bytes.
	k := cluster.New(docs, "texts")
	text := bytes.Repeat([]byte("ä\x00\"\n€x"), 60_000)
	for _, at := range []int{0, 100_000, 300_001} {
		if err := k.Append(t.Context(), 1, 1, "list", int64(at), text[at:]); err != nil {
			t.Fatal(err)
		}
	}
	section := io.NewSectionReader(textReader{t, k}, 0, 1<<40)
	got, err := io.ReadAll(bufio.NewReaderSize(section, 200_000))
	if err != nil || !bytes.Equal(got, text) {
		t.Errorf("%d bytes are read, %v", len(got), err)
	}
}

// textReader reads a text of a job.
type textReader struct {
	t *testing.T
	k *cluster.Jobs
}

// ReadAt implements [io.ReaderAt].
func (r textReader) ReadAt(p []byte, offset int64) (int, error) {
	return r.k.ReadAt(r.t.Context(), 1, "list", p, offset)
}
