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
	if _, err := x.Get(t.Context(), testCenter, testRegion, record(3).ID); err != nil {
		t.Errorf("Get meanwhile: %v", err)
	}
	q := index.Query{ContactCenter: testCenter, Region: testRegion, Limit: 100}
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
