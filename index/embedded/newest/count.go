package newest

import (
	"context"
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"

	"recordings/index/embedded/schema"
)

// Count returns how many recordings match, whichever part of them the request wants. What the
// postings decide is counted by them; only the rest is looked at, within the same budget as that of
// a search.
func (s *Searcher) Count(ctx context.Context, snapshot *scorch.IndexSnapshot, r Request) (int, error) {
	r.Offset, r.Limit = 0, 1 // any will do: nothing is walked through
	w, err := s.newWalk(ctx, snapshot, &r)
	if err != nil {
		return 0, fmt.Errorf("counting: %w", err)
	}

	defer w.end()
	defer w.report()
	n, err := w.count()
	if err != nil {
		return 0, fmt.Errorf("counting: %w", err)
	}
	return n, nil
}

// count takes the segments one after the other, as their order does not matter.
func (w *walk) count() (n int, err error) {
	if err := w.budget.spend(1); err != nil {
		return 0, err
	}

	w.collectHidden()

	var unverified []bucketSegment
	for _, s := range w.waiting {
		w.work.Segments++
		if err := s.findCandidates(termsAndRanges); err != nil {
			return 0, err
		}
		if _, ok := s.newestDay(); !ok { // it had few candidates, which are ready
			continue
		}
		if err := s.hide(); err != nil {
			return 0, err
		}
		sure, parts, err := s.count()
		if err != nil {
			return 0, err
		}
		n += sure
		unverified = append(unverified, parts...)
	}

	verified, err := w.verify(unverified)
	return n + verified + len(w.ready), err
}

// count counts the candidates that are known to match, and returns those that have to be looked at.
func (s *segmentSearch) count() (sure int, unverified []bucketSegment, err error) {
	for day, ok := s.newestDay(); ok; day, ok = s.newestDay() {
		s.walk.work.Days++
		b, docs, err := s.largestBucket(day)
		if err != nil {
			return 0, nil, err
		}
		b.add(s, docs)
		if b.exact(s.walk.plan) {
			sure += b.count
		} else if b.count > 0 {
			n, parts := s.divide(&b)
			sure += n
			unverified = append(unverified, parts...)
		}
		if err := s.walk.budget.spend(1); err != nil {
			return 0, nil, err
		}
	}

	return sure, unverified, nil
}

// largestBucket is the period of a day, if all of it is within the bounds of time, else the day. It
// is done with then.
func (s *segmentSearch) largestBucket(day int) (b bucket, docs *roaring.Bitmap, err error) {
	period := schema.PeriodOf(day)
	if b = periodBucket(period); b.within(s.walk.plan) {
		s.skipDaysAfter(period*schema.PeriodDays - 1)
		docs, err = s.period(period)
		return b, docs, err
	}

	s.skipDaysAfter(day - 1)
	docs, err = s.day(day)
	return dayBucket(day), docs, err
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
func (w *walk) verify(parts []bucketSegment) (n int, err error) {
	total := 0
	for _, p := range parts {
		total += p.count
	}

	workers := max(1, min(len(w.readers), 1+total/parallel, len(parts)))
	counts := make([]int, workers)
	err = inParallel(workers, len(parts), func(worker, i int) error {
		n, err := w.verifyPart(&parts[i], worker)
		counts[worker] += n
		return err
	})

	for _, c := range counts {
		n += c
	}
	return n, err
}

// verifyPart counts what matches of the candidates of a segment in a bucket.
func (w *walk) verifyPart(p *bucketSegment, worker int) (n int, err error) {
	s := p.segment
	r := w.reader(worker, s)
	var buf [256]uint32
	it := p.candidates().ManyIterator()
	for k := it.NextMany(buf[:]); k > 0; k = it.NextMany(buf[:]) {
		if err := s.looked(k); err != nil {
			return 0, err
		}
		for _, doc := range buf[:k] {
			_, ok, err := r.match(doc, s.unverified)
			if err != nil {
				return 0, err
			}
			if ok {
				n++
			}
		}
	}

	return n, nil
}
