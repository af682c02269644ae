package api

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"runtime"
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
	key     [32]byte
}

type login struct {
	user   User
	hash   *passwordHash
	recent atomic.Pointer[recentLogin]
}

type recentLogin struct {
	mac   [sha256.Size]byte
	until time.Time
}

func newLogins(users []User) (*logins, error) {
	l := &logins{users: make(map[string]*login, len(users)), hashing: make(chan struct{}, runtime.GOMAXPROCS(0))}
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

// check returns the user with this name and password, or errUnauthenticated. Waiting for the hash honours the context.
func (l *logins) check(ctx context.Context, name, password string) (*User, error) {
	x, known := l.users[name]
	if !known {
		x = l.unknown
	}
	mac := l.mac(name, password)
	if x.isRecent(mac) {
		return &x.user, nil
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
	if !x.hash.matches(password) || !known {
		return nil, errUnauthenticated
	}
	x.recent.Store(&recentLogin{mac: mac, until: time.Now().Add(recentFor)})
	return &x.user, nil
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
