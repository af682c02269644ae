package auth

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Guessing passwords is slowed down: after some wrong ones, each further one doubles the time in
// which no other is looked at. What is counted are different passwords, for a user from an address,
// and for the address as a whole.
const (
	freeOfPair    = 8                // wrong passwords before the first delay
	freeOfAddress = 32               // more: behind a proxy, all share one address
	firstDelay    = time.Second      // doubles with each further one
	longestDelay  = time.Minute      // a user behind the same address waits no longer than that
	forgottenIn   = 15 * time.Minute // after the last wrong one

	// While an address as a whole is held up, a user for whom nothing was guessed there is looked
	// at all the same, but one in each such time, and so many wait for it.
	exceptionEvery = time.Second
	maxExceptions  = 8

	// A user for whom something was guessed there, but not so much that the pair is held up, is
	// looked at as well, in turns of their own, for which nobody waits: behind one address there may
	// be a client with an old password of the same user.
	suspectEvery = 2 * time.Second

	// What is remembered. With some 450 bytes for a pair at most, and 200 for an address, it takes at
	// most 7 MB.
	maxRemembered = 10_000
	maxWrong      = 32 // different wrong passwords of a pair
)

// throttle remembers wrong passwords. The same wrong password again does not count: a recorder that
// was not told of a new one is not guessing.
//
// It knows nothing of which users exist, so that its answers cannot give it away.
type throttle struct {
	mu        sync.Mutex
	pairs     map[pairKey]*pairFailures
	addresses map[netip.Prefix]*failures
	now       func() time.Time
}

// pairKey is a user at an address.
type pairKey struct {
	user    [16]byte // the fingerprint of the name, which may be long
	address netip.Prefix
}

// failures are wrong passwords in a row.
type failures struct {
	count int
	last  time.Time // when the last one came that counted
	until time.Time // nothing is looked at before
	next  time.Time // when the next exception may be made

	nextSuspect time.Time // likewise for users for whom something was guessed
}

type pairFailures struct {
	failures
	wrong []uint64  // of each different password the begin of its MAC, the oldest first
	seen  time.Time // when any was sent, even one that does not count
}

func newThrottle() *throttle {
	return &throttle{
		pairs:     make(map[pairKey]*pairFailures),
		addresses: make(map[netip.Prefix]*failures),
		now:       time.Now,
	}
}

// verdict is what is to be done with a password.
type verdict struct {
	known     bool          // it was wrong before
	refused   time.Duration // it is not looked at for so long; 0: it is
	throttled bool          // it is looked at by way of exception
	delay     time.Duration // after this time
}

// ask says what is to be done with a password, known by its MAC. It makes an exception where the
// address as a whole is held up but the pair is not.
func (t *throttle) ask(k pairKey, mac [sha256.Size]byte) verdict {
	t.mu.Lock()
	defer t.mu.Unlock()

	now := t.now()
	p := t.pairs[k]
	if p != nil && slices.Contains(p.wrong, begin(mac)) {
		p.seen = now
		return verdict{known: true}
	}
	if p != nil && p.until.After(now) {
		return verdict{refused: p.until.Sub(now)}
	}

	a := t.addresses[k.address]
	if a == nil || !a.until.After(now) {
		return verdict{}
	}
	return a.except(now, p != nil && p.counts(now))
}

// except makes an exception for a user at an address that is held up, if it is time for one.
func (f *failures) except(now time.Time, suspect bool) verdict {
	if suspect {
		if f.nextSuspect.After(now) {
			return verdict{refused: f.nextSuspect.Sub(now)}
		}
		f.nextSuspect = now.Add(suspectEvery)
		return verdict{throttled: true}
	}

	delay := max(f.next.Sub(now), 0)
	if delay >= maxExceptions*exceptionEvery {
		return verdict{refused: f.until.Sub(now)}
	}
	f.next = now.Add(delay + exceptionEvery)
	return verdict{throttled: true, delay: delay}
}

// wait is how long a password is not looked at; 0: it is. Where an exception was made, only the
// pair counts.
func (t *throttle) wait(k pairKey, throttled bool) (longest time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()

	now := t.now()
	if p := t.pairs[k]; p != nil {
		longest = max(longest, p.until.Sub(now))
	}
	if a := t.addresses[k.address]; a != nil && !throttled {
		longest = max(longest, a.until.Sub(now))
	}
	return longest
}

// wrong counts a wrong password, and returns how long the next one is not looked at.
func (t *throttle) wrong(k pairKey, mac [sha256.Size]byte) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()

	now := t.now()
	p := t.pair(k, now)
	p.seen = now
	if !slices.Contains(p.wrong, begin(mac)) { // else another request was quicker
		if len(p.wrong) == maxWrong {
			p.wrong = slices.Delete(p.wrong, 0, 1)
		}
		p.wrong = append(p.wrong, begin(mac))
		p.add(now, freeOfPair)
		t.address(k.address, now).add(now, freeOfAddress)
	}

	return max(0, p.until.Sub(now), t.address(k.address, now).until.Sub(now))
}

// add counts a failure, the first ones of which are free.
func (f *failures) add(now time.Time, free int) {
	f.count, f.last = f.count+1, now
	if over := f.count - free; over >= 0 {
		f.until = now.Add(min(firstDelay<<min(over, 10), longestDelay))
	}
}

// right forgets what was counted for a pair, and as much of its address. Which passwords are wrong
// it does not forget: whoever repeats them is no more guessing than before.
func (t *throttle) right(k pairKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.pairs[k]
	if p == nil {
		return
	}

	if a := t.addresses[k.address]; a != nil {
		if a.count = max(a.count-p.count, 0); a.count < freeOfAddress {
			a.until = time.Time{}
		}
	}
	p.failures = failures{}
}

// pair returns what is known of a pair. What is counted is forgotten in time; which passwords are
// wrong is not, as long as any is sent.
func (t *throttle) pair(k pairKey, now time.Time) *pairFailures {
	p := t.pairs[k]
	if p == nil {
		makeRoom(t.pairs, func(p *pairFailures) time.Time { return p.seen })
		p = &pairFailures{}
		t.pairs[k] = p
	}
	p.forget(now)
	return p
}

// address returns what is known of an address.
func (t *throttle) address(k netip.Prefix, now time.Time) *failures {
	f := t.addresses[k]
	if f == nil {
		makeRoom(t.addresses, func(f *failures) time.Time { return f.last })
		f = &failures{}
		t.addresses[k] = f
	}
	f.forget(now)
	return f
}

// counts reports whether there are failures that are not forgotten.
func (f *failures) counts(now time.Time) bool { return f.count > 0 && now.Sub(f.last) <= forgottenIn }

// forget begins to count anew if the last failure was long ago.
func (f *failures) forget(now time.Time) {
	if !f.counts(now) {
		f.count = 0
	}
}

// makeRoom forgets a tenth of what is remembered, the oldest, if there is no room for one more.
func makeRoom[K comparable, V any](all map[K]V, used func(V) time.Time) {
	if len(all) < maxRemembered {
		return
	}

	byAge := slices.SortedFunc(maps.Keys(all), func(a, b K) int { return used(all[a]).Compare(used(all[b])) })
	for _, k := range byAge[:maxRemembered/10] { // so that it is not done for each
		delete(all, k)
	}
}

// begin is enough of a MAC to tell passwords apart: whoever sends them does not know the key.
func begin(mac [sha256.Size]byte) uint64 { return binary.BigEndian.Uint64(mac[:8]) }
