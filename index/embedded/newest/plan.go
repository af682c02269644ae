package newest

import (
	"bytes"
	"errors"
	"strconv"

	"recordings/mapping"
)

// plan is what a search has to look for, worked out once for all segments.
type plan struct {
	scope    string
	clauses  []*clause    // all of them must hold
	needed   []need       // the terms of the clauses that have one conjunction
	key      string       // says what the clauses ask for
	from, to mapping.Time // bounds of startTime and stopTime
	ranges   bool         // some term asks for ranges of grams
}

// clause is one criterion about values: the recording matches when any of the conjunctions does.
type clause struct {
	kind         Kind
	field        string // where the values are
	gramField    string // where the grams of the values are
	conjunctions []conjunction
	terms        []*term // of all conjunctions
}

// conjunction lists terms by their place in the clause, and as bits of a set of places. All must match, each on any value.
type conjunction struct {
	terms  []int
	set    uint64
	needed []need
}

// need is a term that has to match on some value of a clause.
type need struct {
	*term
	clause *clause
	bit    uint64 // the clause, as a set of clauses
}

// maxTerms is how many terms of a clause fit into a set. Criteria have fewer; see mapping.ParseCriteria.
const maxTerms = 64

var errTerms = errors.New("the criteria have too many terms")

// term is one pattern.
type term struct {
	pattern string
	literal bool
	value   string    // of a literal, as it is in the index; of one that is not, a beginning that tells more than its grams, or nothing
	grams   gramQuery // of one that is not a literal
	matcher matcher
}

func newPlan(q *Query) (*plan, error) {
	c := &q.Criteria
	p := &plan{scope: Scope(q.ContactCenter, q.Region), to: mapping.MaxTime}
	if c.StartTime != nil {
		p.from = *c.StartTime
	}
	if c.EndTime != nil {
		p.to = *c.EndTime
	}
	p.addPhone(KindCaller, FieldCallerGrams, c.CallerPhoneNumber)
	p.addPhone(KindDialed, FieldDialedGrams, c.DialedPhoneNumber)
	p.add(&clause{kind: KindUserData, field: FieldText, gramField: FieldUserDataGrams}, c.UserData)
	p.add(&clause{kind: KindName, field: FieldText, gramField: FieldNameGrams}, c.UserName)
	for _, c := range p.clauses {
		if len(c.terms) > maxTerms {
			return nil, errTerms
		}
	}
	p.key = keyOf(p.clauses)
	return p, nil
}

// keyOf is the same for the same clauses only.
func keyOf(clauses []*clause) string {
	var b []byte
	for _, c := range clauses {
		b = append(b, byte(c.kind))
		for _, conj := range c.conjunctions {
			b = append(b, '|')
			for _, i := range conj.terms {
				b = strconv.AppendQuote(b, c.terms[i].pattern)
			}
		}
	}
	return string(b)
}

func (p *plan) addPhone(kind Kind, gramField string, pattern *mapping.Pattern) {
	if pattern != nil {
		p.add(&clause{kind: kind, field: FieldPhone, gramField: gramField}, mapping.Expression{{*pattern}})
	}
}

func (p *plan) add(c *clause, e mapping.Expression) {
	if len(e) == 0 {
		return
	}
	for _, patterns := range e {
		var conj conjunction
		for _, pattern := range patterns {
			conj.terms = append(conj.terms, len(c.terms))
			conj.set |= 1 << len(c.terms)
			t := newTerm(c.kind, pattern)
			conj.needed = append(conj.needed, need{t, c, 1 << len(p.clauses)})
			p.ranges = p.ranges || len(t.grams.ranges) > 0
			c.terms = append(c.terms, t)
		}
		c.conjunctions = append(c.conjunctions, conj)
	}
	if len(c.conjunctions) == 1 {
		p.needed = append(p.needed, c.conjunctions[0].needed...)
	}
	p.clauses = append(p.clauses, c)
}

func newTerm(kind Kind, p mapping.Pattern) *term {
	t := &term{pattern: p.String(), matcher: newMatcher(p)}
	if value, ok := p.Literal(); ok {
		t.literal, t.value = true, kind.Term(value)
	} else {
		t.grams = newGramQuery(p)
		if first := p.Pieces()[0]; len(first) >= gramLength {
			t.value = kind.Term(first)
		}
	}
	return t
}

// matcher is a mapping.Pattern for bytes.
type matcher struct {
	pieces   [][]byte
	shortest int // no shorter value matches
}

func newMatcher(p mapping.Pattern) (m matcher) {
	for _, piece := range p.Pieces() {
		m.pieces = append(m.pieces, []byte(piece))
		m.shortest += len(piece)
	}
	return m
}

// match is mapping.Pattern.Match.
func (m *matcher) match(value []byte) bool {
	if len(value) < m.shortest {
		return false
	}
	first, last := m.pieces[0], m.pieces[len(m.pieces)-1]
	if len(m.pieces) == 1 {
		return bytes.Equal(value, first)
	}
	if !bytes.HasPrefix(value, first) || !bytes.HasSuffix(value, last) {
		return false
	}
	// As value is long enough, the first and the last piece do not overlap.
	value = value[len(first) : len(value)-len(last)]
	for _, piece := range m.pieces[1 : len(m.pieces)-1] {
		i := bytes.Index(value, piece)
		if i < 0 {
			return false
		}
		value = value[i+len(piece):]
	}
	return true
}
