//go:build integration

package embedded

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"recordings/index"
	"recordings/index/embedded/internal/pace"
	"recordings/index/indextest"
	"recordings/mapping"
)

// TestDiskFull fills small disks, once slowly by recordings and once at once by somebody else. It
// must be run as root.
func TestDiskFull(t *testing.T) {
	for name, mount := range map[string]func(*testing.T) string{"tmpfs": mountTmpfs, "ext4": mountExt4} {
		t.Run(name, func(t *testing.T) {
			disk := mount(t)
			o := Options{Dir: filepath.Join(disk, "data"), MinFree: 24 << 20, Ballast: 8 << 20}
			x := openIndex(t, o)
			acked := &sync.Map{} // ids
			fillWithRecords(t, x, acked)
			checkFull(t, x, acked)

			// Deleting is writing, too. Somebody makes room, writers go on, and somebody else takes
			// it all at once.
			if err := x.Delete(t.Context(), testCenter, "0-0"); !errors.Is(err, index.ErrDiskFull) {
				t.Errorf("Delete on a full disk: %v, want ErrDiskFull", err)
			}
			closeIndex(t, x)
			grow(t, disk)
			x = openIndex(t, o)
			waitFor(t, "writes to be accepted", func() bool { return !x.Status().DiskFull })
			filler := filepath.Join(disk, "filler")
			writers := startWriters(t, x, acked)
			fillFile(t, filler)
			waitFor(t, "the index to notice", func() bool { return x.Status().DiskFull })
			checkFull(t, x, acked)
			checkIdle(t)
			removeAll(t, filler)
			waitFor(t, "writes to be accepted again", func() bool { return !x.Status().DiskFull })
			writers()
			if s := x.Status(); s.Reason != "" {
				t.Errorf("when there is space again: %+v", s)
			}
			checkAcked(t, x, acked)
			checkSearches(t, x)
			putRecords(t, x, 0, 10)
			closeIndex(t, x)

			x = openIndex(t, o)
			checkAcked(t, x, acked)
			checkSearches(t, x)
		})
	}
}

func mountTmpfs(t *testing.T) string {
	dir := t.TempDir()
	mount(t, dir, "-t", "tmpfs", "-o", "size=128m", "tmpfs", dir)
	return dir
}

func mountExt4(t *testing.T) string {
	image, dir := filepath.Join(t.TempDir(), "image"), t.TempDir()
	run(t, "truncate", "-s", "128M", image)
	run(t, "mkfs.ext4", "-q", "-m", "0", image)
	mount(t, dir, "-o", "loop", image, dir)
	return dir
}

func mount(t *testing.T, dir string, args ...string) {
	t.Helper()
	run(t, "mount", args...)
	t.Cleanup(func() { run(t, "umount", dir) })
	// The disk is smaller at first than it will be; see grow.
	if err := os.WriteFile(filepath.Join(dir, "small"), make([]byte, 48<<20), 0o600); err != nil {
		t.Fatal(err)
	}
}

// grow gives a disk the rest of its space.
func grow(t *testing.T, disk string) { removeAll(t, filepath.Join(disk, "small")) }

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

// bulky returns a recording that does not compress.
func bulky(id string) *mapping.Recording {
	r := indextest.New(id, testRegion, 1000)
	random := make([]byte, 4000)
	rnd := newRand(len(id) + int(id[0]) + int(id[len(id)-1])<<8)
	for i := range random {
		random[i] = byte('a' + rnd.IntN(26))
	}
	r.Extra = jsontext.Value(`{"x":"` + string(random) + `"}`)
	return r
}

// fillWithRecords puts recordings until that is refused.
func fillWithRecords(t *testing.T, x *Index, acked *sync.Map) {
	t.Helper()
	for n := 0; n < 1_000_000; n++ {
		id := fmt.Sprintf("0-%d", n)
		_, err := x.Put(t.Context(), testCenter, bulky(id))
		if errors.Is(err, index.ErrDiskFull) {
			if n < 100 {
				t.Fatalf("the disk is full after %d recordings", n)
			}
			return
		}
		if err != nil {
			t.Fatalf("Put: %v", err)
		}
		acked.Store(id, true)
	}
	t.Fatal("the disk never becomes full")
}

// startWriters puts recordings until the returned function is called. Being refused for want of
// space is in order.
func startWriters(t *testing.T, x *Index, acked *sync.Map) (stop func()) {
	var stopped atomic.Bool
	var wg sync.WaitGroup
	for w := 1; w <= 4; w++ {
		wg.Go(func() {
			for n := 0; !stopped.Load(); n++ {
				id := fmt.Sprintf("%d-%d", w, n)
				_, err := x.Put(t.Context(), testCenter, bulky(id))
				switch {
				case err == nil:
					acked.Store(id, true)
				case errors.Is(err, index.ErrDiskFull):
					// As a client would; making recordings is work, too, and must not hide that of
					// the index.
					pace.Sleep(t.Context(), 100*time.Millisecond)
				default:
					t.Errorf("Put on a full disk: %v", err)
					return
				}
			}
		})
	}
	return func() {
		stopped.Store(true)
		wg.Wait()
	}
}

// fillFile writes a file until there is no space left.
func fillFile(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size >= 512; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			size /= 2
		}
	}
}

// checkFull makes sure that writes are refused and everything else is answered.
func checkFull(t *testing.T, x *Index, acked *sync.Map) {
	t.Helper()
	if _, err := x.Put(t.Context(), testCenter, bulky("refused")); !errors.Is(err, index.ErrDiskFull) {
		t.Errorf("Put on a full disk: %v, want ErrDiskFull", err)
	}
	if s := x.Status(); !s.DiskFull || s.Reason == "" {
		t.Errorf("the status does not tell: %+v", s)
	}
	checkAcked(t, x, acked)
	page, err := index.Find(t.Context(), x, index.Query{Scope: testScope, Limit: 100})
	if err != nil || len(page.Recordings) != 100 {
		t.Errorf("a search on a full disk found %d, %v", len(page.Recordings), err)
	}
}

func checkAcked(t *testing.T, x *Index, acked *sync.Map) {
	t.Helper()
	for id := range acked.Range {
		if _, err := x.Get(t.Context(), testScope, id.(string)); err != nil {
			t.Fatalf("reading %q: %v", id, err)
		}
	}
}

// checkIdle makes sure that a full disk does not keep the processor busy.
func checkIdle(t *testing.T) {
	t.Helper()
	const watched = 5 * time.Second
	before := cpuTime(t)
	pace.Sleep(t.Context(), watched)
	if used := cpuTime(t) - before; used > watched/5 {
		t.Errorf("it used %v of the processor in %v", used, watched)
	}
}

func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
