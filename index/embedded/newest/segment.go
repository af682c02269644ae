package newest

import (
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	segment "github.com/blevesearch/scorch_segment_api/v2"

	"recordings/index"
	"recordings/index/embedded/schema"
	"recordings/mapping"
)

// segmentSearch is what one search does in one segment of the snapshot.
type segmentSearch struct {
	walk    *walk
	id      uint64
	segment segment.Segment
	values  segment.DocValueVisitable
	deleted *roaring.Bitmap // or nil
	dicts   map[string]segment.TermDictionary
	days    *scopeDays
	within  []int // of these, the days within the bounds of the search
	left    []int // of these, the days that were not walked through yet, the newest first

	oddCalls // where the bounds of stopTime matter

	// candidates are the documents that may match; nil: all of the scope. unverified is the set of
	// the clauses of the plan that a candidate may not satisfy.
	candidates *roaring.Bitmap
	unverified uint64
	open       bool            // some span was left to the calls of the candidates
	hidden     bool            // the hidden documents were taken off the candidates
	accepted   *roaring.Bitmap // documents that are known to satisfy all clauses; nil: none
	team       *team           // whose documents are the candidates, and all of them; nil: nobody's
}

// newSegmentSearch looks up on which days the segment has documents of the scope, within the bounds
// of time.
func (w *walk) newSegmentSearch(s *scorch.SegmentSnapshot) (*segmentSearch, error) {
	x := &segmentSearch{
		walk:    w,
		id:      s.Id(),
		segment: s.Segment(),
		deleted: s.Deleted(),
		dicts:   make(map[string]segment.TermDictionary),
	}

	var ok bool
	if x.values, ok = s.Segment().(segment.DocValueVisitable); !ok {
		return nil, fmt.Errorf("reading a segment of the search index: %T has no doc values", s.Segment())
	}
	if x.deleted != nil && x.deleted.IsEmpty() {
		x.deleted = nil
	}

	var err error
	if x.days, err = w.searcher.cache.days(x, w.plan.scope); err != nil {
		return nil, err
	}

	if w.plan.stopMatters() {
		if err := x.findOdd(); err != nil {
			return nil, err
		}
	}
	x.bound()
	return x, nil
}

// findOdd finds the odd calls of the scope.
func (s *segmentSearch) findOdd() (err error) {
	if o := s.days.odd.Load(); o != nil {
		s.oddCalls = *o
		return nil
	}

	if s.long, err = s.marked(schema.LongCall); err != nil {
		return err
	}
	if s.backward, err = s.marked(schema.BackwardCall); err != nil {
		return err
	}

	switch {
	case s.long == nil:
		s.odd = s.backward
	case s.backward == nil:
		s.odd = s.long
	default:
		s.odd = roaring.Or(s.long, s.backward)
	}

	found := s.oddCalls
	if s.days.odd.CompareAndSwap(nil, &found) {
		s.walk.searcher.cache.scopes.Grow(found.memory())
	}
	return nil
}

// marked returns the calls of the scope that have a mark, or nil.
func (s *segmentSearch) marked(mark string) (*roaring.Bitmap, error) {
	docs, err := s.postings(schema.FieldHour, mark)
	if docs == nil || err != nil {
		return nil, err
	}

	scope, err := s.postings(schema.FieldScope, s.walk.plan.scope)
	if scope == nil || err != nil || !docs.Intersects(scope) {
		return nil, err
	}
	return roaring.And(docs, scope), nil
}

// bound finds out which days can have matches. A call that is not long has stopped by the end of the
// next day, and one that is not backward does not stop before it starts.
func (s *segmentSearch) bound() {
	p := s.walk.plan
	newest := p.latest()
	if s.backward != nil {
		newest = p.start.max
	}
	oldest := schema.DayOf(p.start.min)
	if s.long == nil {
		oldest = max(oldest, schema.DayOf(p.stop.min)-1)
	}

	days := s.days.days
	first, end := place(days, schema.DayOf(newest)), place(days, oldest-1)
	s.within = days[first:max(first, end)]
	s.left = s.within
}

