// Package share shares out a few places of work that takes long.
//
// A reader lacks one fact: a bound of all together is not enough. Whoever reads slowly keeps a place
// for as long as that takes, so a few slow readers of one contact center would keep everybody else
// out. So each owner, such as a contact center and a user, has a bound of its own, below that of all.
package share

import (
	"context"
	"sync"
)

// Places are places of which each owner may have a part.
type Places struct {
	all, each int // how many there are, and how many one owner has at most

	mu    sync.Mutex
	taken int
	by    map[string]int // places of each owner that has any
	freed chan struct{}  // closed when a place was given back
}

// New makes places, of which one owner has at most each.
func New(all, each int) *Places {
	return &Places{all: all, each: each, by: make(map[string]int), freed: make(chan struct{})}
}

// Take takes a place on behalf of all owners, which differ, and returns what gives it back. It waits
// for one until the context ends, of which it returns the error.
func (p *Places) Take(ctx context.Context, owners ...string) (leave func(), err error) {
	for {
		freed, ok := p.try(owners)
		if ok {
			return sync.OnceFunc(func() { p.leave(owners) }), nil
		}

		select {
		case <-freed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Taken is how many places are taken.
func (p *Places) Taken() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken
}

// try takes a place if there is one. Otherwise it returns what is closed when one is given back.
func (p *Places) try(owners []string) (freed chan struct{}, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken == p.all {
		return p.freed, false
	}
	for _, owner := range owners {
		if p.by[owner] == p.each {
			return p.freed, false
		}
	}

	p.taken++
	for _, owner := range owners {
		p.by[owner]++
	}
	return nil, true
}

func (p *Places) leave(owners []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	for _, owner := range owners {
		if p.by[owner]--; p.by[owner] == 0 {
			delete(p.by, owner)
		}
	}

	// Whoever waits looks again: the place may be for one of them only.
	close(p.freed)
	p.freed = make(chan struct{})
}
