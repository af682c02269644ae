package embedded

import (
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"recordings/index"
)

// fullDisk is a file system in memory whose log cannot be written while it is full.
type fullDisk struct {
	*vfs.MemFS
	full atomic.Bool
}

func newFullDisk() *fullDisk {
	d := &fullDisk{MemFS: vfs.NewMem()}
	d.setFree(1 << 30)
	return d
}

func (d *fullDisk) setFree(bytes uint64) {
	d.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: bytes, TotalBytes: 1 << 40})
}

func (d *fullDisk) fs() vfs.FS {
	return errorfs.Wrap(d, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileWrite && strings.HasSuffix(op.Path, ".log") && d.full.Load() {
			return syscall.ENOSPC
		}
		return nil
	}))
}

// Remove makes space when it is the ballast that is removed.
func (d *fullDisk) Remove(name string) error {
	err := d.MemFS.Remove(name)
	if err == nil && strings.HasSuffix(name, "ballast") {
		d.full.Store(false)
	}
	return err
}

// TestBallast lets a write find the disk full that was not full when last looked at: the ballast
// makes room for it, and comes back when there is space.
func TestBallast(t *testing.T) {
	disk := newFullDisk()
	x := openIndex(t, withFS(t.TempDir(), disk.fs()))
	putRecords(t, x, 0, 10)
	if _, err := disk.Stat(filepath.Join(x.o.Dir, "ballast")); err != nil {
		t.Fatalf("there is no ballast: %v", err)
	}
	disk.full.Store(true)
	disk.setFree(0)
	putRecords(t, x, 10, 11) // it is finished
	if _, err := disk.Stat(filepath.Join(x.o.Dir, "ballast")); err == nil {
		t.Error("the ballast is still there")
	}
	if _, err := x.Put(t.Context(), testCenter, record(11)); !errors.Is(err, index.ErrDiskFull) {
		t.Errorf("the next Put: %v, want ErrDiskFull", err)
	}
	disk.setFree(1 << 30)
	waitFor(t, "writes to be accepted", func() bool { return !x.Status().DiskFull })
	waitFor(t, "the ballast to come back", func() bool {
		_, err := disk.Stat(filepath.Join(x.o.Dir, "ballast"))
		return err == nil
	})
	putRecords(t, x, 11, 20)
	checkSearches(t, x)
}

// TestNoBallast is the same when there is none: the write waits for space, and everything but
// writes goes on.
func TestNoBallast(t *testing.T) {
	disk := newFullDisk()
	o := withFS(t.TempDir(), disk.fs())
	o.Ballast = -1
	x := openIndex(t, o)
	putRecords(t, x, 0, 10)
	disk.full.Store(true)
	disk.setFree(0)
	done := make(chan error)
	go func() {
		_, err := x.Put(t.Context(), "other", record(10))
		done <- err
	}()
	waitFor(t, "the index to notice", func() bool { return x.Status().DiskFull })
	if _, err := x.Put(t.Context(), testCenter, record(11)); !errors.Is(err, index.ErrDiskFull) {
		t.Errorf("another Put meanwhile: %v, want ErrDiskFull", err)
	}
	if _, err := x.Get(t.Context(), testScope, record(3).ID); err != nil {
		t.Errorf("Get meanwhile: %v", err)
	}
	q := index.Query{Scope: testScope, Limit: 100}
	if page, err := index.Find(t.Context(), x, q); err != nil || len(page.Recordings) != 10 {
		t.Errorf("Search meanwhile: %v, %v", page, err)
	}
	disk.full.Store(false)
	disk.setFree(1 << 30)
	if err := <-done; err != nil {
		t.Errorf("the Put that waited: %v", err)
	}
	waitFor(t, "writes to be accepted", func() bool { return !x.Status().DiskFull })
	putRecords(t, x, 11, 20)
	checkSearches(t, x)
}

// TestLittleDiskAtTheStart: a new index opens although there is too little space for it, says that
// the disk is why it answers no searches, and answers them once there is space.
func TestLittleDiskAtTheStart(t *testing.T) {
	disk := newFullDisk()
	disk.setFree(5 << 20)
	x := openIndex(t, withFS(t.TempDir(), disk.fs()))

	const words = "the disk is full: 5 MB are free, 288 MB must be"
	if s := x.Status(); s.Ready || !s.DiskFull || !strings.HasSuffix(s.Reason, "; it waits for space: "+words) {
		t.Errorf("the status is %+v", s)
	}
	q := index.Query{Scope: testScope, Limit: 100}
	if _, err := index.Find(t.Context(), x, q); err == nil || !strings.HasSuffix(err.Error(), words) {
		t.Errorf("Search: %v", err)
	}
	if _, err := x.Put(t.Context(), testCenter, record(0)); !errors.Is(err, index.ErrDiskFull) {
		t.Errorf("Put: %v, want ErrDiskFull", err)
	}
	if _, err := x.Get(t.Context(), testScope, record(0).ID); !errors.Is(err, index.ErrNotFound) {
		t.Errorf("Get: %v, want ErrNotFound", err)
	}

	disk.setFree(1 << 30)
	waitFor(t, "searches to be answered", func() bool { s := x.Status(); return s.Ready && s.Reason == "" })
	putRecords(t, x, 0, 10)
	checkSearches(t, x)
}

// TestLittleDiskAtTheNextStart: what is there is read and found.
func TestLittleDiskAtTheNextStart(t *testing.T) {
	disk := newFullDisk()
	o := withFS(t.TempDir(), disk.fs())
	x := openIndex(t, o)
	putRecords(t, x, 0, 10)
	persist(t, x) // what of the search index is not on the disk cannot be built on a full one
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}

	disk.setFree(5 << 20)
	x = openIndex(t, o)
	waitFor(t, "searches to be answered", func() bool { return x.Status().Ready })
	checkSearches(t, x)
	if s := x.Status(); s.Reason != "the disk is full: 5 MB are free, 288 MB must be" {
		t.Errorf("the status is %+v", s)
	}
	if _, err := x.Put(t.Context(), testCenter, record(10)); !errors.Is(err, index.ErrDiskFull) {
		t.Errorf("Put: %v, want ErrDiskFull", err)
	}
}

// TestNoDiskAtTheStart: where opening itself needs space that is not there, it says so while it
// waits.
func TestNoDiskAtTheStart(t *testing.T) {
	disk := newFullDisk()
	disk.full.Store(true)
	disk.setFree(0)
	told := make(chan string, 100)
	o := withFS(t.TempDir(), disk.fs())
	o.Opening = func(reason string) { told <- reason }
	go func() {
		if reason := <-told; reason != "the disk is full: 0 MB are free, 288 MB must be" {
			t.Errorf("it waits for %q", reason)
		}
		disk.full.Store(false)
		disk.setFree(1 << 30)
	}()
	x := openIndex(t, o)
	waitFor(t, "searches to be answered", func() bool { return x.Status().Ready })
	putRecords(t, x, 0, 10)
	checkSearches(t, x)
}
