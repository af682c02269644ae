//go:build integration

package opensearch_test

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"recordings/index"
	"recordings/index/indextest"
	"recordings/index/opensearch"
	"recordings/mapping"
)

// crowd are writers whose every answer must be true afterwards: each has recordings of its own, which it puts,
// merges, marks and deletes, through one of several nodes.
type crowd struct {
	t       *testing.T
	nodes   []*opensearch.Index
	writers sync.WaitGroup
	stop    context.CancelFunc

	mu   sync.Mutex
	want map[string]int // media files of each recording that there must be; 0: it is deleted
	held map[string]bool
	done int
}

func newCrowd(t *testing.T, nodes ...*opensearch.Index) *crowd {
	c := &crowd{t: t, nodes: nodes, want: make(map[string]int), held: make(map[string]bool)}
	ctx, stop := context.WithCancel(t.Context())
	c.stop = stop
	for w := range 3 {
		c.writers.Go(func() { c.write(ctx, w) })
	}
	return c
}

// write changes recordings of its own until the context ends.
func (c *crowd) write(ctx context.Context, writer int) {
	random := rand.New(rand.NewPCG(1, uint64(writer)))
	for i := 0; ctx.Err() == nil; i++ {
		id := fmt.Sprintf("%d-%d", writer, random.IntN(200))
		c.mu.Lock()
		media, held := c.want[id], c.held[id]
		c.mu.Unlock()
		x := c.nodes[random.IntN(len(c.nodes))]
		var err error
		switch kind := random.IntN(10); {
		case kind < 3 && media > 0 && !held:
			media, err = 0, x.Delete(c.t.Context(), center, id)
		case kind < 4 && media > 0 && !held:
			held = true
			err = x.Mark(c.t.Context(), center, id, func(r *mapping.Recording) error {
				r.NonDelete = &mapping.Hold{Reason: "because"}
				return nil
			})
		default:
			media++
			r := indextest.New(id, region, mapping.Time(random.IntN(1_000_000_000)))
			r.MediaFiles[0].Descriptor.Path = fmt.Sprintf("http://media.example.com/%d-%d.mp3", writer, i)
			_, err = x.Put(c.t.Context(), center, r)
		}
		if err != nil {
			c.t.Errorf("changing %s: %v", id, err)
			return
		}
		c.mu.Lock()
		c.want[id], c.held[id] = media, held && media > 0
		c.done++
		c.mu.Unlock()
	}
}

// await waits until so many more changes were answered.
func (c *crowd) await(more int) {
	c.t.Helper()
	count := func() int { c.mu.Lock(); defer c.mu.Unlock(); return c.done }
	want := count() + more
	await(c.t, fmt.Sprintf("%d changes", want), func() bool { return count() >= want })
}

// check ends the writers, and compares what each node has with what was answered.
func (c *crowd) check(more map[string]int) {
	c.t.Helper()
	c.stop()
	c.writers.Wait()
	want := maps.Clone(more)
	for id, media := range c.want {
		if media > 0 {
			want[id] = media
		}
	}
	for n, x := range c.nodes {
		is := make(map[string]int)
		err := x.Scan(c.t.Context(), func(_ string, r *mapping.Recording) error {
			is[r.ID] = len(r.MediaFiles)
			if c.held[r.ID] != (r.NonDelete != nil) {
				c.t.Errorf("node %d: the hold of %s is lost, or too many", n, r.ID)
			}
			return nil
		})
		if err != nil {
			c.t.Fatal(err)
		}
		if !maps.Equal(is, want) {
			c.t.Errorf("node %d has %d recordings, wanted are %d", n, len(is), len(want))
			for id, media := range want {
				if is[id] != media {
					c.t.Errorf("%s has %d media files, wanted are %d", id, is[id], media)
				}
			}
			for id := range is {
				if want[id] == 0 {
					c.t.Errorf("%s was deleted, and is there", id)
				}
			}
		}
		ids, total := found(c.t, x, 0, len(want)+1, map[string]string{"callerPhoneNumber": "*"})
		if total != len(want) || len(strings.Fields(ids)) != len(want) {
			c.t.Errorf("node %d finds %d of %d", n, total, len(want))
		}
	}
	c.t.Logf("%d changes, %d recordings", c.done, len(want))
}

