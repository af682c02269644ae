// Package keylock serializes the changes of one key.
//
// The locks are striped: there is a fixed number of them, whatever the number of keys. Two keys
// rarely share one; when they do, their changes only wait for each other.
package keylock

import (
	"context"
	"hash/maphash"
	"slices"

	"recordings/index/embedded/internal/fault"
)

// Locks are the locks of all keys. All methods may be called concurrently.
type Locks struct {
	seed    maphash.Seed
	stripes [4096]chan struct{} // each has an element while nobody holds the lock
}

// New returns locks that nobody holds.
func New() *Locks {
	l := &Locks{seed: maphash.MakeSeed()}
	for i := range l.stripes {
		l.stripes[i] = make(chan struct{}, 1)
		l.stripes[i] <- struct{}{}
	}
	return l
}

// Lock waits for the locks of keys, and takes them in one order, lest two wait for each other. The
// error is that the context has ended first.
func (l *Locks) Lock(ctx context.Context, keys ...string) (unlock func(), err error) {
	stripes := make([]int, len(keys))
	for i, key := range keys {
		stripes[i] = int(maphash.String(l.seed, key) % uint64(len(l.stripes)))
	}
	slices.Sort(stripes)
	stripes = slices.Compact(stripes)

	for i, stripe := range stripes {
		select {
		case <-l.stripes[stripe]:
		case <-ctx.Done():
			l.unlock(stripes[:i])
			return nil, fault.Unavailable("waiting for another change of the same recording", context.Cause(ctx))
		}
	}
	return func() { l.unlock(stripes) }, nil
}

func (l *Locks) unlock(stripes []int) {
	for _, stripe := range stripes {
		l.stripes[stripe] <- struct{}{}
	}
}
