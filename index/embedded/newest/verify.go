package newest

import (
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"
	segment "github.com/blevesearch/scorch_segment_api/v2"

	"recordings/mapping"
)

// reader reads the doc values of a segment, for one goroutine. It allocates nothing for a document.
type reader struct {
	segment *segmentSearch
	plan    *plan

	// One state for each field: a state that was made for one field finds nothing of others.
	times, phones, texts segment.DocVisitState

	// visitTime and visitValue, kept because a method value is allocated each time it is made.
	onTime, onValue func(field string, term []byte)

	// Of the document that is being read:
	start, stop mapping.Time
	unsure      uint64   // the clauses to be verified
	matched     []uint64 // for each clause, the set of its terms that matched

	accepted, rejected []uint32 // documents that do, and do not, satisfy the clauses, since they were last published
}

func newReader(s *segmentSearch) *reader {
	r := &reader{segment: s, plan: s.walk.plan, matched: make([]uint64, len(s.walk.plan.clauses))}
	r.onTime, r.onValue = r.visitTime, r.visitValue
	return r
}

var (
	timeFields  = []string{FieldTime}
	phoneFields = []string{FieldPhone}
	textFields  = []string{FieldText}
)

// match tells when a document starts, and whether it satisfies the clauses of the set unsure and the bounds of time.
func (r *reader) match(doc uint32, unsure uint64) (start mapping.Time, ok bool, err error) {
	if accepted := r.segment.accepted; unsure != 0 && (accepted == nil || !accepted.Contains(doc)) {
		if ok, err = r.matchClauses(doc, unsure); err != nil {
			return 0, false, err
		}
		if r.note(doc, ok); !ok {
			return 0, false, nil
		}
	}
	r.start, r.stop = -1, -1
	if r.times, err = r.visit(doc, timeFields, r.onTime, r.times); err != nil {
		return 0, false, err
	}
	if r.start < 0 || r.stop < 0 {
		return 0, false, fmt.Errorf("reading the search index: a document has no time")
	}
	return r.start, r.start >= r.plan.from && r.stop <= r.plan.to, nil
}

// note keeps a verdict for the searches to come.
func (r *reader) note(doc uint32, ok bool) {
	if ok {
		r.accepted = append(r.accepted, doc)
	} else {
		r.rejected = append(r.rejected, doc)
	}
	const many = 1 << 16
	r.publish(many)
}

// publish hands over the verdicts since the last time, if there are enough.
func (r *reader) publish(enough int) {
	if len(r.accepted)+len(r.rejected) < enough {
		return
	}
	s := r.segment
	s.walk.searcher.cache.verdicts.add(verdictKey{s.segment, r.plan.key}, roaring.BitmapOf(r.accepted...), roaring.BitmapOf(r.rejected...))
	r.accepted, r.rejected = r.accepted[:0], r.rejected[:0]
}

func (r *reader) visitTime(_ string, term []byte) {
	if Kind(term[0]) == KindStart {
		r.start = timeFrom(term)
	} else {
		r.stop = timeFrom(term)
	}
}

func (r *reader) visit(doc uint32, fields []string, fn func(string, []byte), state segment.DocVisitState) (segment.DocVisitState, error) {
	state, err := r.segment.values.VisitDocValues(uint64(doc), fields, fn, state)
	if err != nil {
		return nil, fmt.Errorf("reading doc values of %s: %w", fields[0], err)
	}
	return state, nil
}

// matchClauses reads the phone numbers before the texts, as they are fewer.
func (r *reader) matchClauses(doc uint32, unsure uint64) (ok bool, err error) {
	r.unsure = unsure
	clear(r.matched)
	if r.asks(FieldPhone) {
		if r.phones, err = r.visit(doc, phoneFields, r.onValue, r.phones); err != nil || !r.satisfied(FieldPhone) {
			return false, err
		}
	}
	if r.asks(FieldText) {
		if r.texts, err = r.visit(doc, textFields, r.onValue, r.texts); err != nil || !r.satisfied(FieldText) {
			return false, err
		}
	}
	return true, nil
}

func (r *reader) asks(field string) bool {
	for i, c := range r.plan.clauses {
		if r.unsure&(1<<i) != 0 && c.field == field {
			return true
		}
	}
	return false
}

func (r *reader) satisfied(field string) bool {
	for i, c := range r.plan.clauses {
		if r.unsure&(1<<i) != 0 && c.field == field && !c.satisfied(r.matched[i]) {
			return false
		}
	}
	return true
}

// satisfied tells whether the clause holds if the terms of a set match.
func (c *clause) satisfied(matched uint64) bool {
	for _, conj := range c.conjunctions {
		if matched&conj.set == conj.set {
			return true
		}
	}
	return false
}

// visitValue notes which terms match a value.
func (r *reader) visitValue(_ string, value []byte) {
	for i, c := range r.plan.clauses {
		if Kind(value[0]) != c.kind || r.unsure&(1<<i) == 0 {
			continue
		}
		for j, t := range c.terms {
			if r.matched[i]&(1<<j) == 0 && t.matcher.match(value[1:]) {
				r.matched[i] |= 1 << j
			}
		}
	}
}