// await waits for a condition.
func await(t testing.TB, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("it took too long: %s", what)
		}
		time.Sleep(10 * time.Millisecond) // between two looks at a condition
	}
}

// awaitEnd waits until a node says how making the index anew has ended.
func awaitEnd(t testing.TB, x *opensearch.Index, want index.Phase) index.Reindex {
	t.Helper()
	await(t, "making the index anew", func() bool { return x.Reindex().Phase.Ended() })
	got := x.Reindex()
	if got.Phase != want {
		t.Fatalf("it has ended so: %+v", got)
	}
	return got
}

// fillWith puts recordings, and returns how many media files each has.
func fillWith(t testing.TB, x *opensearch.Index, n int) map[string]int {
	t.Helper()
	all := make(map[string]int)
	var some []*mapping.Recording
	for i := range n {
		r := recording(fmt.Sprintf("old-%d", i), i*10_000_000, "+1650", fmt.Sprint("data ", i))
		all[r.ID] = 1
		some = append(some, r)
	}
	for _, r := range x.PutAll(t.Context(), center, some, index.PutOptions{}) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	return all
}

// control does what an action says, and returns when the work began that it is about.
func control(t testing.TB, x *opensearch.Index, a index.Action) mapping.Time {
	t.Helper()
	r, err := x.ControlReindex(t.Context(), a)
	if err != nil {
		t.Fatalf("%s: %v", a, err)
	}
	return r.Started
}

// TestReindex makes the index anew, twice, while several nodes change what is in it. The first time, the process
// that does it is killed, and another node goes on; the second time, the new index has fewer shards. Nothing is lost,
// nothing deleted is back, and the old index goes.
func TestReindex(t *testing.T) {
	t.Parallel()
	o := place(t, 3)
	o.KeepOld = time.Millisecond
	one, two := open(t, o), open(t, o)
	old := fillWith(t, one, 2000)
	c := newCrowd(t, one, two)
	defer c.writers.Wait()
	defer c.stop()

	o.Shards = 2
	three := open(t, o)
	for _, begin := range []func() mapping.Time{
		func() mapping.Time { return kill(t, &o, "reindex") },
		func() mapping.Time { return control(t, three, index.Start) },
	} {
		c.await(50)
		began := begin()
		await(t, "another node knows of it", func() bool { return two.Reindex().Started == began })
		got := awaitEnd(t, two, index.Done)
		if !strings.Contains(got.Verdict, "done: old and new agree in all recordings, and in ") {
			t.Errorf("the verdict is %q", got.Verdict)
		}
	}
	c.await(50)
	c.check(old)
	await(t, "the old index goes", func() bool {
		var all map[string]any
		ask(t, o.Cluster.Addresses, http.MethodGet, "/"+o.Index+"-*", nil, &all)
		return len(all) == 2 // with the state
	})
}

// TestReindexControl pauses, resumes and cancels by nodes that do not do it.
func TestReindexControl(t *testing.T) {
	t.Parallel()
	o := place(t, 2)
	one, two := open(t, o), open(t, o)
	old := fillWith(t, one, 500)
	refused := func(a index.Action) {
		t.Helper()
		if _, err := two.ControlReindex(t.Context(), a); err == nil {
			t.Errorf("%s is not refused", a)
		}
	}
	for _, a := range []index.Action{index.Pause, index.Resume, index.Cancel} {
		refused(a)
	}
	before := indexes(t, o.Cluster.Addresses, o.Index+"-"+fmt.Sprint(opensearch.Schema))
	control(t, one, index.Start)
	control(t, two, index.Pause)
	await(t, "it is paused", func() bool { return one.Reindex().Phase == index.Paused })
	refused(index.Start)
	refused(index.Pause)
	control(t, two, index.Cancel)
	awaitEnd(t, one, index.Cancelled)
	await(t, "the new index goes", func() bool {
		return indexes(t, o.Cluster.Addresses, o.Index+"-"+fmt.Sprint(opensearch.Schema)) == before
	})

	control(t, one, index.Start)
	control(t, two, index.Pause)
	control(t, two, index.Resume)
	awaitEnd(t, two, index.Done)
	newCrowd(t, one, two).check(old)
}

