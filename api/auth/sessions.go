package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

// Sessions are those of the users who have signed in on the page. They are held in memory only: a
// restart, which a new password needs, ends them all. The methods may be called concurrently.
//
// A session is known by the hash of its token, so that nothing in the memory of this process is a
// token that could be used.
type Sessions struct {
	idle, longest time.Duration
	now           func() time.Time

	mu  sync.Mutex
	all map[[sha256.Size]byte]*session
}

// session is one sign-in. The fields are guarded by the mutex of the Sessions.
type session struct {
	user        *User
	began, used time.Time
}

// maxSessions is how many sessions one user has at most; the one that was not used for the longest
// time makes room. With the number of users, it bounds the memory.
const maxSessions = 64

// NewSessions returns sessions that end when they were not used for the time idle, and after the
// time longest in any case.
func NewSessions(idle, longest time.Duration) *Sessions {
	return &Sessions{idle: idle, longest: longest, now: time.Now, all: make(map[[sha256.Size]byte]*session)}
}

// Begin makes a session of a user and returns its token.
func (s *Sessions) Begin(u *User) (token string) {
	token = rand.Text()

	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.makeRoom(u, now)
	s.all[sha256.Sum256([]byte(token))] = &session{user: u, began: now, used: now}
	return token
}

// makeRoom ends what is over, and the oldest of a user who has too many.
func (s *Sessions) makeRoom(u *User, now time.Time) {
	var oldest [sha256.Size]byte
	count, least := 0, now

	for k, x := range s.all {
		switch {
		case !s.until(x).After(now):
			delete(s.all, k)
		case x.user == u:
			count++
			if !x.used.After(least) {
				oldest, least = k, x.used
			}
		}
	}

	if count >= maxSessions {
		delete(s.all, oldest)
	}
}

// until is when a session ends if it is not used again: after the time without use, but no later
// than its whole time allows.
func (s *Sessions) until(x *session) time.Time {
	idle, longest := x.used.Add(s.idle), x.began.Add(s.longest)
	if idle.Before(longest) {
		return idle
	}
	return longest
}

// User returns whose session the token is of; nil if of none, or of one that is over. Asking is
// using.
func (s *Sessions) User(token string) *User {
	if token == "" {
		return nil
	}

	k := sha256.Sum256([]byte(token))
	s.mu.Lock()
	defer s.mu.Unlock()

	x, now := s.all[k], s.now()
	if x == nil {
		return nil
	}
	if !s.until(x).After(now) {
		delete(s.all, k)
		return nil
	}

	x.used = now
	return x.user
}

// End ends the session of the token, if there is one. Whoever has a copy of the token cannot use it
// any more.
func (s *Sessions) End(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, sha256.Sum256([]byte(token)))
}
