package newest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"regexp/syntax"
	"strings"

	"github.com/blevesearch/bleve/v2/search/query"

	"recordings/index/embedded/schema"
	"recordings/mapping"
)

// ErrQuery is the error of a query that cannot be run newest first. Bleve itself may be able to run
// it.
var ErrQuery = errors.New("the query cannot be run newest first")

// refuse says what it is about a query that cannot be run.
func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrQuery, fmt.Sprintf(format, args...))
}

// formula is a query in normal form: all of its alternatives must hold. None at all: everything
// matches.
type formula []alternatives

// alternatives hold where all leaves of any of these lists match. No list at all: nothing matches.
type alternatives [][]leaf

// leaf is a query about the values of one field.
type leaf struct {
	field  *schema.Field
	pieces []string             // of a pattern, around its wildcards; one: a whole value
	times  *timeRange           // of a range, instead; of durations, in seconds
	query  query.FieldableQuery // what it was made of
}

var (
	everything = formula{}
	nothing    = formula{alternatives{}}
)

// compile brings a query into normal form, or refuses it.
func compile(q query.Query) (formula, error) {
	switch q := q.(type) {
	case *query.ConjunctionQuery:
		return compileConjunction(q)
	case *query.DisjunctionQuery:
		return compileDisjunction(q)
	case *query.TermQuery:
		return patternLeaf(q, []string{q.Term})
	case *query.PrefixQuery:
		return patternLeaf(q, []string{q.Prefix, ""})
	case *query.WildcardQuery:
		if strings.Contains(q.Wildcard, "?") {
			return nil, refuse("? in the wildcard %q", q.Wildcard)
		}
		return patternLeaf(q, strings.Split(q.Wildcard, "*"))
	case *query.RegexpQuery:
		return regexpLeaf(q)
	case *query.TermRangeQuery:
		return rangeLeaf(q)
	case *query.MatchAllQuery:
		return everything, nil
	case *query.MatchNoneQuery:
		return nothing, nil
	}

	return nil, refuse("it has a %T", q)
}

// compileConjunction: all parts must hold. Of none, Bleve finds nothing.
func compileConjunction(q *query.ConjunctionQuery) (all formula, err error) {
	if len(q.Conjuncts) == 0 {
		return nothing, nil
	}

	for _, part := range q.Conjuncts {
		f, err := compile(part)
		if err != nil {
			return nil, err
		}
		all = append(all, f...)
	}

	return all, nil
}

// compileDisjunction: any part must hold, which may be a conjunction of leaves or a disjunction of
// such.
func compileDisjunction(q *query.DisjunctionQuery) (formula, error) {
	if q.Min > 1 {
		return nil, refuse("%g of several parts must match", q.Min)
	}

	either, all := alternatives{}, false
	for _, part := range q.Disjuncts {
		f, err := compile(part)
		if err != nil {
			return nil, err
		}

		// A part without any condition makes the whole disjunction one. One with a single list of
		// alternatives adds these; of others, only those are accepted whose conditions are leaves.
		switch {
		case len(f) == 0:
			all = true
		case len(f) == 1:
			either = append(either, f[0]...)
		default:
			var leaves []leaf
			for _, a := range f {
				if len(a) != 1 {
					return nil, refuse("a disjunction is within a conjunction that is within a disjunction")
				}
				leaves = append(leaves, a[0]...)
			}
			either = append(either, leaves)
		}
	}

	if all {
		return everything, nil
	}
	return formula{either}, nil
}

// patternLeaf makes a leaf of the literal pieces around the wildcards of a pattern.
func patternLeaf(q query.FieldableQuery, pieces []string) (formula, error) {
	return fieldLeaf(leaf{query: q, pieces: pieces})
}

// regexpLeaf makes a leaf of a regular expression that is a pattern.
func regexpLeaf(q *query.RegexpQuery) (formula, error) {
	pieces, beyond, err := regexpPieces(q.Regexp)
	if err != nil {
		return nil, err
	}

	// It would go on from a value into the key that it is under, which no other pattern does.
	if f := schema.Lookup(q.Field()); f != nil && f.Keyed && beyond {
		return nil, refuse("%q goes beyond the values of %s", q.Regexp, f.Name)
	}
	return patternLeaf(q, pieces)
}

// rangeLeaf makes a leaf of a range, which only times and durations have.
func rangeLeaf(q *query.TermRangeQuery) (formula, error) {
	times, err := newTimeRange(q)
	if err != nil {
		return nil, err
	}
	return fieldLeaf(leaf{query: q, times: &times})
}

