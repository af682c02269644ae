package store

import (
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// changeClock gives changes their times. They never go back, from one sequence to the next, whatever
// the clock of the machine does and also after a restart. As changes become durable in the order of
// their sequences, whoever has seen one with a time has not missed any with an earlier one, and asks
// for that time or later ones to go on.
type changeClock struct {
	now  func() time.Time
	last int64 // the time that the newest change got, in milliseconds since 1970
	same int   // how many changes got that one
}

// maxSimultaneous is how many changes get the same time at most. It is less than a page of a search
// has, so that whoever goes on from the last one of a page gets on.
const maxSimultaneous = 50

// next is the time of the next change.
func (c *changeClock) next() int64 {
	now := c.now().UnixMilli()
	switch {
	case now > c.last:
		c.last, c.same = now, 1
	case c.same < maxSimultaneous:
		c.same++
	default:
		c.last, c.same = c.last+1, 1
	}
	return c.last
}

// read reads the time of the newest change that is stored. How many have got it is not known.
func (c *changeClock) read(r pebble.Reader) error {
	value, closer, err := r.Get([]byte(changedKey))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil // an earlier version has written the store, which gave changes no time
	}
	if err != nil {
		return fmt.Errorf("reading the time of the newest change: %w", err)
	}
	defer closer.Close()

	c.last, err = splitChanged(value)
	c.same = maxSimultaneous
	return err
}
