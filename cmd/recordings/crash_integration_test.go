//go:build integration

package main

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"recordings/cmd/recordings/internal/faulttest"
	"recordings/mapping"
)

// How the crash test goes.
const (
	crashRounds  = 60
	crashClients = 8
	sharedIDs    = 12 // which all clients post, merge and delete
)

// crashTest is one service that is killed again and again, and what is known about it.
type crashTest struct {
	*testing.T
	random  *rand.Rand
	file    string // of the configuration
	data    string
	client  *faulttest.Caller
	history *faulttest.History
	known   map[string]*mapping.Searchable // what a search can see, by the id of every recording there is
	touched map[string]bool                // ids that clients wrote to since they were last checked
	mu      sync.Mutex                     // guards touched

	cut  func(*process) // ends the service at once; nil: by kill -9
	down atomic.Bool    // it is being ended: answers say nothing any more, since a machine without power gives none
}

// end ends the service at once.
func (c *crashTest) end(p *process) {
	c.Helper()
	if c.cut == nil {
		p.kill()
		return
	}
	c.down.Store(true)
	defer c.down.Store(false)
	c.cut(p)
}

// TestCrash kills the service at random moments, under load, while it starts, while it rebuilds its
// search index, builds one beside it, or verifies. Whatever was acknowledged must be there when it
// is back, whole and once; what was deleted must stay so; and every search must find exactly the
// recordings that can be read.
func TestCrash(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	file, data := setup(t)
	c := &crashTest{
		T: t, random: rand.New(rand.NewPCG(seed, 0)), file: file, data: data,
		client:  &faulttest.Caller{HTTP: newClient(t)},
		history: faulttest.NewHistory(), known: map[string]*mapping.Searchable{}, touched: map[string]bool{},
	}

	var total tally
	rounds := faulttest.Times(t, crashRounds)
	for round := range rounds {
		total.add(c.round(round))
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}

	p := c.start()
	c.checkAll(p)
	t.Logf("%d rounds, %d crashes while starting, %d rebuilds, %d while reindexing or verifying, %d acknowledged "+
		"POSTs and %d DELETEs, %d recordings at the end",
		rounds, total.starts, total.rebuilds, total.upkeep, total.posts, total.deletes, len(c.known))
	if total.posts < rounds*10 || total.deletes < rounds || total.starts == 0 || total.rebuilds == 0 ||
		total.upkeep == 0 {
		t.Errorf("that is too little to prove anything")
	}
}

// tally counts what happened.
type tally struct{ posts, deletes, starts, rebuilds, upkeep int }

func (t *tally) add(o tally) {
	t.posts += o.posts
	t.deletes += o.deletes
	t.starts += o.starts
	t.rebuilds += o.rebuilds
	t.upkeep += o.upkeep
}

// round starts the service, checks it, puts load on it, and kills it.
func (c *crashTest) round(n int) (done tally) {
	if n%5 == 3 {
		c.damageSearchIndex(n / 5 % 3)
		done.rebuilds++
	}

	if n%3 == 1 {
		c.killWhileStarting()
		done.starts++
	}

	p := c.start()
	if n%2 == 0 { // otherwise there is load from the first moment, even before searches are answered
		c.check(p)
	}

	stop := func() {}
	if n%2 == 0 {
		path := []string{"/api/v2/ops/reindex", "/api/v2/ops/verify"}[n/2%2]
		stop = c.again(path, func() []byte { return nil })
		done.upkeep++
	}

	done.posts, done.deletes = c.load(p, 50+c.random.IntN(400))
	stop()
	return done
}