// stopping leaves those of docs, which start between low and the end of a day, that can stop within
// the bounds of the search.
func (s *segmentSearch) stopping(docs *roaring.Bitmap, low mapping.Time, lastDay int) *roaring.Bitmap {
	p := s.walk.plan
	only := s.backward
	switch tooLate := low > p.stop.max; {
	case lastDay+1 < schema.DayOf(p.stop.min), tooLate && schema.DayOf(low)-1 > schema.DayOf(p.stop.max):
		only = s.long
	case !tooLate:
		return docs
	}

	if only == nil {
		return roaring.New()
	}
	return roaring.And(docs, only)
}

// day returns the documents that start on a day and can stop within the bounds.
func (s *segmentSearch) day(day int) (*roaring.Bitmap, error) {
	docs, err := s.walk.searcher.cache.day(s, day)
	if err != nil {
		return nil, err
	}
	return s.stopping(docs, schema.StartOf(day), day), nil
}

// period returns the documents that start in a period and can stop within the bounds.
func (s *segmentSearch) period(period int) (*roaring.Bitmap, error) {
	docs, err := s.walk.searcher.cache.period(s, period)
	if err != nil {
		return nil, err
	}
	first := period * schema.PeriodDays
	return s.stopping(docs, schema.StartOf(first), first+schema.PeriodDays-1), nil
}

// dictionary opens the dictionary of a field once for a search, as that takes as long as to look up
// a term.
func (s *segmentSearch) dictionary(field string) (segment.TermDictionary, error) {
	if d := s.dicts[field]; d != nil {
		return d, nil
	}

	d, err := s.segment.Dictionary(field)
	if err != nil {
		return nil, fmt.Errorf("reading the dictionary of %s: %w", field, err)
	}

	s.dicts[field] = d
	return d, nil
}

// postings returns the documents of a term, deleted ones included, or nil if there are none. The
// bitmap is not to be changed, as it may lie in the segment's file.
func (s *segmentSearch) postings(field, term string) (*roaring.Bitmap, error) {
	d, err := s.dictionary(field)
	if err != nil {
		return nil, err
	}

	docs, err := postingsIn(d, term)
	if err != nil {
		return nil, fmt.Errorf("reading a postings list of %s: %w", field, err)
	}
	return docs, nil
}

// postingsIn returns the documents of a term of a dictionary, as postings does.
func postingsIn(d segment.TermDictionary, term string) (*roaring.Bitmap, error) {
	list, err := d.PostingsList([]byte(term), nil, nil)
	if err != nil {
		return nil, err
	}

	it, ok := list.Iterator(false, false, false, nil).(segment.OptimizablePostingsIterator)
	if !ok {
		return nil, fmt.Errorf("%T has no bitmap", list)
	}

	// A term of one document has no list: the dictionary itself says which document it is.
	if doc, ok := it.DocNum1Hit(); ok {
		return roaring.BitmapOf(uint32(doc)), nil
	}
	return it.ActualBitmap(), nil
}

// rangeIterator leaves out the count of each term, which would be read from its postings list.
type rangeIterator interface {
	AutomatonIteratorOmitCount(a segment.Automaton, start, end []byte) segment.DictionaryIterator
}

// eachTerm calls fn with the terms of a field from first on and before end, in order.
func (s *segmentSearch) eachTerm(field, first, end string, fn func(term string) error) error {
	return s.eachTermOf(nil, field, first, end, fn)
}

// eachTermOf does so with the terms that an automaton accepts; nil: all.
func (s *segmentSearch) eachTermOf(
	a segment.Automaton, field, first, end string, fn func(term string) error,
) error {
	d, err := s.dictionary(field)
	if err != nil {
		return err
	}

	it := s.terms(d, a, first, end)
	for {
		entry, err := it.Next()
		if err != nil {
			return errReading(field, err)
		}
		if entry == nil {
			return nil
		}
		if err := fn(entry.Term); err != nil {
			return err
		}
	}
}

// terms are the terms of a dictionary from first on and before end; "": to the last.
func (s *segmentSearch) terms(
	d segment.TermDictionary, a segment.Automaton, first, end string,
) segment.DictionaryIterator {
	var last []byte // nil: there is no bound
	if end != "" {
		last = []byte(end)
	}

	if r, ok := d.(rangeIterator); ok {
		return r.AutomatonIteratorOmitCount(a, []byte(first), last)
	}
	return d.AutomatonIterator(a, []byte(first), last)
}

