package newest

import (
	"context"
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"

	"recordings/index"
	"recordings/index/embedded/schema"
	"recordings/mapping"
)

// Division divides all time into buckets: it returns where that of a time begins, and the next one.
type Division func(t mapping.Time) (from, until mapping.Time)

// Count returns how many recordings match, whichever part of them the request wants. What the
// postings decide is counted by them; only the rest is looked at, within the same budget as that of
// a search.
func (s *Searcher) Count(ctx context.Context, snapshot *scorch.IndexSnapshot, r Request) (int, error) {
	everything := func(mapping.Time) (from, until mapping.Time) { return 0, mapping.MaxTime + 1 }
	counts, err := s.Histogram(ctx, snapshot, r, everything)
	return counts[0], err
}

// Histogram is Count by the buckets in which the recordings start, by the beginnings of these.
func (s *Searcher) Histogram(
	ctx context.Context, snapshot *scorch.IndexSnapshot, r Request, by Division,
) (map[mapping.Time]int, error) {
	r.Offset, r.Limit, r.Order = 0, 1, index.NewestFirst // any will do: nothing is walked through
	w, err := s.newWalk(ctx, snapshot, &r)
	if err != nil {
		return nil, fmt.Errorf("counting: %w", err)
	}

	defer w.end()
	defer w.report()
	t := newTally(by)
	if err := w.count(t); err != nil {
		return nil, fmt.Errorf("counting: %w", err)
	}
	return t.counts, nil
}

// tally counts by buckets, for one goroutine.
type tally struct {
	by          Division
	counts      map[mapping.Time]int // of buckets that have any
	from, until mapping.Time         // the bucket of the last time
}

func newTally(by Division) *tally { return &tally{by: by, counts: make(map[mapping.Time]int)} }

// bucket goes to that of a time. Mostly it is that of the time before.
func (t *tally) bucket(at mapping.Time) {
	if at < t.from || at >= t.until {
		t.from, t.until = t.by(at)
	}
}

// add counts n recordings that start in the bucket of a time.
func (t *tally) add(at mapping.Time, n int) {
	if n > 0 {
		t.bucket(at)
		t.counts[t.from] += n
	}
}

// has reports whether all times from one on and before another are in the same bucket.
func (t *tally) has(low, high mapping.Time) bool {
	t.bucket(low)
	return high <= t.until
}

// addAll adds what another tally has counted.
func (t *tally) addAll(other *tally) {
	for from, n := range other.counts {
		t.counts[from] += n
	}
}

// count takes the segments one after the other, as their order does not matter.
func (w *walk) count(t *tally) error {
	if err := w.budget.spend(1); err != nil {
		return err
	}

	w.collectHidden()

	var unverified []bucketSegment
	for _, s := range w.waiting {
		w.work.Segments++
		if err := s.findCandidates(termsAndRanges); err != nil {
			return err
		}
		if _, ok := s.nextDay(); !ok { // it had few candidates, which are ready
			continue
		}
		if err := s.hide(); err != nil {
			return err
		}
		parts, err := s.count(t)
		if err != nil {
			return err
		}
		unverified = append(unverified, parts...)
	}

	for i := range w.ready {
		t.add(w.ready[i].start, 1)
	}
	return w.verify(unverified, t)
}

// count counts the candidates that are known to match, and returns those that have to be looked at.
func (s *segmentSearch) count(t *tally) (unverified []bucketSegment, err error) {
	for day, ok := s.nextDay(); ok; day, ok = s.nextDay() {
		s.walk.work.Days++
		b, docs, err := s.largestBucket(day, t)
		if err != nil {
			return nil, err
		}
		b.add(s, docs)
		if err := s.walk.budget.spend(1); err != nil {
			return nil, err
		}
		if b.count == 0 {
			continue
		}

		// What has to be looked at tells itself when it starts.
		parts := []bucket{b}
		if known := b.within(s.walk.plan) && b.segments[0].decided(); known && !t.has(b.low, b.end) {
			var doubt []bucketSegment
			if parts, doubt, err = s.split(&b, docs, t); err != nil {
				return nil, err
			}
			unverified = append(unverified, doubt...)
		}
		for i := range parts {
			unverified = append(unverified, s.countBucket(&parts[i], t)...)
		}
	}

	return unverified, nil
}

// countBucket counts the candidates of a bucket of this segment that are known to match, and returns the
// others.
func (s *segmentSearch) countBucket(b *bucket, t *tally) (unverified []bucketSegment) {
	switch {
	case b.count == 0:
		return nil
	case b.exact(s.walk.plan):
		t.add(b.low, b.count)
		return nil
	}
	sure, unverified := s.divide(b)
	t.add(b.low, sure)
	return unverified
}

