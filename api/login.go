package api

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"sync/atomic"
	"time"
)

// recentFor is how long a login that was verified is taken again without hashing, counted from its last use. Counted
// so, a flood of wrong passwords that keeps the hashing busy does not lock out a recorder that posts all the time.
const recentFor = 5 * time.Minute

// logins checks names and passwords.
//
// A hash costs some 20 ms and 19 MiB by design, so at most one per processor is computed at a time, and each user's
// last right password is remembered for a while: as an HMAC under a key that this process alone has, and never more
// than one per user, which bounds the memory.
type logins struct {
	users   map[string]*login
	unknown *login // in place of a user that does not exist: it takes the same time, and never succeeds
	hashing chan struct{}
	brake   *brake
	key     [32]byte
}

type login struct {
	user   User
	hash   *passwordHash
	recent atomic.Pointer[recentLogin]
	known  atomic.Pointer[[]netip.Prefix] // the last addresses from which the password was right
}

// maxKnown is how many addresses are known of a user.
const maxKnown = 8

type recentLogin struct {
	mac   [sha256.Size]byte
	until time.Time
}

func newLogins(users []User) (*logins, error) {
	l := &logins{users: make(map[string]*login, len(users)), hashing: make(chan struct{}, runtime.GOMAXPROCS(0)), brake: newBrake()}
	rand.Read(l.key[:]) // never fails
	pattern := &passwordHash{memory: hashMemory, time: hashTime, threads: hashThreads}
	for i, u := range users {
		hash, err := parsePasswordHash(u.PasswordHash)
		if err != nil {
			return nil, fmt.Errorf("user %q: %w", u.Name, err)
		}
		if i == 0 {
			pattern = hash
		}
		l.users[u.Name] = &login{user: u, hash: hash}
	}
	nobody := passwordHash{memory: pattern.memory, time: pattern.time, threads: pattern.threads, salt: make([]byte, saltSize), key: make([]byte, keySize)}
	rand.Read(nobody.salt)
	rand.Read(nobody.key)
	l.unknown = &login{hash: &nobody}
	return l, nil
}

// tooManyError is a password that is not looked at, after too many wrong ones.
type tooManyError struct{ wait time.Duration }

func (e *tooManyError) Error() string {
	return fmt.Sprintf("too many wrong passwords; try again in %d s", e.seconds())
}

// seconds is the wait, rounded up.
func (e *tooManyError) seconds() int { return int((e.wait + time.Second - 1) / time.Second) }

// check returns the user with this name and password, or errUnauthenticated, or a tooManyError. Waiting for the hash honours the
// context. A login that is remembered always passes.
func (l *logins) check(ctx context.Context, from netip.Prefix, name, password string) (*User, error) {
	x, known := l.users[name]
	if !known {
		x = l.unknown
	}
	mac := l.mac(name, password)
	if x.isRecent(mac) {
		return &x.user, nil
	}
	keys := keysOf(name, from, x.knows(from))
	if wait := l.brake.wait(keys); wait > 0 {
		return nil, &tooManyError{wait}
	}
	select {
	case l.hashing <- struct{}{}:
		defer func() { <-l.hashing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if x.isRecent(mac) { // another request has verified it while this one waited
		return &x.user, nil
	}
	if wait := l.brake.wait(keys); wait > 0 { // others have guessed in the meantime
		return nil, &tooManyError{wait}
	}
	if !x.hash.matches(password) || !known {
		l.brake.wrong(keys, mac)
		return nil, errUnauthenticated
	}
	x.recent.Store(&recentLogin{mac: mac, until: time.Now().Add(recentFor)})
	x.know(from)
	return &x.user, nil
}

// knows tells whether the password was right from this address before.
func (x *login) knows(from netip.Prefix) bool {
	known := x.known.Load()
	return known != nil && slices.Contains(*known, from)
}

// know remembers an address. Where two do so at a time one may be forgotten, which does little harm.
func (x *login) know(from netip.Prefix) {
	var known []netip.Prefix
	if k := x.known.Load(); k != nil {
		known = *k
	}
	if slices.Contains(known, from) {
		return
	}
	known = append([]netip.Prefix{from}, known[:min(len(known), maxKnown-1)]...)
	x.known.Store(&known)
}

// isRecent tells whether mac is that of the last right login, and if so, remembers it for longer.
func (x *login) isRecent(mac [sha256.Size]byte) bool {
	r := x.recent.Load()
	if r == nil || !hmac.Equal(r.mac[:], mac[:]) {
		return false
	}
	left := time.Until(r.until)
	if left <= 0 {
		return false
	}
	if left < recentFor/2 {
		x.recent.CompareAndSwap(r, &recentLogin{mac: mac, until: time.Now().Add(recentFor)})
	}
	return true
}

func (l *logins) mac(name, password string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, l.key[:])
	h.Write(binary.AppendUvarint(nil, uint64(len(name)))) // where the name ends
	h.Write([]byte(name))
	h.Write([]byte(password))
	h.Sum(sum[:0])
	return sum
}
