package embedded

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"recordings/index"
	"recordings/index/embedded/internal/fault"
	"recordings/index/embedded/newest"
	"recordings/mapping"
)

// Stream gives all recordings that match to a sink; see [index.Index].
func (x *Index) Stream(ctx context.Context, q index.Query, to index.Sink) error {
	return x.withView(ctx, q.ContactCenter, func(ctx context.Context, v *view) error {
		return newStream(v, q, to).run(ctx)
	})
}

// stream is a pipeline: one goroutine finds matches, several read and encode them, and one writes
// them in the order in which they were found. Between them goes a fixed number of batches, round
// and round.
type stream struct {
	view *view
	q    index.Query
	to   index.Sink

	free  chan *hitBatch // to be filled
	found chan *hitBatch // to be encoded
	order chan *hitBatch // to be written, once they are encoded

	ahead    atomic.Int64 // bytes of recordings that were read and are not written yet
	maxAhead int64
}

// hitBatch is a number of matches in a row.
type hitBatch struct {
	hits []newest.Hit
	n    int        // of the hits that are encoded, the first ones; the writer does the others itself
	data []byte     // of these
	read int64      // bytes of recordings that were read for it
	done chan error // has an element when it is filled
}

const (
	// batchHits is how many matches a batch has at most: enough for handing it on to cost little.
	batchHits = 64

	// Recordings may be large, and whoever takes them slow: so many bytes of them are read ahead,
	// and for each processor so many, which is more than all batches of usual recordings have.
	minStreamedAhead = 4 << 20
	streamedAhead    = 1 << 20
)

// newStream makes the pipeline with four batches for each processor: enough that nobody waits for
// another who was only interrupted.
func newStream(v *view, q index.Query, to index.Sink) *stream {
	n := 4 * runtime.GOMAXPROCS(0)
	s := &stream{
		view:  v,
		q:     q,
		to:    to,
		free:  make(chan *hitBatch, n),
		found: make(chan *hitBatch, n),
		order: make(chan *hitBatch, n),

		maxAhead: int64(max(minStreamedAhead, streamedAhead*runtime.GOMAXPROCS(0))),
	}
	for range n {
		s.free <- &hitBatch{done: make(chan error, 1)}
	}
	return s
}

// run runs the pipeline until its end. The first error ends all of it.
func (s *stream) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(s.found)
		defer close(s.order)
		return fault.Guard(func() error { return s.find(ctx) })
	})
	for range runtime.GOMAXPROCS(0) {
		g.Go(s.work)
	}
	g.Go(func() error { return fault.Guard(func() error { return s.write(ctx) }) })
	return g.Wait()
}

// find fills batches with what matches.
func (s *stream) find(ctx context.Context) error {
	emit := func(hits []newest.Hit) error {
		for len(hits) > 0 {
			select {
			case b := <-s.free:
				n := min(len(hits), batchHits)
				b.hits = append(b.hits[:0], hits[:n]...)
				hits = hits[n:]
				s.found <- b
				s.order <- b
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	}
	return s.view.searcher().Stream(ctx, s.view.reader.Snapshot, s.view.request(s.q), emit)
}

// work reads and encodes batches.
func (s *stream) work() (err error) {
	records, err := s.view.state.Records()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, records.Close()) }()

	for b := range s.found {
		b.done <- fault.Guard(func() error { return s.fill(b, records.Get) })
	}
	return nil
}

// fill reads and encodes the recordings of a batch, as far as they are read ahead.
func (s *stream) fill(b *hitBatch, stored reading) (err error) {
	recordings := make([]*mapping.Stored, len(b.hits))
	b.n, b.data, b.read = 0, b.data[:0], 0
	ahead := func(key string) ([]byte, error) {
		if s.ahead.Load() > s.maxAhead {
			return nil, errEnough
		}
		data, err := stored(key)
		b.read += int64(len(data))
		s.ahead.Add(int64(len(data)))
		return data, err
	}
	if err := s.view.readHits(b.hits, s.q.Region, ahead, recordings); err != nil {
		return err
	}

	for ; b.n < len(recordings) && recordings[b.n] != nil; b.n++ {
		if b.data, err = s.to.Encode(b.data, recordings[b.n]); err != nil {
			return fmt.Errorf("encoding a recording: %w", err)
		}
	}
	return nil
}

// write writes the batches in order.
func (s *stream) write(ctx context.Context) error {
	for b := range s.order {
		select {
		case err := <-b.done:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}

		if err := s.give(b); err != nil {
			return err
		}
		s.ahead.Add(-b.read)
		s.free <- b
	}
	return nil
}

// give gives a batch to the sink. It does not keep the memory of unusually large recordings.
func (s *stream) give(b *hitBatch) error {
	if b.n > 0 {
		if err := s.to.Write(b.data, b.n); err != nil {
			return err
		}
	}
	if cap(b.data) > streamedAhead {
		b.data = nil
	}
	return s.view.giveEach(b.hits[b.n:], s.q.Region, s.to, s.view.state.Get)
}
