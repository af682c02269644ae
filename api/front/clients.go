package front

import (
	"net/netip"
	"sync"
)

// Clients bounds how many requests of one client behind trusted proxies are answered at a time.
// Others are bounded by their connections.
type Clients struct {
	most int // 0: no bound

	mu      sync.Mutex
	running map[netip.Prefix]int
}

// NewClients returns the bound; 0 stands for none.
func NewClients(most int) *Clients {
	return &Clients{most: most, running: make(map[netip.Prefix]int)}
}

// Enter counts a request of a client, and reports whether it may be answered. leave must then be
// called.
func (c *Clients) Enter(from netip.Prefix) (leave func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.most > 0 && c.running[from] >= c.most {
		return nil, false
	}
	c.running[from]++
	return func() { c.leave(from) }, true
}

// leave counts it no more.
func (c *Clients) leave(from netip.Prefix) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running[from]--; c.running[from] == 0 {
		delete(c.running, from)
	}
}
