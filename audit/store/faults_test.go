package store_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/rs/zerolog"

	"recordings/audit"
	"recordings/audit/store"
)

// TestPowerCut cuts the power while several write. What was answered as durable is there, and what is
// there is a chain.
func TestPowerCut(t *testing.T) {
	for round := range 20 {
		mem := vfs.NewCrashableMem()
		l := openLog(t, store.Options{FS: mem})
		var durable atomic.Uint64
		var writers sync.WaitGroup
		stop := make(chan struct{})
		for w := range 4 {
			writers.Go(func() {
				for i := w; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					if i%2 == 0 {
						_, _ = l.Note(sample(i))
						continue
					}
					last, err := l.Record(t.Context(), sample(i))
					if err != nil {
						t.Error(err)
						return
					}
					for old := durable.Load(); old < last && !durable.CompareAndSwap(old, last); old = durable.Load() {
					}
				}
			})
		}
		for durable.Load() < 50 {
			time.Sleep(time.Millisecond)
		}
		promised := durable.Load()
		rng := rand.New(rand.NewPCG(uint64(round), 1))
		cut := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: round * 5, RNG: rng})
		close(stop)
		writers.Wait()

		after := openLog(t, store.Options{FS: cut})
		fill(t, after, 5)
		r := verify(t, export(t, after, audit.Query{}))
		if r.First != 1 || r.Last < promised+5 {
			t.Fatalf("round %d: entries up to %d were durable, and %d are there", round, promised, r.Last-5)
		}
	}
}

// use opens a log on a file system, writes to it, and closes it. It returns how many entries were
// answered as durable.
func use(fs vfs.FS) (durable uint64, err error) {
	l, err := store.Open(store.Options{Dir: "data/audit", FS: fs, Log: zerolog.Nop()})
	if err != nil {
		return 0, err
	}
	for i := range 8 {
		if i%2 == 0 {
			_, err = l.Note(sample(i))
		} else if last, failed := l.Record(context.Background(), sample(i)); failed == nil {
			durable = last
		} else {
			err = failed
		}
	}
	return durable, errors.Join(err, l.Close())
}

// TestEachCallFailsOnce lets each call of the file system fail once. Either the log says so, or
// nothing is lost; and afterwards it is a chain that goes on.
func TestEachCallFailsOnce(t *testing.T) {
	changes := func(op errorfs.Op) bool { return op.Kind.ReadOrWrite() == errorfs.OpIsWrite }
	var calls atomic.Int64
	counting := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if changes(op) {
			calls.Add(1)
		}
		return nil
	}))
	if _, err := use(counting); err != nil {
		t.Fatal(err)
	}
	if calls.Load() < 20 {
		t.Fatalf("only %d calls", calls.Load())
	}

	refused := 0
	for n := range calls.Load() {
		mem := vfs.NewMem()
		var at atomic.Int64
		injected := errors.New("injected")
		failing := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if changes(op) && at.Add(1)-1 == n {
				return injected
			}
			return nil
		}))
		durable, err := use(failing)
		if err != nil {
			refused++
		}

		l, err := store.Open(store.Options{Dir: "data/audit", FS: mem, Log: zerolog.Nop()})
		if err != nil {
			t.Fatalf("call %d: it cannot be opened any more: %v", n, err)
		}
		fill(t, l, 3)
		if r := verify(t, export(t, l, audit.Query{})); r.Last < durable+3 {
			t.Errorf("call %d: entries up to %d were durable, and %d are there", n, durable, r.Last-3)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if refused == 0 {
		t.Error("no failure was told")
	}
}

