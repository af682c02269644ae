package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"go.uber.org/goleak"

	"recordings/index"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const center = "center"

// open opens a store that is closed at the end of the test, or before by the function.
func open(t *testing.T, o Options) (s *Store, closeStore func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s, err := Open(ctx, o)
	if err != nil {
		cancel()
		t.Fatalf("opening the store: %v", err)
	}
	closed := false
	closeStore = func() {
		if cancel(); closed {
			return
		}
		closed = true
		if err := s.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	}
	t.Cleanup(closeStore)
	return s, closeStore
}

func keyOfNumber(n int) string { return RecordKey(center, fmt.Sprintf("%05d", n)) }

// put puts recordings [from, to), each in a step of its own.
func put(t *testing.T, s *Store, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		c := &Change{ContactCenter: center, Key: keyOfNumber(n), Data: fmt.Appendf(nil, `{"n":%d}`, n), Delta: 1}
		if err := s.Commit([]*Change{c}, func() {}); err != nil {
			t.Fatalf("putting %d: %v", n, err)
		}
	}
}

func remove(t *testing.T, s *Store, n int) {
	t.Helper()
	if err := s.Commit([]*Change{{ContactCenter: center, Key: keyOfNumber(n), Delta: -1}}, func() {}); err != nil {
		t.Fatal(err)
	}
}