// kill has a process of its own begin a job, and kills it as soon as the job is its. It returns when that one began.
func kill(t testing.TB, o *opensearch.Options, work string) (began mapping.Time) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "RECORDINGS_JOB="+work, "RECORDINGS_JOB_INDEX="+o.Index,
		"RECORDINGS_JOB_REPOSITORY="+o.SnapshotRepository,
		"RECORDINGS_OPENSEARCH="+strings.Join(o.Cluster.Addresses, ","))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		_, err = fmt.Sscanf(line, "begun %d\n", &began)
	}
	if err != nil {
		t.Errorf("the process says %q, %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	return began
}

// jobAlone is the process that kill kills. It says when it has begun, and goes on. Where another node was faster, it
// begins again when that one is done.
func jobAlone() error {
	o := opensearch.Options{Index: os.Getenv("RECORDINGS_JOB_INDEX"), Existing: true}
	o.SnapshotRepository = os.Getenv("RECORDINGS_JOB_REPOSITORY")
	o.Cluster.Addresses = strings.Split(os.Getenv("RECORDINGS_OPENSEARCH"), ",")
	x, err := opensearch.Open(context.Background(), o)
	if err != nil {
		return err
	}
	mine := func() bool { return opensearch.Reindexing(x) }
	ended := func() bool { return x.Reindex().Phase.Ended() }
	began := func() mapping.Time { return x.Reindex().Started }
	start := func() (err error) { _, err = x.ControlReindex(context.Background(), index.Start); return err }
	switch os.Getenv("RECORDINGS_JOB") {
	case "backup":
		mine = func() bool { return opensearch.BackingUp(x) }
		ended = func() bool { return x.BackupStatus().Phase.Ended() }
		began = func() mapping.Time { return 0 } // a backup does not tell that
		start = func() error {
			name := fmt.Sprint("killed-", time.Now().UnixNano())
			_, err := x.StartBackup(index.BackupRequest{Name: name})
			return err
		}
	case "verify":
		mine = func() bool { return opensearch.Verifying(x) }
		ended = func() bool { return x.Verification().Phase.Ended() }
		began = func() mapping.Time { return x.Verification().Started }
		start = func() (err error) { _, err = x.ControlVerify(context.Background(), index.Start, false); return err }
	}
	for !mine() {
		if ended() {
			if err := start(); err != nil {
				return err
			}
		}
		time.Sleep(time.Millisecond) // between two looks at a condition
	}
	fmt.Println("begun", int64(began()))
	select {}
}

// TestUpgrade opens an index of an older version: it is made anew by itself, by one of two nodes that start at
// once, and its fields are those of this version.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	o := place(t, 2)
	at := o.Cluster.Addresses
	const n = 40
	older := fmt.Sprintf("/%s-2", o.Index)
	keyword := map[string]any{"type": "keyword"}
	ask(t, at, http.MethodPut, older, map[string]any{
		"mappings": map[string]any{
			"_meta":    map[string]any{"program": "recordings", "kind": "recordings", "schema": 2},
			"_routing": map[string]any{"required": true},
			"properties": map[string]any{
				"contactCenter": keyword, "id": keyword, "startTime": map[string]any{"type": "long"},
				"record": map[string]any{"type": "keyword", "index": false, "doc_values": false},
			},
		},
		"aliases": map[string]any{o.Index: map[string]any{}},
	}, nil)
	for i := range n {
		r := recording(fmt.Sprint(i), i*100_000_000, "+1650", fmt.Sprint("data ", i))
		data, err := mapping.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		doc, routing := opensearch.KeyOf(center, r.ID)
		ask(t, at, http.MethodPut, fmt.Sprintf("%s/_doc/%s?routing=%s", older, doc, routing), map[string]any{
			"contactCenter": center, "id": r.ID, "startTime": int64(r.StartTime()), "record": string(data),
		}, nil)
	}

	nodes := []*opensearch.Index{open(t, o), open(t, o)}
	for _, x := range nodes {
		await(t, "it is ready", func() bool { return x.Status().Ready })
		got := awaitEnd(t, x, index.Done)
		if got.Done != n || !strings.Contains(got.Cause, "is of version 2") {
			t.Errorf("it has ended so: %+v", got)
		}
		for params, want := range map[[2]string]int{
			{"userDataKey.a", "data*"}: n, {"callerPhoneNumber", "*50"}: n, {"userData", "data*17"}: 1,
		} {
			if _, total := found(t, x, 0, 10, map[string]string{params[0]: params[1]}); total != want {
				t.Errorf("%q finds %d, want %d", params, total, want)
			}
		}
		if _, err := x.Put(t.Context(), center, recording("new", 1, "+1651", "x")); err != nil {
			t.Error(err)
		}
	}

	// What the older index had no field for is found in the new one.
	err := nodes[0].Mark(t.Context(), center, "17", func(r *mapping.Recording) error {
		r.SetComment(mapping.Comment{ID: "1", Text: "asks for a refund"})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"refund", "*fun*"} {
		if ids, _ := found(t, nodes[1], 0, 10, map[string]string{"comment": pattern}); ids != "17" {
			t.Errorf("%s in comments found %q", pattern, ids)
		}
	}

	// A program of the version before can neither write to the index that was left, nor read it.
	var settings map[string]struct {
		Settings map[string]string `json:"settings"`
	}
	ask(t, at, http.MethodGet, older+"/_settings/index.blocks*?flat_settings=true", nil, &settings)
	of := settings[older[1:]].Settings
	if of["index.blocks.write"] != "true" || of["index.blocks.read"] != "true" {
		t.Errorf("the index that was left has %v", of)
	}
}

// TestSuperseded: a node whose index was upgraded by a newer version of the program does nothing any more.
func TestSuperseded(t *testing.T) {
	t.Parallel()
	o := place(t, 1)
	x := open(t, o)
	fillWith(t, x, 3)

	// What a newer version does in the end.
	newer := o.Index + "-99"
	from := fmt.Sprintf("%s-%d", o.Index, opensearch.Schema)
	ask(t, o.Cluster.Addresses, http.MethodPut, "/"+newer, map[string]any{"mappings": map[string]any{
		"_meta": map[string]any{"program": "recordings", "kind": "recordings", "schema": 99},
	}}, nil)
	var actions []any
	for _, a := range [][3]string{
		{"remove", from, o.Index}, {"remove", from, from + "-serving"},
		{"add", newer, o.Index}, {"add", newer, newer + "-serving"},
	} {
		actions = append(actions, map[string]any{a[0]: map[string]any{"index": a[1], "alias": a[2]}})
	}
	ask(t, o.Cluster.Addresses, http.MethodPost, "/_aliases", map[string]any{"actions": actions}, nil)

	errs := make(map[string]error)
	_, errs["put"] = x.Put(t.Context(), center, recording("new", 1, "+1651", "x"))
	errs["delete"] = x.Delete(t.Context(), center, "old-1")
	_, errs["get"] = x.Get(t.Context(), index.Scope{ContactCenter: center}, "old-1")
	_, errs["search"] = index.Find(t.Context(), x, index.Query{
		Scope: index.Scope{ContactCenter: center, Region: region}, Limit: 10,
	})
	errs["scan"] = x.Scan(t.Context(), func(string, *mapping.Recording) error { return nil })
	for _, what := range slices.Sorted(maps.Keys(errs)) {
		if err := errs[what]; err == nil || !strings.Contains(err.Error(), "is to be replaced by a newer one") {
			t.Errorf("%s: %v", what, err)
		}
	}
	await(t, "the status says it", func() bool {
		s := x.Status()
		return !s.Ready && strings.Contains(s.Reason, "is to be replaced")
	})
	var count struct {
		Count int `json:"count"`
	}
	ask(t, o.Cluster.Addresses, http.MethodPost, "/"+from+"/_refresh", nil, nil)
	ask(t, o.Cluster.Addresses, http.MethodGet, "/"+from+"/_count", nil, &count)
	if count.Count != 3 {
		t.Errorf("the index that was left has %d recordings", count.Count)
	}
}
