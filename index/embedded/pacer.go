package embedded

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

const (
	besideBatch   = 500 // recordings at a time, while searches are answered from another index
	besideWorkers = 1   // processors that their analysis takes
	restFactor    = 3   // a batch is followed by that many times its duration of rest, if there were searches meanwhile
)

// pacer lets searches go first: with every batch of an index that is built beside another, it waits as long as it is paused,
// or the disk is full, and where there were searches it does nothing for some time. So these find the processors free
// for three quarters of the time, and one of them taken at most for the rest; without searches it takes one.
type pacer struct {
	x         *Index
	ctx       context.Context
	index     *searchIndex
	searches  uint64
	logIsLong bool // behind the sequence of the index, for which it is kept
}

// batch is how many recordings are added at a time.
func (p *pacer) batch() int {
	const larger = 2 // than other batches: what is large already need not be merged so often
	if p.x.reindex.isUrgent() {
		return larger * p.x.o.BatchSize
	}
	return min(besideBatch, p.x.o.BatchSize)
}

// workers is how many batches are made at the same time.
func (p *pacer) workers() int {
	if p.x.reindex.isUrgent() {
		return runtime.GOMAXPROCS(0)
	}
	return besideWorkers
}

func (p *pacer) do(work func() error) error {
	if err := p.wait(); err != nil {
		return err
	}
	began := time.Now()
	if err := work(); err != nil {
		return err
	}
	p.rest(time.Since(began))
	p.x.hold(p.index)
	return nil
}

func (p *pacer) rest(took time.Duration) {
	if n := p.x.searches.Load(); n != p.searches && !p.x.reindex.isUrgent() {
		p.searches = n
		sleep(p.ctx, restFactor*took)
	}
}

// wait waits while the build is paused. That must not go on for so long that the change log grows without bounds.
func (p *pacer) wait() error {
	tick := time.NewTicker(retryDelay)
	defer tick.Stop()
	for {
		p.x.space.await(p.ctx)
		p.logIsLong = p.x.held() > p.x.o.maxHeld
		paused, changed := p.x.reindex.paused()
		switch {
		case p.ctx.Err() != nil:
			return context.Cause(p.ctx)
		case !paused:
			return nil
		case p.logIsLong:
			return fmt.Errorf("it was paused for more than %d changes", p.x.o.maxHeld)
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-p.ctx.Done():
		}
	}
}

// hold keeps the change log behind what the index that is being built has persisted.
func (x *Index) hold(s *searchIndex) {
	p, _ := s.persistence()
	x.reindex.building.Store(max(p.sequence, x.reindex.building.Load()))
}

// held is how many changes the log keeps for the index that is being built.
func (x *Index) held() uint64 {
	x.commits.Lock()
	defer x.commits.Unlock()
	return x.last - min(x.last, x.reindex.building.Load())
}
