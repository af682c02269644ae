package newest

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"recordings/mapping"
)

// few candidates are loaded at once, instead of being looked for day by day; and more are not worth being narrowed.
const few = 128

// effort is how far the candidates of a segment are narrowed before they are looked at one by one.
type effort int

const (
	// termsOnly leaves out ranges of grams: the union of many long postings lists may cost more than looking at the first
	// documents of the walk, when most of them match anyway.
	termsOnly effort = iota
	termsAndRanges
)

// narrow works out the candidates. If there are few, they are loaded, and the segment is done.
func (s *segmentSearch) narrow(e effort) error {
	docs, err := s.documents()
	if err != nil {
		return err
	}
	if docs.GetCardinality() > few {
		docs = s.withoutRejected(docs)
	}
	all := docs
	everything := s.deleted == nil && len(s.walk.plan.clauses) == 0
	s.unsure, s.hidden = 0, false
	for i, c := range s.walk.plan.clauses {
		decided := false
		if docs.GetCardinality() > few {
			if docs, decided, err = s.narrowBy(c, docs, e); err != nil {
				return err
			}
		}
		if !decided {
			s.unsure |= 1 << i
		}
	}
	if e == termsAndRanges && s.walk.plan.ranges {
		s.reject(all, docs)
	}
	if docs.GetCardinality() <= few {
		return s.loadAll(docs)
	}
	if s.decided(docs, docs.GetCardinality()) {
		s.unsure = 0
	}
	if s.candidates = docs; everything {
		s.candidates = nil
	} else if err := s.walk.budget.hold(int(docs.GetSizeInBytes())); err != nil {
		return err
	}
	if s.walk.plan.to < mapping.MaxTime {
		s.long, err = s.postings(FieldHour, longCall)
	}
	return err
}

// withoutRejected leaves out what is known not to satisfy the clauses, and notes what is known to.
func (s *segmentSearch) withoutRejected(docs *roaring.Bitmap) *roaring.Bitmap {
	if len(s.walk.plan.clauses) == 0 {
		return docs
	}
	var rejected *roaring.Bitmap
	s.accepted, rejected = s.walk.searcher.cache.verdicts.read(verdictKey{s.segment, s.walk.plan.key})
	if rejected == nil {
		return docs
	}
	return roaring.AndNot(docs, rejected)
}

// reject notes that of some documents only the candidates can satisfy the clauses. Ranges of grams are costly to read again.
func (s *segmentSearch) reject(docs, candidates *roaring.Bitmap) {
	if docs.GetCardinality()-candidates.GetCardinality() < uint64(s.walk.searcher.o.KeepFrom) {
		return
	}
	rejected := roaring.AndNot(docs, candidates)
	rejected.CloneCopyOnWriteContainers() // what it has in common with docs lies in the segment's file
	s.walk.searcher.cache.verdicts.add(verdictKey{s.segment, s.walk.plan.key}, roaring.New(), rejected)
}

// decided tells whether all of so many candidates are known to satisfy the clauses.
func (s *segmentSearch) decided(candidates *roaring.Bitmap, n uint64) bool {
	return s.unsure == 0 || s.accepted != nil && candidates.AndCardinality(s.accepted) == n
}

// loadAll hands over what matches among docs to the walk, and ends the search in the segment.
func (s *segmentSearch) loadAll(docs *roaring.Bitmap) error {
	w := s.walk
	s.next, s.candidates = len(s.days.days), roaring.New()
	hits, err := s.load(docs, w.reader(0, s), w.before, nil)
	if err != nil {
		return err
	}
	for _, h := range hits {
		if len(w.query.Hidden) > 0 { // ready hits are counted without being looked at again
			if h.key, err = s.key(h.doc); err != nil {
				return err
			}
		}
		if !w.isHidden(h.key) {
			w.ready = append(w.ready, h)
		}
	}
	w.unsorted = true
	return nil
}

// narrowBy leaves those of docs that may satisfy the clause; decided tells that all of them do.
func (s *segmentSearch) narrowBy(c *clause, docs *roaring.Bitmap, e effort) (narrowed *roaring.Bitmap, decided bool, err error) {
	var any []*roaring.Bitmap
	decided = true
	for _, conj := range c.conjunctions {
		found, sure := docs, true
		for _, i := range conj.terms {
			if found.GetCardinality() <= few {
				sure = sure && found.IsEmpty()
				break
			}
			termSure := false
			if found, termSure, err = s.narrowByTerm(c, c.terms[i], found, e); err != nil {
				return nil, false, err
			}
			sure = sure && termSure
		}
		any = append(any, found)
		decided = decided && (sure || found.IsEmpty())
	}
	return union(any), decided, nil
}

