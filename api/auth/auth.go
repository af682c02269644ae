// Package auth knows who may call the service: the configured users, the hashes of their passwords,
// and the sessions of those who have signed in on the page.
//
// A password costs some 20 ms and 19 MiB to check, by design, and anybody may have one checked. So
// everything here is bounded: how many hashes are computed at a time, what one address may ask for,
// and what is remembered of it. What is counted is counted per address, so that nobody who guesses
// can keep a user out who comes from elsewhere.
package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"
)

// ErrUnauthenticated says that there is no user with this name and password.
var ErrUnauthenticated = errors.New("a valid user name and password are required")

// ThrottledError says that a password was not looked at, after too many wrong ones.
type ThrottledError struct{ Wait time.Duration }

// Error implements error. It is what the client sees.
func (e *ThrottledError) Error() string {
	return fmt.Sprintf("too many wrong passwords; try again in %d s", e.Seconds())
}

// Seconds is the wait, rounded up.
func (e *ThrottledError) Seconds() int { return int((e.Wait + time.Second - 1) / time.Second) }

// recentFor is how long a right password is taken again without hashing, counted from its last use.
// Whoever guesses can neither have that password forgotten nor keep the hashing too busy for it.
const recentFor = 24 * time.Hour

// Authenticator checks names and passwords. Its methods may be called concurrently.
type Authenticator struct {
	users    map[string]*login
	unknown  *login        // in place of a user that does not exist: it takes the same time, and never succeeds
	hashing  chan struct{} // one hash per processor at a time
	turns    *turns        // one hash per address at a time
	throttle *throttle
	key      [32]byte // of this process alone: whatever is remembered of passwords is an HMAC under it
}

// login is a user, and their last right password.
type login struct {
	user   User
	hash   *passwordHash
	recent atomic.Pointer[recentLogin]
}

// recentLogin is a password that was right. It is replaced as a whole, so that it can be read
// without a lock.
type recentLogin struct {
	mac   [sha256.Size]byte
	until time.Time
}

// New returns the authenticator of these users, who are valid and have different names.
func New(users []User) (*Authenticator, error) {
	a := &Authenticator{
		turns: new(turns), hashing: make(chan struct{}, runtime.GOMAXPROCS(0)), throttle: newThrottle(),
	}
	rand.Read(a.key[:]) // never fails
	return a.With(users)
}

// With returns an authenticator of other users, which knows of guesses what this one knows, and of
// users that are the same, their last right password. Either may go on to be asked.
func (a *Authenticator) With(users []User) (*Authenticator, error) {
	before := a.users
	a = &Authenticator{
		users: make(map[string]*login, len(users)),
		turns: a.turns, hashing: a.hashing, throttle: a.throttle, key: a.key,
	}

	// An unknown user is to take as long as a known one: the first, as their hashes are mostly made
	// alike.
	pattern := &passwordHash{memory: hashMemory, time: hashTime, threads: hashThreads}
	for i, u := range users {
		hash, err := parsePasswordHash(u.PasswordHash)
		if err != nil {
			return nil, fmt.Errorf("user %q: %w", u.Name, err)
		}
		if i == 0 {
			pattern = hash
		}
		u.Name = Normal(u.Name)
		a.users[u.Name] = &login{user: u, hash: hash}
		if same := before[u.Name]; same != nil && same.user.Equal(&u) {
			a.users[u.Name] = same
		}
	}

	nobody := &passwordHash{
		memory: pattern.memory, time: pattern.time, threads: pattern.threads,
		salt: make([]byte, saltSize), key: make([]byte, keySize),
	}
	rand.Read(nobody.salt)
	rand.Read(nobody.key)

	a.unknown = &login{hash: nobody}
	return a, nil
}

// Check returns the user with this name and password, [ErrUnauthenticated], or a [*ThrottledError].
// from is where the request comes from, see [AddressOf]. Waiting for a turn honours the context. A
// password that was right lately always passes, at once.
func (a *Authenticator) Check(ctx context.Context, from netip.Prefix, name, password string) (*User, error) {
	name, password = Normal(name), Normal(password)
	x, known := a.users[name]
	if !known {
		x = a.unknown
	}

	mac := a.mac(name, password)
	if x.isRecent(mac) {
		return &x.user, nil
	}

	k := pairKey{user: a.fingerprint(name), address: from}
	verdict := a.throttle.ask(k, mac)
	switch {
	case verdict.known: // to be wrong: what is asked again is no guess, and need not be hashed
		return nil, ErrUnauthenticated
	case verdict.refused > 0:
		return nil, &ThrottledError{verdict.refused}
	}
	if err := sleep(ctx, verdict.delay); err != nil {
		return nil, err
	}

	leave, err := a.enter(ctx, from)
	if err != nil {
		return nil, err
	}
	defer leave()

	if x.isRecent(mac) { // another request has verified it while this one waited
		return &x.user, nil
	}
	if wait := a.throttle.wait(k, verdict.throttled); wait > 0 { // others have guessed in the meantime
		return nil, &ThrottledError{wait}
	}

	if x.hash.matches(password) && known {
		x.recent.Store(&recentLogin{mac: mac, until: time.Now().Add(recentFor)})
		a.throttle.right(k)
		return &x.user, nil
	}

	wait := a.throttle.wrong(k, mac)
	if verdict.throttled { // it was looked at by way of exception
		return nil, &ThrottledError{wait}
	}
	return nil, ErrUnauthenticated
}

// Knows reports whether there is a user of this name.
func (a *Authenticator) Knows(name string) bool {
	_, ok := a.users[Normal(name)]
	return ok
}

// User returns the user of this name; nil: there is none.
func (a *Authenticator) User(name string) *User {
	if x := a.users[name]; x != nil {
		return &x.user
	}
	return nil
}

// enter waits for the turn of an address, and then for a processor. Without turns, one address
// could have so many passwords hashed at a time that the others would wait for it.
func (a *Authenticator) enter(ctx context.Context, from netip.Prefix) (leave func(), err error) {
	done, err := a.turns.enter(ctx, from)
	if err != nil {
		return nil, err
	}

	select {
	case a.hashing <- struct{}{}:
		return func() { <-a.hashing; done() }, nil
	case <-ctx.Done():
		done()
		return nil, ctx.Err()
	}
}

// sleep waits for a time, or for the end of the context.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}

	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// isRecent reports whether mac is that of the last right password, and if so, remembers it for
// longer.
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

// mac is what is remembered of a name with a password.
func (a *Authenticator) mac(name, password string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, a.key[:])
	h.Write(binary.AppendUvarint(nil, uint64(len(name)))) // where the name ends
	h.Write([]byte(name))
	h.Write([]byte(password))
	h.Sum(sum[:0])
	return sum
}

// fingerprint is what is remembered of a name, however long it is.
func (a *Authenticator) fingerprint(name string) (f [16]byte) {
	h := hmac.New(sha256.New, a.key[:])
	h.Write([]byte(name))
	copy(f[:], h.Sum(nil))
	return f
}

// AddressOf is where a request with this RemoteAddr comes from: of IPv6 the network, since one
// customer has a whole one.
func AddressOf(remote string) netip.Prefix {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
	return NetworkOf(a)
}

// NetworkOf is AddressOf for an address; the zero prefix for the zero address.
func NetworkOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
