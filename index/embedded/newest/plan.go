package newest

import (
	"bytes"
	"slices"
	"strings"

	"github.com/blevesearch/bleve/v2/search/query"

	"recordings/index/embedded/schema"
	"recordings/mapping"
)

// plan is what a search has to look for, worked out once for all segments.
type plan struct {
	none    bool   // nothing can match
	scope   string // of the only contact center and region that the query allows
	clauses []*clause
	needed  []need // the terms of the clauses that have one conjunction
	key     string // says what the clauses ask for
	ranges  bool   // some term asks for ranges of grams, or there are spans that calls tell, too

	start, stop timeRange // of startTime and stopTime
	duration    timeRange // in seconds
	changed     timeRange // of changedTime
	spans       []span    // of the terms of other fields, all of which must hold
	choices     []choice  // of such spans, all of which must hold
	groups      []span    // of access groups, all of which must hold
}

// clause is a condition about the values of one field, or of several that a call has: a document
// matches when any of the conjunctions does.
type clause struct {
	values       []string // the field with the doc values, as an argument
	call         bool     // the values are parts of a call
	conjunctions []conjunction
	terms        []*term // of all conjunctions

	// beginnings are the terms, as a set, that may match a value with this first byte: most of several
	// need not be tried. Those that match an empty value are behind them. nil: all are tried.
	beginnings *[256 + 1]uint64
}

// findBeginnings fills in beginnings.
func (c *clause) findBeginnings() {
	c.beginnings = new([256 + 1]uint64)
	for i, t := range c.terms {
		if first := t.matcher.pieces[0]; len(first) > 0 {
			c.beginnings[first[0]] |= 1 << i
			continue
		}
		for b := range c.beginnings {
			c.beginnings[b] |= 1 << i
		}
	}
}

// termsFor returns the terms that may match a value, as a set.
func (c *clause) termsFor(value []byte) uint64 {
	switch {
	case c.beginnings == nil:
		return 1<<len(c.terms) - 1
	case len(value) == 0:
		return c.beginnings[256]
	default:
		return c.beginnings[value[0]]
	}
}

// conjunction lists terms as a set of their places in the clause. All must match, each on any
// value.
type conjunction struct {
	set    uint64
	needed []need
}

// need is a term that has to match on some value of a clause.
type need struct {
	*term
	bit uint64 // the clause, as a set of clauses
}

// maxBits is how many terms of a clause, and how many clauses, fit into a set. Criteria have fewer.
const maxBits = 64

// term is one pattern.
type term struct {
	field   *schema.Field
	literal bool
	// value is the only term that matches a literal; of a pattern it is a beginning that tells
	// more than its grams, or nothing.
	value   string
	grams   schema.Grams // of one that is not a literal
	terms   matcher      // of the terms of the field
	matcher matcher      // of values
	keyed   bool         // a value has to be under a key, too:
	key     string       // this one, as the end of a term
}

// newPlan makes the plan of a query, which must be about one contact center and region.
func newPlan(q query.Query) (*plan, error) {
	f, err := compile(q)
	if err != nil {
		return nil, err
	}

	p := &plan{start: allTimes, stop: allTimes, duration: allTimes, changed: allTimes}
	var b planBuilder
	for _, either := range f {
		switch len(either) {
		case 0:
			p.none = true
		case 1:
			for _, l := range either[0] {
				b.require(p, l)
			}
		default:
			if err := b.either(p, either); err != nil {
				return nil, err
			}
		}
	}

	// Bounds that exclude each other need no search.
	p.none = p.none || p.start.empty() || p.stop.empty() || p.duration.empty() || p.changed.empty()
	if p.none {
		return p, nil
	}
	if b.contactCenter == nil || b.region == nil {
		return nil, refuse("it does not say which contact center and region")
	}

	p.scope = schema.Scope(*b.contactCenter, *b.region)
	return p, b.build(p)
}

// latest is the last moment at which a match can start that does not stop before it starts.
func (p *plan) latest() mapping.Time { return min(p.start.max, p.stop.max) }

// stopMatters reports whether it depends on the stopTime what matches.
func (p *plan) stopMatters() bool { return p.stop != allTimes }

