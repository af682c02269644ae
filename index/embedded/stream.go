package embedded

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
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

// readHits reads the recordings of hits that a list of the same length lacks. It does so in the
// order of their keys, as those that lie together cost less then.
func (v *view) readHits(hits []newest.Hit, region string, stored reading, into []*mapping.Stored) (err error) {
	byKey := make([]int, 0, len(hits))
	for i, s := range into {
		if s == nil {
			byKey = append(byKey, i)
		}
	}
	slices.SortFunc(byKey, func(a, b int) int { return strings.Compare(hits[a].Key, hits[b].Key) })

	for _, i := range byKey {
		if into[i], err = v.hit(hits[i], region, stored); err != nil && !errors.Is(err, errEnough) {
			return err
		}
	}
	return nil
}

const (
	maxAhead  = 1 << 20 // bytes of recordings that a search reads ahead
	perReader = 32      // hits that are worth another goroutine
)

// errEnough says that no more is wanted, such as read ahead.
var errEnough = errors.New("enough is known")

// part is a number of hits in a row that a goroutine reads ahead.
type part struct {
	hits   []newest.Hit
	n      int     // of the hits that are read ahead, the first ones
	data   []byte  // of these, encoded
	buffer *[]byte // whose memory data has, if it suffices
}

// buffers are for what is read ahead: a page is much to be allocated for each search.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// release lets others use the memory of what was encoded, unless it is unusually much.
func (p *part) release() {
	if p.buffer != nil && cap(p.data) <= 2*maxAhead {
		*p.buffer = p.data[:0]
		buffers.Put(p.buffer)
	}
	p.data, p.buffer = nil, nil
}

// readAhead reads and encodes the recordings of hits, which is most of what a page costs, with the
// processors that no other search uses. Recordings may be large: it leaves out those behind the
// first maxAhead bytes.
func (v *view) readAhead(hits []newest.Hit, region string, to index.Sink) ([]part, error) {
	readers := max(1, runtime.GOMAXPROCS(0)/max(1, int(v.running.Load())))
	each := max(perReader, (len(hits)+readers-1)/readers)
	var parts []part
	for some := range slices.Chunk(hits, each) {
		parts = append(parts, part{hits: some})
	}

	// The bytes are counted together, as they are in memory together.
	var read atomic.Int64
	fill := func(p *part) error {
		return fault.Guard(func() error { return v.fill(p, region, to, &read) })
	}
	g := new(errgroup.Group)
	for i := range parts {
		if i == len(parts)-1 { // this goroutine has nothing else to do
			return parts, errors.Join(fill(&parts[i]), g.Wait())
		}
		g.Go(func() error { return fill(&parts[i]) })
	}
	return parts, nil
}

// fill reads and encodes the recordings of a part, as far as they are read ahead.
func (v *view) fill(p *part, region string, to index.Sink, read *atomic.Int64) error {
	recordings := make([]*mapping.Stored, len(p.hits))
	if known := v.records.find(p.hits, recordings); known < len(p.hits) {
		if err := v.readPart(p, region, read, recordings); err != nil {
			return err
		}
		v.records.add(p.hits, recordings)
	}

	// What is not there is behind the bytes that are read ahead: it is read when it is its turn.
	p.buffer = buffers.Get().(*[]byte)
	p.data = *p.buffer
	for p.n < len(p.hits) && recordings[p.n] != nil && len(p.data) <= maxAhead {
		var err error
		if p.data, err = to.Encode(p.data, recordings[p.n]); err != nil {
			return err
		}
		p.n++
	}
	return nil
}

// readPart reads the recordings of a part that a list of the same length lacks, as far as they are
// read ahead.
func (v *view) readPart(p *part, region string, read *atomic.Int64, into []*mapping.Stored) (err error) {
	records, err := v.state.Records()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, records.Close()) }()

	return v.readHits(p.hits, region, func(key string) ([]byte, error) {
		if read.Load() > maxAhead {
			return nil, errEnough
		}
		data, err := records.Get(key)
		read.Add(int64(len(data)))
		return data, err
	}, into)
}
