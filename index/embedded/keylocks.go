package embedded

import (
	"context"
	"hash/maphash"
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

// lock waits for the lock of a key.
func (l *keyLocks) lock(ctx context.Context, key string) (unlock func(), err error) {
	stripe := l.stripes[maphash.String(l.seed, key)%uint64(len(l.stripes))]
	select {
	case <-stripe:
		return func() { stripe <- struct{}{} }, nil
	case <-ctx.Done():
		return nil, unavailable("waiting for another change of the same recording", context.Cause(ctx))
	}
}