func (s *segmentSearch) narrowByTerm(c *clause, t *term, docs *roaring.Bitmap, e effort) (narrowed *roaring.Bitmap, decided bool, err error) {
	if t.literal {
		found, err := s.postings(c.field, t.value)
		if found == nil || err != nil {
			return roaring.New(), true, err
		}
		return roaring.And(docs, found), true, nil
	}
	docs, all, err := s.narrowByGrams(c.gramField, t.grams.terms, docs)
	if err != nil {
		return nil, false, err
	}
	decided = t.grams.exact && all
	if len(t.grams.ranges) == 0 {
		return docs, decided, nil
	}
	if e == termsOnly {
		return docs, docs.IsEmpty(), nil
	}
	docs, all, err = s.narrowByRanges(c.gramField, t.grams.ranges, docs)
	return docs, decided && all || docs.IsEmpty(), err
}

// narrowByGrams leaves those of docs that are in the postings of all grams. It stops when few are left: all is false then.
func (s *segmentSearch) narrowByGrams(field string, grams []string, docs *roaring.Bitmap) (narrowed *roaring.Bitmap, all bool, err error) {
	lists := make([]*roaring.Bitmap, 0, len(grams)+1)
	for _, gram := range grams {
		p, err := s.postings(field, gram)
		if p == nil || err != nil {
			return roaring.New(), true, err
		}
		lists = append(lists, p)
	}
	lists = append(lists, docs)
	if err := s.walk.budget.spend(len(lists)); err != nil {
		return nil, false, err
	}
	slices.SortStableFunc(lists, func(a, b *roaring.Bitmap) int { return cmp.Compare(a.GetCardinality(), b.GetCardinality()) })
	// The documents must be among the first two lists, or what few are left may be of another scope.
	if i := slices.Index(lists, docs); i > 1 {
		lists = slices.Insert(slices.Delete(lists, i, i+1), 1, docs)
	}
	if len(lists) == 1 {
		return docs, true, nil
	}
	narrowed = roaring.And(lists[0], lists[1])
	for _, p := range lists[2:] {
		if narrowed.GetCardinality() <= few {
			return narrowed, narrowed.IsEmpty(), nil
		}
		narrowed.And(p)
	}
	return narrowed, true, nil
}

// narrowByRanges leaves those of docs that have a gram in each of the ranges. It leaves out a range that is not worth its
// cost, as looking at the documents one by one is cheaper: all is false then.
func (s *segmentSearch) narrowByRanges(field string, prefixes []string, docs *roaring.Bitmap) (narrowed *roaring.Bitmap, all bool, err error) {
	const costly = 16 // documents are looked at in the time that a postings list takes
	r := rangeReader{segment: s, field: field, lists: int(docs.GetCardinality() / costly), documents: math.MaxUint64}
	if len(prefixes) > 1 {
		r.documents = s.segment.Count() / 2 // more of them exclude too little
	}
	all = true
	for _, prefix := range prefixes {
		if docs.GetCardinality() <= few {
			return docs, docs.IsEmpty(), nil
		}
		lists, ok, err := r.read(prefix, docs)
		if err != nil {
			return nil, false, err
		}
		if ok {
			docs = roaring.And(docs, union(lists))
		}
		all = all && ok
	}
	return docs, all, nil
}

// rangeReader reads the postings of ranges of grams, within bounds.
type rangeReader struct {
	segment   *segmentSearch
	field     string
	lists     int    // that may still be read
	documents uint64 // that those of a range may have together
}

// read returns the postings of the grams with a prefix, or at least what they have of docs; ok is false if there are too many.
func (r *rangeReader) read(prefix string, docs *roaring.Bitmap) (lists []*roaring.Bitmap, ok bool, err error) {
	s := r.segment
	var total uint64
	err = s.eachTerm(r.field, prefix, prefixEnd(prefix), func(term string) error {
		p, err := s.postings(r.field, term)
		if p == nil || err != nil {
			return err
		}
		n := p.GetCardinality()
		total += n
		if r.lists--; r.lists < 0 || total > r.documents {
			return errTooMany
		}
		if n > docs.GetCardinality() {
			p = roaring.And(p, docs)
		}
		lists = append(lists, p)
		const unit = 1 << 12 // documents of a bitmap that take as long as one that is looked at
		return s.walk.budget.spend(1 + int(n/unit))
	})
	if errors.Is(err, errTooMany) {
		return nil, false, nil
	}
	return lists, err == nil, err
}

var errTooMany = errors.New("the range has too many postings")

// union may return one of the bitmaps itself.
func union(bitmaps []*roaring.Bitmap) *roaring.Bitmap {
	if len(bitmaps) == 1 {
		return bitmaps[0]
	}
	return roaring.FastOr(bitmaps...)
}