// numbers are the recordings of a state.
func numbers(t *testing.T, at *Snapshot, after string) (all []string) {
	t.Helper()
	err := at.Scan(t.Context(), after, func(key string, data []byte) error {
		_, id, err := SplitRecordKey(key)
		all = append(all, id+" "+string(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestCommit: changes get sequences in their order, are counted and logged, and are there after a
// restart.
func TestCommit(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	s, closeStore := open(t, o)
	put(t, s, 0, 3)
	both := []*Change{
		{ContactCenter: center, Key: keyOfNumber(1), Delta: -1},
		{ContactCenter: center, Key: keyOfNumber(3), Data: []byte("{}"), Delta: 1},
	}
	submitted := 0
	if err := s.Commit(both, func() {
		submitted++
		if data, err := s.Get(keyOfNumber(3)); data != nil || err != nil {
			t.Errorf("it can be read too early: %s, %v", data, err)
		}
	}); err != nil || submitted != 1 || both[0].Sequence != 4 || both[1].Sequence != 5 {
		t.Fatalf("committing two: %v; submitted %d times; %+v", err, submitted, both)
	}
	closeStore()

	s, _ = open(t, o)
	if count, last := s.Size(); count != 3 || last != 5 {
		t.Errorf("there are %d recordings and %d changes", count, last)
	}
	at := s.Snapshot(nil)
	defer at.Close()
	want := []string{`00000 {"n":0}`, `00002 {"n":2}`, `00003 {}`}
	if got := numbers(t, at, RecordPrefix); !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
	if got := numbers(t, at, keyOfNumber(2)); !slices.Equal(got, want[2:]) {
		t.Errorf("behind the second there are %q", got)
	}
	entries, err := at.Changes(2, 10)
	if err != nil || len(entries) != 3 || entries[1] != (Entry{4, keyOfNumber(1)}) {
		t.Errorf("the change log has %+v, %v", entries, err)
	}
	if keys, err := at.ChangedKeys(t.Context(), 3, 5); err != nil || len(keys) != 2 {
		t.Errorf("the keys changed since 3 are %v, %v", keys, err)
	}
	if n, known, err := s.CountAt(4); n != 2 || !known || err != nil {
		t.Errorf("after the fourth change there were %d, %v, %v", n, known, err)
	}
}

// TestSnapshot: a state stays as it is, and is taken while nothing is submitted.
func TestSnapshot(t *testing.T) {
	s, _ := open(t, Options{Dir: t.TempDir()})
	put(t, s, 0, 10)
	var begun uint64
	at, latest := s.Snapshot(func(last uint64) { begun = last }), s.Latest()
	defer at.Close()
	defer latest.Close()
	put(t, s, 10, 20)
	remove(t, s, 3)
	if begun != 10 || at.Sequence != 10 || at.Count != 10 || latest.Sequence != 10 {
		t.Errorf("the state is of %d and %d, has %d; latest of %d", begun, at.Sequence, at.Count, latest.Sequence)
	}
	for _, state := range []*Snapshot{at, latest} {
		if n := len(numbers(t, state, RecordPrefix)); n != 10 {
			t.Errorf("it has %d recordings", n)
		}
		if data, err := state.Get(keyOfNumber(3)); data == nil || err != nil {
			t.Errorf("it has lost a recording: %v", err)
		}
		if err := state.CheckCount(); err != nil {
			t.Errorf("it is not what the log says: %v", err)
		}
	}
}

// TestRecords goes through the recordings, and looks up some.
func TestRecords(t *testing.T) {
	s, _ := open(t, Options{Dir: t.TempDir()})
	put(t, s, 0, 100)
	lookup, err := s.Lookup()
	if err != nil {
		t.Fatal(err)
	}
	defer lookup.Close()
	for n := range 120 {
		data, err := lookup.Get(keyOfNumber(n))
		if err != nil || (data != nil) != (n < 100) {
			t.Errorf("%d is %s, %v", n, data, err)
		}
	}

	at := s.Latest()
	defer at.Close()
	records, err := at.Records()
	if err != nil {
		t.Fatal(err)
	}
	n := 90
	for ok := records.Seek(keyOfNumber(n)); ok; ok = records.Next() {
		value, err := records.Value()
		if err != nil {
			t.Fatal(err)
		}
		data, err := Content(value)
		if records.Key() != keyOfNumber(n) || string(data) != fmt.Sprintf(`{"n":%d}`, n) || err != nil {
			t.Errorf("in the place of %d is %q with %s, %v", n, records.Key(), data, err)
		}
		n++
	}
	if err := errors.Join(records.Err(), records.Close()); n != 100 || err != nil {
		t.Errorf("it ends at %d: %v", n, err)
	}
}

// TestTrim: the log is trimmed as far as was said, not while it is kept, and never the last entry.
func TestTrim(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	s, closeStore := open(t, o)
	put(t, s, 0, 10)
	release := s.KeepLog()
	trimmed := make(chan error)
	go func() { trimmed <- s.Trim(4) }()
	if got := s.Trimmed(); got != 0 {
		t.Errorf("trimmed up to %d while it is kept", got)
	}
	release()
	if err := <-trimmed; err != nil || s.Trimmed() != 4 {
		t.Errorf("trimmed up to %d: %v", s.Trimmed(), err)
	}

	if err := errors.Join(s.Trim(2), s.Trim(1<<60)); err != nil {
		t.Fatal(err)
	}
	closeStore()
	s, _ = open(t, o)
	at := s.Latest()
	defer at.Close()
	if log, err := at.ChangeLog(); err != nil || log != (ChangeLog{First: 10, Last: 10, Count: 10}) ||
		s.Trimmed() != 9 {
		t.Errorf("trimmed as far as possible, the log is %+v, %v", log, err)
	}
	if _, err := at.ChangedKeys(t.Context(), 5, 10); err == nil {
		t.Error("what was trimmed is not missed")
	}
}

// TestOrphans keeps orphaned media in the same step as the deletion.
func TestOrphans(t *testing.T) {
	s, _ := open(t, Options{Dir: t.TempDir()})
	put(t, s, 0, 1)
	orphans := []index.OrphanedMedia{{ID: "b", Message: "no"}, {ID: "a", Message: "no"}}
	err := s.Commit([]*Change{{ContactCenter: center, Key: keyOfNumber(0), Delta: -1, Orphaned: orphans}}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SettleOrphaned(center, []string{"a"}, []index.OrphanedMedia{{ID: "c"}}); err != nil {
		t.Fatal(err)
	}
	all, err := s.Orphaned(t.Context(), center, "", 10)
	if err != nil || len(all) != 2 || all[0].ID != "b" || all[1].ID != "c" {
		t.Errorf("there are %+v, %v", all, err)
	}
	if all, err := s.Orphaned(t.Context(), "cente", "", 10); err != nil || len(all) != 0 {
		t.Errorf("in another contact center there are %+v, %v", all, err)
	}
}

// TestBrokenLog lets the log fail: nothing more is written, and what is durable can be read.
func TestBrokenLog(t *testing.T) {
	mem := vfs.NewMem()
	var failing atomic.Bool
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if failing.Load() && strings.HasSuffix(op.Path, ".log") && op.Kind == errorfs.OpFileSyncData {
			return errors.New("injected")
		}
		return nil
	}))
	o := Options{Dir: "/data", FS: fs}
	s, closeStore := open(t, o)
	put(t, s, 0, 5)
	failing.Store(true)
	c := &Change{ContactCenter: center, Key: keyOfNumber(5), Data: []byte("{}"), Delta: 1}
	submitted := false
	if err := s.Commit([]*Change{c}, func() { submitted = true }); !errors.Is(err, index.ErrUnavailable) || !submitted {
		t.Errorf("committing: %v, submitted %v", err, submitted)
	}
	submitted = false
	if err := s.Commit([]*Change{c}, func() { submitted = true }); !errors.Is(err, index.ErrUnavailable) || submitted {
		t.Errorf("committing after that: %v, submitted %v", err, submitted)
	}
	if err := s.SettleOrphaned(center, []string{"a"}, nil); !errors.Is(err, index.ErrUnavailable) {
		t.Errorf("settling: %v", err)
	}
	if cause := s.BrokenCause(); cause == nil || !strings.Contains(cause.Error(), "syncing the log: injected") {
		t.Errorf("the cause is %v", cause)
	}
	if data, err := s.Get(keyOfNumber(4)); data == nil || err != nil {
		t.Errorf("reading: %s, %v", data, err)
	}
	closeStore()

	failing.Store(false)
	s, _ = open(t, Options{Dir: "/data", FS: mem})
	if count, _ := s.Size(); count < 5 {
		t.Errorf("%d are left", count)
	}
	put(t, s, 10, 11)
}

// TestFullDisk: writes are refused while there is little space, which is noticed without anybody
// asking.
func TestFullDisk(t *testing.T) {
	mem := vfs.NewMem()
	free := func(bytes uint64) { mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: bytes, TotalBytes: 1 << 40}) }
	free(1 << 30)
	s, _ := open(t, Options{Dir: "/data", FS: mem, MinFree: 1 << 20, Ballast: 1 << 20})
	if _, err := mem.Stat("/data/" + ballastFile); err != nil || s.Space().Full() {
		t.Errorf("at first: full %v; the ballast: %v", s.Space().Full(), err)
	}
	free(1 << 19)
	await(t, func() bool { return s.Space().Full() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	s.Space().Await(ctx) // it would wait for ever
	if err := s.SettleOrphaned(center, []string{"a"}, nil); !errors.Is(err, index.ErrDiskFull) {
		t.Errorf("settling: %v", err)
	}
	free(1 << 30)
	await(t, func() bool { return !s.Space().Full() })
	s.Space().Await(t.Context())
}

func await(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it never happens")
		}
	}
}

// TestNewerLayout opens what a later version of the service has written.
func TestNewerLayout(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	s, closeStore := open(t, o)
	if err := s.db.Set([]byte(formatKey), []byte("2"), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	closeStore()
	if _, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), `version "2"`) {
		t.Errorf("opening it: %v, want an error that tells the version", err)
	}
}

// TestSecondOpen: a store is opened once.
func TestSecondOpen(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	open(t, o)
	if _, err := Open(t.Context(), o); err == nil ||
		!strings.Contains(err.Error(), o.Dir+" is in use by another process") {
		t.Errorf("opening it again: %v", err)
	}
}

// reported is what a check finds.
type reported struct {
	damaged []string
	files   uint64
}

func (r *reported) Damaged(file string, err error) {
	r.damaged = append(r.damaged, file+": "+err.Error())
}
func (r *reported) Checked(files uint64) { r.files += files }
func (r *reported) Rest() error          { return nil }
