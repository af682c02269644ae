package auth

import (
	"net/netip"
	"sync"
	"time"
)

// Uses tells the first use of credentials from those that follow. Clients of the API send a password or a
// token with every request, thousands in a second: one of them in a while is what a sign-in is on the
// page. The zero value has seen none; the methods may be called concurrently.
type Uses struct {
	mu    sync.Mutex
	noted map[use]time.Time // when one was told last
}

// use is who has used the API from where.
type use struct {
	owner   string // see [User.Owner]
	network netip.Prefix
}

// usedAgainAfter is how long after a use that was told the next one is.
const usedAgainAfter = 15 * time.Minute

// maxUses bounds what is remembered. Where there are more at a time, some are told again before their
// time.
const maxUses = 10_000

// First reports whether a use is the first of a user from a network within a quarter of an hour, in which
// it is the only one that is told so.
func (s *Uses) First(u *User, network netip.Prefix, now time.Time) bool {
	k := use{u.Owner(), network}
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.noted[k]; ok && now.Sub(at) < usedAgainAfter {
		return false
	}

	s.makeRoom(now)
	s.noted[k] = now
	return true
}

// makeRoom forgets what is over. Where that is less than half, all is forgotten: looking through it again for
// each new use would take long.
func (s *Uses) makeRoom(now time.Time) {
	if s.noted == nil {
		s.noted = make(map[use]time.Time)
	}
	if len(s.noted) < maxUses {
		return
	}

	for k, at := range s.noted {
		if now.Sub(at) >= usedAgainAfter {
			delete(s.noted, k)
		}
	}
	if len(s.noted) > maxUses/2 {
		clear(s.noted)
	}
}
