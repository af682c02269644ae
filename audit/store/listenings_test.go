package store_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"recordings/audit"
	"recordings/audit/store"
)

// TestListening gathers what several requests of one listener fetch into one entry.
func TestListening(t *testing.T) {
	fs := vfs.NewMem()
	l := openLog(t, store.Options{FS: fs, ListeningIdle: time.Hour})
	who := audit.Entry{User: "amber", Role: "admin", ContactCenter: center, Recording: "call"}
	var requests sync.WaitGroup
	for i := range 10 {
		requests.Go(func() {
			one, err := l.Listen(t.Context(), who, "a.mp3")
			if err != nil {
				t.Error(err)
				return
			}
			defer one.Done()
			one.Heard(int64(i)*100, 100)
			one.Heard(5000, 10)
		})
	}
	requests.Wait()
	other := who
	other.User = "bob"
	one, err := l.Listen(t.Context(), other, "a.mp3")
	if err != nil {
		t.Fatal(err)
	}
	one.Done()

	if found := lines(t, l, audit.Query{Recording: "call"}); len(found) != 2 || found[0].Outcome != audit.Begun {
		t.Fatalf("while they listen: %+v", found)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openLog(t, store.Options{FS: fs})
	found := lines(t, l, audit.Query{Recording: "call", User: "amber"})
	const want = `{"begun":1,"bytes":1100,"media":"a.mp3","ranges":"0-999,5000-5009"}`
	if len(found) != 2 || found[1].Outcome != audit.Done || string(found[1].Facts) != want {
		t.Errorf("afterwards: %+v, want %s", found, want)
	}
	verify(t, export(t, l, audit.Query{}))
}

// TestListeningEnds ends a listening that nobody goes on with.
func TestListeningEnds(t *testing.T) {
	l := openLog(t, store.Options{ListeningIdle: 20 * time.Millisecond})
	one, err := l.Listen(t.Context(), audit.Entry{Recording: "call"}, "a.mp3")
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(100) {
		one.Heard(i*1000, 10) // apart, and more than are remembered
	}
	one.Done()

	var found []audit.Line
	for deadline := time.Now().Add(10 * time.Second); len(found) < 2 && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
		found = lines(t, l, audit.Query{Recording: "call"})
	}
	if len(found) != 2 || found[1].Outcome != audit.Done {
		t.Errorf("found %+v", found)
	}
}

func TestListeningRefused(t *testing.T) {
	l := openLog(t, store.Options{FS: full{vfs.NewMem(), &atomic.Uint64{}}, MinFree: 2 << 20})
	if _, err := l.Listen(t.Context(), audit.Entry{Recording: "call"}, "a.mp3"); !errors.Is(err, audit.ErrDiskFull) {
		t.Errorf("on a full disk: %v", err)
	}
}