// again sends a POST again and again until stop is called, or the service is gone. That it is
// refused while the work that it asks for is under way is in order.
func (c *crashTest) again(path string, body func() []byte) (stop func()) {
	ctx, cancel := context.WithCancel(c.Context())
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			a, err := c.client.Call(ctx, "ops", http.MethodPost, path, body())
			switch {
			case err != nil || c.down.Load():
				return
			case a.Status != http.StatusOK && a.Status != http.StatusConflict:
				c.Errorf("POST %s: %d %s", path, a.Status, a.Body)
				return
			}

			wait(5 * time.Millisecond)
		}
	})

	return func() {
		cancel()
		running.Wait()
	}
}

func (c *crashTest) start() *process {
	c.Helper()
	p := serveFile(c.T, c.file)
	c.client.URL = p.url(c.T)
	return p
}

// killWhileStarting starts the service, and kills it after a moment that may be before, while or
// after it opens its index.
func (c *crashTest) killWhileStarting() {
	p := serveFile(c.T, c.file)
	wait(time.Duration(c.random.IntN(250)) * time.Millisecond)
	c.end(p)
}

// wait lets time pass: how long a process may run before it is killed is what this test is about.
func wait(d time.Duration) { <-time.After(d) }

// damageSearchIndex removes the search index, empties its files, or changes a byte in the middle of
// each. It is built anew from the recordings, whatever has become of it.
func (c *crashTest) damageSearchIndex(kind int) {
	c.Helper()
	dir := filepath.Join(c.data, "search")
	if kind == 0 {
		if err := os.RemoveAll(dir); err != nil {
			c.Fatal(err)
		}
		return
	}

	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		if kind == 1 {
			return os.Truncate(path, 0)
		}

		data, err := os.ReadFile(path)
		if err != nil || len(data) == 0 {
			return err
		}

		data[len(data)/2] ^= 0x55
		return os.WriteFile(path, data, 0o600)
	})

	if err != nil {
		c.Fatal(err)
	}
}

// load lets clients write for so many milliseconds, kills the service under them, and counts what
// was acknowledged.
func (c *crashTest) load(p *process, milliseconds int) (posts, deletes int) {
	ctx, cancel := context.WithTimeout(c.Context(), patience)
	defer cancel()
	writers := make([]*writer, crashClients)
	var running sync.WaitGroup
	for i := range writers {
		w := &writer{crashTest: c, random: rand.New(rand.NewPCG(c.random.Uint64(), uint64(i)))}
		writers[i] = w
		running.Go(func() { w.run(ctx) })
	}

	wait(time.Duration(milliseconds) * time.Millisecond)
	c.end(p)
	running.Wait()
	c.history.Crashed()
	c.client.HTTP.CloseIdleConnections()
	if ctx.Err() != nil {
		c.Errorf("the clients did not notice that the service is gone")
	}

	for _, w := range writers {
		posts += w.posts
		deletes += w.deletes
	}

	return posts, deletes
}

// writer is a client.
type writer struct {
	*crashTest
	random         *rand.Rand
	posts, deletes int // acknowledged
}

// run writes until the service is gone.
func (w *writer) run(ctx context.Context) {
	for n := 0; ; n++ {
		id := fmt.Sprintf("shared/%d", w.random.IntN(sharedIDs))
		own := w.random.IntN(3) == 0
		if own {
			id = fmt.Sprintf("own %d ü", w.history.NewPart())
		}

		w.touch(id)
		gone := false
		switch {
		case !own && w.random.IntN(6) == 0:
			gone = w.delete(ctx, id)
		default:
			part := w.history.NewPart()
			gone = w.post(ctx, id, part)
			for !gone && w.random.IntN(5) == 0 { // again, as an uploader that did not get the answer
				gone = w.post(ctx, id, part)
			}
			gone = gone || own && !w.finds(ctx, id, part)
		}

		if gone {
			return
		}
	}
}

func (w *writer) touch(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.touched[id] = true
}

func (w *writer) post(ctx context.Context, id string, part int) (gone bool) {
	acknowledge := w.history.BeginPost(id, part)
	a, err := w.client.Post(ctx, faulttest.RecordingOf(id, part))
	if err != nil {
		return true
	}
	if w.down.Load() {
		return true
	}

	if a.Status != http.StatusOK {
		w.Errorf("POST %s: %d %s", id, a.Status, a.Body)
		return true
	}

	acknowledge()
	w.posts++
	return false
}

