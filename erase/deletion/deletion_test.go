package deletion_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/rs/zerolog"

	"recordings/blob"
	"recordings/erase"
	"recordings/erase/deletion"
	"recordings/erase/jobs"
	"recordings/erase/policy"
	"recordings/index"
	"recordings/index/embedded"
	"recordings/index/indextest"
	"recordings/mapping"
)

const (
	center = "cc"
	region = "us"
	epoch  = 1_400_000_000_000 // milliseconds; the recordings follow it
)

// bench is an index with deletions, whose jobs are kept beside it.
type bench struct {
	t      testing.TB
	index  *embedded.Index
	keeper jobs.Keeper
	audit  *auditor
	rate   int
	*deletion.Deletions
}

func newBench(t testing.TB) *bench {
	t.Helper()
	x, err := embedded.Open(context.Background(), embedded.Options{Dir: t.TempDir(), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, index: x, keeper: jobs.NewFiles(t.TempDir() + "/deletions"), audit: &auditor{}}
	b.open()
	t.Cleanup(func() {
		b.Close()
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// open opens the deletions that are kept.
func (b *bench) open() {
	b.t.Helper()
	media, err := blob.New(context.Background(), blob.Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(media.Close)
	b.Deletions, err = deletion.Open(context.Background(), deletion.Options{
		Index: b.index, Orphans: b.index, Eraser: erase.New(b.index, media), Keeper: b.keeper,
		Audit: b.audit, Region: region, Rate: b.rate, Log: zerolog.Nop(),
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// all are the deletions of the contact center.
func (b *bench) all() []deletion.Deletion {
	b.t.Helper()
	all, err := b.All(b.t.Context(), center)
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

// always has nothing against a run of a policy.
func always([]deletion.Deletion) bool { return true }

// auditor keeps entries in memory, and can be out of order.
type auditor struct {
	mu      sync.Mutex
	entries []erase.Entry
	erased  int // recordings
	broken  bool
}

func (a *auditor) Record(_ context.Context, entries []erase.Entry) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.broken {
		return errors.New("the audit log is broken")
	}
	a.entries = append(a.entries, entries...)
	return nil
}

// Recorded implements [erase.Auditor].
func (a *auditor) Recorded(_ context.Context, e erase.Entry) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Contains(a.entries, e), nil
}

// Erased implements [erase.Auditor].
func (a *auditor) Erased(_ context.Context, _ string, ids []string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.erased += len(ids)
	return nil
}

// about is how many entries there are of an id.
func (a *auditor) about(id string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.entries {
		if e.Recording == id {
			n++
		}
	}
	return n
}

func (a *auditor) breakIt(broken bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.broken = broken
}

// fill puts n recordings, called r0 and so on, whose times are their numbers in seconds.
func (b *bench) fill(n int) {
	b.t.Helper()
	for all := range slices.Chunk(sequence(n), 1000) {
		var recordings []*mapping.Recording
		for _, i := range all {
			recordings = append(recordings, recording(i))
		}
		for _, result := range b.index.PutAll(b.t.Context(), center, recordings, index.PutOptions{}) {
			if result.Err != nil {
				b.t.Fatal(result.Err)
			}
		}
	}
	indextest.Settle(b.t, b.index)
}

func sequence(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func recording(i int) *mapping.Recording {
	return indextest.New(fmt.Sprintf("r%d", i), region, mapping.Time(epoch+1000*(i+1)))
}

// count is how many recordings there are.
func (b *bench) count() int {
	b.t.Helper()
	n, err := b.index.Count(b.t.Context(), index.Query{Scope: index.Scope{ContactCenter: center, Region: region}})
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

// before are criteria of the recordings with a lower number.
func before(n int) map[string]string {
	return map[string]string{mapping.ParamStartedBefore: fmt.Sprint(epoch + 1000*(n+1))}
}

// begin begins a deletion that must be accepted.
func (b *bench) begin(criteria map[string]string, expected int) deletion.Deletion {
	b.t.Helper()
	r := deletion.Request{Criteria: criteria, Expected: uint64(expected)}
	d, err := b.Begin(b.t.Context(), center, "ops", r)
	if err != nil {
		b.t.Fatal(err)
	}
	return d
}

// await waits until a deletion is as it is wanted.
func (b *bench) await(number int, want func(deletion.Deletion) bool) deletion.Deletion {
	b.t.Helper()
	for range 6000 {
		d, err := b.Get(b.t.Context(), center, number)
		if err != nil {
			b.t.Fatal(err)
		}
		if want(d) {
			return d
		}
		time.Sleep(5 * time.Millisecond)
	}
	d, _ := b.Get(b.t.Context(), center, number)
	b.t.Fatalf("the deletion does not become what it should: %+v", d)
	return d
}

func ended(d deletion.Deletion) bool { return d.Phase.Ended() }

func inPhase(p jobs.Phase) func(deletion.Deletion) bool {
	return func(d deletion.Deletion) bool { return d.Phase == p }
}

// results are the results of a deletion by the ids of its recordings.
func (b *bench) results(number int) map[string]deletion.Result {
	b.t.Helper()
	r, _, err := b.Results(b.t.Context(), center, number)
	if err != nil {
		b.t.Fatal(err)
	}
	all := map[string]deletion.Result{}
	for lines := bufio.NewScanner(r); lines.Scan(); {
		var result deletion.Result
		if err := json.Unmarshal(lines.Bytes(), &result); err != nil {
			b.t.Fatal(err)
		}
		if _, twice := all[result.ID]; twice {
			b.t.Errorf("%s has two results", result.ID)
		}
		all[result.ID] = result
	}
	return all
}

// addsUp fails unless the verdict of a deletion does, and each recording has its result.
func (b *bench) addsUp(d deletion.Deletion) {
	b.t.Helper()
	if d.Matched != d.Deleted+d.Held+d.Changed+d.Failed {
		b.t.Errorf("the verdict does not add up: %+v", d)
	}
	counts := map[string]uint64{}
	for _, r := range b.results(d.Number) {
		counts[r.Outcome]++
	}
	want := map[string]uint64{
		deletion.Deleted: d.Deleted, deletion.Held: d.Held, deletion.Changed: d.Changed, deletion.Failed: d.Failed,
	}
	for outcome, n := range want {
		if counts[outcome] != n {
			b.t.Errorf("%d results are %q, and %d are counted", counts[outcome], outcome, n)
		}
	}
}

// TestDeletion: what matches goes, what does not stays, each with its entry in the audit log, and all
// of it adds up.
func TestDeletion(t *testing.T) {
	b := newBench(t)
	b.fill(2500)

	preview := func(n int) deletion.Preview {
		f, err := policy.ParseFilter(before(n), false)
		if err != nil {
			t.Fatal(err)
		}
		p, err := b.Preview(t.Context(), center, f)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := preview(2000)
	if p.Matched != 2000 || len(p.Samples) != 10 || p.Samples[0].ID != "r1999" || p.Oldest != epoch+1000 ||
		p.Newest != epoch+2000_000 {
		t.Errorf("the dry run says %+v", p)
	}
	if few := preview(2); few.Matched != 2 || few.Oldest != epoch+1000 || few.Newest != epoch+2000 {
		t.Errorf("the dry run of two says %+v", few)
	}

	d := b.begin(before(2000), 2000)
	d = b.await(d.Number, ended)
	b.addsUp(d)
	if d.Phase != jobs.Done || d.Deleted != 2000 || d.Matched != 2000 || b.count() != 500 {
		t.Errorf("%d are left after %+v", b.count(), d)
	}
	const verdict = "2000 matched: 2000 deleted, 0 kept because held, 0 kept because changed, 0 failed"
	if d.Verdict != verdict {
		t.Errorf("the verdict is %q", d.Verdict)
	}
	if b.audit.about("r0") != 1 || b.audit.about("r2000") != 0 {
		t.Error("the audit log does not have each deletion once")
	}
	if b.audit.erased != 2000 {
		t.Errorf("the audit log forgets %d recordings", b.audit.erased)
	}
}

// TestDeletionExpects: another number than was expected deletes nothing.
func TestDeletionExpects(t *testing.T) {
	b := newBench(t)
	b.fill(10)
	r := deletion.Request{Criteria: before(5), Expected: 4}
	_, err := b.Begin(t.Context(), center, "ops", r)
	var different *deletion.DifferentError
	if !errors.As(err, &different) || different.Matched != 5 || b.count() != 10 {
		t.Errorf("it is refused with %v, and %d are left", err, b.count())
	}
	if all := b.all(); len(all) != 0 {
		t.Errorf("there are jobs: %+v", all)
	}
}

// TestDeletionPauses: a deletion is paused, goes on after the service was stopped, and is cancelled,
// and what was not deleted by then is there.
func TestDeletionPauses(t *testing.T) {
	b := newBench(t)
	b.Close()
	b.rate = 200
	b.open()
	b.fill(1000)

	d := b.begin(before(1000), 1000)
	b.await(d.Number, func(d deletion.Deletion) bool { return d.Done > 0 })
	control := func(a jobs.Action) {
		t.Helper()
		if _, err := b.Control(t.Context(), center, d.Number, a); err != nil {
			t.Fatal(err)
		}
	}
	control(jobs.Pause)
	control(jobs.Pause)
	d = b.await(d.Number, inPhase(jobs.Paused))

	b.Close()
	b.open()
	if d = b.await(d.Number, inPhase(jobs.Paused)); d.Done == 0 || d.Done == 1000 {
		t.Errorf("it was paused after %d", d.Done)
	}
	control(jobs.Resume)
	done := d.Done
	b.await(d.Number, func(d deletion.Deletion) bool { return d.Done > done })
	b.Close()
	b.open()
	b.await(d.Number, inPhase(deletion.Deleting))
	control(jobs.Cancel)
	d = b.await(d.Number, func(d deletion.Deletion) bool { return d.Ended > 0 })
	if d.Phase != jobs.Cancelled || d.Deleted != d.Done || b.count() != 1000-int(d.Done) {
		t.Errorf("%d are left after %+v", b.count(), d)
	}
	if len(b.results(d.Number)) != int(d.Done) {
		t.Errorf("%d results of %d", len(b.results(d.Number)), d.Done)
	}
	if _, err := b.Control(t.Context(), center, d.Number, jobs.Resume); !errors.As(err, new(*jobs.StateError)) {
		t.Errorf("resuming what was cancelled: %v", err)
	}
	if _, err := b.Control(t.Context(), "other", d.Number, jobs.Resume); !errors.Is(err, jobs.ErrNoJob) {
		t.Errorf("another contact center's: %v", err)
	}
}

// TestDeletionOfWhatChanges: a recording that was changed since goes if it still matches, and stays
// if not, and one that somebody else has deleted is no deletion of this one.
func TestDeletionOfWhatChanges(t *testing.T) {
	b := newBench(t)
	b.fill(6)
	b.audit.breakIt(true) // so that it waits once the list is there
	criteria := map[string]string{mapping.ParamUserName: "Alice"}
	all, err := b.index.Count(t.Context(), index.Query{Scope: index.Scope{ContactCenter: center, Region: region}})
	if err != nil || all != 6 {
		t.Fatal(all, err)
	}
	d := b.begin(criteria, 6)
	b.await(d.Number, func(d deletion.Deletion) bool { return d.Waits != "" })

	still, other := recording(0), recording(1)
	still.CallerPhoneNumber = "+14155550000"
	if _, err := b.index.Put(t.Context(), center, still); err != nil {
		t.Fatal(err)
	}
	if err := b.index.Delete(t.Context(), center, "r1"); err != nil {
		t.Fatal(err)
	}
	for i := range other.EventHistory {
		if c := other.EventHistory[i].Contact; c != nil {
			c.UserName, c.FirstName, c.LastName = "bob", "Bob", "Brown"
		}
	}
	if _, err := b.index.Put(t.Context(), center, other); err != nil {
		t.Fatal(err)
	}
	if err := b.index.Delete(t.Context(), center, "r2"); err != nil {
		t.Fatal(err)
	}

	b.audit.breakIt(false)
	d = b.await(d.Number, ended)
	b.addsUp(d)
	results := b.results(d.Number)
	for id, want := range map[string]string{
		"r0": deletion.Deleted, "r1": deletion.Changed, "r2": deletion.Changed, "r3": deletion.Deleted,
	} {
		if results[id].Outcome != want {
			t.Errorf("%s: %+v, want %s", id, results[id], want)
		}
	}
	if b.count() != 1 || d.Criteria[mapping.ParamUserName] == "Alice" {
		t.Errorf("%d are left after %+v", b.count(), d)
	}
}

// TestMaxShare: a policy that would delete more than its share waits to be confirmed, also across a
// restart; then it deletes.
func TestMaxShare(t *testing.T) {
	b := newBench(t)
	b.fill(20)
	policy := func(n int) deletion.Deletion {
		d, err := b.BeginPolicy(t.Context(), center, deletion.Request{
			Criteria: before(n), Policy: "old", MaxShare: 10,
		}, always)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}

	if d := b.await(policy(2).Number, ended); d.Deleted != 2 {
		t.Errorf("two of twenty: %+v", d)
	}
	d := b.await(policy(5).Number, inPhase(jobs.Unconfirmed))
	b.Close()
	b.open()
	if d = b.await(d.Number, inPhase(jobs.Unconfirmed)); d.Matched != 3 || d.Waits == "" || b.count() != 18 {
		t.Errorf("three of eighteen: %+v", d)
	}
	if _, err := b.Control(t.Context(), center, d.Number, jobs.Resume); err != nil {
		t.Fatal(err)
	}
	if d = b.await(d.Number, ended); d.Deleted != 3 || b.count() != 15 {
		t.Errorf("when it was confirmed: %+v", d)
	}
}

// BenchmarkDeletion deletes metadata as fast as may be.
func BenchmarkDeletion(b *testing.B) {
	x := newBench(b)
	const n = 50_000
	for b.Loop() {
		b.StopTimer()
		x.fill(n)
		b.StartTimer()
		d := x.begin(before(n), n)
		x.await(d.Number, ended)
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "recordings/s")
}

// fullKeeper keeps nothing for a while, as on a full disk.
type fullKeeper struct {
	jobs.Keeper
	fails atomic.Int32 // how often
}

func (k *fullKeeper) full() error {
	if k.fails.Add(-1) >= 0 {
		return syscall.ENOSPC
	}
	return nil
}

// Save implements [jobs.Keeper].
func (k *fullKeeper) Save(ctx context.Context, job int, state []byte, on jobs.Version) (jobs.Version, error) {
	full := k.full()
	version, err := k.Keeper.Save(ctx, job, state, on)
	return version, errors.Join(full, err)
}

// Append implements [jobs.Keeper].
func (k *fullKeeper) Append(
	ctx context.Context, job int, turn int64, name string, offset int64, text []byte,
) error {
	if err := k.full(); err != nil {
		return err
	}
	return k.Keeper.Append(ctx, job, turn, name, offset, text)
}

// TestDeletionOnFullDisk: a job that cannot note what it did waits until it can, and its verdict adds up.
func TestDeletionOnFullDisk(t *testing.T) {
	b := newBench(t)
	keeper := &fullKeeper{Keeper: b.keeper}
	b.Close()
	b.keeper, b.rate = keeper, 400
	b.open()
	b.fill(1000)
	d := b.begin(before(1000), 1000)
	for _, fails := range []int32{1, 2, 3} {
		was := b.await(d.Number, func(d deletion.Deletion) bool { return d.Done > 0 || d.Phase.Ended() }).Done
		keeper.fails.Store(fails)
		b.await(d.Number, func(d deletion.Deletion) bool { return d.Done > was || d.Phase.Ended() })
	}
	d = b.await(d.Number, ended)
	b.addsUp(d)
	if d.Phase != jobs.Done || d.Deleted != 1000 {
		t.Errorf("it ends as %+v", d)
	}
}

// TestPolicyIsAudited: no run of a policy begins without its entry in the audit log.
func TestPolicyIsAudited(t *testing.T) {
	b := newBench(t)
	r := deletion.Request{Policy: "old", Criteria: before(5), MaxShare: 100}
	b.audit.breakIt(true)
	_, err := b.BeginPolicy(t.Context(), center, r, always)
	if !errors.Is(err, erase.ErrNotAudited) || len(b.all()) > 0 {
		t.Errorf("%v, and there are %+v", err, b.all())
	}

	b.audit.breakIt(false)
	d, err := b.BeginPolicy(t.Context(), center, r, always)
	if err != nil {
		t.Fatal(err)
	}
	want := erase.Entry{
		User: "policy old", ContactCenter: center, Action: erase.ActionRetention, Detail: "policy old",
	}
	if recorded, _ := b.audit.Recorded(t.Context(), want); !recorded {
		t.Error("it has no entry")
	}
	b.await(d.Number, ended)
}

// TestForget: when a deletion is over, nothing tells of the person whose recordings went.
func TestForget(t *testing.T) {
	b := newBench(t)
	criteria := map[string]string{
		mapping.ParamUserName: "alice", mapping.ParamLabel: `"vip=alice"`, mapping.ParamNonDelete: "false",
	}
	d := b.await(b.begin(criteria, 0).Number, ended)
	want := map[string]string{
		mapping.ParamUserName: "(not kept)", mapping.ParamLabel: "(not kept)", mapping.ParamNonDelete: "false",
	}
	if !maps.Equal(d.Criteria, want) {
		t.Errorf("it remembers %q", d.Criteria)
	}
}

// TestDeletionNotBegun: a deletion that was refused, as it could not be kept for sure, does not begin after a restart.
func TestDeletionNotBegun(t *testing.T) {
	b := newBench(t)
	keeper := &fullKeeper{Keeper: b.keeper}
	b.Close()
	b.keeper = keeper
	b.open()
	b.fill(10)
	keeper.fails.Store(1)
	r := deletion.Request{Criteria: before(5), Expected: 5}
	if _, err := b.Begin(t.Context(), center, "ops", r); !errors.Is(err, jobs.ErrDiskFull) {
		t.Errorf("it is begun, %v", err)
	}
	b.Close()
	b.open()
	if all := b.all(); len(all) != 0 {
		t.Errorf("after a restart there are %+v", all)
	}
	b.await(b.begin(before(5), 5).Number, ended)
}
