package newest

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
	segment "github.com/blevesearch/scorch_segment_api/v2"

	"recordings/index/embedded/schema"
)

// span is a condition that a document has a term of a field in a range of the dictionary.
type span struct {
	field    string
	from, to string // the first term, and the one behind the last; "": there is no bound
	onCall   bool   // the call of a document tells, too, so that the span may be left to it
	pattern  string // of the terms in the range, those that match these pieces, see joinPieces; "": all
	groups   string // instead of the range, these terms, see joinPieces; "": the range
	scope    string // in which the groups are looked for
}

// choice holds for the documents for which all spans of any of these lists hold.
type choice [][]span

// newChoice makes a choice of alternatives that are all about one field.
func newChoice(field *schema.Field, either alternatives) (c choice, err error) {
	for _, leaves := range either {
		var all []span
		for _, l := range leaves {
			if l.field != field {
				return nil, refuse("a disjunction is about %s and %s", field.Name, l.field.Name)
			}
			all = append(all, termSpan(field.Name, l.pieces))
		}
		c = append(c, all)
	}
	return c, nil
}

// groupSpan is the condition of being visible to some access groups. It is the same for all searches
// of a team, so what it finds is kept.
func groupSpan(either alternatives) span {
	var groups []string
	for _, leaves := range either {
		for _, l := range leaves {
			groups = append(groups, l.pieces[0])
		}
	}
	return span{field: schema.FieldAccessGroup, groups: joinPieces(groups)}
}

// joinPieces makes one text of the pieces of a pattern, which hold no NUL.
func joinPieces(pieces []string) string { return strings.Join(pieces, "\x00") }

// addSpan adds the condition of a field of times, or durations, which calls tell, too.
func (p *plan) addSpan(field string, r timeRange) {
	if r != allTimes {
		p.spans = append(p.spans, span{
			field: field, from: schema.TimeTerm(r.min), to: schema.TimeTerm(r.max + 1), onCall: true,
		})
		p.ranges = true
	}
}

// termSpan is the condition of a whole value (one piece), or of a beginning (two pieces, the second
// empty), or of any pattern. No call tells it.
func termSpan(field string, pieces []string) span {
	value := pieces[0]
	if len(pieces) == 1 {
		return span{field: field, from: value, to: value + "\x00"}
	}

	s := span{field: field}
	if value != "" {
		s.from, s.to = value, schema.PrefixEnd(value)
	}
	if len(pieces) > 2 || pieces[1] != "" {
		s.pattern = joinPieces(pieces)
	}
	return s
}

// filterByChoices leaves those of docs for which all choices hold.
func (s *segmentSearch) filterByChoices(docs *roaring.Bitmap) (*roaring.Bitmap, error) {
	r := spanReader{segment: s, lists: math.MaxUint64, documents: math.MaxUint64}
	for _, c := range s.walk.plan.choices {
		var either []*roaring.Bitmap
		for _, spans := range c {
			all := docs
			for i := range spans {
				if all.IsEmpty() {
					break
				}
				found, err := r.read(&spans[i])
				if err != nil {
					return nil, err
				}
				all = roaring.And(all, found)
			}
			either = append(either, all)
		}
		docs = union(either)
	}
	return docs, nil
}

// filterBySpans leaves those of docs that have a term in each span: of those that only the
// dictionary tells, or of those that calls tell, too. Of the latter some may be left to the calls,
// where reading their postings lists would cost more: all is false then.
func (s *segmentSearch) filterBySpans(
	docs *roaring.Bitmap, level prefilterLevel, onCall bool,
) (filtered *roaring.Bitmap, all bool, err error) {
	all = true
	for i := range s.walk.plan.spans {
		x := &s.walk.plan.spans[i]
		if x.onCall != onCall {
			continue
		}
		n := docs.GetCardinality()
		if n == 0 {
			return docs, true, nil
		}

		r := spanReader{segment: s, lists: math.MaxUint64, documents: math.MaxUint64}
		if x.onCall {
			r.bound(n, level)
		}
		found, err := r.read(x)
		if err != nil {
			return nil, false, err
		}
		if found != nil {
			docs = roaring.And(docs, found)
		}
		all = all && found != nil
	}

	if !onCall {
		docs, err = s.filterByChoices(docs)
	}
	return docs, all, err
}

// spanReader reads the postings of spans, within bounds.
type spanReader struct {
	segment          *segmentSearch
	lists, documents uint64 // that a span may have
}

// bound bounds what is read to what is worth it for so many candidates.
func (r *spanReader) bound(candidates uint64, level prefilterLevel) {
	const (
		fewLists = 256 // are read in the time that a page takes anyway
		costly   = 16  // documents are looked at in the time that a postings list takes
		rare     = 4   // of which one matches: then a page is found soon by looking
	)

	r.lists = candidates / costly
	if level == termsOnly {
		r.lists, r.documents = min(r.lists, fewLists), candidates/rare
	}
	if candidates <= loadAllBelow {
		r.lists = 0 // all of them are going to be looked at
	}
}

// read returns the documents of a span, or nil if they are too many.
func (r *spanReader) read(x *span) (docs *roaring.Bitmap, err error) {
	if r.lists == 0 {
		return nil, nil
	}

	s := r.segment
	key := spanKey{s.segment, *x}
	if docs, ok := s.walk.searcher.cache.spans.Get(key); ok {
		return docs, nil
	}
	dict, err := s.dictionary(x.field)
	if err != nil {
		return nil, err
	}

	docs = roaring.New()
	before := r.lists
	var list segment.PostingsList
	var pattern *matcher
	if x.pattern != "" {
		m := newMatcher(strings.Split(x.pattern, "\x00"))
		pattern = &m
	}
	passed := 0 // terms that the pattern does not match
	err = s.eachTerm(x.field, x.from, x.to, func(term string) error {
		if pattern != nil && !pattern.match([]byte(term)) {
			passed++
			return s.walk.budget.spend(1)
		}
		if list, err = dict.PostingsList([]byte(term), nil, list); err != nil {
			return fmt.Errorf("reading a postings list of %s: %w", x.field, err)
		}
		n, err := addPostings(list, docs)
		if err != nil {
			return fmt.Errorf("reading a postings list of %s: %w", x.field, err)
		}

		if r.lists--; r.lists == 0 || n > r.documents {
			return errTooMany
		}
		r.documents -= n

		const unit = 1 << 12 // documents of a bitmap that take as long as one that is looked at
		return s.walk.budget.spend(1 + int(n/unit))
	})
	if errors.Is(err, errTooMany) {
		return nil, nil
	}

	// Lists that are worth being kept together, for the pages to come, or terms that are worth not being
	// gone through again.
	const many, manyPassed = 64, 4096
	if err == nil && (before-r.lists >= many || passed >= manyPassed) {
		docs.CloneCopyOnWriteContainers() // what it has in common with lists lies in the segment's file
		s.walk.searcher.cache.spans.Put(key, docs)
	}
	return docs, err
}

// addPostings adds the documents of a postings list to a set, and returns how many there are.
func addPostings(list segment.PostingsList, to *roaring.Bitmap) (n uint64, err error) {
	it, ok := list.Iterator(false, false, false, nil).(segment.OptimizablePostingsIterator)
	if !ok {
		return 0, fmt.Errorf("%T has no bitmap", list)
	}

	// A term of one document has no list: the dictionary itself says which document it is.
	if doc, ok := it.DocNum1Hit(); ok {
		to.Add(uint32(doc))
		return 1, nil
	}
	docs := it.ActualBitmap()
	if docs == nil {
		return 0, nil
	}
	to.Or(docs)
	return docs.GetCardinality(), nil
}
