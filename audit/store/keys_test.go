package store_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"

	"recordings/audit"
	"recordings/audit/store"
	"recordings/internal/pebblehost"
)

// recordingKey is the key by which an entry about a recording is found.
func recordingKey(id string, sequence uint64) string {
	sum := sha256.Sum256([]byte(id))
	return "r/" + string(sum[:8]) + string(binary.BigEndian.AppendUint64(nil, sequence))
}

// sequenceKey is a key of an entry, by its prefix.
func sequenceKey(prefix string, sequence uint64) string {
	return prefix + string(binary.BigEndian.AppendUint64(nil, sequence))
}

// quiet are options of a Pebble that logs nothing.
func quiet() *pebble.Options {
	return &pebble.Options{FormatMajorVersion: pebble.FormatNewest, Logger: pebblehost.Logger(zerolog.Nop())}
}

// change changes a log that nobody has open, as somebody may who has its files.
func change(t *testing.T, dir string, do func(*pebble.Batch) error) {
	t.Helper()
	db, err := pebble.Open(dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	b := db.NewBatch()
	if err := do(b); err != nil {
		t.Fatal(err)
	}
	if err := b.Commit(pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestKeysAreProven: a log whose chain is whole is not proven if an entry is not found by its recording, or
// something else is, or what is beside the chain does not belong to it.
func TestKeysAreProven(t *testing.T) {
	t.Parallel()
	// Entry 3 is a play of recording-2, 4 a hold of recording-3, 6 a search, with a detail.
	const absent = 1000
	for _, x := range []struct {
		name   string
		delete string
		set    string
		want   string // empty: it is proven
	}{
		{"nothing", "", "", ""},
		{"a key is removed", recordingKey("recording-2", 3), "", `entry 3: it is not found by its recording "rec`},
		{"a key is added", "", recordingKey("recording-2", 4), "entry 4: it is found by a recording that it is"},
		{"a key leads to a search", "", recordingKey("recording-5", 6), "entry 6: it is found by a recording that"},
		{"a key leads nowhere", "", recordingKey("recording-2", absent), "leads to entry 1000, which is not there"},
		{"a key is exchanged", recordingKey("recording-2", 3), recordingKey("recording-2", 4), "3: it is not found"},
		{"a key is too long", "", recordingKey("recording-2", 3) + sequenceKey("", 3), "it is not about"},
		{"a detail of an entry without one", "", sequenceKey("d/", 3), "a detail, of entry 3, is there, and does not"},
		{"a detail without an entry", "", sequenceKey("d/", absent), "a detail, of entry 1000, is there without"},
		{"an erasure of what is no deletion", "", sequenceKey("u/", 3), "is to be erased, of entry 3, is there"},
		{"an erasure without an entry", "", sequenceKey("u/", absent), "is to be erased, of entry 1000, is there"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "audit")
			l := openLog(t, store.Options{Dir: dir, FS: vfs.Default})
			fill(t, l, 40)
			record(t, l, audit.Entry{ContactCenter: center, Action: audit.Delete, Recording: "recording-7",
				Outcome: audit.Begun})
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			change(t, dir, func(b *pebble.Batch) error {
				if x.delete != "" {
					if err := b.Delete([]byte(x.delete), nil); err != nil {
						return err
					}
				}
				if x.set == "" {
					return nil
				}
				return b.Set([]byte(x.set), nil, nil)
			})

			r, err := store.Verify(t.Context(), dir, nil)
			switch {
			case x.want == "" && (err != nil || r.Last != 41):
				t.Errorf("it is not proven: %+v, %v", r, err)
			case x.want != "" && (err == nil || !strings.Contains(err.Error(), x.want)):
				t.Errorf("%+v, %v; want an error with %q", r, err, x.want)
			}
		})
	}
}

// TestCuttingOffIsInterrupted: a process that ends while it removes what was cut off leaves a log that is
// proven, and the next one goes on with it.
func TestCuttingOffIsInterrupted(t *testing.T) {
	t.Parallel()
	c := newClock(100 * 86_400_000)
	dir := filepath.Join(t.TempDir(), "audit")
	l := openLog(t, store.Options{Dir: dir, FS: vfs.Default, Now: c.now})
	fill(t, l, 30)
	c.advance(100 * 24 * time.Hour)
	record(t, l, sample(2))
	ended, end := context.WithCancel(t.Context())
	end()
	if err := l.CutOff(ended, c.now().Add(-time.Hour)); err == nil {
		t.Fatal("it was not interrupted")
	}
	if r := verify(t, export(t, l, audit.Query{})); r.First != 31 || !r.Cut {
		t.Errorf("meanwhile: %+v", r)
	}
	if found := lines(t, l, audit.Query{Recording: "recording-2"}); len(found) != 1 {
		t.Errorf("of a recording, %d entries are found, want 1", len(found))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if r, err := store.Verify(t.Context(), dir, nil); err != nil || r.First != 31 {
		t.Errorf("afterwards: %+v, %v", r, err)
	}

	l = openLog(t, store.Options{Dir: dir, FS: vfs.Default, Now: c.now})
	if err := l.CutOff(t.Context(), c.now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if n := keysOf(t, dir, "e/"); n != 2 {
		t.Errorf("there are %d entries, want 2", n)
	}
	if n := keysOf(t, dir, "r/"); n != 1 {
		t.Errorf("there are %d keys of recordings, want 1", n)
	}
	if r, err := store.Verify(t.Context(), dir, nil); err != nil || r.First != 31 {
		t.Errorf("in the end: %+v, %v", r, err)
	}
}

// keysOf counts the keys with a prefix in a log that nobody has open.
func keysOf(t *testing.T, dir, prefix string) (n int) {
	t.Helper()
	db, err := pebble.Open(dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	it, err := db.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		if strings.HasPrefix(string(it.Key()), prefix) {
			n++
		}
	}
	return n
}