// TestBrokenLog lets the log of Pebble fail. Nothing is accepted any more, and what is there can be
// read.
func TestBrokenLog(t *testing.T) {
	for _, kind := range []errorfs.OpKind{errorfs.OpFileSyncData, errorfs.OpFileWrite} {
		mem := vfs.NewMem()
		var failing atomic.Bool
		l := openLog(t, store.Options{FS: errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if failing.Load() && strings.HasSuffix(op.Path, ".log") && op.Kind == kind {
				return errors.New("injected")
			}
			return nil
		}))})
		fill(t, l, 10)
		failing.Store(true)
		if _, err := l.Record(t.Context(), sample(1)); !errors.Is(err, audit.ErrUnavailable) {
			t.Errorf("Record: %v", err)
		}
		failing.Store(false)
		if _, err := l.Note(sample(1)); !errors.Is(err, audit.ErrUnavailable) {
			t.Errorf("Note: %v", err)
		}
		if l.Status().Err == nil {
			t.Error("the status does not tell")
		}
		if found := lines(t, l, audit.Query{Action: audit.Play}); len(found) == 0 {
			t.Error("what is there cannot be read")
		}
	}
}

// TestCheckpoint proves a copy of a log that goes on, and one that was damaged.
func TestCheckpoint(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, store.Options{Dir: filepath.Join(dir, "audit"), FS: vfs.Default})
	fill(t, l, 100)
	copied := filepath.Join(dir, "copy")
	if err := l.Checkpoint(copied); err != nil {
		t.Fatal(err)
	}
	fill(t, l, 10)
	r, err := store.Verify(t.Context(), copied, nil)
	if err != nil || r.Last != 100 {
		t.Errorf("the copy: %+v, %v", r, err)
	}
	if _, err := store.Verify(t.Context(), filepath.Join(dir, "none"), nil); err == nil {
		t.Error("nothing was proven")
	}

	restored := openLog(t, store.Options{Dir: copied, FS: vfs.Default})
	record(t, restored, audit.Entry{Action: audit.Restore})
	if r := verify(t, export(t, restored, audit.Query{})); r.Last != 101 {
		t.Errorf("after a restore: %+v", r)
	}
}

// TestTampering changes an export at random, and finds each change.
func TestTampering(t *testing.T) {
	l := openLog(t, store.Options{})
	fill(t, l, 60)
	record(t, l, audit.Entry{ContactCenter: "other", Action: audit.View})
	record(t, l, audit.Entry{ContactCenter: center, Action: audit.Delete, Recording: "recording-3"})
	if err := l.EraseDetails(t.Context(), center, "recording-3"); err != nil {
		t.Fatal(err)
	}
	fill(t, l, 20)

	changes := 1000
	if testing.Short() {
		changes = 80
	}
	rng := rand.New(rand.NewPCG(1, 2))
	some := func(l *audit.Line) bool { return l.User == "user 3" }
	for _, q := range []audit.Query{{}, {ContactCenters: []string{center}}, {Visible: some}, {After: 60}} {
		whole := export(t, l, q)
		verify(t, whole)
		for range changes {
			forged := tampered(rng, whole)
			if bytes.Equal(forged, whole) {
				continue
			}
			if _, err := audit.VerifyExport(bytes.NewReader(forged), nil); err == nil {
				t.Fatalf("nobody noticed:\n%s", forged)
			}
		}
	}
}

// tampered is a text with something changed, dropped, swapped, put in or cut off.
func tampered(rng *rand.Rand, text []byte) []byte {
	b := bytes.Clone(text)
	lines := bytes.SplitAfter(b, []byte("\n"))
	lines = lines[:len(lines)-1]
	i, j := rng.IntN(len(lines)), rng.IntN(len(lines))
	at := rng.IntN(len(b))
	switch rng.IntN(9) {
	case 0:
		b[at] ^= byte(1 + rng.IntN(255))
		return b
	case 1:
		return append(b[:at:at], b[at+1:]...)
	case 2:
		return append(append(b[:at:at], byte(rng.IntN(256))), text[at:]...)
	case 3:
		lines = append(lines[:i:i], lines[i+1:]...)
	case 4:
		lines[i], lines[j] = lines[j], lines[i]
	case 5:
		lines = append(append(lines[:i:i], lines[j]), lines[i:]...)
	case 6:
		return b[at:]
	case 7:
		return b[:at]
	case 8:
		digit := bytes.IndexAny(lines[i], "0123456789")
		lines[i][digit] = '0' + (lines[i][digit]-'0'+byte(1+rng.IntN(9)))%10
	}
	return bytes.Join(lines, nil)
}
