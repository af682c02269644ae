package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"recordings/index"
	"recordings/index/embedded/pending"
	"recordings/index/indextest"
	"recordings/mapping"
)

// TestSyncFailure lets the log of the store fail. What is not durable must not be shown, and
// nothing more be accepted.
func TestSyncFailure(t *testing.T) {
	for name, kind := range map[string]errorfs.OpKind{"Sync": errorfs.OpFileSyncData, "Write": errorfs.OpFileWrite} {
		t.Run(name, func(t *testing.T) {
			mem := vfs.NewMem()
			var failing atomic.Bool
			inject := errorfs.InjectorFunc(func(op errorfs.Op) error {
				if failing.Load() && strings.HasSuffix(op.Path, ".log") && op.Kind == kind {
					return errors.New("injected")
				}
				return nil
			})
			dir := t.TempDir()
			x := openIndex(t, withFS(dir, errorfs.Wrap(mem, inject)))
			putRecords(t, x, 0, 10)
			if _, err := x.Put(t.Context(), "other", record(1)); err != nil {
				t.Fatal(err)
			}
			indextest.Settle(t, x)
			failing.Store(true)
			changed := record(3)
			changed.CallerPhoneNumber = "changed"
			for range 2 {
				if _, err := x.Put(t.Context(), testCenter, changed); !errors.Is(err, index.ErrUnavailable) {
					t.Fatalf("Put: %v, want ErrUnavailable", err)
				}
				if err := x.Delete(t.Context(), testCenter, record(4).ID); !errors.Is(err, index.ErrUnavailable) {
					t.Fatalf("Delete: %v, want ErrUnavailable", err)
				}
			}
			if r, err := x.Get(t.Context(), testScope, changed.ID); !errors.Is(err, index.ErrUnavailable) {
				t.Errorf("Get of what may be lost: %v, %v, want ErrUnavailable", r, err)
			}
			q := index.Query{Scope: testScope, Limit: 100}
			if page, err := index.Find(t.Context(), x, q); !errors.Is(err, index.ErrUnavailable) {
				t.Errorf("Search of what may be lost: %v, %v, want ErrUnavailable", page, err)
			}
			if _, err := x.Get(t.Context(), testScope, record(5).ID); err != nil {
				t.Errorf("Get of what is durable: %v", err)
			}
			q.ContactCenter = "other"
			if page, err := index.Find(t.Context(), x, q); err != nil || len(page.Recordings) != 1 {
				t.Errorf("Search of what is durable: %v, %v", page, err)
			}
			if s := x.Status(); !s.Broken || s.Reason == "" {
				t.Errorf("the status does not tell: %+v", s)
			}
			_ = x.Close() // it may tell of the log; but it must return

			failing.Store(false)
			x = openIndex(t, withFS(dir, mem))
			checkSearches(t, x)
			if r, err := x.Get(t.Context(), testScope, changed.ID); err != nil {
				t.Errorf("after a restart: %v", err)
			} else if n := r.CallerPhoneNumber; n != "changed" && n != record(3).CallerPhoneNumber {
				t.Errorf("after a restart it has the number %q", n)
			}
			putRecords(t, x, 10, 20)
			checkSearches(t, x)
		})
	}
}

// syncsWith returns a file system that syncs logs only while nobody holds the lock.
func syncsWith(slow *sync.RWMutex) vfs.FS {
	return errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if strings.HasSuffix(op.Path, ".log") && op.Kind == errorfs.OpFileSyncData {
			slow.RLock()
			defer slow.RUnlock()
		}
		return nil
	}))
}

// TestSearchDuringSync searches while changes wait for the disk: the search waits for nothing, and
// tells of none of them.
func TestSearchDuringSync(t *testing.T) {
	for name, indexed := range map[string]bool{"indexed": true, "pending": false} {
		t.Run(name, func(t *testing.T) {
			var slow sync.RWMutex
			o := withFS(t.TempDir(), syncsWith(&slow))
			if !indexed {
				o.gather = time.Hour
			}
			x := openIndex(t, o)
			putRecords(t, x, 0, 3)
			if indexed {
				indextest.Settle(t, x)
			}
			before := stored(t, x)[testCenter]

			slow.Lock()
			var done sync.WaitGroup
			release := sync.OnceFunc(func() {
				slow.Unlock()
				done.Wait()
			})
			defer release()
			changed, again, added := record(1), record(1), record(3)
			changed.CallerPhoneNumber, again.CallerPhoneNumber = "changed", "again"
			_, last := x.store.Size()
			done.Go(func() {
				three := []*mapping.Recording{changed, again, added}
				for _, r := range x.PutAll(t.Context(), testCenter, three, index.PutOptions{}) {
					if r.Err != nil {
						t.Errorf("PutAll: %v", r.Err)
					}
				}
			})
			done.Go(func() {
				if err := x.Delete(t.Context(), testCenter, record(2).ID); err != nil {
					t.Errorf("Delete: %v", err)
				}
			})
			waitFor(t, "the changes to be under way", func() bool {
				_, now := x.store.Size()
				return now == last+4
			})
			q := index.Query{Scope: testScope, Limit: 10}
			page, err := index.Find(t.Context(), x, q)
			if err == nil {
				err = indextest.CheckPage(before, q, page)
			}
			if err != nil {
				t.Errorf("during the sync: %v", err)
			}
			release()
			checkSearches(t, x)
		})
	}
}

