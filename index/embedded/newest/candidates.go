package newest

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	segment "github.com/blevesearch/scorch_segment_api/v2"

	"recordings/index/embedded/schema"
)

const (
	// loadAllBelow: so few candidates are loaded at once, instead of being looked for day by day.
	loadAllBelow = 128
	// stopBelow: so few candidates are looked at in the time that it takes to read a postings list,
	// and are not worth being filtered any further.
	stopBelow = 16
)

// prefilterLevel is how far the candidates of a segment are filtered before they are looked at one
// by one.
type prefilterLevel int

const (
	// termsOnly leaves out ranges of grams: the union of many long postings lists may cost more
	// than looking at the first documents of the walk, when most of them match anyway.
	termsOnly prefilterLevel = iota
	termsAndRanges
)

// findCandidates works out the candidates. If there are few, they are loaded, and the segment is
// done.
func (s *segmentSearch) findCandidates(level prefilterLevel) error {
	s.hidden, s.team = false, nil
	f := candidateFinder{s, level}
	found, err := f.find()
	if err != nil {
		return err
	}

	s.unverified = found.unverified
	if found.calls != nil {
		return s.loadCalls(found.calls)
	}

	p, docs := s.walk.plan, found.docs
	everything := s.deleted == nil && p.unconditional() && len(p.groups) == 0
	if s.deleted != nil {
		docs, s.team = roaring.AndNot(docs, s.deleted), nil
	}

	// What the calls tell, too, comes last: it is not worth much where few are left.
	docs, all, err := s.filterBySpans(docs, level, true)
	if err != nil {
		return err
	}
	few := uint64(loadAllBelow)
	if s.whole() && everything || s.team != nil {
		few = stopBelow // whose days are counted at no cost, and mostly in front of the page or behind it
	}
	if s.open = !all; docs.GetCardinality() <= few {
		return s.loadAll(docs)
	}

	// Where earlier searches have accepted all that is left, nothing needs to be verified.
	if s.decided(docs, docs.GetCardinality()) {
		s.unverified = 0
	}
	if s.candidates = docs; everything {
		s.candidates = nil // it spares a copy where there is nothing to exclude
		return nil
	}
	return s.walk.budget.hold(int(docs.GetSizeInBytes()))
}

// decided reports whether all of so many candidates are known to satisfy the clauses.
func (s *segmentSearch) decided(candidates *roaring.Bitmap, n uint64) bool {
	return s.unverified == 0 || s.accepted != nil && candidates.AndCardinality(s.accepted) == n
}

// loadAll hands over what matches among docs to the walk, and ends the search in the segment.
func (s *segmentSearch) loadAll(docs *roaring.Bitmap) error {
	hits, err := s.load(docs, s.walk.reader(0, s), s.walk.left, nil)
	if err != nil {
		return err
	}
	return s.handOver(hits)
}

// loadCalls does so with calls that satisfy the clauses.
func (s *segmentSearch) loadCalls(calls []foundCall) error {
	w := s.walk
	if err := w.budget.spend(1 + len(calls)/stopBelow); err != nil {
		return err
	}

	hits := make([]hit, 0, len(calls))
	for _, c := range calls {
		deleted := s.deleted != nil && s.deleted.Contains(c.doc)
		if !deleted && w.left.has(c.start) && w.plan.holds(c.start, c.stop, c.changed) {
			hits = append(hits, hit{start: c.start, changed: c.changed, segment: s, doc: c.doc})
		}
	}
	if err := w.budget.hold(len(hits) * hitBytes); err != nil {
		return err
	}
	return s.handOver(hits)
}

