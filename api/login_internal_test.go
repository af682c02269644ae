package api

import (
	"context"
	"errors"
	"testing"
	"time"
)

// The cache of logins cannot be seen from outside but by the time that it saves.

// here is where the logins of these tests come from.
var here = addressOf("192.0.2.1:1234")

func testLogins(t *testing.T) *logins {
	t.Helper()
	h := passwordHash{memory: 8, time: 1, threads: 1, salt: make([]byte, saltSize)}
	h.key = h.derive("secret", keySize)
	l, err := newLogins([]User{{Name: "ops", PasswordHash: h.String(), Role: RoleOps}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestRecentLogins(t *testing.T) {
	t.Parallel()
	l := testLogins(t)
	x := l.users["ops"]
	mac := l.mac("ops", "secret")
	if _, err := l.check(t.Context(), here, "ops", "wrong"); !errors.Is(err, errUnauthenticated) || x.recent.Load() != nil {
		t.Fatalf("a wrong password: %v, remembered %v", err, x.recent.Load())
	}
	if u, err := l.check(t.Context(), here, "ops", "secret"); err != nil || u.Name != "ops" || !x.isRecent(mac) {
		t.Fatalf("the right password: %v, %v, remembered %v", u, err, x.recent.Load())
	}
	if _, err := l.check(t.Context(), here, "ops", "wrong"); !errors.Is(err, errUnauthenticated) || !x.isRecent(mac) {
		t.Fatalf("a wrong password after the right one: %v", err)
	}
	if x.isRecent(testLogins(t).mac("ops", "secret")) {
		t.Error("another process has the same key")
	}

	x.recent.Store(&recentLogin{mac: mac, until: time.Now().Add(recentFor / 4)})
	if !x.isRecent(mac) || time.Until(x.recent.Load().until) < recentFor*3/4 {
		t.Error("a login in use is not remembered for longer")
	}
	x.recent.Store(&recentLogin{mac: mac, until: time.Now()})
	if x.isRecent(mac) {
		t.Error("a login is remembered for ever")
	}
}

// TestHashingIsBounded has all processors hash: who waits leaves with their context, and who is remembered does not wait.
func TestHashingIsBounded(t *testing.T) {
	t.Parallel()
	l := testLogins(t)
	if _, err := l.check(t.Context(), here, "ops", "secret"); err != nil {
		t.Fatal(err)
	}
	for range cap(l.hashing) {
		l.hashing <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, name := range []string{"ops", "nobody"} {
		if _, err := l.check(ctx, here, name, "wrong"); !errors.Is(err, context.Canceled) {
			t.Errorf("%s did not wait: %v", name, err)
		}
	}
	if _, err := l.check(ctx, here, "ops", "secret"); err != nil {
		t.Errorf("a remembered login waited: %v", err)
	}
}

// TestUnknownUsers is about what gives away which names exist: the parameters of the hash, which take the time.
func TestUnknownUsers(t *testing.T) {
	t.Parallel()
	l := testLogins(t)
	known, unknown := l.users["ops"].hash, l.unknown.hash
	if known.memory != unknown.memory || known.time != unknown.time || known.threads != unknown.threads || len(known.key) != len(unknown.key) {
		t.Errorf("an unknown user costs %+v, a known one %+v", unknown, known)
	}
	if l.mac("a", "bc") == l.mac("ab", "c") {
		t.Error("where the name ends does not matter")
	}
}
