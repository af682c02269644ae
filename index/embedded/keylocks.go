package embedded

import (
	"context"
	"hash/maphash"
	"slices"
)

// keyLocks serializes the changes of one record key. Two keys rarely share a lock; when they do, they only wait.
type keyLocks struct {
	seed    maphash.Seed
	stripes [4096]chan struct{} // each has an element while nobody holds the lock
}

func newKeyLocks() *keyLocks {
	l := &keyLocks{seed: maphash.MakeSeed()}
	for i := range l.stripes {
		l.stripes[i] = make(chan struct{}, 1)
		l.stripes[i] <- struct{}{}
	}
	return l
}

// lock waits for the locks of keys, and takes them in one order, lest two wait for each other.
func (l *keyLocks) lock(ctx context.Context, keys ...string) (unlock func(), err error) {
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
			return nil, unavailable("waiting for another change of the same recording", context.Cause(ctx))
		}
	}
	return func() { l.unlock(stripes) }, nil
}

func (l *keyLocks) unlock(stripes []int) {
	for _, stripe := range stripes {
		l.stripes[stripe] <- struct{}{}
	}
}
