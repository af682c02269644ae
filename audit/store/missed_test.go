package store_test

import (
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"
	"sync"
	"testing"

	"recordings/audit"
	"recordings/audit/store"
)

// TestMissedOnce: entries that could not be written are counted once, however many are written at the same
// time when that is possible again.
func TestMissedOnce(t *testing.T) {
	fs := &fullDisk{FS: vfs.NewMem()}
	clock := newClock(1_700_000_000_000)
	l := openLog(t, store.Options{FS: fs, MinFree: 1 << 20, Now: clock.now})

	const rounds, lost, writers = 50, 3, 8
	want := 0
	for range rounds {
		fs.full.Store(true)
		clock.advance(2 * time.Second)
		for range lost {
			if _, err := l.Note(sample(1)); err == nil {
				t.Fatal("an entry was written on a full disk")
			}
		}
		want += lost

		fs.full.Store(false)
		clock.advance(2 * time.Second)
		var all sync.WaitGroup
		for range writers {
			all.Go(func() {
				if _, err := l.Record(t.Context(), sample(1)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}

	told := 0
	for _, line := range lines(t, l, audit.Query{Action: audit.Missed}) {
		var facts struct{ Entries int }
		if err := json.Unmarshal(line.Facts, &facts, json.MatchCaseInsensitiveNames(true)); err != nil {
			t.Fatal(err)
		}
		told += facts.Entries
	}
	if told != want {
		t.Errorf("%d entries are said to be missing, want %d", told, want)
	}
}

// fullDisk is a disk that can be full.
type fullDisk struct {
	vfs.FS
	full atomic.Bool
}

// GetDiskUsage implements [vfs.FS].
func (d *fullDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	if d.full.Load() {
		return vfs.DiskUsage{}, nil
	}
	return vfs.DiskUsage{AvailBytes: 1 << 40}, nil
}