// handOver hands over all hits of the segment to the walk.
func (s *segmentSearch) handOver(hits []hit) (err error) {
	w := s.walk
	s.left, s.candidates = nil, roaring.New()
	w.ready = slices.Grow(w.ready, len(hits))
	for _, h := range hits {
		if len(w.request.Hidden) > 0 { // ready hits are counted without being looked at again
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

// filterByClauses leaves those of docs that may satisfy all clauses, and returns the set of the
// clauses that they may not satisfy nevertheless.
func (f candidateFinder) filterByClauses(docs *roaring.Bitmap) (
	filtered *roaring.Bitmap, unverified uint64, err error,
) {
	if docs, unverified, err = f.filterByAll(f.walk.plan.needed, docs); err != nil {
		return nil, 0, err
	}

	// Of clauses with alternatives, each is worked out by itself, within what the others have left.
	for _, c := range f.walk.plan.clauses {
		if len(c.conjunctions) == 1 {
			continue // its terms are among those needed
		}
		var either []*roaring.Bitmap
		for _, conj := range c.conjunctions {
			found, maybe, err := f.filterByAll(conj.needed, docs)
			if err != nil {
				return nil, 0, err
			}
			either = append(either, found)
			unverified |= maybe
		}

		docs = union(either)
	}

	return docs, unverified, nil
}

// filterByAll leaves those of docs on which all terms may match, and returns the set of the clauses
// with a term of which that is not sure. It stops when few are left (stopBelow). What excludes most
// at the least cost comes first.
func (f candidateFinder) filterByAll(needs []need, docs *roaring.Bitmap) (
	filtered *roaring.Bitmap, unverified uint64, err error,
) {
	// First, whole values: a literal is one postings list, and a pattern with a beginning may be a
	// few.
	var lists []*roaring.Bitmap
	var rest []need // which whole values do not decide
	least, grams := docs.GetCardinality(), 0
	for i, n := range needs {
		if least <= stopBelow {
			rest = append(rest, needs[i:]...)
			break
		}
		found, ok, err := f.byValues(n)
		if err != nil {
			return nil, 0, err
		}
		if ok {
			lists = append(lists, found)
			least = min(least, found.GetCardinality())
		} else {
			rest = append(rest, n)
			grams += len(n.grams.Terms)
		}
	}

	if least <= uint64(stopBelow*max(1, grams)) {
		docs, all, err := f.intersect(docs, lists)
		if all {
			needs = rest
		}
		return docs, clausesOf(needs), err
	}

	// Then grams, and the terms of keys. One that is in no document of the segment ends it.
	for _, n := range rest {
		if n.keyed {
			p, err := f.postings(n.field.Name, n.key)
			if p == nil || err != nil {
				return roaring.New(), 0, err
			}
			lists = append(lists, p)
		}
		for _, gram := range n.grams.Terms {
			p, err := f.postings(n.field.Grams, gram)
			if p == nil || err != nil {
				return roaring.New(), 0, err
			}
			lists = append(lists, p)
		}
	}

	docs, all, err := f.intersect(docs, lists)
	if err != nil || !all {
		return docs, clausesOf(needs), err
	}

	for _, n := range rest {
		all := len(n.grams.Ranges) == 0
		if !all && f.level == termsAndRanges {
			r := newRangeReader(f.segmentSearch, n.field.Grams, n.grams.Ranges, docs)
			if docs, all, err = r.filter(docs); err != nil {
				return nil, 0, err
			}
		}

		if !all || !n.grams.Exact {
			unverified |= n.bit
		}
	}

	return docs, unverified, nil
}

// clausesOf returns the clauses of some terms, as a set.
func clausesOf(needs []need) (set uint64) {
	for _, n := range needs {
		set |= n.bit
	}
	return set
}

// byValues returns the documents that have a value on which a term matches, if the dictionary of
// whole values has few such values and finds them soon: those that begin like the term. Otherwise
// ok is false.
func (s *segmentSearch) byValues(n need) (docs *roaring.Bitmap, ok bool, err error) {
	if n.literal {
		docs, err = s.postings(n.field.Name, n.value)
		if docs == nil {
			docs = roaring.New()
		}
		return docs, true, err
	}

	if n.value == "" {
		return nil, false, nil
	}

	const (
		mostValues    = 64      // are looked at in the time that some postings lists of grams take
		mostDocuments = 1 << 12 // and so are the postings lists of the values, if they have no more
	)
	var values []string
	var kind segment.Automaton
	if n.field.Keyed && !n.keyed {
		kind = withoutKeys{} // there is such a term behind each value, and often a long one
	}
	seen := 0
	err = s.eachTermOf(kind, n.field.Name, n.value, schema.PrefixEnd(n.value), func(value string) error {
		if seen++; seen > mostValues {
			return errTooMany
		}
		if n.matchTerm(value) {
			values = append(values, value)
		}
		return nil
	})
	if errors.Is(err, errTooMany) {
		return nil, false, nil
	}

	lists := make([]*roaring.Bitmap, 0, len(values))
	var total uint64
	for _, v := range values {
		p, err := s.postings(n.field.Name, v)
		if err != nil {
			return nil, false, err
		}
		if p == nil {
			continue
		}
		if total += p.GetCardinality(); total > mostDocuments && len(values) > 1 {
			return nil, false, nil
		}
		lists = append(lists, p)
	}

	return union(lists), true, err
}

// intersect leaves those of docs that are in all lists, the shortest first. It stops when few are
// left (stopBelow): all is false then, unless it has come to the end.
func (s *segmentSearch) intersect(
	docs *roaring.Bitmap, lists []*roaring.Bitmap,
) (intersection *roaring.Bitmap, all bool, err error) {
	if err := s.walk.budget.spend(len(lists)); err != nil {
		return nil, false, err
	}

	slices.SortFunc(lists, func(a, b *roaring.Bitmap) int {
		return cmp.Compare(a.GetCardinality(), b.GetCardinality())
	})

	// The shortest list comes first, so that the others are intersected with little.
	for i, p := range lists {
		if i == 0 {
			docs = roaring.And(docs, p) // the first one with docs, or what few are left may be of another scope
		} else {
			docs.And(p)
		}

		if docs.GetCardinality() <= stopBelow {
			return docs, docs.IsEmpty() || i == len(lists)-1, nil
		}
	}

	return docs, true, nil
}

// rangeReader reads the postings of ranges of grams, within bounds.
type rangeReader struct {
	segment   *segmentSearch
	field     string
	prefixes  []string // of the grams of each range
	lists     int      // that may still be read
	documents uint64   // that those of a range may have together
}

// newRangeReader makes a reader of what ranges have of docs.
func newRangeReader(s *segmentSearch, field string, prefixes []string, docs *roaring.Bitmap) *rangeReader {
	const costly = 16 // documents are looked at in the time that a postings list takes
	r := &rangeReader{s, field, prefixes, int(docs.GetCardinality() / costly), math.MaxUint64}
	if len(prefixes) > 1 {
		r.documents = s.segment.Count() / 2 // more of them exclude too little
	}
	return r
}

// filter leaves those of docs that have a gram in each of the ranges. It leaves out a range that is not worth its
// cost, as looking at the documents one by one is cheaper: all is false then.
func (r *rangeReader) filter(docs *roaring.Bitmap) (filtered *roaring.Bitmap, all bool, err error) {
	// Each range leaves fewer documents for the next.
	all = true
	for _, prefix := range r.prefixes {
		if docs.GetCardinality() <= loadAllBelow {
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

// read returns the postings of the grams with a prefix, or at least what they have of docs; ok is
// false if there are too many.
func (r *rangeReader) read(prefix string, docs *roaring.Bitmap) (lists []*roaring.Bitmap, ok bool, err error) {
	s := r.segment
	var total uint64
	err = s.eachTerm(r.field, prefix, schema.PrefixEnd(prefix), func(term string) error {
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
