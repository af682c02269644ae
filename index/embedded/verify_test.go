package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"recordings/index"
	"recordings/index/embedded/bleveindex"
	"recordings/index/embedded/store"
	"recordings/index/embedded/verify"
	"recordings/index/indextest"
)

// verified verifies, and returns what was found.
func verified(t *testing.T, x *Index, repair bool) index.Verification {
	t.Helper()
	if _, err := x.ControlVerify(t.Context(), index.Start, repair); err != nil {
		t.Fatalf("verifying: %v", err)
	}
	waitFor(t, "the verification to end", func() bool { return x.Verification().Phase.Ended() })
	return x.Verification()
}

// TestVerify finds nothing where all is well, and what is wrong in the search index, which it
// rebuilds.
func TestVerify(t *testing.T) {
	x := openIndex(t, Options{Dir: t.TempDir()})
	putRecords(t, x, 0, 300)
	for _, n := range []int{8, 9} {
		if err := x.Delete(t.Context(), testCenter, record(n).ID); err != nil {
			t.Fatal(err)
		}
	}
	if v := verified(t, x, true); v.Phase != index.Done || v.Done != 298 || v.Problems != 0 || v.Files == 0 {
		t.Fatalf("where all is well it finds %+v", v)
	}
	indextest.Settle(t, x)
	damageIndex(t, x)
	v := verified(t, x, false)
	want := map[index.Finding]bool{
		{Kind: index.Missing, ContactCenter: testCenter, ID: record(3).ID}:   true,
		{Kind: index.Different, ContactCenter: testCenter, ID: record(5).ID}: true,
		{Kind: index.NoRecording, ContactCenter: testCenter, ID: "ghost"}:    true,
	}
	for _, f := range v.Findings {
		if !want[f] {
			t.Errorf("it finds %+v", f)
		}
		delete(want, f)
	}
	if len(want) > 0 || v.Phase != index.Failed || v.Problems != 3 {
		t.Errorf("it does not find %+v: %+v", want, v)
	}
	if v := verified(t, x, true); v.Problems != 3 {
		t.Errorf("the second time it finds %+v", v)
	}
	waitFor(t, "the index to be rebuilt", func() bool {
		r := x.Reindex()
		return r.Phase == index.Done && r.Total == 298 && x.Status().Ready
	})
	checkSearches(t, x)
	if v := verified(t, x, false); v.Phase != index.Done {
		t.Errorf("after the repair it finds %+v", v)
	}
}

// TestVerifyMeanwhile verifies while there are writes: they are no damage.
func TestVerifyMeanwhile(t *testing.T) {
	x := openIndex(t, Options{Dir: t.TempDir(), BatchSize: 20})
	putRecords(t, x, 0, 200)
	for round := range 5 {
		if _, err := x.ControlVerify(t.Context(), index.Start, false); err != nil {
			t.Fatal(err)
		}
		for n := 200 * (round + 1); !x.Verification().Phase.Ended(); n++ {
			putRecords(t, x, n, n+1)
			if err := x.Delete(t.Context(), testCenter, record(n).ID); err != nil {
				t.Fatal(err)
			}
		}
		if v := x.Verification(); v.Phase != index.Done {
			t.Fatalf("it finds %+v", v)
		}
	}
}

// TestScrub damages the search index: it is found and rebuilt without anybody asking.
func TestScrub(t *testing.T) {
	x := openIndex(t, Options{Dir: t.TempDir(), ScrubInterval: 300 * time.Millisecond})
	putRecords(t, x, 0, 100)
	indextest.Settle(t, x)
	damageIndex(t, x)
	waitFor(t, "the index to be rebuilt", func() bool {
		return x.Reindex().Phase == index.Done && x.Reindex().Total == 100 && x.Status().Ready
	})
	checkSearches(t, x)
}

// TestScrubAfterRestart: the interval goes on while the service is not running, or is restarted
// again and again.
func TestScrubAfterRestart(t *testing.T) {
	o := Options{Dir: t.TempDir(), ScrubInterval: time.Hour}
	x := openIndex(t, o)
	putRecords(t, x, 0, 10)
	indextest.Settle(t, x)
	verified(t, x, false)
	closeIndex(t, x)
	x = openIndex(t, o)
	if v := x.Verification(); v.Phase != index.Idle {
		t.Errorf("after a restart: %+v", v)
	}
	closeIndex(t, x)
	long := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(filepath.Join(o.Dir, verify.VerifiedFile), long, long); err != nil {
		t.Fatal(err)
	}
	x = openIndex(t, o)
	waitFor(t, "scrubbing", func() bool {
		return x.Verification().Phase == index.Done && x.Verification().Cause == "it was due"
	})
}

