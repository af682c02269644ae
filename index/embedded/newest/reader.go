package newest

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"

	"github.com/RoaringBitmap/roaring/v2"
	segment "github.com/blevesearch/scorch_segment_api/v2"

	"recordings/index/embedded/schema"
	"recordings/mapping"
)

// reader reads the doc values of a segment, for one goroutine. It allocates nothing for a document.
type reader struct {
	segment *segmentSearch
	plan    *plan

	// A state that was made for one field finds nothing of others. There is one for the calls and
	// one for each clause.
	callState    segment.DocVisitState
	clauseStates []segment.DocVisitState

	// visitCall and visitValue, kept because a method value is allocated each time it is made.
	onCall, onValue func(field string, term []byte)

	// Of the document that is being read:
	call     schema.Call
	haveCall bool
	clause   *clause
	matched  uint64 // the terms of the clause that matched, as a set
	holds    bool   // the clause does, by these
	doc      uint32
	err      error // of looking up the key of a value

	keys *keyReader // nil: no values under keys were asked for yet

	accepted, rejected []uint32 // documents that do, and do not, satisfy the clauses, since they were last published
}

// newReader makes a reader of a segment. It opens no doc values before the first document is read.
func newReader(s *segmentSearch) *reader {
	r := &reader{segment: s, plan: s.walk.plan, clauseStates: make([]segment.DocVisitState, len(s.walk.plan.clauses))}
	r.onCall, r.onValue = r.visitCall, r.visitValue
	return r
}

var (
	callFields = []string{schema.FieldCall}
	errNoCall  = errors.New("reading the search index: a document does not say when the call was")
)

// match returns when a document starts, and whether it satisfies the clauses of the set unverified
// and the bounds of the search.
func (r *reader) match(doc uint32, unverified uint64) (start mapping.Time, ok bool, err error) {
	// The clauses come before the times: most candidates of a costly search fail on the clauses,
	// and what they fail on may be kept for others, which times may not.
	if ok, err = r.satisfies(doc, unverified); err != nil || !ok {
		return 0, false, err
	}
	if err := r.readCall(doc); err != nil {
		return 0, false, err
	}
	return r.call.Start, r.plan.holds(r.call.Start, r.call.Stop, r.call.Changed), nil
}

// satisfies reports whether a document satisfies the clauses of the set unverified. Its call can be read
// then.
func (r *reader) satisfies(doc uint32, unverified uint64) (ok bool, err error) {
	r.haveCall = false
	if accepted := r.segment.accepted; unverified == 0 || accepted != nil && accepted.Contains(doc) {
		return true, nil
	}
	if ok, err = r.matchClauses(doc, unverified); err == nil {
		r.note(doc, ok)
	}
	return ok, err
}

// matchClauses looks at the clauses one after the other.
func (r *reader) matchClauses(doc uint32, unverified uint64) (bool, error) {
	for i, c := range r.plan.clauses {
		if unverified&(1<<i) == 0 {
			continue
		}
		r.clause, r.matched, r.holds = c, 0, false
		if err := r.readValues(doc, i); err != nil || !c.satisfied(r.matched) {
			return false, err
		}
	}

	return true, nil
}

// readValues matches the values of a document with the terms of the i-th clause.
func (r *reader) readValues(doc uint32, i int) (err error) {
	// The numbers are parts of the call, which is read for the times as well.
	if r.clause.call {
		if err := r.readCall(doc); err != nil {
			return err
		}
		r.visitNumbers()
		return nil
	}

	r.doc, r.err = doc, nil
	for i, t := range r.clause.terms {
		if t.keyed && t.literal && r.has(t.value) {
			r.matched |= 1 << i
		}
	}

	r.clauseStates[i], err = r.visit(doc, r.clause.values, r.onValue, r.clauseStates[i])
	return errors.Join(err, r.err)
}

// readCall reads the call of a document, unless it was read already. Its numbers hold until the
// next is read.
func (r *reader) readCall(doc uint32) (err error) {
	if r.haveCall {
		return nil
	}
	if r.callState, err = r.visit(doc, callFields, r.onCall, r.callState); err == nil && !r.haveCall {
		err = errNoCall
	}
	return err
}

// visitCall takes the call of a document apart.
func (r *reader) visitCall(_ string, term []byte) { r.haveCall = r.call.Parse(term) }

// visitValue notes which terms match a value, until the clause holds.
func (r *reader) visitValue(_ string, value []byte) {
	if r.holds {
		return
	}

	left := r.clause.termsFor(value) &^ r.matched
	for ; left != 0; left &= left - 1 {
		i := bits.TrailingZeros64(left)
		t := r.clause.terms[i]
		if t.keyed && t.literal || !t.matcher.match(value) {
			continue
		}
		if !t.keyed || r.has(string(value)+t.key) {
			r.matched |= 1 << i
			r.holds = r.clause.satisfied(r.matched)
		}
	}
}

// has reports whether the document has a term of a value under a key.
func (r *reader) has(term string) bool {
	if r.keys == nil {
		r.keys = &keyReader{segment: r.segment.segment, kept: make(map[string]*roaring.Bitmap)}
	}
	docs, err := r.keys.postings(r.clause.values[0], term)
	r.err = errors.Join(r.err, err)
	return docs != nil && docs.Contains(r.doc)
}

// visitNumbers notes which terms match a number of their field. Mostly it has one.
func (r *reader) visitNumbers() {
	var field *schema.Field
	var list []byte
	some, several := false, false
	for i, t := range r.clause.terms {
		if t.field != field { // neighbours mostly are about the same
			field = t.field
			list, some = r.call.Numbers(field.Name)
			several = bytes.IndexByte(list, schema.NumberSeparator) >= 0
		}
		if some && (several && t.matcher.matchAny(list) || !several && t.matcher.match(list)) {
			r.matched |= 1 << i
		}
	}
}

// visit calls fn with the values that a document has in a field, and returns the state for the next
// document.
func (r *reader) visit(
	doc uint32, fields []string, fn func(string, []byte), state segment.DocVisitState,
) (segment.DocVisitState, error) {
	state, err := r.segment.values.VisitDocValues(uint64(doc), fields, fn, state)
	if err != nil {
		return nil, fmt.Errorf("reading doc values of %s: %w", fields[0], err)
	}
	return state, nil
}

// note keeps what came of a document for the searches to come.
func (r *reader) note(doc uint32, ok bool) {
	if ok {
		r.accepted = append(r.accepted, doc)
	} else {
		r.rejected = append(r.rejected, doc)
	}

	const many = 1 << 16
	r.publish(many)
}

// publish hands over what was noted since the last time, if it is enough.
func (r *reader) publish(enough int) {
	if len(r.accepted)+len(r.rejected) < enough {
		return
	}
	s := r.segment
	s.walk.searcher.cache.filters.add(filterKey{s.segment, r.plan.key},
		roaring.BitmapOf(r.accepted...), roaring.BitmapOf(r.rejected...))
	r.accepted, r.rejected = r.accepted[:0], r.rejected[:0]
}
