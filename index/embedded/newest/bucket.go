package newest

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"

	"recordings/index/embedded/schema"
	"recordings/mapping"
)

// bucket is a span of time with the candidates that start in it: a period, a day or an hour.
type bucket struct {
	low, end mapping.Time // where it begins, and where the next one does
	lastDay  int
	segments []bucketSegment
	count    int // of candidates
}

// bucketSegment is what a segment has of a bucket: those of docs that are candidates of the
// segment.
type bucketSegment struct {
	segment *segmentSearch
	docs    *roaring.Bitmap
	count   int
}

// dayBucket is the bucket of a day, without candidates.
func dayBucket(day int) bucket {
	return bucket{low: schema.StartOf(day), end: schema.StartOf(day + 1), lastDay: day}
}

// periodBucket is the bucket of a period of days, without candidates.
func periodBucket(period int) bucket {
	first := period * schema.PeriodDays
	next := first + schema.PeriodDays
	return bucket{low: schema.StartOf(first), end: schema.StartOf(next), lastDay: next - 1}
}

// decided reports whether all candidates of the segment in the bucket are known to satisfy the
// clauses and the spans.
func (p *bucketSegment) decided() bool {
	s := p.segment
	if s.open {
		return false
	}
	return s.unverified == 0 || s.accepted != nil && s.decided(roaring.And(p.docs, s.candidates), uint64(p.count))
}

// candidates are the candidates of the segment in the bucket.
func (p *bucketSegment) candidates() *roaring.Bitmap {
	if p.segment.candidates == nil {
		return p.docs
	}
	return roaring.And(p.docs, p.segment.candidates)
}

// add adds what a segment has in the bucket. Segments that have no candidates in it are left out,
// so that nobody looks at them again.
func (b *bucket) add(s *segmentSearch, docs *roaring.Bitmap) {
	if n := s.candidatesIn(b, docs); n > 0 {
		b.segments = append(b.segments, bucketSegment{s, docs, n})
		b.count += n
	}
}

// within reports whether everything in the bucket is within the bounds of startTime and stopTime,
// unless it is an odd call. What starts late enough stops late enough; and what starts on a day has
// stopped by the end of the next.
func (b *bucket) within(p *plan) bool {
	return b.low >= max(p.start.min, p.stop.min) &&
		(p.start.max == mapping.MaxTime || schema.DayOf(p.start.max) > b.lastDay) &&
		(p.stop.max == mapping.MaxTime || schema.DayOf(p.stop.max) > b.lastDay+1)
}

// exact reports whether every candidate is known to match.
func (b *bucket) exact(p *plan) bool {
	if !b.within(p) {
		return false
	}

	for _, part := range b.segments {
		s := part.segment
		if !part.decided() || s.odd != nil && s.odd.Intersects(part.docs) {
			return false
		}
	}

	return true
}

// A batch is a number of buckets in a row whose candidates are looked at together. The fewer of
// them turn out to match, the larger the batches become, so that what remains is done with little
// overhead and by several goroutines.
type batch struct {
	segments []bucketSegment
	behind   timeRange // what the walk comes to after the last of the buckets
	count    int
	exact    bool
	target   int // how many candidates are worth a batch
}

const (
	maxTarget = 1 << 16 // bounds what is looked at in vain
	parallel  = 4096    // candidates that are worth a second goroutine
)

// addToBatch adds a bucket, which comes after those that the batch has. A batch is exact as long as
// all its buckets are.
func (w *walk) addToBatch(b *bucket) {
	r := &w.batch
	r.exact = (r.exact || r.count == 0) && b.exact(w.plan)
	r.segments = append(r.segments, b.segments...)
	r.count += b.count
	r.behind = w.behind(b)
}

// flush looks at the candidates of the batch, and takes what matches.
func (w *walk) flush() error {
	b := w.batch
	if len(b.segments) == 0 {
		return nil
	}

	w.batch = batch{target: b.target}
	hits, err := w.loadBatch(b.segments, b.count)
	if err != nil {
		return err
	}

	// What was ready and comes no later goes into the same batch: the page is filled in the order of
	// time.
	found := len(hits)
	hits = append(hits, w.readyBefore(b.behind)...)
	w.walked(b.behind)
	defer func() { _ = w.budget.hold(-found * hitBytes) }()
	if err := w.take(hits); err != nil || w.full() {
		return err
	}

	// Looking at candidates in vain is a sign that the grams exclude too little: the next batch is
	// larger, and what was spared before is read now.
	const rarely = 16
	rare := found*rarely < b.count
	if rare || w.skip > b.target {
		w.batch.target = min(2*b.target, maxTarget)
	}
	if rare && w.level == termsOnly && b.count >= b.target/2 {
		return w.filterFurther()
	}
	return nil
}

// loadBatch returns what matches of the segments' buckets, in no order.
func (w *walk) loadBatch(segments []bucketSegment, count int) ([]hit, error) {
	// A second goroutine is worth its start from some thousand candidates on.
	workers := min(len(w.readers), 1+count/parallel, len(segments))
	if workers <= 1 {
		const most = 256 // that are worth being made room for at once
		hits := make([]hit, 0, min(count, most))
		for i := range segments {
			var err error
			if hits, err = w.loadSegment(&segments[i], 0, hits); err != nil {
				return nil, err
			}
		}

		return hits, nil
	}

	hits := make([][]hit, workers)
	err := inParallel(workers, len(segments), func(worker, i int) (err error) {
		hits[worker], err = w.loadSegment(&segments[i], worker, hits[worker])
		return err
	})

	return slices.Concat(hits...), err
}

// loadSegment appends what matches of a segment in a bucket. A worker has a reader of its own for
// each segment, as readers keep state.
func (w *walk) loadSegment(p *bucketSegment, worker int, hits []hit) ([]hit, error) {
	return p.segment.load(p.candidates(), w.reader(worker, p.segment), w.left, hits)
}

// inParallel shares n pieces of work out among workers. If one of them panics, as it may on a
// damaged segment, the caller does.
func inParallel(workers, n int, do func(worker, i int) error) error {
	var wg sync.WaitGroup
	var next atomic.Int64
	errs, panics := make([]error, workers), make([]any, workers)
	for worker := range workers {
		wg.Go(func() {
			defer func() { panics[worker] = recover() }()
			for i := next.Add(1) - 1; i < int64(n) && errs[worker] == nil; i = next.Add(1) - 1 {
				errs[worker] = do(worker, int(i))
			}
		})
	}

	wg.Wait()

	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}

	return errors.Join(errs...)
}
