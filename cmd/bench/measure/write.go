package measure

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"recordings/cmd/bench/engine"
)

const (
	pacedRate    = 1000 // recordings per second that are written while the mix is measured
	pacedWriters = 16
)

var writerCounts = []int{1, 16, 64}

// write measures how fast single recordings become durable, and how fast searches are meanwhile.
func (r *run) write(ctx context.Context) error {
	for i, e := range r.engines {
		result := &r.results[i]
		for _, writers := range writerCounts {
			n, err := r.writeFor(ctx, e, writers, r.plan.Writes, nil)
			if err != nil {
				return err
			}
			rate := Rate{writers, float64(n) / r.plan.Writes.Seconds()}
			result.DurableRates = append(result.DurableRates, rate)
			r.say("durable writes, %d writers, %s: %.0f/s", writers, result.Engine, rate.PerSecond)
		}

		if err := r.mixWhileWriting(ctx, e, result); err != nil {
			return err
		}

		r.say("mix while %.0f/s are written, %s: p50 %.3f ms  p99 %.3f ms", result.WritingRate, result.Engine,
			ms(result.MixWriting.P50), ms(result.MixWriting.P99))
	}

	return nil
}

func (r *run) mixWhileWriting(ctx context.Context, e engine.Engine, result *Result) error {
	pace := time.NewTicker(time.Second / (pacedRate / pacedWriters))
	defer pace.Stop()
	writing, stop := context.WithCancel(ctx)
	defer stop()
	var n int
	begin := time.Now()
	group := new(errgroup.Group)
	group.Go(func() (err error) {
		n, err = r.writeFor(writing, e, pacedWriters, r.plan.Mix+time.Hour, pace.C)
		return err
	})

	var err error
	result.MixWriting, err = r.mix(ctx, e, result.Shapes)
	stop()
	took := time.Since(begin)
	if err := errors.Join(err, group.Wait()); err != nil {
		return err
	}

	result.WritingRate = float64(n) / took.Seconds()
	return nil
}

// writeFor writes new recordings with several writers for some time, or until the context ends, and
// returns how many it has written. With a pace, each tick is for as many recordings as there are
// writers.
func (r *run) writeFor(ctx context.Context, e engine.Engine, writers int, d time.Duration, pace <-chan time.Time) (int,
	error) {
	var next, done atomic.Int64
	next.Store(int64(r.corpus.After() + r.written))
	group, inGroup := errgroup.WithContext(ctx)
	tokens := make(chan struct{}, writers)
	end := time.Now().Add(d)
	if pace != nil {
		group.Go(func() error { return spend(ctx, pace, tokens) })
	}

	for range writers {
		group.Go(func() error {
			m := r.corpus.Maker()
			for time.Now().Before(end) && inGroup.Err() == nil {
				if pace != nil {
					if _, ok := <-tokens; !ok {
						return nil
					}
				}

				// Once begun, a write is finished, so that the next engine finds things as they
				// are.
				if err := e.Put(context.WithoutCancel(inGroup), m.Make(int(next.Add(1)-1))); err != nil {
					return err
				}

				done.Add(1)
			}

			return nil
		})
	}

	err := group.Wait()
	r.written = int(next.Load()) - r.corpus.After()
	return int(done.Load()), err
}

// spend gives out as many tokens as there is room for at each tick, until the context ends.
func spend(ctx context.Context, pace <-chan time.Time, tokens chan<- struct{}) error {
	defer close(tokens)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-pace:
		}

		for range cap(tokens) {
			select {
			case tokens <- struct{}{}:
			case <-ctx.Done():
				return nil
			}
		}
	}
}
