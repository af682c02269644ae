package newest

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	segment "github.com/blevesearch/scorch_segment_api/v2"

	"recordings/index"
	"recordings/index/embedded/schema"
	"recordings/mapping"
)

// changeWalk goes through the times of changes, the oldest first, until the page is full. It reads
// them from the dictionaries of the segments, side by side, and looks at the candidates that each
// term has. Segments in which there are few candidates have them loaded instead, as most terms are
// of others.
//
// Recordings of before the service noted changes have the time 0. They may be very many, so they are
// walked through by themselves, as any search is.
type changeWalk struct {
	*walk
	cursors []*changeCursor
	ready   []hit // that were found already, the oldest change first
}

// changeCursor is where a changeWalk is in the dictionary of a segment.
type changeCursor struct {
	segment *segmentSearch
	dict    segment.TermDictionary
	terms   segment.DictionaryIterator
	at      mapping.Time // the next term; mapping.MaxTime+1: there is none
	list    segment.PostingsList
}

// runInOrder walks in the order that the request asks for.
func (w *walk) runInOrder(snapshot *scorch.IndexSnapshot) error {
	if w.request.Order != index.OldestChangeFirst {
		return w.run()
	}

	if w.plan.changed.min == 0 && !w.plan.none {
		if err := w.runUnchanged(snapshot); err != nil || w.full() {
			return err
		}
	}
	c := &changeWalk{walk: w}
	if err := c.open(); err != nil {
		return err
	}
	return c.run()
}

// runUnchanged takes what was not changed since the service notes it, the newest first.
func (w *walk) runUnchanged(snapshot *scorch.IndexSnapshot) error {
	none := true
	for _, s := range w.waiting {
		docs, err := s.postings(schema.FieldChanged, schema.TimeTerm(0))
		if err != nil {
			return err
		}
		none = none && (docs == nil || docs.IsEmpty())
	}
	if none {
		return nil
	}

	// It is a search of its own, whose page this one goes on with. What is pending was changed.
	request := *w.request
	request.Order, request.Pending = index.NewestFirst, nil
	before, err := w.searcher.newWalk(w.budget.ctx, snapshot, &request)
	if err != nil {
		return err
	}
	before.plan.bindChanged(timeRange{0, 0})
	before.budget, before.emit, before.level = w.budget, w.emit, w.level
	if err := before.run(); err != nil {
		return err
	}
	w.skip, w.page = before.skip, before.page
	w.work.Days, w.work.Segments = before.work.Days, before.work.Segments
	return nil
}

// bindChanged narrows the bounds of changedTime.
func (p *plan) bindChanged(r timeRange) {
	p.changed = p.changed.and(r)
	p.spans = slices.DeleteFunc(p.spans, func(s span) bool { return s.field == schema.FieldChanged })
	p.addSpan(schema.FieldChanged, p.changed)
	p.none = p.none || p.changed.empty()
}

// open finds the candidates of all segments. What is pending is ready.
func (c *changeWalk) open() error {
	c.plan.changed = c.plan.changed.and(timeRange{1, mapping.MaxTime})
	c.ready, c.walk.ready = c.walk.ready, nil
	for _, s := range c.waiting {
		c.work.Segments++
		docs, err := s.changedCandidates()
		if err != nil {
			return err
		}
		if err := c.openSegment(s, docs); err != nil {
			return err
		}
	}

	slices.SortFunc(c.ready, compareChanged)
	return nil
}

// changedCandidates returns the documents of the segment that may match.
func (s *segmentSearch) changedCandidates() (*roaring.Bitmap, error) {
	docs, err := s.documents()
	if err != nil {
		return nil, err
	}

	if docs, _, err = s.filterBySpans(docs, termsOnly, false); err != nil {
		return nil, err
	}
	if docs, s.unverified, err = (candidateFinder{s, termsAndRanges}).filterByClauses(docs); err != nil {
		return nil, err
	}
	if docs, err = s.filterByGroups(docs, false); err != nil {
		return nil, err
	}
	docs, all, err := s.filterBySpans(docs, termsOnly, true)
	s.open = !all
	return docs, err
}

