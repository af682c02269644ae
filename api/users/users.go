// Package users tells operations who may call the service, and when each has last done so.
//
// The one fact that a reader lacks: who may call is known of the configuration alone. Of an identity provider
// nobody knows all users; those of them are listed who have called since the service started.
package users

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"recordings/api/access"
	"recordings/api/auth"
	"recordings/mapping"
)

// Kind is how somebody signs in.
type Kind string

// The kinds of callers.
const (
	KindPassword Kind = "password" // a user of the configuration
	KindToken    Kind = "token"    // a machine of the configuration
	KindProvider Kind = "provider" // a user of the identity provider
)

// Kinds are all of them.
var Kinds = []Kind{KindPassword, KindToken, KindProvider}

// KnownUser is somebody who may call. It has nothing that a secret could be guessed from.
type KnownUser struct {
	UserName       string       `json:"userName"`
	Kind           Kind         `json:"kind"`
	Role           auth.Role    `json:"role"`
	ContactCenters []string     `json:"contactCenters,omitzero"` // absent: all, of operations
	AccessGroups   []string     `json:"accessGroups,omitzero"`   // of a team
	Expires        string       `json:"expires,omitzero"`        // the last day on which a token is good, in UTC
	Expired        bool         `json:"expired,omitzero"`        // that day is over
	LastSeen       mapping.Time `json:"lastSeen,omitzero"`       // absent: not known
}

// Earlier returns when somebody was last seen by what is kept longer than this process: a user by name, or the
// token of that name. The zero time: it is not known.
type Earlier func(ctx context.Context, name string, token bool) (time.Time, error)

// maxSeen bounds how many callers are remembered: an identity provider may know any number.
const maxSeen = 10_000

// Seen are the callers since the service started. The zero value has none; the methods may be called
// concurrently.
type Seen struct {
	all   sync.Map // of *caller, by auth.User.Owner
	count atomic.Int64
	room  sync.Mutex // held by who makes some
}

// caller is somebody who has called.
type caller struct {
	user atomic.Pointer[auth.User] // as they called last
	at   atomic.Int64              // when, in milliseconds since 1970
}

// Note notes that a user calls.
func (s *Seen) Note(u *auth.User, now time.Time) {
	owner := u.Owner()
	x, ok := s.all.Load(owner)
	if !ok {
		s.makeRoom()
		if x, ok = s.all.LoadOrStore(owner, new(caller)); !ok {
			s.count.Add(1)
		}
	}
	c := x.(*caller)
	c.user.Store(u)
	c.at.Store(now.UnixMilli())
}

// makeRoom forgets the half of the callers that were not seen for the longest time, if there are too many.
func (s *Seen) makeRoom() {
	if s.count.Load() < maxSeen {
		return
	}
	s.room.Lock()
	defer s.room.Unlock()
	if s.count.Load() < maxSeen { // another one has made some
		return
	}

	times := make([]int64, 0, maxSeen)
	s.all.Range(func(_, x any) bool {
		times = append(times, x.(*caller).at.Load())
		return true
	})
	slices.Sort(times)
	middle := times[len(times)/2]
	s.all.Range(func(owner, x any) bool {
		if x.(*caller).at.Load() <= middle {
			s.all.Delete(owner)
			s.count.Add(-1)
		}
		return true
	})
}

// List returns all users and tokens of the configuration, and the users of the identity provider who have
// called, by their names. earlier is asked for those of the configuration who have not called yet.
func (s *Seen) List(ctx context.Context, a *access.Access, now time.Time, earlier Earlier) ([]KnownUser, error) {
	all := []KnownUser{}
	listed := make(map[string]bool)
	for _, k := range a.Known() {
		u := KnownUser{
			UserName: k.Name, Kind: KindPassword, Role: k.Role, ContactCenters: some(k.ContactCenters),
			AccessGroups: some(k.AccessGroups),
		}
		if k.Token {
			u.Kind, u.Expires, u.Expired = KindToken, k.Expires, k.Expired(now)
		}
		owner := k.Owner()
		listed[owner] = true

		if x, ok := s.all.Load(owner); ok {
			u.LastSeen = mapping.Time(x.(*caller).at.Load())
		} else if at, err := earlier(ctx, k.Name, k.Token); err != nil {
			return nil, err
		} else if !at.IsZero() {
			u.LastSeen = mapping.Time(at.UnixMilli())
		}
		all = append(all, u)
	}

	s.all.Range(func(owner, x any) bool {
		c := x.(*caller)
		v := c.user.Load()
		if v == nil || listed[owner.(string)] || a.Still(v) == nil {
			return true
		}
		all = append(all, KnownUser{
			UserName: v.Name, Kind: KindProvider, Role: v.Role, ContactCenters: some(v.ContactCenters),
			AccessGroups: some(v.AccessGroups), LastSeen: mapping.Time(c.at.Load()),
		})
		return true
	})
	slices.SortFunc(all, func(a, b KnownUser) int {
		return cmp.Or(strings.Compare(a.UserName, b.UserName), cmp.Compare(a.Kind, b.Kind))
	})
	return all, nil
}

// some is a list, or nil where it is empty: what is absent has a meaning of its own.
func some(all []string) []string {
	if len(all) == 0 {
		return nil
	}
	return all
}
