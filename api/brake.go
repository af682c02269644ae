package api

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// Guessing passwords is slowed down: after some wrong ones in a row, each further one doubles the time in which no other is
// looked at, for the user it was for and for the address it came from.
const (
	freeOfUser    = 8                // wrong passwords before the first delay
	freeOfAddress = 32               // more: behind a proxy, all share one address
	firstDelay    = time.Second      // doubles with each further one
	longestDelay  = time.Minute      // bounds what somebody who guesses can do to the others
	forgottenIn   = 15 * time.Minute // after the last wrong one
	maxTrials     = 10_000           // that are remembered; beyond it the oldest go
)

// brake remembers wrong passwords. The same wrong password again does not count: a recorder that was not told of a new one is not
// guessing.
type brake struct {
	mu     sync.Mutex
	trials map[brakeKey]*trial
	now    func() time.Time
}

// brakeKey is what is slowed down: a user or an address, the other being empty.
type brakeKey struct {
	user    string
	address netip.Prefix
}

// trial is what is remembered about one key.
type trial struct {
	wrong int      // passwords in a row
	last  [32]byte // the MAC of the last one
	from  time.Time
	until time.Time // nothing is looked at before
}

func newBrake() *brake { return &brake{trials: make(map[brakeKey]*trial), now: time.Now} }

// keysOf are what a login counts for. Who has logged in from this address before is not held up by what others guess elsewhere.
func keysOf(name string, from netip.Prefix, trusted bool) []brakeKey {
	if trusted {
		return []brakeKey{{address: from}}
	}
	return []brakeKey{{address: from}, {user: name}}
}

// wait is how long no password is looked at for any of the keys; 0: it is now.
func (b *brake) wait(keys []brakeKey) (longest time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range keys {
		if t := b.trials[k]; t != nil {
			longest = max(longest, t.until.Sub(b.now()))
		}
	}
	return longest
}

// wrong notes a wrong password, known by its MAC, for all of the keys.
func (b *brake) wrong(keys []brakeKey, mac [32]byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	for _, k := range keys {
		t := b.trials[k]
		if t == nil || now.Sub(t.from) > forgottenIn {
			b.makeRoom(now)
			t = &trial{}
			b.trials[k] = t
		}
		if t.wrong > 0 && t.last == mac {
			continue
		}
		t.wrong, t.last, t.from = t.wrong+1, mac, now
		if over := t.wrong - k.free(); over >= 0 {
			t.until = now.Add(min(firstDelay<<min(over, 10), longestDelay))
		}
	}
}

func (k brakeKey) free() int {
	if k.user != "" {
		return freeOfUser
	}
	return freeOfAddress
}

// makeRoom forgets what is old and, if that does not help, any other: so many addresses at a time are beyond a brake.
func (b *brake) makeRoom(now time.Time) {
	if len(b.trials) < maxTrials {
		return
	}
	for k, t := range b.trials {
		if now.Sub(t.from) > forgottenIn {
			delete(b.trials, k)
		}
	}
	for k := range b.trials {
		if len(b.trials) < maxTrials*9/10 { // so that it is not done for each
			return
		}
		delete(b.trials, k)
	}
}

// addressOf is where a request comes from: of IPv6 the network, since one customer has a whole one. Forwarding headers are not
// believed: whoever guesses could write another one each time.
func addressOf(remote string) netip.Prefix {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
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