// openSegment loads the candidates of a segment, or opens its dictionary: that costs as much for
// each term as a candidate does, and of so many only the candidates' are of use.
func (c *changeWalk) openSegment(s *segmentSearch, docs *roaring.Bitmap) error {
	const most = 10_000 // hits that are worth being held
	n := float64(docs.GetCardinality())
	page := float64(min(c.skip+c.want, most))
	if n <= loadAllBelow || n*n <= page*float64(s.segment.Count()) {
		hits, err := s.load(docs, c.reader(0, s), allTimes, nil)
		c.ready = append(c.ready, hits...)
		return err
	}
	if err := c.budget.hold(int(docs.GetSizeInBytes())); err != nil {
		return err
	}
	s.candidates = docs

	dict, err := s.dictionary(schema.FieldChanged)
	if err != nil {
		return err
	}
	cursor := &changeCursor{segment: s, dict: dict}
	cursor.terms = s.terms(dict, nil, schema.TimeTerm(c.plan.changed.min), schema.TimeTerm(c.plan.changed.max+1))
	c.cursors = append(c.cursors, cursor)
	return cursor.next()
}

// next goes to the next term.
func (c *changeCursor) next() error {
	entry, err := c.terms.Next()
	if err != nil {
		return errReading(schema.FieldChanged, err)
	}

	c.at = mapping.MaxTime + 1
	if entry == nil {
		return nil
	}
	var ok bool
	if c.at, ok = schema.TimeFrom(entry.Term); !ok {
		return errReading(schema.FieldChanged, errors.New("a term is no time"))
	}
	return nil
}

// run takes one time after the other.
func (c *changeWalk) run() error {
	for !c.full() {
		at := mapping.Time(math.MaxInt64)
		if len(c.ready) > 0 {
			at = c.ready[0].changed
		}
		for _, cursor := range c.cursors {
			at = min(at, cursor.at)
		}
		if at > mapping.MaxTime {
			break
		}

		hits, err := c.changedAt(at)
		if err != nil {
			return err
		}
		if err := c.takeSimultaneous(hits); err != nil {
			return err
		}
		if err := c.give(streamedHits); err != nil {
			return err
		}
	}
	return c.give(1)
}

// streamedHits are worth being given away together.
const streamedHits = 64

// give gives the page away where there is somebody who takes it, if it is long enough.
func (c *changeWalk) give(enough int) error {
	if c.emit == nil || len(c.page) < enough {
		return nil
	}
	page := c.page
	c.page = c.page[:0]
	return c.emit(page)
}

// changedAt returns what matches of the changes of a time.
func (c *changeWalk) changedAt(at mapping.Time) (hits []hit, err error) {
	for len(c.ready) > 0 && c.ready[0].changed == at {
		hits = append(hits, c.ready[0])
		c.ready = c.ready[1:]
	}

	for _, cursor := range c.cursors {
		if cursor.at != at {
			continue
		}
		if hits, err = c.load(cursor, hits); err != nil {
			return nil, err
		}
		if err := cursor.next(); err != nil {
			return nil, err
		}
	}
	return hits, nil
}

// load appends what matches of the candidates that have a cursor's term.
func (c *changeWalk) load(cursor *changeCursor, hits []hit) (_ []hit, err error) {
	if err := c.budget.spend(1); err != nil {
		return nil, err
	}

	term := []byte(schema.TimeTerm(cursor.at))
	if cursor.list, err = cursor.dict.PostingsList(term, nil, cursor.list); err != nil {
		return nil, errReading(schema.FieldChanged, err)
	}
	docs := roaring.New()
	if _, err := addPostings(cursor.list, docs); err != nil {
		return nil, errReading(schema.FieldChanged, err)
	}

	s := cursor.segment
	if docs.And(s.candidates); docs.IsEmpty() {
		return hits, nil
	}
	found, err := s.load(docs, c.reader(0, s), allTimes, nil)
	if err != nil {
		return nil, err
	}
	_ = c.budget.hold(-len(found) * hitBytes) // those of a page are few
	return append(hits, found...), nil
}

// compareChanged orders hits by their last change, the oldest first.
func compareChanged(a, b hit) int { return cmp.Compare(a.changed, b.changed) }
