package auth

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// What is remembered cannot be seen from outside but by the time that it saves.

// here is where the requests of these tests come from.
var here = AddressOf("192.0.2.1:1234")

// users are two, whose password is "secret". Their hashes are cheap.
var users = func() []User {
	h := passwordHash{memory: 8, time: 1, threads: 1, salt: make([]byte, saltSize)}
	h.key = h.derive("secret", keySize)
	return []User{
		{Name: "ops", PasswordHash: h.String(), Role: RoleOps},
		{Name: "alice", PasswordHash: h.String(), Role: RoleAdmin, ContactCenters: []string{"cc"}},
	}
}()

func newAuthenticator(t *testing.T) *Authenticator {
	t.Helper()
	a, err := New(users)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestRecentPasswords(t *testing.T) {
	t.Parallel()
	a := newAuthenticator(t)
	x := a.users["ops"]
	mac := a.mac("ops", "secret")
	if _, err := a.Check(t.Context(), here, "ops", "wrong"); !errors.Is(err, ErrUnauthenticated) ||
		x.recent.Load() != nil {
		t.Fatalf("a wrong password: %v, remembered %v", err, x.recent.Load())
	}
	if u, err := a.Check(t.Context(), here, "ops", "secret"); err != nil || u.Name != "ops" || !x.isRecent(mac) {
		t.Fatalf("the right password: %v, %v, remembered %v", u, err, x.recent.Load())
	}
	if _, err := a.Check(t.Context(), here, "ops", "wrong"); !errors.Is(err, ErrUnauthenticated) || !x.isRecent(mac) {
		t.Fatalf("a wrong password after the right one: %v", err)
	}
	if x.isRecent(newAuthenticator(t).mac("ops", "secret")) {
		t.Error("another process has the same key")
	}

	x.recent.Store(&recentLogin{mac: mac, until: time.Now().Add(recentFor / 4)})
	if !x.isRecent(mac) || time.Until(x.recent.Load().until) < recentFor*3/4 {
		t.Error("a password in use is not remembered for longer")
	}
	x.recent.Store(&recentLogin{mac: mac, until: time.Now()})
	if x.isRecent(mac) {
		t.Error("a password is remembered for ever")
	}
}

// TestHashingIsBounded has all processors hash: who waits leaves with their context, and who is
// remembered does not wait.
func TestHashingIsBounded(t *testing.T) {
	t.Parallel()
	a := newAuthenticator(t)
	if _, err := a.Check(t.Context(), here, "ops", "secret"); err != nil {
		t.Fatal(err)
	}
	for range cap(a.hashing) {
		a.hashing <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, name := range []string{"ops", "nobody"} {
		if _, err := a.Check(ctx, here, name, "wrong"); !errors.Is(err, context.Canceled) {
			t.Errorf("%s did not wait: %v", name, err)
		}
	}
	if _, err := a.Check(ctx, here, "ops", "secret"); err != nil {
		t.Errorf("a remembered password waited: %v", err)
	}
	if len(a.turns.all) != 0 {
		t.Errorf("%d addresses still wait for their turn", len(a.turns.all))
	}
}

// TestTurns: the second request of an address waits for the first, and one of another address does
// not.
func TestTurns(t *testing.T) {
	t.Parallel()
	var all turns
	leave, err := all.enter(t.Context(), here)
	if err != nil {
		t.Fatal(err)
	}
	entered := make(chan struct{})
	go func() {
		defer close(entered)
		if leave, err := all.enter(context.Background(), here); err == nil {
			leave()
		}
	}()
	other, err := all.enter(t.Context(), AddressOf("198.51.100.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	other()

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := all.enter(ctx, here); !errors.Is(err, context.Canceled) {
		t.Errorf("there are two at a time: %v", err)
	}
	select {
	case <-entered:
		t.Error("there are two at a time")
	default:
	}
	leave()
	<-entered
	if len(all.all) != 0 {
		t.Errorf("%d addresses are remembered", len(all.all))
	}
}

// TestUnknownUsers is about what gives away which names exist: the parameters of the hash, which
// take the time, and the answers, even where the known user has signed in before.
func TestUnknownUsers(t *testing.T) {
	t.Parallel()
	a := newAuthenticator(t)
	known, unknown := a.users["ops"].hash, a.unknown.hash
	if known.memory != unknown.memory || known.time != unknown.time || known.threads != unknown.threads ||
		len(known.key) != len(unknown.key) {
		t.Errorf("an unknown user costs %+v, a known one %+v", unknown, known)
	}
	if a.mac("a", "bc") == a.mac("ab", "c") {
		t.Error("where the name ends does not matter")
	}

	answers := func(name string, signsIn bool) (all []string) {
		a := newAuthenticator(t)
		a.throttle.now = (&clock{t: time.Now()}).now
		if signsIn {
			if _, err := a.Check(t.Context(), here, name, "secret"); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 60 {
			_, err := a.Check(t.Context(), here, name, fmt.Sprint("guess ", i*2/3))
			all = append(all, fmt.Sprint(err))
		}
		return all
	}
	want := fmt.Sprint(answers("nobody", false))
	for _, signsIn := range []bool{false, true} {
		if got := fmt.Sprint(answers("ops", signsIn)); got != want {
			t.Errorf("a known user is answered\n%s\nan unknown one\n%s", got, want)
		}
	}
}

// TestNoLockOut: right after a start, when nobody is remembered, users get in from their own
// addresses with the first try, while others guess their passwords from elsewhere.
func TestNoLockOut(t *testing.T) {
	t.Parallel()
	tries := 150
	if testing.Short() {
		tries = 40
	}
	for try := range tries {
		a := newAuthenticator(t)
		ctx, cancel := context.WithCancel(t.Context())
		var guessing sync.WaitGroup
		for i := range 4 {
			from := AddressOf(fmt.Sprintf("198.51.100.%d:1", i))
			guess(t, a, from.Addr().String()+":1", "ops", freeOfPair+1)
			guessing.Go(func() {
				for n := 0; ctx.Err() == nil && n < 1000; n++ {
					_, _ = a.Check(ctx, from, "ops", fmt.Sprint("more ", n))
				}
			})
		}
		_, err := a.Check(t.Context(), here, "ops", "secret")
		cancel()
		guessing.Wait()
		if err != nil {
			t.Fatalf("try %d: %v", try+1, err)
		}
	}
}
