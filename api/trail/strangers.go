package trail

import (
	"net/netip"
	"sync"

	"golang.org/x/time/rate"
)

// The bounds of what strangers leave: at once, and in a second from then on; of one, and of all.
const (
	burstEach, perSecondEach = 20, 0.1
	burstAll, perSecondAll   = 1000, 20

	maxStrangers = 10_000 // that are known at a time
)

// Strangers bounds what those leave in the audit log who are not signed in. Anybody can be refused as often
// as they like, and would fill the disk by it. The next entry tells how many were left out.
type Strangers struct {
	mu      sync.Mutex
	each    map[stranger]*rate.Limiter
	all     *rate.Limiter
	leftOut int
}

// stranger is a name at an address, which may be a network of them. Only names that somebody has are told
// apart: the others are empty.
type stranger struct {
	from netip.Prefix
	name string
}

// NewStrangers returns the bounds.
func NewStrangers() *Strangers {
	return &Strangers{each: make(map[stranger]*rate.Limiter), all: rate.NewLimiter(perSecondAll, burstAll)}
}

// Bound lets a trail that somebody unknown is about to end leave an entry, or nothing.
func (s *Strangers) Bound(t *Trail, from netip.Prefix) {
	if t == nil || t.ended {
		return
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	k := stranger{from, t.entry.User}
	x := s.each[k]
	if x == nil {
		if len(s.each) >= maxStrangers {
			clear(s.each)
		}
		x = rate.NewLimiter(perSecondEach, burstEach)
		s.each[k] = x
	}

	if !x.Allow() || !s.all.Allow() {
		s.leftOut++
		t.Skip()
		return
	}
	if s.leftOut > 0 {
		t.Fact("leftOut", s.leftOut)
		s.leftOut = 0
	}
}
