package embedded

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"recordings/index"
	"recordings/index/indextest"
)

// TestRebuildMeanwhile writes while the search index is being rebuilt: everything but searches is
// answered, and these say how far it is.
func TestRebuildMeanwhile(t *testing.T) {
	n := indextest.Sized(2000, 400)
	o := Options{Dir: t.TempDir(), BatchSize: 100, fs: vfs.NewMem()}
	x := openIndex(t, o)
	putRecords(t, x, 0, n)
	closeIndex(t, x)
	removeAll(t, filepath.Join(o.Dir, "search"))

	x = openIndex(t, o)
	refused, progress := 0, uint64(0)
	began := time.Now()
	for i := 0; !x.Status().Ready; i++ {
		if _, err := x.Get(t.Context(), testScope, record(n-1).ID); err != nil {
			t.Fatalf("reading meanwhile: %v", err)
		}
		putRecords(t, x, n+i, n+i+1)
		if i < n-1 {
			if err := x.Delete(t.Context(), testCenter, record(i).ID); err != nil {
				t.Fatalf("deleting meanwhile: %v", err)
			}
		}
		_, err := index.Find(t.Context(), x, index.Query{Scope: testScope, Limit: 1})
		var notReady *index.NotReadyError
		if errors.As(err, &notReady) {
			refused++
			progress = max(progress, notReady.Done)
			if notReady.Done > notReady.Total {
				t.Fatalf("%d of %d are done", notReady.Done, notReady.Total)
			}
		} else if err != nil {
			t.Fatalf("searching meanwhile: %v", err)
		}
		if time.Since(began) > patience {
			t.Fatal("it never becomes ready while there are writes")
		}
	}
	if refused == 0 || progress == 0 {
		t.Errorf("%d searches were refused, with a progress of up to %d", refused, progress)
	}
	checkSearches(t, x)
	indextest.Settle(t, x)
	checkSearches(t, x)
}

// TestRebuildInterrupted ends rebuilding at many moments: the next one begins anew.
func TestRebuildInterrupted(t *testing.T) {
	o := Options{Dir: t.TempDir(), BatchSize: 20, fs: vfs.NewMem()}
	x := openIndex(t, o)
	putRecords(t, x, 0, 1000)
	closeIndex(t, x)
	removeAll(t, filepath.Join(o.Dir, "search"))
	for round := range 10 {
		x := openIndex(t, o)
		putRecords(t, x, 1000+round*5, 1000+round*5+5)
		waitFor(t, "some progress", func() bool { s := x.Status(); return s.Ready || s.Done >= uint64(round*40) })
		copied := t.TempDir()
		copyTree(t, filepath.Join(o.Dir, "search"), copied) // as a crash would leave it
		closeIndex(t, x)
		removeAll(t, filepath.Join(o.Dir, "search"))
		copyTree(t, copied, filepath.Join(o.Dir, "search"))
	}
	x = openIndex(t, o)
	checkSearches(t, x)
	if got := len(stored(t, x)[testCenter]); got != 1050 {
		t.Errorf("%d recordings are stored, want 1050", got)
	}
}

// TestBackPressure lets many writers meet a small pending set.
func TestBackPressure(t *testing.T) {
	const maxPending, writers = 8, 16
	x := openIndex(t, Options{Dir: t.TempDir(), MaxPending: maxPending, BatchSize: 4})
	done := make(chan error, writers)
	for w := range writers {
		go func() {
			for n := range 20 {
				if _, err := x.Put(t.Context(), testCenter, record(w*20+n)); err != nil {
					done <- err
					return
				}
				if pending := x.Status().Pending; pending > maxPending {
					done <- errors.New("more is pending than may be")
					return
				}
			}
			done <- nil
		}()
	}
	for range writers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	checkSearches(t, x)
}

// TestLogStaysShort writes for long: the change log is trimmed behind the search index, and the
// sequence goes on after a restart.
func TestLogStaysShort(t *testing.T) {
	o := Options{Dir: t.TempDir(), trimEvery: 100}
	x := openIndex(t, o)
	putRecords(t, x, 0, 1000)
	persist(t, x)
	waitFor(t, "the change log to be trimmed", func() bool { return x.store.Trimmed() >= 900 })
	before := currentSearchDir(t, o.Dir)
	closeIndex(t, x)
	x = openIndex(t, o)
	indextest.Ready(t, x)
	if after := currentSearchDir(t, o.Dir); after != before {
		t.Errorf("the search index was rebuilt: it is in %s, and was in %s", after, before)
	}
	log, err := changeLog(x)
	if err != nil || log.First != x.store.Trimmed()+1 || log.First < 901 || log.Last != 1000 || log.Count != 1000 {
		t.Errorf("the change log is %+v, %v", log, err)
	}
	if err := x.store.Trim(1 << 60); err != nil {
		t.Fatal(err)
	}
	if log, err := changeLog(x); err != nil || log.First != 1000 || log.Last != 1000 {
		t.Errorf("trimmed as far as possible, the change log is %+v, %v", log, err)
	}
	if err := x.Delete(t.Context(), testCenter, record(5).ID); err != nil {
		t.Fatal(err)
	}
	if log, err := changeLog(x); err != nil || log.Last != 1001 || log.Count != 999 {
		t.Errorf("after a deletion, the change log is %+v, %v", log, err)
	}
	checkSearches(t, x)
}
