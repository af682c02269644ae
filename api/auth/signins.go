package auth

import (
	"slices"
	"sync"
	"time"
)

// SignIn is one attempt to sign in.
type SignIn struct {
	Time    time.Time
	Address string // of the network it came from; empty: not known
	Refused bool   // the password was not right
}

// SignIns are the last sign-ins of each user, so that they see those that were not theirs. They are
// held in memory only: the audit log knows of all. The zero value has none; the methods may be called
// concurrently.
type SignIns struct {
	mu  sync.Mutex
	all map[string]*history
}

// history is what is kept of one user. What was refused is kept apart: whoever guesses passwords
// cannot push out the sign-in of somebody who knows one.
type history struct{ right, refused []SignIn }

// The bounds of what is kept: attempts of a kind and user, and users.
const (
	keptSignIns = 10
	maxHistory  = 10_000
)

// Note notes an attempt of a user who exists.
func (s *SignIns) Note(name string, x SignIn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name = Normal(name)

	h := s.all[name]
	if h == nil {
		s.makeRoom()
		h = new(history)
		s.all[name] = h
	}
	kept := &h.right
	if x.Refused {
		kept = &h.refused
	}
	*kept = append(*kept, x)
	if n := len(*kept) - keptSignIns; n > 0 {
		*kept = slices.Delete(*kept, 0, n)
	}
}

// makeRoom forgets the user who signed in longest ago, if there are too many.
func (s *SignIns) makeRoom() {
	if s.all == nil {
		s.all = make(map[string]*history)
	}
	if len(s.all) < maxHistory {
		return
	}

	var oldest string
	var least time.Time
	for name, h := range s.all {
		if last := h.last(); oldest == "" || last.Before(least) {
			oldest, least = name, last
		}
	}
	delete(s.all, oldest)
}

// last is when the last attempt was.
func (h *history) last() (at time.Time) {
	for _, kept := range [][]SignIn{h.right, h.refused} {
		if n := len(kept); n > 0 && kept[n-1].Time.After(at) {
			at = kept[n-1].Time
		}
	}
	return at
}

// Last returns the last attempts of a user, the newest first.
func (s *SignIns) Last(name string) []SignIn {
	s.mu.Lock()
	defer s.mu.Unlock()

	h := s.all[Normal(name)]
	if h == nil {
		return nil
	}
	all := slices.Concat(h.right, h.refused)
	slices.SortStableFunc(all, func(a, b SignIn) int { return b.Time.Compare(a.Time) })
	return all
}
