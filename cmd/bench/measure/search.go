package measure

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"recordings/cmd/bench/engine"
	"recordings/cmd/bench/shapes"
)

const (
	minSearches = 3
	maxSearches = 500
	clients     = 2 // of the mix
)

// search measures every shape alone, and then the mix of all.
func (r *run) search(ctx context.Context) error {
	for _, s := range r.shapes {
		for i, e := range r.engines {
			m, err := r.shape(ctx, e, s)
			if err != nil {
				return err
			}
			r.results[i].Shapes = append(r.results[i].Shapes, m)
			r.say("%-42s %-5s p50 %9.3f ms  p99 %9.3f ms  n %3d  hits %3d %s", s.Name, r.results[i].Engine,
				ms(m.Latency.P50), ms(m.Latency.P99),
				m.Latency.N, len(m.IDs), m.Problem)
		}
	}

	for i, e := range r.engines {
		mix, err := r.mix(ctx, e, r.results[i].Shapes)
		if err != nil {
			return err
		}
		r.results[i].Mix = mix
		r.say("mix of all shapes, %d clients, %s: p50 %.3f ms  p99 %.3f ms  n %d", clients, r.results[i].Engine,
			ms(mix.P50), ms(mix.P99), mix.N)
	}

	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// shape measures one shape.
func (r *run) shape(ctx context.Context, e engine.Engine, s shapes.Shape) (Shape, error) {
	m := Shape{Name: s.Name, Adversarial: s.Adversarial}
	var times []time.Duration
	for begin := time.Now(); len(times) < minSearches || len(times) < maxSearches &&
		time.Since(begin) < r.plan.PerShape; {
		before := time.Now()
		a, err := e.Search(ctx, s.Query)
		times = append(times, time.Since(before))
		switch {
		case ctx.Err() != nil:
			return m, ctx.Err()
		case errors.Is(err, engine.ErrTooSlow):
			m.Problem, m.IDs, m.More = TooSlow, nil, false
			m.Latency = newLatency(times)
			return m, nil
		case errors.Is(err, engine.ErrNotKept):
			m.Problem, m.IDs, m.More = NotKept, nil, false
			return m, nil
		case err != nil:
			m.Problem = err.Error()
			return m, nil
		}

		if err := a.Parse(); err != nil {
			return m, err
		}

		if len(times) > 1 && (!slices.Equal(m.IDs, a.IDs) || m.More != a.More) {
			return m, fmt.Errorf("%s: the same search has two different answers", s.Name)
		}

		m.IDs, m.More = a.IDs, a.More
	}

	m.Latency = newLatency(times)
	return m, nil
}

// mix measures all shapes that were answered in time, searched for in random order by several
// clients at a time.
func (r *run) mix(ctx context.Context, e engine.Engine, measured []Shape) (Latency, error) {
	var usable []shapes.Shape
	for i, m := range measured {
		if m.Problem == "" {
			usable = append(usable, r.shapes[i])
		}
	}

	if len(usable) == 0 {
		return Latency{}, nil
	}

	var mu sync.Mutex
	var all []time.Duration
	group, ctx := errgroup.WithContext(ctx)
	for client := range clients {
		group.Go(func() error {
			times, err := r.client(ctx, e, usable, uint64(client))
			mu.Lock()
			defer mu.Unlock()
			all = append(all, times...)
			return err
		})
	}

	if err := group.Wait(); err != nil {
		return Latency{}, err
	}

	return newLatency(all), nil
}

// client searches in random order, in all shapes equally often, until the time is up.
func (r *run) client(ctx context.Context, e engine.Engine, usable []shapes.Shape, seed uint64) (times []time.Duration,
	err error) {
	random := rand.New(rand.NewPCG(seed, 0))
	for begin := time.Now(); time.Since(begin) < r.plan.Mix; {
		for _, i := range random.Perm(len(usable)) {
			before := time.Now()
			_, err := e.Search(ctx, usable[i].Query)
			times = append(times, time.Since(before))
			if err != nil && !errors.Is(err, engine.ErrTooSlow) {
				return times, fmt.Errorf("%s: %w", usable[i].Name, err)
			}
			if time.Since(begin) >= r.plan.Mix {
				break
			}
		}
	}

	return times, nil
}
