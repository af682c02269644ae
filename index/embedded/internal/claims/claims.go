// Package claims keeps those apart who delete media and those who come to name it.
//
// Whoever deletes something claims it, and has it alone; whoever uses it, such as a recording that is
// put and names it, does so with others. A claim waits for those who use it already, and keeps out
// who comes later. Unlike the striped locks of package keylock, claims of different keys never wait
// for each other: a storage may take minutes to delete what it is asked to.
package claims

import (
	"context"
	"slices"
	"sync"

	"recordings/index/embedded/internal/fault"
)

// Claims are those on all keys. All methods may be called concurrently.
type Claims struct {
	mu   sync.Mutex
	keys map[string]entry // of those that somebody claims or uses
}

// entry is one key.
type entry struct {
	claimed bool // somebody has it, or waits for its users
	users   int
	changed chan struct{} // closed when it is not claimed, or not used, any more; nil: nobody waits
}

// New returns claims that nobody has.
func New() *Claims { return &Claims{keys: map[string]entry{}} }

// Claim waits until nobody else claims or uses the keys, and has them alone until release is called.
// The error is that the context has ended first.
func (c *Claims) Claim(ctx context.Context, keys ...string) (release func(), err error) {
	keys = slices.Compact(slices.Sorted(slices.Values(keys))) // in one order, lest two wait for each other
	for i, key := range keys {
		if err := c.wait(ctx, func() <-chan struct{} { return c.claim(key) }); err != nil {
			c.unclaim(keys[:i])
			return nil, err
		}
	}
	for _, key := range keys {
		if err := c.wait(ctx, func() <-chan struct{} { return c.used(key) }); err != nil {
			c.unclaim(keys)
			return nil, err
		}
	}
	return func() { c.unclaim(keys) }, nil
}

// Use waits until nobody claims any of the keys, and keeps those who want to out until release is
// called. The error is that the context has ended first. Who waits has none of them, so who uses some
// must not ask for more.
func (c *Claims) Use(ctx context.Context, keys ...string) (release func(), err error) {
	if err := c.wait(ctx, func() <-chan struct{} { return c.use(keys) }); err != nil {
		return nil, err
	}
	return func() { c.unuse(keys) }, nil
}

// wait tries something until it returns nil, each time that what it returns is closed.
func (c *Claims) wait(ctx context.Context, try func() <-chan struct{}) error {
	for {
		changed := try()
		if changed == nil {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			const doing = "waiting for the deletion of a recording, or of media that it names"
			return fault.Unavailable(doing, context.Cause(ctx))
		}
	}
}

// claim claims a key, or returns what is closed when that may be tried again.
func (c *Claims) claim(key string) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys[key].claimed {
		return c.changeOf(key)
	}
	e := c.keys[key]
	e.claimed = true
	c.keys[key] = e
	return nil
}

// used returns what is closed when the users of a key have changed; nil: there are none.
func (c *Claims) used(key string) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys[key].users > 0 {
		return c.changeOf(key)
	}
	return nil
}

// use uses all keys, or none of them and returns what is closed when that may be tried again.
func (c *Claims) use(keys []string) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range keys {
		if c.keys[key].claimed {
			return c.changeOf(key)
		}
	}
	for _, key := range keys {
		e := c.keys[key]
		e.users++
		c.keys[key] = e
	}
	return nil
}

// changeOf is what is closed when a key has changed.
func (c *Claims) changeOf(key string) <-chan struct{} {
	e := c.keys[key]
	if e.changed == nil {
		e.changed = make(chan struct{})
		c.keys[key] = e
	}
	return e.changed
}

func (c *Claims) unclaim(keys []string) {
	c.change(keys, func(e *entry) bool { e.claimed = false; return true })
}

func (c *Claims) unuse(keys []string) {
	c.change(keys, func(e *entry) bool { e.users--; return e.users == 0 })
}

// change changes the entries of keys, and tells who waits for them where fn says so.
func (c *Claims) change(keys []string, fn func(e *entry) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range keys {
		e := c.keys[key]
		if fn(&e) && e.changed != nil {
			close(e.changed)
			e.changed = nil
		}
		if e.claimed || e.users > 0 {
			c.keys[key] = e
		} else {
			delete(c.keys, key)
		}
	}
}