// unconditional reports whether nothing is asked for but scope, startTime and stopTime, and teams.
func (p *plan) unconditional() bool {
	return len(p.clauses) == 0 && len(p.spans) == 0 && len(p.choices) == 0
}

// holds reports whether the times of a call are within the bounds of the search.
func (p *plan) holds(start, stop, changed mapping.Time) bool {
	return p.start.has(start) && p.stop.has(stop) && p.changed.has(changed) &&
		(p.duration == allTimes || p.duration.has(mapping.Time(mapping.Seconds(start, stop))))
}

// planBuilder collects what the parts of a query are about.
type planBuilder struct {
	contactCenter, region *string
	fields                []fieldLeaves
}

// fieldLeaves are alternatives about one field.
type fieldLeaves struct {
	field  *schema.Field
	either alternatives
}

// require adds a leaf that must match. Patterns of the same field go into one clause, so that its
// values are read once.
func (b *planBuilder) require(p *plan, l leaf) {
	switch l.field.Name {
	case schema.FieldStart:
		p.start = p.start.and(*l.times)
	case schema.FieldStop:
		p.stop = p.stop.and(*l.times)
	case schema.FieldDuration:
		p.duration = p.duration.and(*l.times)
	case schema.FieldChanged:
		p.changed = p.changed.and(*l.times)
	case schema.FieldCallUUID, schema.FieldMediaID, schema.FieldMedia, schema.FieldNonDelete, schema.FieldLabel,
		schema.FieldComment, schema.FieldCallType:
		p.spans = append(p.spans, termSpan(l.field.Name, l.pieces))
	case schema.FieldAccessGroup:
		p.groups = append(p.groups, groupSpan(alternatives{{l}}))
	case schema.FieldContactCenter:
		p.none = !only(&b.contactCenter, l.pieces[0]) || p.none
	case schema.FieldRegion:
		p.none = !only(&b.region, l.pieces[0]) || p.none
	default:
		// Only clauses that are a plain conjunction can take a further term, and not more than fit.
		i := slices.IndexFunc(b.fields, func(f fieldLeaves) bool {
			return f.field == l.field && len(f.either) == 1 && len(f.either[0]) < maxBits
		})
		if i < 0 {
			b.fields = append(b.fields, fieldLeaves{l.field, alternatives{{l}}})
		} else {
			b.fields[i].either[0] = append(b.fields[i].either[0], l)
		}
	}
}

// only notes a value. It reports whether no other was noted before.
func only(noted **string, value string) bool {
	if *noted == nil {
		*noted = &value
	}
	return **noted == value
}

// either adds alternatives, which must be patterns of one field, or of several that a call has, or
// all of labels, of comments, of call types or of access groups.
func (b *planBuilder) either(p *plan, either alternatives) error {
	field := either[0][0].field
	alone := func(leaves []leaf) bool { return len(leaves) == 1 && leaves[0].field == field }
	if field.Name == schema.FieldAccessGroup && !slices.ContainsFunc(either, func(l []leaf) bool { return !alone(l) }) {
		p.groups = append(p.groups, groupSpan(either))
		return nil
	}
	switch field.Name {
	case schema.FieldLabel, schema.FieldComment, schema.FieldCallType, schema.FieldAccessGroup:
		c, err := newChoice(field, either)
		p.choices = append(p.choices, c)
		return err
	}

	for _, leaves := range either {
		for _, l := range leaves {
			if l.field != field && l.field.Values != field.Values {
				return refuse("a disjunction is about %s and %s", field.Name, l.field.Name)
			}
			if l.field.Values == "" {
				return refuse("a disjunction is about %s", l.field.Name)
			}
		}
	}

	b.fields = append(b.fields, fieldLeaves{field, either})
	return nil
}

