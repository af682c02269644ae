package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"maps"
	"sync"
	"time"
)

// Sessions are those of the users who have signed in on the page. They are held in memory only: a
// restart ends them all. The methods may be called concurrently.
//
// A session is known by the hash of its token, so that nothing in the memory of this process is a
// token that could be used.
type Sessions struct {
	idle, longest time.Duration
	now           func() time.Time

	mu  sync.Mutex
	all map[[sha256.Size]byte]*Session
}

// Session is one sign-in.
type Session struct {
	User  *User
	Began time.Time
	Used  time.Time // when it was last used

	// IDToken is what the identity provider signed the user in with, by which it is told to sign them out;
	// empty: it did not.
	IDToken string
}

// The bounds of sessions; the one that was not used for the longest time makes room. They bound the
// memory: an identity provider may know any number of users.
const (
	maxSessions    = 64     // of one user
	maxAllSessions = 20_000 // of all
)

// NewSessions returns sessions that end when they were not used for the time idle, and after the
// time longest in any case.
func NewSessions(idle, longest time.Duration) *Sessions {
	return &Sessions{idle: idle, longest: longest, now: time.Now, all: make(map[[sha256.Size]byte]*Session)}
}

// Begin makes a session of a user and returns its token. idToken
// is that of the identity provider, if there is one.
func (s *Sessions) Begin(u *User, idToken string) (token string) {
	token = rand.Text()

	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.makeRoom(u, now)
	s.all[sha256.Sum256([]byte(token))] = &Session{User: u, Began: now, Used: now, IDToken: idToken}
	return token
}

// makeRoom ends what is over, and the oldest of a user who has too many, or of all if there are.
func (s *Sessions) makeRoom(u *User, now time.Time) {
	var oldest, oldestOfAll [sha256.Size]byte
	count, least, leastOfAll := 0, now, now

	for k, x := range s.all {
		if !s.until(x).After(now) {
			delete(s.all, k)
			continue
		}
		if !x.Used.After(leastOfAll) {
			oldestOfAll, leastOfAll = k, x.Used
		}
		if x.User.Same(u) {
			count++
			if !x.Used.After(least) {
				oldest, least = k, x.Used
			}
		}
	}

	if count >= maxSessions {
		delete(s.all, oldest)
	}
	if len(s.all) >= maxAllSessions {
		delete(s.all, oldestOfAll)
	}
}

// until is when a session ends if it is not used again: after the time without use, but no later
// than its whole time allows.
func (s *Sessions) until(x *Session) time.Time {
	idle, longest := x.Used.Add(s.idle), x.Began.Add(s.longest)
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

	x.Used = now
	return x.User
}

// End ends the session of the token, and returns what it was; nil if there is none. Whoever has a
// copy of the token cannot use it any more.
func (s *Sessions) End(token string) *Session {
	k := sha256.Sum256([]byte(token))
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.all[k]
	delete(s.all, k)
	return x
}

// EndAll ends all sessions of users of whom ended says so.
func (s *Sessions) EndAll(ended func(*User) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.all, func(_ [sha256.Size]byte, x *Session) bool { return ended(x.User) })
}

// EndOf ends all sessions of a user, and returns how many they were.
func (s *Sessions) EndOf(name string) (ended int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, x := range s.all {
		if x.User.Name == name {
			delete(s.all, k)
			ended++
		}
	}
	return ended
}

// Count returns how many sessions of a user go on.
func (s *Sessions) Count(name string) (open int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for _, x := range s.all {
		if x.User.Name == name && s.until(x).After(now) {
			open++
		}
	}
	return open
}
