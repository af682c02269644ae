package embedded

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/index"
	"recordings/index/embedded/bleveindex"
	"recordings/index/embedded/schema"
	"recordings/index/embedded/store"
	"recordings/index/indextest"
	"recordings/mapping"
)

// control does something with the reindex that must be possible.
func control(t *testing.T, x *Index, a index.Action) {
	t.Helper()
	if _, err := x.ControlReindex(t.Context(), a); err != nil {
		t.Fatalf("%s: %v", a, err)
	}
}

// waitEnded waits until the reindex has ended, and checks how.
func waitEnded(t *testing.T, x *Index, phase index.Phase, verdict string) {
	t.Helper()
	waitFor(t, "the reindex to end", func() bool { return x.Reindex().Phase.Ended() })
	if r := x.Reindex(); r.Phase != phase || !strings.Contains(r.Verdict, verdict) || r.Ended < r.Started {
		t.Fatalf("the reindex ended as %+v, want %s and %q", r, phase, verdict)
	}
}

// TestReindex builds a new index while there are writes: searches are answered all the time, and go
// over to the new one.
func TestReindex(t *testing.T) {
	o := Options{Dir: t.TempDir(), BatchSize: 50, trimEvery: 10}
	x := openIndex(t, o)
	first := indextest.Sized(500, 120)
	putRecords(t, x, 0, first)
	indextest.Settle(t, x)
	before := currentSearchDir(t, o.Dir)
	control(t, x, index.Start)
	for n := first; !x.Reindex().Phase.Ended(); n++ {
		putRecords(t, x, n, n+1)
		if err := x.Delete(t.Context(), testCenter, record(n-first+100).ID); err != nil {
			t.Fatal(err)
		}
		q := index.Query{Scope: testScope, Limit: 1}
		page, err := index.Find(t.Context(), x, q)
		if err != nil || page.Recordings[0].ID != record(n).ID {
			t.Fatalf("searching meanwhile: %v, %v", page, err)
		}
	}
	waitEnded(t, x, index.Done, "agree in all counts")
	checkSearches(t, x)
	if after := currentSearchDir(t, o.Dir); after == before {
		t.Errorf("%s is still the current one", after)
	}
	if _, err := os.Stat(before); err != nil {
		t.Errorf("the old index is not kept: %v", err)
	}
	closeIndex(t, x)

	o.keepOld = time.Millisecond
	expireOld(t, o.Dir)
	x = openIndex(t, o)
	checkSearches(t, x)
	if r := x.Reindex(); r.Phase != index.Done || !strings.Contains(r.Verdict, "agree") {
		t.Errorf("after a restart it tells %+v", r)
	}
	control(t, x, index.Start)
	waitEnded(t, x, index.Done, "agree")
	waitFor(t, "the old indexes to be removed", func() bool {
		remains, _ := filepath.Glob(filepath.Join(o.Dir, "search", "0*"))
		return len(remains) == 1
	})
	putRecords(t, x, 0, 100)
	persist(t, x)
	checkSearches(t, x)
}

// expireOld lets the time be over for which the old index of a service that is stopped is kept.
func expireOld(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, "search", "REINDEX")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(strings.TrimSpace(string(content)), " ")
	var state map[string]any
	if err := json.Unmarshal([]byte(text), &state); err != nil || state["oldUntil"] == nil {
		t.Fatalf("%s, %v", text, err)
	}

	state["oldUntil"] = "2001-01-01T00:00:00Z"
	data, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	content = fmt.Appendf(nil, "%08x %s\n", crc32.ChecksumIEEE(data), data)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestReindexControl pauses, resumes and cancels.
func TestReindexControl(t *testing.T) {
	o := Options{Dir: t.TempDir(), BatchSize: 10}
	x := openIndex(t, o)
	putRecords(t, x, 0, 300)
	persist(t, x)
	var state *index.StateError
	for _, a := range []index.Action{index.Pause, index.Resume, index.Cancel} {
		if _, err := x.ControlReindex(t.Context(), a); !errors.As(err, &state) {
			t.Errorf("%s while nothing goes on: %v", a, err)
		}
	}
	control(t, x, index.Start)
	control(t, x, index.Pause)
	if r := x.Reindex(); r.Phase != index.Paused {
		t.Errorf("it is paused, but tells %+v", r)
	}
	for _, a := range []index.Action{index.Pause, index.Start} {
		if _, err := x.ControlReindex(t.Context(), a); !errors.As(err, &state) {
			t.Errorf("%s while it is paused: %v", a, err)
		}
	}
	putRecords(t, x, 300, 320)
	waitFor(t, "it to begin", func() bool { return x.Reindex().Total > 0 })
	closeIndex(t, x)

	x = openIndex(t, o)
	checkSearches(t, x)
	if r := x.Reindex(); r.Phase != index.Paused {
		t.Errorf("after a restart it is paused no more: %+v", r)
	}
	control(t, x, index.Resume)
	waitEnded(t, x, index.Done, "agree")
	checkSearches(t, x)

	control(t, x, index.Start)
	control(t, x, index.Pause)
	control(t, x, index.Cancel)
	waitEnded(t, x, index.Cancelled, "the old search index stays")
	control(t, x, index.Start)
	waitEnded(t, x, index.Done, "agree")
	checkSearches(t, x)
}

