package store_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"recordings/audit"
	"recordings/audit/store"
)

// signIn is an attempt of a user to sign in.
func signIn(user, address string, o audit.Outcome) audit.Entry {
	return audit.Entry{User: user, Address: address, Action: audit.SignIn, Outcome: o}
}

// signIns are where the sign-ins of a user came from, the newest first: so many at most.
func signIns(t *testing.T, l *store.Log, user string, o audit.Outcome, most int) string {
	t.Helper()
	var all []string
	err := l.SignIns(t.Context(), user, o, func(line *audit.Line) bool {
		if line.User != user || line.Outcome != o || line.Action != audit.SignIn {
			t.Errorf("of the sign-ins of %s that were %s, one is %+v", user, o, line)
		}
		all = append(all, line.Address)
		return len(all) < most
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

// TestSignIns: the sign-ins of a user are found by their outcome, the newest first, also by the next process,
// and are gone when their entries are cut off.
func TestSignIns(t *testing.T) {
	t.Parallel()
	c := newClock(100 * 86_400_000)
	dir := filepath.Join(t.TempDir(), "audit")
	open := func() *store.Log { return openLog(t, store.Options{Dir: dir, FS: vfs.Default, Now: c.now}) }
	l := open()
	if got := signIns(t, l, "alice", audit.Done, 10); got != "" {
		t.Errorf("before any there are %q", got)
	}

	for i := range 30 {
		record(t, l, signIn("alice", fmt.Sprintf("a%d", i), audit.Done), signIn("bob", "b", audit.Done))
		if i%10 == 0 {
			record(t, l, signIn("alice", fmt.Sprintf("r%d", i), audit.Refused))
		}
		record(t, l, signIn("alice", "failed", audit.Failed), signIn("", "unknown", audit.Refused))
		record(t, l, audit.Entry{User: "alice", Address: "search", Action: audit.Search}, sample(i))
	}
	want := func(done, refused string) {
		t.Helper()
		if got := signIns(t, l, "alice", audit.Done, 3); got != done {
			t.Errorf("the last that were done are %q, want %q", got, done)
		}
		if got := signIns(t, l, "alice", audit.Refused, 10); got != refused {
			t.Errorf("the last that were refused are %q, want %q", got, refused)
		}
	}
	want("a29 a28 a27", "r20 r10 r0")
	for _, x := range []audit.Entry{signIn("", "", audit.Refused), signIn("alice", "", audit.Failed),
		signIn("carol", "", audit.Done), signIn("ALICE", "", audit.Done)} {
		if got := signIns(t, l, x.User, x.Outcome, 10); got != "" {
			t.Errorf("of %q there are %q that were %s", x.User, got, x.Outcome)
		}
	}

	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open()
	want("a29 a28 a27", "r20 r10 r0")

	c.advance(100 * 24 * time.Hour)
	record(t, l, signIn("alice", "later", audit.Done))
	if err := l.CutOff(t.Context(), c.now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	want("later", "")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if n := keysOf(t, dir, "s/"); n != 1 {
		t.Errorf("there are %d keys of sign-ins, want 1", n)
	}
	if _, err := store.Verify(t.Context(), dir, nil); err != nil {
		t.Errorf("it is not proven: %v", err)
	}
}

// TestSignInsEnd: whoever asks may go away.
func TestSignInsEnd(t *testing.T) {
	t.Parallel()
	l := openLog(t, store.Options{})
	record(t, l, signIn("alice", "a", audit.Done))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := l.SignIns(ctx, "alice", audit.Done, func(*audit.Line) bool {
		t.Error("an entry is given all the same")
		return true
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
}

// signInKey is the key by which a sign-in is found.
func signInKey(user string, refused byte, sequence uint64) string {
	sum := sha256.Sum256([]byte(user))
	return sequenceKey("s/"+string(sum[:8])+string(refused), sequence)
}

// TestKeysOfSignIns: a log is not proven where somebody finds a sign-in that is not theirs, which is not shown
// to them either. Without such a key it is: entries of older versions have none.
func TestKeysOfSignIns(t *testing.T) {
	t.Parallel()
	// Entry 1 is alice, 2 alice refused, 3 bob, 4 a view of bob.
	for _, x := range []struct{ name, delete, set, want, done string }{
		{"nothing", "", "", "", "1"},
		{"one is missing", signInKey("alice", 0, 1), "", "", ""},
		{"another's", "", signInKey("alice", 0, 3), "entry 3: it is found as a sign-in that", "1"},
		{"with another outcome", signInKey("alice", 1, 2), signInKey("alice", 0, 2), "entry 2: it is found", "1"},
		{"of what is none", "", signInKey("bob", 0, 4), "entry 4: it is found as a sign-in", "1"},
		{"without an entry", "", signInKey("alice", 0, 1000), "leads to entry 1000, which is not there", "1"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "audit")
			l := openLog(t, store.Options{Dir: dir, FS: vfs.Default})
			record(t, l, signIn("alice", "1", audit.Done), signIn("alice", "2", audit.Refused),
				signIn("bob", "3", audit.Done), audit.Entry{User: "bob", Action: audit.View, Recording: "r"})
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			change(t, dir, func(b *pebble.Batch) (err error) {
				if x.delete != "" {
					err = b.Delete([]byte(x.delete), nil)
				}
				if x.set != "" {
					err = errors.Join(err, b.Set([]byte(x.set), nil, nil))
				}
				return err
			})

			_, err := store.Verify(t.Context(), dir, nil)
			switch {
			case x.want == "" && err != nil:
				t.Errorf("it is not proven: %v", err)
			case x.want != "" && (err == nil || !strings.Contains(err.Error(), x.want)):
				t.Errorf("it is proven with %v, want an error with %q", err, x.want)
			}
			l = openLog(t, store.Options{Dir: dir, FS: vfs.Default})
			if got := signIns(t, l, "alice", audit.Done, 10); got != x.done {
				t.Errorf("alice is shown %q, want %q", got, x.done)
			}
		})
	}
}
