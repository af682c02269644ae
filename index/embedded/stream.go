package embedded

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"recordings/index"
	"recordings/index/embedded/newest"
	"recordings/mapping"
)

// Stream gives all recordings that match to a sink; see [index.Index].
func (x *Index) Stream(ctx context.Context, q index.Query, to index.Sink) error {
	return x.look(ctx, q.ContactCenter, func(ctx context.Context, v *view) error {
		return newStream(v, q, to).run(ctx)
	})
}

// stream is a pipeline: one goroutine finds matches, several read and encode them, and one, which is the caller's, writes them
// in the order in which they were found. Between them go a fixed number of stretches, round and round.
type stream struct {
	view *view
	q    index.Query
	to   index.Sink

	free  chan *stretch // to be filled
	found chan *stretch // to be encoded
	order chan *stretch // to be written, once they are encoded

	ahead    atomic.Int64 // bytes of recordings that were read and are not written yet
	maxAhead int64
}

// stretch is a number of matches in a row.
type stretch struct {
	hits []newest.Hit
	n    int        // of the hits that are encoded, the first ones; the writer does the others itself
	data []byte     // of these
	read int64      // bytes of recordings that were read for it
	done chan error // has an element when it is filled
}

const (
	// stretchHits is how many matches a stretch has at most: enough for handing it on to cost little.
	stretchHits = 64
	// Recordings may be large, and whoever takes them slow: so many bytes of them are read ahead, and for each processor so
	// many, which is more than all stretches of usual recordings have.
	minStreamedAhead = 4 << 20
	streamedAhead    = 1 << 20
)

func newStream(v *view, q index.Query, to index.Sink) *stream {
	n := 4 * runtime.GOMAXPROCS(0)
	s := &stream{
		view:  v,
		q:     q,
		to:    to,
		free:  make(chan *stretch, n),
		found: make(chan *stretch, n),
		order: make(chan *stretch, n),

		maxAhead: int64(max(minStreamedAhead, streamedAhead*runtime.GOMAXPROCS(0))),
	}
	for range n {
		s.free <- &stretch{done: make(chan error, 1)}
	}
	return s
}

func (s *stream) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(s.found)
		defer close(s.order)
		return guard(func() error { return s.find(ctx) })
	})
	for range runtime.GOMAXPROCS(0) {
		g.Go(s.work)
	}
	g.Go(func() error { return guard(func() error { return s.write(ctx) }) })
	return g.Wait()
}

// find fills stretches with what matches.
func (s *stream) find(ctx context.Context) error {
	return s.view.index.searcher.Stream(ctx, s.view.reader, s.view.request(s.q), func(hits []newest.Hit) error {
		for len(hits) > 0 {
			select {
			case p := <-s.free:
				n := min(len(hits), stretchHits)
				p.hits = append(p.hits[:0], hits[:n]...)
				hits = hits[n:]
				s.found <- p
				s.order <- p
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
}

// work reads and encodes stretches.
func (s *stream) work() (err error) {
	it, err := s.view.records()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	stored := func(key string) ([]byte, error) { return seekRecord(it, key) }
	for p := range s.found {
		p.done <- guard(func() error { return s.fill(p, stored) })
	}
	return nil
}

// fill reads and encodes the recordings of a stretch, as far as they are read ahead.
func (s *stream) fill(p *stretch, stored reading) (err error) {
	recordings := make([]*mapping.Stored, len(p.hits))
	p.n, p.data, p.read = 0, p.data[:0], 0
	ahead := func(key string) ([]byte, error) {
		if s.ahead.Load() > s.maxAhead {
			return nil, errEnough
		}
		data, err := stored(key)
		p.read += int64(len(data))
		s.ahead.Add(int64(len(data)))
		return data, err
	}
	if err := s.view.readHits(p.hits, s.q.Region, ahead, recordings); err != nil {
		return err
	}

	for ; p.n < len(recordings) && recordings[p.n] != nil; p.n++ {
		if p.data, err = s.to.Encode(p.data, recordings[p.n]); err != nil {
			return fmt.Errorf("encoding a recording: %w", err)
		}
	}
	return nil
}

func (s *stream) write(ctx context.Context) error {
	for p := range s.order {
		select {
		case err := <-p.done:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}

		if err := s.give(p); err != nil {
			return err
		}
		s.ahead.Add(-p.read)
		s.free <- p
	}
	return nil
}

// give gives a stretch to the sink. It does not keep the memory of unusually large recordings.
func (s *stream) give(p *stretch) error {
	if p.n > 0 {
		if err := s.to.Write(p.data, p.n); err != nil {
			return err
		}
	}
	if cap(p.data) > streamedAhead {
		p.data = nil
	}
	return s.view.giveEach(p.hits[p.n:], s.q.Region, s.to, s.view.stored)
}