// largestBucket is the period of a day, if all of it is within the bounds of time and in one bucket of
// the tally, else the day. It is done with then.
func (s *segmentSearch) largestBucket(day int, t *tally) (b bucket, docs *roaring.Bitmap, err error) {
	period := schema.PeriodOf(day)
	if b = periodBucket(period); b.within(s.walk.plan) && t.has(b.low, b.end) {
		s.skipThrough(period * schema.PeriodDays)
		docs, err = s.period(period)
		return b, docs, err
	}

	s.skipThrough(day)
	docs, err = s.day(day)
	return dayBucket(day), docs, err
}

// hoursPerDay is how many hours a day has.
const hoursPerDay = 24

// split divides the candidates of a day, which docs are, by the buckets of the tally. Those of an hour in
// which another bucket begins have to be looked at.
func (s *segmentSearch) split(
	day *bucket, docs *roaring.Bitmap, t *tally,
) (parts []bucket, doubt []bucketSegment, err error) {
	at := func(hour int) mapping.Time { return day.low + mapping.Time(int64(hour)*schema.MSPerHour) }
	for from := 0; from < hoursPerDay; {
		to := from + 1 // the hours from one to another are in one bucket, or one hour is in several
		whole := t.has(at(from), at(to))
		for whole && to < hoursPerDay && t.has(at(from), at(to+1)) {
			to++
		}

		hours, err := s.hours(from, to)
		if err != nil {
			return nil, nil, err
		}
		b := bucket{low: at(from), end: at(to), lastDay: day.lastDay}
		b.add(s, roaring.And(docs, hours))
		if whole {
			parts = append(parts, b)
		} else {
			doubt = append(doubt, b.segments...)
		}
		if err := s.walk.budget.spend(1); err != nil {
			return nil, nil, err
		}
		from = to
	}
	return parts, doubt, nil
}

// hours returns the documents that start in some hours of any day. Of several hours it is kept: the
// changes of days in a zone are few.
func (s *segmentSearch) hours(from, to int) (*roaring.Bitmap, error) {
	if to == from+1 {
		docs, err := s.postings(schema.FieldHour, schema.HourTerm(from))
		if docs == nil {
			docs = roaring.New()
		}
		return docs, err
	}

	key := spanKey{s.segment, span{field: schema.FieldHour, from: schema.HourTerm(from), to: schema.HourTerm(to)}}
	if docs, ok := s.walk.searcher.cache.spans.Get(key); ok {
		return docs, nil
	}
	docs := roaring.New()
	for hour := from; hour < to; hour++ {
		some, err := s.postings(schema.FieldHour, schema.HourTerm(hour))
		if err != nil {
			return nil, err
		}
		if some != nil {
			docs.Or(some)
		}
	}
	docs.CloneCopyOnWriteContainers() // what it has in common with lists lies in the segment's file
	s.walk.searcher.cache.spans.Put(key, docs)
	return docs, nil
}

// divide separates the candidates of a bucket of this segment into how many are known to match, and
// those that are not. Where only the ends of odd calls are in doubt, these are few.
func (s *segmentSearch) divide(b *bucket) (sure int, unverified []bucketSegment) {
	docs := b.segments[0].docs
	if s.unverified == 0 && !s.open && b.within(s.walk.plan) {
		docs = roaring.And(docs, s.odd)
	}
	doubt := *b
	doubt.segments, doubt.count = nil, 0
	doubt.add(s, docs)
	return b.count - doubt.count, doubt.segments
}

// verify counts what matches of the parts.
func (w *walk) verify(parts []bucketSegment, t *tally) error {
	total := 0
	for _, p := range parts {
		total += p.count
	}

	workers := max(1, min(len(w.readers), 1+total/parallel, len(parts)))
	tallies := make([]*tally, workers)
	for i := range tallies {
		tallies[i] = newTally(t.by)
	}
	err := inParallel(workers, len(parts), func(worker, i int) error {
		return w.verifyPart(&parts[i], worker, tallies[worker])
	})

	for _, other := range tallies {
		t.addAll(other)
	}
	return err
}

// verifyPart counts what matches of the candidates of a segment in a bucket.
func (w *walk) verifyPart(p *bucketSegment, worker int, t *tally) error {
	s := p.segment
	r := w.reader(worker, s)
	var buf [256]uint32
	it := p.candidates().ManyIterator()
	for k := it.NextMany(buf[:]); k > 0; k = it.NextMany(buf[:]) {
		if err := s.looked(k); err != nil {
			return err
		}
		for _, doc := range buf[:k] {
			start, ok, err := r.match(doc, s.unverified)
			if err != nil {
				return err
			}
			if ok {
				t.add(start, 1)
			}
		}
	}

	return nil
}