func (w *writer) delete(ctx context.Context, id string) (gone bool) {
	answered := w.history.BeginDelete(id)
	a, err := w.client.Delete(ctx, id)
	if err != nil {
		return true
	}
	if w.down.Load() {
		return true
	}

	if a.Status != http.StatusOK && a.Status != http.StatusNotFound {
		w.Errorf("DELETE %s: %d %s", id, a.Status, a.Body)
		return true
	}

	answered(a.Status == http.StatusOK)
	w.deletes++
	return false
}

// finds: the very next search sees what was acknowledged, unless the index is being rebuilt.
func (w *writer) finds(ctx context.Context, id string, part int) bool {
	ids, err := w.client.Search(ctx, map[string]string{"userData": fmt.Sprintf("case-%d", part)})
	if w.down.Load() {
		return false
	}
	if err != nil {
		return strings.Contains(err.Error(), "503")
	}
	if !slices.Equal(ids, []string{id}) {
		w.Errorf("the search for part %d found %q, want %q", part, ids, id)
	}
	return true
}

// check compares what clients have touched since the last time with what they were told, and
// searches with what there is.
func (c *crashTest) check(p *process) {
	c.Helper()
	for id := range c.touched {
		c.checkRecording(id)
	}
	clear(c.touched)
	awaitReady(c.T, c.client.HTTP, c.client.URL, p)
	c.checkSearches()
}

// checkAll checks all recordings that there ever were.
func (c *crashTest) checkAll(p *process) {
	c.Helper()
	for id := range c.history.IDs() {
		c.touched[id] = true
	}
	c.check(p)
}

func (c *crashTest) checkRecording(id string) {
	c.Helper()
	r, err := c.client.Read(c.Context(), id)
	if err != nil {
		c.Fatal(err)
	}

	if err := c.history.Check(id, r); err != nil {
		c.Error(err)
	}

	delete(c.known, id)
	if r != nil {
		c.known[id] = r.Searchable()
	}
}

// checkSearches compares searches with the meaning of their criteria.
func (c *crashTest) checkSearches() {
	c.Helper()
	part := c.random.IntN(c.history.Parts() + 1)
	at := faulttest.RecordingOf("", part).MediaFiles[0].StartTime.String()
	for _, params := range []map[string]string{
		{"startTime": "0"},
		{"startTime": at, "dialedPhoneNumber": "*5"},
		{"endTime": at, "userData": "sales"},
		{"callerPhoneNumber": fmt.Sprintf("*%d", part%100)},
		{"callerPhoneNumber": faulttest.RecordingOf("", part).CallerPhoneNumber},
		{"userName": "zoë AND amber agent3@example.com"},
		{"userName": "MÜL*", "userData": "billing"},
		{"userData": fmt.Sprintf("case-*%d", part%10)},
	} {
		criteria, err := mapping.ParseCriteria(params)
		if err != nil {
			c.Fatal(err)
		}

		got, err := c.client.Search(c.Context(), params)
		if err != nil {
			c.Fatal(err)
		}

		if want := c.matches(&criteria); !slices.Equal(got, want) {
			c.Errorf("searching %v finds %d recordings, want %d:\n%q\n%q", params, len(got), len(want), got, want)
		}
	}
}

// matches are the ids of the known recordings that match, newest first.
func (c *crashTest) matches(criteria *mapping.Criteria) []string {
	var ids []string
	for id, s := range c.known {
		if criteria.Match(s) {
			ids = append(ids, id)
		}
	}

	slices.SortFunc(ids, func(a, b string) int {
		return mapping.CompareNewestFirst(c.known[a].StartTime, a, c.known[b].StartTime, b)
	})
	return ids
}
