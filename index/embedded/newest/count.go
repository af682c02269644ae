package newest

import (
	"context"
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
)

// Count returns how many recordings match, whichever part of them the query wants. What the postings decide is counted by
// them; only the rest is looked at, within the same budget as that of a search.
func (s *Searcher) Count(ctx context.Context, snapshot *scorch.IndexSnapshot, q Query) (int, error) {
	q.Offset, q.Limit = 0, 1 // of no consequence: nothing is walked through
	w, err := s.newWalk(ctx, snapshot, &q)
	if err != nil {
		return 0, fmt.Errorf("counting: %w", err)
	}
	defer w.end()
	defer w.tell()
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
	var unsure []part
	for _, s := range w.waiting {
		w.work.Segments++
		if err := s.narrow(termsAndRanges); err != nil {
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
		unsure = append(unsure, parts...)
	}
	verified, err := w.verify(unsure)
	return n + verified + len(w.ready), err
}

// count counts the candidates that are known to match, and returns those that have to be looked at.
func (s *segmentSearch) count() (sure int, unsure []part, err error) {
	for day, ok := s.newestDay(); ok; day, ok = s.newestDay() {
		s.walk.work.Days++
		u, docs, err := s.largestUnit(day)
		if err != nil {
			return 0, nil, err
		}
		u.add(s, docs)
		if u.exact(s.walk.plan) {
			sure += u.count
		} else if u.count > 0 {
			n, parts := s.divide(&u)
			sure += n
			unsure = append(unsure, parts...)
		}
		if err := s.walk.budget.spend(1); err != nil {
			return 0, nil, err
		}
	}
	return sure, unsure, nil
}

// largestUnit is the period of a day, if all of it is within the bounds of time, else the day. It is done with then.
func (s *segmentSearch) largestUnit(day int) (u unit, docs *roaring.Bitmap, err error) {
	first := periodOf(day) * periodDays
	u = unit{low: startOf(first), lastDay: first + periodDays - 1}
	if u.within(s.walk.plan) {
		s.skipDaysAfter(first - 1)
		docs, err = s.walk.searcher.cache.period(s, periodOf(day))
		return u, docs, err
	}
	s.skipDaysAfter(day - 1)
	docs, err = s.walk.searcher.cache.day(s, day)
	return unit{low: startOf(day), lastDay: day}, docs, err
}

// divide separates the candidates of a unit of this segment into how many are known to match, and those that are not. Where
// only the ends of long calls are in doubt, these are few.
func (s *segmentSearch) divide(u *unit) (sure int, unsure []part) {
	docs := u.parts[0].docs
	if s.unsure == 0 && u.within(s.walk.plan) {
		docs = roaring.And(docs, s.long)
	}
	doubt := *u
	doubt.parts, doubt.count = nil, 0
	doubt.add(s, docs)
	return u.count - doubt.count, doubt.parts
}

// verify counts what matches of the parts.
func (w *walk) verify(parts []part) (n int, err error) {
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

func (w *walk) verifyPart(p *part, worker int) (n int, err error) {
	s, docs := p.segment, p.docs
	if s.candidates != nil {
		docs = roaring.And(docs, s.candidates)
	}
	r := w.reader(worker, s)
	var buf [256]uint32
	it := docs.ManyIterator()
	for k := it.NextMany(buf[:]); k > 0; k = it.NextMany(buf[:]) {
		if err := s.looked(k); err != nil {
			return 0, err
		}
		for _, doc := range buf[:k] {
			_, ok, err := r.match(doc, s.unsure)
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
