package signon

import (
	"sync/atomic"
	"time"
)

// Clock is a clock that tests move.
type Clock struct{ ahead atomic.Int64 }

// NewClock returns a clock that is right.
func NewClock() *Clock { return new(Clock) }

// Now is the time.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// Add moves the clock.
func (c *Clock) Add(d time.Duration) { c.ahead.Add(int64(d)) }

// SetNow gives the provider another clock. It must not have been asked before.
func (p *Provider) SetNow(now func() time.Time) { p.now = now }