// TestReindexPausedTooLong lets the change log outgrow a build that is paused.
func TestReindexPausedTooLong(t *testing.T) {
	x := openIndex(t, Options{Dir: t.TempDir(), BatchSize: 10, maxHeld: 20, trimEvery: 1})
	putRecords(t, x, 0, 100)
	persist(t, x)
	control(t, x, index.Start)
	control(t, x, index.Pause)
	waitFor(t, "it to begin", func() bool { return x.Reindex().Total > 0 })
	putRecords(t, x, 100, 130)
	waitEnded(t, x, index.Failed, "it was paused for more than 20 changes")
	persist(t, x)
	putRecords(t, x, 130, 140)
	persist(t, x)
	waitFor(t, "the change log to be trimmed", func() bool { return x.store.Trimmed() > 100 })
	checkSearches(t, x)
}

// TestReindexLongLog fills from several snapshots, as the change log must not become long.
func TestReindexLongLog(t *testing.T) {
	x := openIndex(t, Options{Dir: t.TempDir(), BatchSize: 10, maxHeld: 15, trimEvery: 1})
	before := indextest.Sized(600, 150)
	putRecords(t, x, 0, before)
	persist(t, x)
	control(t, x, index.Start)
	// Without end, batches this small would never catch up.
	for n := before; n < before+300 && !x.Reindex().Phase.Ended(); n++ {
		putRecords(t, x, n, n+1)
		if err := x.Delete(t.Context(), testCenter, record(n-before).ID); err != nil {
			t.Fatal(err)
		}
	}
	waitEnded(t, x, index.Done, "agree")
	checkSearches(t, x)
}

// TestReindexInterrupted closes the index at many moments of building another: it goes on where it
// was, and ends as if it had never been interrupted.
func TestReindexInterrupted(t *testing.T) {
	o := Options{Dir: t.TempDir(), BatchSize: 10}
	x := openIndex(t, o)
	first, rounds := indextest.Sized(400, 120), indextest.Sized(12, 3)
	putRecords(t, x, 0, first)
	persist(t, x)
	control(t, x, index.Start)
	var began mapping.Time
	for round := range rounds {
		if x.Reindex().Phase.Ended() {
			break
		}
		began = x.Reindex().Started
		waitFor(t, "some progress", func() bool {
			r := x.Reindex()
			return r.Phase.Ended() || r.Done >= uint64(round*30)
		})
		putRecords(t, x, first+round*5, first+round*5+5)
		copied := t.TempDir()
		copyTree(t, filepath.Join(o.Dir, "search"), copied) // as a crash would leave it
		closeIndex(t, x)
		if round%2 == 1 {
			removeAll(t, filepath.Join(o.Dir, "search"))
			copyTree(t, copied, filepath.Join(o.Dir, "search"))
		}
		x = openIndex(t, o)
		checkSearches(t, x)
	}
	waitEnded(t, x, index.Done, "")
	if x.Reindex().Started != began {
		t.Errorf("it began anew: %+v", x.Reindex())
	}
	checkSearches(t, x)
	if v := verified(t, x, false); v.Phase != index.Done {
		t.Errorf("it is not well: %+v", v)
	}
}

// TestReindexOldWrong damages the index in use: the recordings decide that the new one is right.
func TestReindexOldWrong(t *testing.T) {
	x := openIndex(t, Options{Dir: t.TempDir()})
	putRecords(t, x, 0, 50)
	indextest.Settle(t, x)
	damageIndex(t, x)
	control(t, x, index.Start)
	waitEnded(t, x, index.Done, "the old search index was wrong")
	checkSearches(t, x)
}

// TestReindexFallsBack lets a new index fail soon after it took its place.
func TestReindexFallsBack(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	x := openIndex(t, o)
	putRecords(t, x, 0, 50)
	persist(t, x)
	before := currentSearchDir(t, o.Dir)
	control(t, x, index.Start)
	waitEnded(t, x, index.Done, "agree")
	putRecords(t, x, 50, 60)
	_ = x.serving.current().Fail(errors.New("injected"))
	waitFor(t, "the old index to be in use", func() bool { return currentSearchDir(t, o.Dir) == before })
	checkSearches(t, x)
	if r := x.Reindex(); r.Phase != index.Failed || !strings.Contains(r.Verdict, "injected") {
		t.Errorf("it tells %+v", r)
	}
}

// damageIndex changes what the search index has, in three ways, behind the back of everybody: a
// recording is missing, one has other terms, and one is there that is not stored.
func damageIndex(t *testing.T, x *Index) {
	t.Helper()
	b := bleveindex.NewBatch()
	b.Delete(store.RecordKey(testCenter, record(3).ID))
	other := record(5)
	other.CallerPhoneNumber = "+9999"
	b.Put(schema.NewDocument(store.RecordKey(testCenter, other.ID), testCenter, testRegion, other.Searchable()))
	b.Put(schema.NewDocument(store.RecordKey(testCenter, "ghost"), testCenter, testRegion, record(7).Searchable()))
	current := x.serving.current()
	if err := current.Apply(t.Context(), b, current.Position()); err != nil {
		t.Fatal(err)
	}
}
