package auth

import (
	"context"
	"net/netip"
	"sync"
)

// turns lets one request of each address in at a time. The others of that address wait, and hold up
// nobody else.
type turns struct {
	mu  sync.Mutex
	all map[netip.Prefix]*turn
}

// turn is what the requests of one address share, as long as there are any.
type turn struct {
	slot     chan struct{}
	requests int // that are in, or wait
}

// enter waits for the turn of an address. leave, which must be called, ends it.
func (t *turns) enter(ctx context.Context, from netip.Prefix) (leave func(), err error) {
	x := t.join(from)

	select {
	case x.slot <- struct{}{}:
		return func() { <-x.slot; t.part(from, x) }, nil
	case <-ctx.Done():
		t.part(from, x)
		return nil, ctx.Err()
	}
}

// join counts a request of an address.
func (t *turns) join(from netip.Prefix) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()

	x := t.all[from]
	if x == nil {
		if t.all == nil {
			t.all = make(map[netip.Prefix]*turn)
		}
		x = &turn{slot: make(chan struct{}, 1)}
		t.all[from] = x
	}

	x.requests++
	return x
}

// part counts it no more. With its last request an address is forgotten.
func (t *turns) part(from netip.Prefix, x *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if x.requests--; x.requests == 0 {
		delete(t.all, from)
	}
}
