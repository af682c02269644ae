package api

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// clock is a time that a test sets.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func (c *clock) add(d time.Duration) { c.t = c.t.Add(d) }

func brakedLogins(t *testing.T) (*logins, *clock) {
	t.Helper()
	l, c := testLogins(t), &clock{t: time.Now()}
	l.brake.now = c.now
	return l, c
}

// guess tries n different wrong passwords for a user.
func guess(t *testing.T, l *logins, from, user string, n int) (err error) {
	t.Helper()
	for i := range n {
		_, err = l.check(t.Context(), addressOf(from), user, fmt.Sprint("guess ", i))
	}
	return err
}

func TestGuessingOneUser(t *testing.T) {
	t.Parallel()
	l, c := brakedLogins(t)
	for i := range freeOfUser {
		if err := guess(t, l, fmt.Sprintf("198.51.100.%d:1", i), "ops", 1); !errors.Is(err, errUnauthenticated) {
			t.Fatalf("guess %d: %v", i, err)
		}
		c.add(time.Second)
	}
	// The same guess again was not counted: these were all one.
	if _, err := l.check(t.Context(), here, "ops", "secret"); err != nil {
		t.Fatalf("the right password after the same wrong one from many places: %v", err)
	}
	l, c = brakedLogins(t)
	err := guess(t, l, "198.51.100.1:1", "ops", freeOfUser+1)
	var tooMany *tooManyError
	if !errors.As(err, &tooMany) || tooMany.seconds() != 1 {
		t.Fatalf("guess %d: %v", freeOfUser+1, err)
	}
	if _, err := l.check(t.Context(), here, "ops", "secret"); !errors.As(err, &tooMany) {
		t.Errorf("the right password is looked at: %v", err)
	}
	if _, err := l.check(t.Context(), here, "other", "x"); !errors.Is(err, errUnauthenticated) {
		t.Errorf("another user is held up: %v", err)
	}
	c.add(tooMany.wait)
	if _, err := l.check(t.Context(), here, "ops", "secret"); err != nil {
		t.Errorf("the right password after the delay: %v", err)
	}
}

func TestDelaysGrowAndEnd(t *testing.T) {
	t.Parallel()
	l, c := brakedLogins(t)
	var before time.Duration
	for i := range 20 {
		_, err := l.check(t.Context(), here, "ops", fmt.Sprint(i))
		if !errors.Is(err, errUnauthenticated) {
			t.Fatalf("guess %d: %v", i, err)
		}
		wait := l.brake.wait(keysOf("ops", here, false))
		if wait < before || wait > longestDelay || i >= freeOfUser && wait == before && wait < longestDelay {
			t.Errorf("guess %d: %v after %v", i, wait, before)
		}
		before = wait
		c.add(wait)
	}
	if before != longestDelay {
		t.Errorf("the longest delay was %v", before)
	}
	c.add(forgottenIn)
	if err := guess(t, l, "198.51.100.1:1", "ops", 2); !errors.Is(err, errUnauthenticated) {
		t.Errorf("old guesses are not forgotten: %v", err)
	}
}

func TestGuessingFromOneAddress(t *testing.T) {
	t.Parallel()
	l, _ := brakedLogins(t)
	for i := range freeOfAddress {
		if err := guess(t, l, "[2001:db8::1]:1", fmt.Sprint("user ", i), 1); !errors.Is(err, errUnauthenticated) {
			t.Fatalf("guess %d: %v", i, err)
		}
	}
	var tooMany *tooManyError
	if err := guess(t, l, "[2001:db8::ffff]:1", "ops", 1); !errors.As(err, &tooMany) {
		t.Errorf("the same network is not held up: %v", err)
	}
	if _, err := l.check(t.Context(), addressOf("[2001:db8:0:1::1]:1"), "ops", "secret"); err != nil {
		t.Errorf("another network is held up: %v", err)
	}
}

// TestGuessingDoesNotLockOut: neither who is remembered, nor who comes from where they always come from.
func TestGuessingDoesNotLockOut(t *testing.T) {
	t.Parallel()
	l, _ := brakedLogins(t)
	if _, err := l.check(t.Context(), here, "ops", "secret"); err != nil {
		t.Fatal(err)
	}
	var tooMany *tooManyError
	if err := guess(t, l, "198.51.100.1:1", "ops", 20); !errors.As(err, &tooMany) {
		t.Fatalf("guessing: %v", err)
	}
	for _, from := range []string{"192.0.2.1:1", "203.0.113.7:1"} {
		if _, err := l.check(t.Context(), addressOf(from), "ops", "secret"); err != nil {
			t.Errorf("a remembered login from %s: %v", from, err)
		}
	}
	l.users["ops"].recent.Store(nil)
	if _, err := l.check(t.Context(), here, "ops", "secret"); err != nil {
		t.Errorf("from a known address: %v", err)
	}
}

func TestBrakeIsBounded(t *testing.T) {
	t.Parallel()
	b := newBrake()
	for i := range 3 * maxTrials {
		b.wrong(keysOf(fmt.Sprint(i), addressOf(fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255)), false), [32]byte{byte(i), byte(i >> 8)})
	}
	if n := len(b.trials); n > maxTrials {
		t.Errorf("%d trials are remembered", n)
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	c := &clock{t: time.Now()}
	s := newSessions(time.Hour, 3*time.Hour)
	s.now = c.now
	u := &User{Name: "ops"}
	token := s.begin(u)
	if len(token) < 26 || s.user(token) != u || s.user(token+"x") != nil || s.user("") != nil {
		t.Fatalf("the session of %q", token)
	}
	for range 3 {
		c.add(50 * time.Minute)
		if s.user(token) != u {
			t.Fatal("a session in use has ended")
		}
	}
	c.add(50 * time.Minute)
	if s.user(token) != nil {
		t.Error("a session lasts for longer than it may")
	}
	token = s.begin(u)
	c.add(time.Hour)
	if s.user(token) != nil {
		t.Error("a session that is not used does not end")
	}
	token = s.begin(u)
	s.end(token)
	if s.user(token) != nil {
		t.Error("an ended session goes on")
	}
	first := s.begin(u)
	for range maxSessions {
		c.add(time.Second)
		s.begin(u)
	}
	if s.user(first) != nil || len(s.all) != maxSessions {
		t.Errorf("%d sessions of one user, the first among them: %t", len(s.all), s.user(first) != nil)
	}
}