// errReading says of which field the dictionary, or a postings list, cannot be read.
func errReading(field string, err error) error {
	return fmt.Errorf("reading the dictionary of %s: %w", field, err)
}

// nextDay is the next day to look at, if there is one within the bounds of the search.
func (s *segmentSearch) nextDay() (day int, ok bool) {
	switch {
	case len(s.left) == 0:
		return 0, false
	case s.walk.oldest:
		return s.left[len(s.left)-1], true
	}
	return s.left[0], true
}

// skipThrough goes on to the first day behind the given.
func (s *segmentSearch) skipThrough(day int) {
	for next, ok := s.nextDay(); ok && s.walk.compareDays(next, day) <= 0; next, ok = s.nextDay() {
		if s.walk.oldest {
			s.left = s.left[:len(s.left)-1]
		} else {
			s.left = s.left[1:]
		}
	}
}

// scopeDocuments returns the documents of the scope, deleted ones included. Where the bounds of time leave
// few days, others are left out.
func (s *segmentSearch) scopeDocuments() (docs *roaring.Bitmap, err error) {
	if s.whole() {
		docs, err = s.postings(schema.FieldScope, s.walk.plan.scope)
	} else {
		docs, err = s.walk.searcher.cache.ofDays(s, s.within)
	}

	if docs == nil {
		docs = roaring.New()
	}
	return docs, err
}

// whole reports whether scopeDocuments are all of the scope.
func (s *segmentSearch) whole() bool {
	return len(s.within) > schema.PeriodDays || len(s.within) == len(s.days.days)
}

// documents returns those that are not deleted.
func (s *segmentSearch) documents() (docs *roaring.Bitmap, err error) {
	if docs, err = s.scopeDocuments(); err == nil && s.deleted != nil {
		docs = roaring.AndNot(docs, s.deleted)
	}
	return docs, err
}

// candidatesIn counts the candidates among documents of a bucket.
func (s *segmentSearch) candidatesIn(b *bucket, docs *roaring.Bitmap) int {
	switch {
	case s.candidates == nil:
		return int(docs.GetCardinality())
	case s.team != nil:
		return s.team.count(s, b, docs)
	}
	return int(docs.AndCardinality(s.candidates))
}

// hide takes the documents that the search must not find off the candidates, so that these can be
// counted.
func (s *segmentSearch) hide() error {
	if s.hidden || len(s.walk.hiddenKeys) == 0 {
		return nil
	}

	s.hidden = true
	hidden, err := s.segment.DocNumbers(s.walk.hiddenKeys)
	if err != nil {
		return fmt.Errorf("looking up recordings that have changed since: %w", err)
	}
	if s.candidates == nil {
		if s.candidates, err = s.documents(); err != nil {
			return err
		}
	}

	if hidden.Intersects(s.candidates) {
		s.candidates, s.team = roaring.AndNot(s.candidates, hidden), nil
	}
	return nil
}

// load appends the candidates among docs that match and start within the bounds.
func (s *segmentSearch) load(docs *roaring.Bitmap, r *reader, within timeRange, hits []hit) ([]hit, error) {
	var buf [256]uint32
	held := len(hits)
	it := docs.ManyIterator()
	for n := it.NextMany(buf[:]); n > 0; n = it.NextMany(buf[:]) {
		if err := s.looked(n); err != nil {
			return nil, err
		}
		for _, doc := range buf[:n] {
			start, ok, err := r.match(doc, s.unverified)
			if err != nil {
				return nil, err
			}
			if ok && within.has(start) {
				hits = append(hits, hit{start: start, changed: r.call.Changed, segment: s, doc: doc})
			}
		}
		if err := s.walk.budget.hold((len(hits) - held) * hitBytes); err != nil {
			return nil, err
		}
		held = len(hits)
	}

	// A batch may match as a whole: what cannot get onto the page is let go of at once.
	first := hits
	if s.walk.request.Order != index.OldestChangeFirst {
		first = s.walk.firstOf(hits)
	}
	return first, s.walk.budget.hold((len(first) - held) * hitBytes)
}

// key returns the key of a document.
func (s *segmentSearch) key(doc uint32) (string, error) {
	key, err := s.segment.DocID(uint64(doc))
	if err != nil {
		return "", fmt.Errorf("reading the key of a document: %w", err)
	}
	return string(key), nil
}