// build makes the clauses.
func (b *planBuilder) build(p *plan) error {
	if len(b.fields) > maxBits {
		return refuse("it has more than %d clauses", maxBits)
	}

	// The key holds all that the clauses ask for, and nothing of scope and time: what is learned of
	// documents by it is right whatever the bounds of a search are.
	var key []byte
	for _, f := range b.fields {
		c := &clause{values: []string{f.field.Values}, call: f.field.Values == schema.FieldCall}
		key = append(key, ':')
		for _, leaves := range f.either {
			key = append(key, '|')
			var conj conjunction
			for i := range leaves {
				if len(c.terms) == maxBits {
					return refuse("a clause has more than %d terms", maxBits)
				}
				t := newTerm(&leaves[i])
				key = leaves[i].key(key)
				conj.set |= 1 << len(c.terms)
				conj.needed = append(conj.needed, need{t, 1 << len(p.clauses)})
				c.terms = append(c.terms, t)
				p.ranges = p.ranges || len(t.grams.Ranges) > 0
			}
			c.conjunctions = append(c.conjunctions, conj)
		}

		if len(c.conjunctions) == 1 {
			p.needed = append(p.needed, c.conjunctions[0].needed...)
		}
		if len(c.terms) > 1 && !c.call {
			c.findBeginnings()
		}
		p.clauses = append(p.clauses, c)
	}

	p.key = string(key)
	p.addSpan(schema.FieldChanged, p.changed)
	p.addSpan(schema.FieldDuration, p.duration)
	return nil
}

// newTerm works out what the dictionary and the grams can tell about a pattern.
func newTerm(l *leaf) *term {
	t := &term{field: l.field, terms: newMatcher(l.pieces)}
	pieces, key, keyed := l.pieces, "", false
	if l.field.Keyed {
		if pieces, key, keyed = mapping.CutData(pieces); keyed {
			t.keyed, t.key = true, mapping.DataTerm(key, "")
		}
	}

	t.matcher = newMatcher(pieces)
	switch {
	case len(pieces) == 1:
		t.literal, t.value = true, l.pieces[0]
	default:
		t.grams = schema.GramsOf(pieces)
		t.grams.Exact = t.grams.Exact && !keyed
		if len(pieces[0]) >= schema.GramLength {
			t.value = pieces[0]
		}
	}

	return t
}

// matchTerm reports whether a term of the field's dictionary matches. Terms of values under keys are
// another thing than values.
func (t *term) matchTerm(text string) bool {
	return (!t.field.Keyed || strings.Contains(text, keyMark) == t.keyed) && t.terms.match([]byte(text))
}

// withoutKeys is the automaton of the terms that are no values under keys. Its states are whether there was
// no mark, and that there was one.
type withoutKeys struct{}

// Start implements the interface Automaton of segments.
func (withoutKeys) Start() int { return 0 }

// IsMatch implements it.
func (withoutKeys) IsMatch(state int) bool { return state == 0 }

// CanMatch implements it.
func (withoutKeys) CanMatch(state int) bool { return state == 0 }

// WillAlwaysMatch implements it.
func (withoutKeys) WillAlwaysMatch(int) bool { return false }

// Accept implements it.
func (withoutKeys) Accept(state int, b byte) int {
	if b == keyMark[0] {
		return 1
	}
	return state
}

// keyMark is what terms of values under keys have, and no others.
var keyMark = mapping.DataTerm("", "")

// satisfied reports whether the clause holds if the terms of a set match.
func (c *clause) satisfied(matched uint64) bool {
	for _, conj := range c.conjunctions {
		if matched&conj.set == conj.set {
			return true
		}
	}
	return false
}

// matcher matches values against the pieces of a pattern.
type matcher struct {
	pieces   [][]byte
	shortest int    // no shorter value matches
	within   []byte // the only piece that is not empty, if it may be anywhere
}

// newMatcher makes a matcher of the pieces of a pattern; one piece is a whole value.
func newMatcher(pieces []string) (m matcher) {
	for _, piece := range pieces {
		m.pieces = append(m.pieces, []byte(piece))
		m.shortest += len(piece)
	}
	if len(pieces) == 3 && pieces[0] == "" && pieces[2] == "" {
		m.within = m.pieces[1]
	}
	return m
}

var numberSeparator = []byte{schema.NumberSeparator}

// matchAny reports whether any number of a list matches.
func (m *matcher) matchAny(list []byte) bool {
	for number := range bytes.SplitSeq(list, numberSeparator) {
		if m.match(number) {
			return true
		}
	}
	return false
}

// match reports whether the pieces are in the value, in order: the first at its beginning, the last
// at its end. Each is taken at its first place behind the one before, which is enough as only the
// last is bound to a place.
func (m *matcher) match(value []byte) bool {
	if m.within != nil {
		return bytes.Contains(value, m.within)
	}
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