// fieldLeaf refuses what cannot be asked of a field.
func fieldLeaf(l leaf) (formula, error) {
	if l.field = schema.Lookup(l.query.Field()); l.field == nil || l.field.Filled == 0 {
		return nil, refuse("documents have no field %q", l.query.Field())
	}

	ok := false
	switch l.field.Name {
	case schema.FieldStart, schema.FieldStop, schema.FieldDuration, schema.FieldChanged:
		ok = l.times != nil
	case schema.FieldContactCenter, schema.FieldRegion, schema.FieldNonDelete, schema.FieldMedia,
		schema.FieldAccessGroup:
		ok = len(l.pieces) == 1
	case schema.FieldCallUUID, schema.FieldMediaID:
		ok = len(l.pieces) == 1 || len(l.pieces) == 2 && l.pieces[1] == ""
	default:
		ok = len(l.pieces) > 0
	}

	// Of values under keys the key has to be told, and no other is.
	if l.field.Keyed {
		_, key, keyed := mapping.CutData(l.pieces)
		again := strings.Count(strings.Join(l.pieces, ""), keyMark)
		ok = again == 0 || keyed && again == 1 && key != ""
	}

	if !ok {
		return nil, refuse("%s is asked for by a %T", l.field.Name, l.query)
	}
	return formula{{{l}}}, nil
}

// regexpPieces is the literal text around the wildcards of a regular expression that has nothing
// else. A wildcard is .* where values have no line breaks; with them, too, it is (?s:.*): then beyond is
// true.
func regexpPieces(expr string) (pieces []string, beyond bool, err error) {
	parsed, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, false, refuse("%q: %s", expr, err)
	}

	// The parser has merged neighbouring literals, and taken quotations and escapes apart.
	parts := []*syntax.Regexp{parsed}
	if parsed.Op == syntax.OpConcat {
		parts = parsed.Sub
	}

	pieces = []string{""}
	for _, part := range parts {
		switch {
		case part.Op == syntax.OpLiteral && part.Flags&syntax.FoldCase == 0:
			pieces[len(pieces)-1] += string(part.Rune)
		case isWildcard(part):
			pieces = append(pieces, "")
			beyond = beyond || part.Sub[0].Op == syntax.OpAnyChar
		case part.Op == syntax.OpEmptyMatch:
		default:
			return nil, false, refuse("%q is more than text and .*", expr)
		}
	}

	return pieces, beyond, nil
}

// isWildcard reports whether a part of a regular expression stands for any text. Bleve knows no
// non-greedy ones.
func isWildcard(part *syntax.Regexp) bool {
	if part.Op != syntax.OpStar || part.Flags&syntax.NonGreedy != 0 {
		return false
	}
	repeated := part.Sub[0].Op
	return repeated == syntax.OpAnyChar || repeated == syntax.OpAnyCharNotNL
}

// timeRange are the times from min to max, both included.
type timeRange struct{ min, max mapping.Time }

var allTimes = timeRange{0, mapping.MaxTime}

// newTimeRange reads the bounds of a range. Unless it is said otherwise the lower one is part of it
// and the upper one is not, as in Bleve.
func newTimeRange(q *query.TermRangeQuery) (r timeRange, err error) {
	r = allTimes
	var ok bool
	if q.Min != "" {
		if r.min, ok = schema.TimeFrom(q.Min); !ok {
			return r, refuse("%q is not a time", q.Min)
		}
		if q.InclusiveMin != nil && !*q.InclusiveMin {
			r.min++
		}
	}

	if q.Max != "" {
		if r.max, ok = schema.TimeFrom(q.Max); !ok {
			return r, refuse("%q is not a time", q.Max)
		}
		if q.InclusiveMax == nil || !*q.InclusiveMax {
			r.max--
		}
	}

	return r.and(allTimes), nil
}

// and returns the times that are in both ranges. Nothing is in one whose min is behind its max.
func (r timeRange) and(other timeRange) timeRange {
	return timeRange{max(r.min, other.min), min(r.max, other.max)}
}

// empty reports whether no time is in the range.
func (r timeRange) empty() bool { return r.min > r.max }

// has reports whether a time is in the range.
func (r timeRange) has(t mapping.Time) bool { return r.min <= t && t <= r.max }

// key appends what identifies a pattern: its field, the length of each piece, and the piece.
func (l *leaf) key(b []byte) []byte {
	b = append(append(b, l.field.Name...), '=')
	for _, piece := range l.pieces {
		b = append(binary.AppendUvarint(b, uint64(len(piece))+1), piece...)
	}
	return append(b, 0)
}
