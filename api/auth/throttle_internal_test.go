package auth

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// clock is a time that a test sets.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func (c *clock) add(d time.Duration) { c.t = c.t.Add(d) }

func throttled(t *testing.T) (*Authenticator, *clock) {
	t.Helper()
	a, c := newAuthenticator(t), &clock{t: time.Now()}
	a.throttle.now = c.now
	return a, c
}

// guess tries n different wrong passwords for a user, and returns the last error.
func guess(t *testing.T, a *Authenticator, from, user string, n int) (err error) {
	t.Helper()
	for i := range n {
		_, err = a.Check(t.Context(), AddressOf(from), user, fmt.Sprint("guess ", i))
	}
	return err
}

func (a *Authenticator) pair(user, from string) pairKey {
	return pairKey{user: a.fingerprint(user), address: AddressOf(from)}
}

// TestGuessingOneUser: whoever guesses is held up, and nobody else.
func TestGuessingOneUser(t *testing.T) {
	t.Parallel()
	a, c := throttled(t)
	const there = "198.51.100.1:1"
	if err := guess(t, a, there, "ops", freeOfPair); !errors.Is(err, ErrUnauthenticated) {
		t.Fatalf("guess %d: %v", freeOfPair, err)
	}
	var held *ThrottledError
	if err := guess(t, a, there, "ops", freeOfPair+1); !errors.As(err, &held) || held.Seconds() != 1 {
		t.Fatalf("guess %d: %v", freeOfPair+1, err)
	}
	if _, err := a.Check(t.Context(), AddressOf(there), "ops", "secret"); !errors.As(err, &held) {
		t.Errorf("the right password is looked at: %v", err)
	}
	if _, err := a.Check(t.Context(), AddressOf(there), "other", "x"); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("another user is held up: %v", err)
	}
	c.add(held.Wait)
	if _, err := a.Check(t.Context(), AddressOf(there), "ops", "secret"); err != nil {
		t.Errorf("the right password after the delay: %v", err)
	}
}

func TestDelaysGrowAndEnd(t *testing.T) {
	t.Parallel()
	a, c := throttled(t)
	k := pairKey{user: a.fingerprint("ops"), address: here}
	var before time.Duration
	for i := range 20 {
		_, err := a.Check(t.Context(), here, "ops", fmt.Sprint(i))
		if !errors.Is(err, ErrUnauthenticated) {
			t.Fatalf("guess %d: %v", i, err)
		}
		wait := a.throttle.wait(k, false)
		if wait < before || wait > longestDelay || i >= freeOfPair && wait == before && wait < longestDelay {
			t.Errorf("guess %d: %v after %v", i, wait, before)
		}
		before = wait
		c.add(wait)
	}
	if before != longestDelay {
		t.Errorf("the longest delay was %v", before)
	}
	c.add(forgottenIn)
	if err := guess(t, a, "192.0.2.1:1", "ops", 2); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("old guesses are not forgotten: %v", err)
	}
}

// TestGuessingFromOneAddress tries one password for each of many users. A right one gets through
// all the same.
func TestGuessingFromOneAddress(t *testing.T) {
	t.Parallel()
	a, _ := throttled(t)
	for i := range freeOfAddress {
		if err := guess(t, a, "[2001:db8::1]:1", fmt.Sprint("user ", i), 1); !errors.Is(err, ErrUnauthenticated) {
			t.Fatalf("guess %d: %v", i, err)
		}
	}
	if _, err := a.Check(t.Context(), AddressOf("[2001:db8::2]:1"), "ops", "secret"); err != nil {
		t.Errorf("the right password: %v", err)
	}
	var held *ThrottledError
	for _, user := range []string{"user 1", "alice", "alice"} { // the last is no more alice than whoever guesses
		if err := guess(t, a, "[2001:db8::ffff]:1", user, 2); !errors.As(err, &held) {
			t.Errorf("%s in the same network is not held up: %v", user, err)
		}
	}
	if _, err := a.Check(t.Context(), AddressOf("[2001:db8:0:1::1]:1"), "alice", "secret"); err != nil {
		t.Errorf("another network is held up: %v", err)
	}
}

