package embedded

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"recordings/index"
	"recordings/index/indextest"
	"recordings/mapping"
)

func someRecords(n int) (all []*mapping.Recording) {
	for i := range n {
		all = append(all, record(i))
	}
	return all
}

// countOK returns how many of the results, from the first on, have no error; all others must have
// this one.
func countOK(t *testing.T, results []index.PutResult, want error) (ok int) {
	t.Helper()
	for ok < len(results) && results[ok].Err == nil {
		ok++
	}
	for i, r := range results[ok:] {
		if !errors.Is(r.Err, want) || r.Outcome != "" {
			t.Fatalf("result %d: %+v, want %v", ok+i, r, want)
		}
	}
	return ok
}

// TestPutAllSyncFailure lets a sync fail, perhaps of a log that is left for the next one: what came
// before is durable, and nothing else is said to be.
func TestPutAllSyncFailure(t *testing.T) {
	mem := vfs.NewMem()
	var syncs atomic.Int64
	syncs.Store(1 << 30)
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if strings.HasSuffix(op.Path, ".log") && op.Kind == errorfs.OpFileSyncData && syncs.Add(-1) < 0 {
			return errors.New("injected")
		}
		return nil
	}))
	dir := t.TempDir()
	x := openIndex(t, withFS(dir, fs))
	putRecords(t, x, 0, 5)
	all := someRecords(10 * maxGroup) // the log changes its file meanwhile
	syncs.Store(3)
	ok := countOK(t, x.PutAll(t.Context(), testCenter, all, index.PutOptions{}), index.ErrUnavailable)
	if ok%maxGroup != 0 || ok >= len(all) {
		t.Errorf("%d were put", ok)
	}
	if _, err := x.Get(t.Context(), testScope, all[3].ID); err != nil {
		t.Errorf("reading what is durable: %v", err)
	}
	dryRun := index.PutOptions{DryRun: new(index.DryRun)}
	if n := countOK(t, x.PutAll(t.Context(), testCenter, all, dryRun), index.ErrUnavailable); n != 0 {
		t.Errorf("a dry run says that %d would be put", n)
	}
	_ = x.Close() // it may tell of the log

	x = openIndex(t, withFS(dir, mem))
	for i, r := range x.PutAll(t.Context(), testCenter, all, index.PutOptions{}) {
		if r.Err != nil || i < ok && r.Outcome != index.Unchanged {
			t.Fatalf("again, recording %d: %+v", i, r)
		}
	}
	checkSearches(t, x)
}

// TestPutAllDiskFull finds the disk full between two groups.
func TestPutAllDiskFull(t *testing.T) {
	disk := newFullDisk()
	x := openIndex(t, withFS(t.TempDir(), disk.fs()))
	all := someRecords(maxGroup + 10)
	disk.full.Store(true)
	disk.setFree(0)
	if ok := countOK(t, x.PutAll(t.Context(), testCenter, all, index.PutOptions{}), index.ErrDiskFull); ok != maxGroup {
		t.Errorf("%d were put, want those of the group that found it full: %d", ok, maxGroup)
	}
	dryRun := index.PutOptions{DryRun: new(index.DryRun)}
	if ok := countOK(t, x.PutAll(t.Context(), testCenter, all, dryRun), index.ErrDiskFull); ok != 0 {
		t.Errorf("a dry run says that %d would be put", ok)
	}
	disk.setFree(1 << 30)
	waitFor(t, "writes to be accepted", func() bool { return !x.Status().DiskFull })
	if ok := countOK(t, x.PutAll(t.Context(), testCenter, all, index.PutOptions{}), nil); ok != len(all) {
		t.Errorf("%d were put, want %d", ok, len(all))
	}
	checkSearches(t, x)
}

// TestPutAllLarge puts recordings of which few make a group, and some that are too large for any.
func TestPutAllLarge(t *testing.T) {
	x := openIndex(t, Options{Dir: t.TempDir(), MaxRecording: maxGroupBytes/3 + 2000, MaxPending: 2})
	all := someRecords(indextest.Sized(20, 9))
	for i, r := range all {
		size := maxGroupBytes / 3
		if i%7 == 3 {
			size *= 2
		}
		r.MediaFiles[0].Tenant = strings.Repeat("x", size)
	}
	for i, r := range x.PutAll(t.Context(), testCenter, all, index.PutOptions{}) {
		switch {
		case i%7 == 3 && !errors.Is(r.Err, index.ErrTooLarge):
			t.Errorf("recording %d: %+v, want ErrTooLarge", i, r)
		case i%7 != 3 && (r.Err != nil || r.Outcome != index.Created):
			t.Errorf("recording %d: %+v", i, r)
		}
	}
	small := len(all) - (len(all)+3)/7
	if n := len(stored(t, x)[testCenter]); n != small {
		t.Errorf("%d are stored, want %d", n, small)
	}
	checkSearches(t, x)
}