// TestVerifyStopped verifies a directory that nobody uses, and leaves it as it was.
func TestVerifyStopped(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	x := openIndex(t, o)
	putRecords(t, x, 0, 100)
	persist(t, x)
	if _, err := Verify(t.Context(), o, func(index.Verification) {}); err == nil {
		t.Error("it verifies a directory that is in use")
	}
	closeIndex(t, x)
	for range 2 {
		if v, err := Verify(t.Context(), o, func(index.Verification) {}); err != nil || v.Phase != index.Done ||
			v.Done != 100 {
			t.Errorf("where all is well it finds %+v, %v", v, err)
		}
	}
	flip(t, filepath.Join(currentSearchDir(t, o.Dir), bleveindex.RootFile), 100, 1)
	if v, err := Verify(t.Context(), o, func(index.Verification) {}); err != nil || v.Phase != index.Failed ||
		v.Done != 100 ||
		v.Findings[0].Kind != index.DamagedIndex {
		t.Errorf("with a damaged root it finds %+v, %v", v, err)
	}
	x = openIndex(t, o)
	checkSearches(t, x)
}

// TestVerifyCancelled cancels.
func TestVerifyCancelled(t *testing.T) {
	x := openIndex(t, Options{Dir: t.TempDir()})
	putRecords(t, x, 0, 10)
	var state *index.StateError
	if _, err := x.ControlVerify(t.Context(), index.Cancel, false); !errors.As(err, &state) {
		t.Errorf("cancelling nothing: %v", err)
	}
	if _, err := x.ControlVerify(t.Context(), index.Start, false); err != nil {
		t.Fatal(err)
	}
	if v, err := x.ControlVerify(t.Context(), index.Cancel, false); err == nil && v.Phase != index.Cancelled {
		t.Errorf("cancelled it is %+v", v)
	}
	if v := verified(t, x, false); v.Phase != index.Done {
		t.Errorf("after that it finds %+v", v)
	}
}

// TestFindingsAreLines: what is found is told a line each, as the store's own errors are not.
func TestFindingsAreLines(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	x := openIndex(t, o)
	putRecords(t, x, 0, 100)
	if err := x.store.Flush(); err != nil {
		t.Fatal(err)
	}
	closeIndex(t, x)
	tables, err := filepath.Glob(filepath.Join(o.Dir, store.RecordsDir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("there is no table: %v", err)
	}
	for _, table := range tables {
		flip(t, table, 100, 1)
	}
	v, err := Verify(t.Context(), o, func(index.Verification) {})
	if err != nil || v.Phase != index.Failed || len(v.Findings) == 0 {
		t.Fatalf("with damaged tables it finds %+v, %v", v, err)
	}
	for _, f := range v.Findings {
		if f.Detail == "" || strings.ContainsAny(f.Detail, "\n<") {
			t.Errorf("it tells %q of %s", f.Detail, f.File)
		}
	}
}

// TestFlush: an index that was flushed and closed is whole, however little time it had.
func TestFlush(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	x := openIndex(t, o)
	putRecords(t, x, 0, 3)
	if err := x.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	closeIndex(t, x)
	if v, err := Verify(t.Context(), o, func(index.Verification) {}); err != nil || v.Phase != index.Done ||
		v.Done != 3 {
		t.Errorf("it finds %+v, %v", v, err)
	}
	if err := x.Flush(t.Context()); !errors.Is(err, index.ErrUnavailable) {
		t.Errorf("flushing a closed index: %v", err)
	}
	for range 2 { // there may be nothing to drop
		if err := DropSearchIndex(o.Dir); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(filepath.Join(o.Dir, "search")); err != nil {
			t.Fatal(err)
		}
	}
	v, err := Verify(t.Context(), o, func(index.Verification) {})
	if err != nil || v.Phase != index.Failed || len(v.Findings) != 1 || v.Findings[0].Kind != index.DamagedIndex ||
		v.Findings[0].File != "search" {
		t.Errorf("where there is no search index it finds %+v, %v", v, err)
	}
}

// TestVerifyChangesItsMind starts and cancels faster than a verification can begin. Nobody may wait
// for it.
func TestVerifyChangesItsMind(t *testing.T) {
	t.Parallel()
	x := openIndex(t, Options{Dir: t.TempDir()})
	settled := make(chan error)
	go func() {
		defer close(settled)
		for range 200 {
			for _, a := range []index.Action{index.Start, index.Cancel} {
				if _, err := x.ControlVerify(t.Context(), a, false); err != nil && a == index.Start {
					settled <- err
				}
			}
		}
	}()
	select {
	case err := <-settled:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("a verification is waited for")
	}

	if v := verified(t, x, false); v.Phase != index.Done {
		t.Errorf("the last one ended so: %+v", v)
	}
}
