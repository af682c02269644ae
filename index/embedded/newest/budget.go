package newest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/semaphore"

	"recordings/index"
)

// budget bounds the work of one search and the memory that its matches take. A unit of work is
// about what it takes to look at one document.
//
// Every search begins as a cheap one. One that has spent more than some units is a costly one from
// then on: it goes on when there is a place for it among the few costly ones that run at a time,
// and waits for that until its deadline. So many hostile searches wait for each other, and ordinary
// ones never for them.
type budget struct {
	ctx    context.Context
	limit  int64               // units; negative: there is none, and no class either
	cheap  int64               // units that it may spend before it is a costly one
	memory int64               // bytes
	places *semaphore.Weighted // of costly searches

	spent     atomic.Int64
	held      atomic.Int64 // bytes
	costly    atomic.Bool
	admission sync.Mutex // held while a place is waited for

	candidates, verified atomic.Int64 // see Work
}

// spend takes n units, or tells why the search has to end. It may be called by several goroutines.
func (b *budget) spend(n int) error {
	if b.ctx.Err() != nil {
		return b.ended("its time is up")
	}

	spent := b.spent.Add(int64(n))
	switch {
	case b.limit < 0:
		return nil
	case spent > b.limit:
		return fmt.Errorf("%w: too many recordings would have to be looked at", index.ErrTooCostly)
	case spent > b.cheap && !b.costly.Load():
		return b.becomeCostly()
	}

	return nil
}

// becomeCostly waits for a place among the costly searches. One goroutine of the search waits, the
// others wait for it.
func (b *budget) becomeCostly() error {
	b.admission.Lock()
	defer b.admission.Unlock()
	if b.costly.Load() {
		return nil
	}
	if b.places.Acquire(b.ctx, 1) != nil {
		return b.ended("its time was up before other costly searches had ended")
	}

	b.costly.Store(true)
	return nil
}

// ended is the error of a search whose context has ended.
func (b *budget) ended(deadline string) error {
	if errors.Is(b.ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%w: %s", index.ErrTooCostly, deadline)
	}
	return context.Cause(b.ctx)
}

// hold takes memory, for as long as the search lasts or until it is let go of by a negative number.
func (b *budget) hold(bytes int) error {
	if b.held.Add(int64(bytes)) > b.memory {
		return fmt.Errorf("%w: too many matches would have to be held", index.ErrTooCostly)
	}
	return nil
}

// end makes room for another costly search.
func (b *budget) end() {
	if b.costly.Load() {
		b.places.Release(1)
	}
}