// TestSearchBetween searches when the search index has changes that nobody has let go of yet: none
// is found twice.
func TestSearchBetween(t *testing.T) {
	var slow sync.RWMutex
	x := openIndex(t, withFS(t.TempDir(), syncsWith(&slow)))

	// What is not durable is not indexed either, so the changes can be had before anybody lets go of them.
	slow.Lock()
	var done sync.WaitGroup
	release := sync.OnceFunc(func() {
		slow.Unlock()
		done.Wait()
	})
	defer release()
	done.Go(func() { x.PutAll(t.Context(), testCenter, someRecords(10), index.PutOptions{}) })
	var changes []*pending.Change
	waitFor(t, "the changes to be pending", func() bool {
		changes = x.pending.Next(10)
		return len(changes) == 10
	})
	release()

	indextest.Settle(t, x)
	x.pending.Add(changes)
	checkSearches(t, x)
}

// TestPowerCut cuts the power while several writers are at work: what was not synced is lost, all
// of it or some. What was answered must be there, in the search as well, whether the search index
// survived or is from before or after.
func TestPowerCut(t *testing.T) {
	for round := range indextest.Sized(6, 2) {
		t.Run(strconv.Itoa(round), func(t *testing.T) {
			mem := vfs.NewCrashableMem()
			dir := t.TempDir()
			o := withFS(dir, mem)
			o.trimEvery = 100
			x := openIndex(t, o)
			acked := newLedger()
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var wg sync.WaitGroup
			for worker := range 4 {
				wg.Go(func() { acked.write(ctx, t, x, worker) })
			}
			waitFor(t, "some writes", func() bool { return acked.count() > 150*(round+1) })
			sure := acked.copy() // what is answered before the cut must survive it
			cut := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: round * 20, RNG: newRand(round)})
			after := t.TempDir()
			copyTree(t, dir, after)
			stop()
			wg.Wait()
			closeIndex(t, x)
			removeAll(t, filepath.Join(dir, "search"))
			copyTree(t, filepath.Join(after, "search"), filepath.Join(dir, "search"))

			x = openIndex(t, withFS(dir, cut))
			sure.check(t, x)
			checkSearches(t, x)
			putRecords(t, x, 0, 100)
			checkSearches(t, x)
		})
	}
}

// TestKill kills a process that writes, time and again on the same directory.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	acked := newLedger()
	for round := range indextest.Sized(8, 2) {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$")
		child.Env = append(os.Environ(), childEnv+"="+dir, fmt.Sprintf("%s=%d", roundEnv, round))
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		acked.read(lines, 150+100*round)
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		acked.read(lines, 1<<30) // what it wrote before it died was answered
		_ = child.Wait()         // it was killed

		x := openIndex(t, Options{Dir: dir, trimEvery: 100})
		acked.check(t, x)
		checkSearches(t, x)
		closeIndex(t, x)
	}
}

const (
	childEnv = "RECORDINGS_TEST_DIR"
	roundEnv = "RECORDINGS_TEST_ROUND"
)

// TestChild is the process that TestKill kills.
func TestChild(t *testing.T) {
	dir := os.Getenv(childEnv)
	if dir == "" {
		return // it is not that process
	}
	x, err := Open(t.Context(), Options{Dir: dir, trimEvery: 100})
	if err != nil {
		t.Fatal(err)
	}
	acked := newLedger()
	acked.out = os.Stdout
	if acked.round, err = strconv.Atoi(os.Getenv(roundEnv)); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() { acked.write(t.Context(), t, x, worker) })
	}
	wg.Wait()
}

// TestSecondOpen opens an index twice, in one process and in two.
func TestSecondOpen(t *testing.T) {
	dir := t.TempDir()
	x := openIndex(t, Options{Dir: dir})
	began := time.Now()
	if second, err := Open(t.Context(), Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("opening it again: %v, %v, want an error that names %s", second, err, dir)
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$")
	child.Env = append(os.Environ(), childEnv+"="+dir, roundEnv+"=0")
	out, err := child.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "the data directory "+dir+" is in use by another process") {
		t.Errorf("opening it in another process: %v\n%s", err, out)
	}
	if waited := time.Since(began); waited > 20*time.Second {
		t.Errorf("being refused took %v", waited)
	}
	putRecords(t, x, 0, 10)
	checkSearches(t, x)
}

// TestTooLarge merges until a recording is too large: it stays as it was.
func TestTooLarge(t *testing.T) {
	x := openIndex(t, Options{Dir: t.TempDir(), MaxRecording: 2000})
	var merged *mapping.Recording
	for n := 0; ; n++ {
		r := record(1)
		r.MediaFiles[0].Descriptor.Path += strconv.Itoa(n)
		_, err := x.Put(t.Context(), testCenter, r)
		if errors.Is(err, index.ErrTooLarge) {
			break
		}
		if err != nil || n > 100 {
			t.Fatalf("Put %d: %v", n, err)
		}
		merged = mapping.Merge(merged, r)
	}
	r, err := x.Get(t.Context(), testScope, merged.ID)
	if err != nil || len(r.MediaFiles) != len(merged.MediaFiles) {
		t.Errorf("it has %d media files, %v, want %d", len(r.MediaFiles), err, len(merged.MediaFiles))
	}
	checkSearches(t, x)
}

// TestDeadline searches when there is no time left for it.
func TestDeadline(t *testing.T) {
	x := openIndex(t, Options{Dir: t.TempDir()})
	putRecords(t, x, 0, 10)
	indextest.Settle(t, x)
	ctx, cancel := context.WithTimeout(t.Context(), -1)
	defer cancel()
	q := index.Query{Scope: testScope, Limit: 1}
	if page, err := index.Find(ctx, x, q); !errors.Is(err, index.ErrTooCostly) {
		t.Errorf("%v, %v, want ErrTooCostly", page, err)
	}
	checkSearches(t, x) // it is no reason to distrust the index
}