// TestExceptions: while an address is held up, users of whom it knows nothing wait for each other,
// and not many of them.
func TestExceptions(t *testing.T) {
	t.Parallel()
	a, c := throttled(t)
	const there = "198.51.100.1:1"
	for i := range freeOfAddress + 10 {
		a.throttle.wrong(a.pair(fmt.Sprint(i), there), a.mac("", fmt.Sprint(i)))
	}
	for i := range maxExceptions {
		v := a.throttle.ask(a.pair(fmt.Sprint("new ", i), there), a.mac("", ""))
		if !v.throttled || v.refused != 0 || v.delay != time.Duration(i)*exceptionEvery {
			t.Errorf("exception %d: %+v", i, v)
		}
	}
	if v := a.throttle.ask(a.pair("one more", there), a.mac("", "")); v.refused == 0 {
		t.Errorf("one exception more: %+v", v)
	}
	for turn := range 3 { // of those for whom something was guessed, who do not wait
		if v := a.throttle.ask(a.pair("1", there), a.mac("", "")); !v.throttled || v.delay != 0 {
			t.Errorf("turn %d: somebody for whom was guessed: %+v", turn, v)
		}
		if v := a.throttle.ask(a.pair("2", there), a.mac("", "")); v.refused != suspectEvery {
			t.Errorf("turn %d: another one: %+v", turn, v)
		}
		c.add(suspectEvery)
	}
	c.add(exceptionEvery)
	if v := a.throttle.ask(a.pair("a later one", there), a.mac("", "")); !v.throttled {
		t.Errorf("a later exception: %+v", v)
	}
}

// TestStalePasswords has several clients behind one address repeat old passwords for a day: that is
// no guessing.
func TestStalePasswords(t *testing.T) {
	t.Parallel()
	a, c := throttled(t)
	for range 24 * 60 {
		for i := range 6 {
			_, err := a.Check(t.Context(), here, []string{"ops", "nobody"}[i%2], fmt.Sprint("old ", i))
			if !errors.Is(err, ErrUnauthenticated) {
				t.Fatalf("client %d: %v", i, err)
			}
		}
		c.add(time.Minute)
	}
	for _, user := range []string{"ops", "alice"} {
		if _, err := a.Check(t.Context(), here, user, "secret"); err != nil {
			t.Errorf("%s behind the same address: %v", user, err)
		}
	}
}

// TestStaleAndRightPasswords has many clients behind one address, which repeat old passwords of
// several users, as they come, right after a start. They are soon known, and a right password of any
// user gets in meanwhile, within some tries.
func TestStaleAndRightPasswords(t *testing.T) {
	t.Parallel()
	a, c := throttled(t)
	stale := func() {
		for i := range 45 {
			_, _ = a.Check(t.Context(), here, []string{"ops", "alice", "nobody"}[i%3], fmt.Sprint("old ", i))
		}
	}

	for _, user := range []string{"alice", "ops"} {
		tries := 0
		for err := error(&ThrottledError{}); err != nil; tries++ {
			stale()
			c.add(time.Second)
			if _, err = a.Check(t.Context(), here, user, "secret"); tries > 120 {
				t.Fatalf("%s does not get in: %v", user, err)
			}
		}
	}

	for range 10 * 60 { // until all are known
		stale()
		c.add(time.Second)
	}
	for i := range 45 {
		user := []string{"ops", "alice", "nobody"}[i%3]
		if _, err := a.Check(t.Context(), here, user, fmt.Sprint("old ", i)); !errors.Is(err, ErrUnauthenticated) {
			t.Errorf("old password %d: %v", i, err)
		}
	}
	for _, x := range a.users {
		x.recent.Store(nil)
		if _, err := a.Check(t.Context(), here, x.user.Name, "secret"); err != nil {
			t.Errorf("%s, when all old ones are known: %v", x.user.Name, err)
		}
	}
}

