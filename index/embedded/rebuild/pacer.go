package rebuild

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"recordings/index/embedded/bleveindex"
	"recordings/index/embedded/internal/pace"
)

// What an index takes that is built while searches are answered from another.
const (
	besideBatch   = 500 // recordings at a time
	besideWorkers = 1   // processors that their analysis takes
)

// urgentFactor is how much larger than others the batches are of an index that searches wait for:
// what is large already need not be merged so often.
const urgentFactor = 2

// analysisWorkers is how many processors the analysis of an index takes that is being built; 0:
// all.
func (b *Builder) analysisWorkers() int {
	if b.job.isUrgent() {
		return 0
	}
	return besideWorkers
}

// pacer lets searches go first: with every batch of an index that is built beside another, it waits
// as long as it is paused, or the disk is full, and where there were searches it does nothing for
// some time. So these find the processors free for three quarters of the time, and one of them
// taken at most for the rest; without searches it takes one.
type pacer struct {
	builder   *Builder
	ctx       context.Context
	index     *bleveindex.Index
	searches  uint64 // that had begun when it last rested
	logIsLong bool   // behind the sequence of the index, for which it is kept
}

// batch is how many recordings are added at a time.
func (p *pacer) batch() int {
	size := p.builder.o.BatchSize
	if p.builder.job.isUrgent() {
		return urgentFactor * size
	}
	return min(besideBatch, size)
}

// workers is how many batches are made at the same time.
func (p *pacer) workers() int {
	if p.builder.job.isUrgent() {
		return runtime.GOMAXPROCS(0)
	}
	return besideWorkers
}

// do does a piece of work, when it is its turn, and rests afterwards.
func (p *pacer) do(work func() error) error {
	if err := p.wait(); err != nil {
		return err
	}

	began := time.Now()
	if err := work(); err != nil {
		return err
	}
	p.rest(time.Since(began))
	p.builder.hold(p.index)
	return nil
}

// rest lets searches have the processors after a piece of work, if there are any searches.
func (p *pacer) rest(took time.Duration) {
	if n := p.builder.o.Service.Searches(); n != p.searches && !p.builder.job.isUrgent() {
		p.searches = n
		pace.Sleep(p.ctx, pace.SearchFactor*took)
	}
}

// wait waits while the build is paused. That must not go on for so long that the change log grows
// without bounds.
func (p *pacer) wait() error {
	tick := time.NewTicker(retryDelay)
	defer tick.Stop()
	for {
		p.builder.o.Store.Space().Await(p.ctx)
		p.logIsLong = p.builder.held() > p.builder.o.MaxHeld
		paused, changed := p.builder.job.paused()
		switch {
		case p.ctx.Err() != nil:
			return context.Cause(p.ctx)
		case !paused:
			return nil
		case p.logIsLong:
			return fmt.Errorf("it was paused for more than %d changes", p.builder.o.MaxHeld)
		}

		select {
		case <-changed:
		case <-tick.C:
		case <-p.ctx.Done():
		}
	}
}
