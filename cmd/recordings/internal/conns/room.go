package conns

import (
	"errors"
	"net"
	"net/netip"
	"time"
)

// Room for a new connection is made by closing the one that has waited for a request for the
// longest time, that is, has sent nothing yet or has been answered. One that has only just begun to
// wait may have a request on its way, and is left alone.
const (
	waitedEnough = time.Second
	lookAgain    = 100 * time.Millisecond // whether one has waited enough meanwhile
)

// errTooMany says that an address has as many connections as it may, and needs all of them.
var errTooMany = errors.New("too many connections of one address")

// admit counts a connection. It waits for room where the service has as many as it may.
func (l *Listener) admit(c *Conn) error {
	for {
		done, err := l.tryAdmit(c)
		if done || err != nil {
			return err
		}

		again := time.NewTimer(lookAgain)
		select {
		case <-l.changed:
		case <-again.C:
		case <-l.closed:
			again.Stop()
			return net.ErrClosed
		}
		again.Stop()
	}
}

// tryAdmit counts a connection if there is room for it, or can be made.
func (l *Listener) tryAdmit(c *Conn) (done bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()

	if !c.trusted && l.counts[c.from] >= l.MaxPerAddress && !l.makeRoom(c.from) {
		return false, errTooMany
	}
	if len(l.open) >= l.Max && !l.makeRoom(l.largest()) {
		return false, nil
	}

	l.open[c] = struct{}{}
	l.counts[c.from]++
	c.idleSince = l.now()
	return true, nil
}

// largest is the address that has the most connections among those one of which can be closed.
func (l *Listener) largest() (most netip.Prefix) {
	for c := range l.open {
		if l.closable(c) && l.counts[c.from] > l.counts[most] {
			most = c.from
		}
	}
	return most
}

// makeRoom closes the connection of an address that has waited for the longest time, if one has
// waited enough.
func (l *Listener) makeRoom(from netip.Prefix) bool {
	var longest *Conn
	for c := range l.open {
		if c.from == from && l.closable(c) && (longest == nil || c.idleSince.Before(longest.idleSince)) {
			longest = c
		}
	}
	if longest == nil {
		return false
	}

	l.forget(longest)
	_ = longest.tcp.Close() // without a farewell, which could take time
	return true
}

// closable reports whether a connection has waited enough for a request.
func (l *Listener) closable(c *Conn) bool {
	return !c.idleSince.IsZero() && l.now().Sub(c.idleSince) >= waitedEnough
}

// release counts a connection no more.
func (l *Listener) release(c *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(c)
	l.notify()
}

// forget is release under the mutex.
func (l *Listener) forget(c *Conn) {
	if _, counted := l.open[c]; !counted {
		return
	}
	delete(l.open, c)
	if l.counts[c.from]--; l.counts[c.from] == 0 {
		delete(l.counts, c.from)
	}
}

// notify has a connection that waits for room look again.
func (l *Listener) notify() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}