// TestStalePasswordIsKept: a right password does not make the old one of another client a guess.
func TestStalePasswordIsKept(t *testing.T) {
	t.Parallel()
	a, _ := throttled(t)
	k := a.pair("ops", "192.0.2.1:1")
	for range 3 * freeOfPair {
		for _, password := range []string{"old", "secret"} {
			_, _ = a.Check(t.Context(), here, "ops", password)
		}
		a.users["ops"].recent.Store(nil)
	}
	if p := a.throttle.pairs[k]; p == nil || p.count != 0 || len(p.wrong) != 1 {
		t.Errorf("what is known of the pair is %+v", p)
	}
}

// TestRightPasswordResets: typing it wrong now and then does not add up, neither for the user nor
// for the address.
func TestRightPasswordResets(t *testing.T) {
	t.Parallel()
	a, _ := throttled(t)
	for i := range 2 * freeOfAddress {
		a.users["ops"].recent.Store(nil)
		for n := range freeOfPair - 1 {
			if _, err := a.Check(t.Context(), here, "ops", fmt.Sprint(i, n)); !errors.Is(err, ErrUnauthenticated) {
				t.Fatalf("round %d: %v", i, err)
			}
		}
		if _, err := a.Check(t.Context(), here, "ops", "secret"); err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
	}

	// A right password of one's own does not reset what was guessed for others.
	for i := range freeOfAddress {
		a.throttle.wrong(a.pair(fmt.Sprint(i), "192.0.2.1:1"), a.mac("", fmt.Sprint(i)))
	}
	a.throttle.right(a.pair("ops", "192.0.2.1:1"))
	if a.throttle.wait(a.pair("ops", "192.0.2.1:1"), false) == 0 {
		t.Error("a right password resets all of its address")
	}
}

// TestRemembered: whose password was right lately is not held up anywhere.
func TestRemembered(t *testing.T) {
	t.Parallel()
	a, _ := throttled(t)
	if _, err := a.Check(t.Context(), here, "ops", "secret"); err != nil {
		t.Fatal(err)
	}
	var held *ThrottledError
	if err := guess(t, a, "198.51.100.1:1", "ops", 20); !errors.As(err, &held) {
		t.Fatalf("guessing: %v", err)
	}
	for _, from := range []string{"192.0.2.1:1", "203.0.113.7:1", "198.51.100.1:1"} {
		if _, err := a.Check(t.Context(), AddressOf(from), "ops", "secret"); err != nil {
			t.Errorf("a remembered password from %s: %v", from, err)
		}
	}
}

// TestThrottleIsBounded: however many users and addresses there are, and however long the names.
func TestThrottleIsBounded(t *testing.T) {
	t.Parallel()
	a, c := throttled(t)
	long := strings.Repeat("x", 1000)
	var newest pairKey
	for i := range maxRemembered * 3 / 2 { // a tenth is forgotten each time
		newest = a.pair(fmt.Sprint(long, i), fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255))
		a.throttle.wrong(newest, a.mac("", fmt.Sprint(i)))
		c.add(time.Millisecond)
	}
	if n, m := len(a.throttle.pairs), len(a.throttle.addresses); n > maxRemembered || m > maxRemembered {
		t.Errorf("%d pairs and %d addresses are remembered", n, m)
	}
	if a.throttle.pairs[newest] == nil || a.throttle.addresses[newest.address] == nil {
		t.Error("the newest is forgotten")
	}

	k := a.pair("ops", "192.0.2.1:1")
	for i := range 3 * maxWrong {
		a.throttle.wrong(k, a.mac("", fmt.Sprint(i)))
	}
	if n := len(a.throttle.pairs[k].wrong); n != maxWrong {
		t.Errorf("%d wrong passwords of a pair are remembered", n)
	}
}
