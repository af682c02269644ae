package opensearch

import (
	"fmt"
	"strings"

	"github.com/blevesearch/bleve/v2/search/query"

	"recordings/index/embedded/schema"
	"recordings/mapping"
)

// translation is a query for the cluster.
type translation struct {
	filter []object // all of them hold

	// loose says that patterns were taken apart, as the cluster refuses them whole: what is found must be
	// compared with the criteria.
	loose bool
	// texts says that values are compared, so that a recording with a long one may match as well.
	texts bool
}

// translate makes a query for the cluster of the tree of Bleve's query types that package query makes. With
// apart, patterns are taken apart.
//
// Whatever compares values is also passed by recordings with a value that is too long for the cluster: they
// must be compared with the criteria when they are found; see fieldLong.
func translate(q query.Query, apart bool) (*translation, error) {
	t := &translation{}
	parts := []query.Query{q}
	if all, ok := q.(*query.ConjunctionQuery); ok {
		parts = all.Conjuncts
	}
	for _, part := range parts {
		one := translator{apart: apart}
		o, err := one.query(part)
		if err != nil {
			return nil, err
		}
		if one.texts {
			o = anyOf([]object{o, {"term": object{fieldLong: true}}})
			t.texts = true
		}
		t.loose = t.loose || one.loose
		t.filter = append(t.filter, o)
	}
	return t, nil
}

// object is the whole query, with further conditions.
func (t *translation) object(further ...object) object {
	all := make([]object, 0, len(t.filter)+len(further))
	return object{"bool": object{"filter": append(append(all, t.filter...), further...)}}
}

// translator translates one part of a query, and notes what is in it.
type translator struct {
	apart        bool
	texts, loose bool
}

func (t *translator) query(q query.Query) (object, error) {
	switch q := q.(type) {
	case *query.ConjunctionQuery:
		all, err := t.all(q.Conjuncts)
		return object{"bool": object{"filter": all}}, err
	case *query.DisjunctionQuery:
		all, err := t.all(q.Disjuncts)
		return anyOf(all), err
	case *query.TermQuery:
		term, field := q.Term, fieldOf(q.FieldVal, []string{q.Term})
		if t.note(field, term) {
			term = withoutNUL(term)
		}
		return object{"term": object{field: term}}, nil
	case *query.WildcardQuery:
		pieces := strings.Split(q.Wildcard, "*")
		return t.pattern(fieldOf(q.FieldVal, pieces), pieces), nil
	case *query.RegexpQuery:
		pieces := unquote(q.Regexp)
		return t.pattern(fieldOf(q.FieldVal, pieces), pieces), nil
	case *query.PrefixQuery:
		if q.Prefix == "" {
			return object{"exists": object{"field": q.FieldVal}}, nil
		}
		return object{"prefix": object{q.FieldVal: q.Prefix}}, nil
	case *query.TermRangeQuery:
		return timeRange(q)
	case *query.MatchNoneQuery:
		return object{"match_none": object{}}, nil
	}
	return nil, fmt.Errorf("a query of the type %T has no translation", q)
}

func (t *translator) all(queries []query.Query) ([]object, error) {
	all := make([]object, len(queries))
	for i, q := range queries {
		var err error
		if all[i], err = t.query(q); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// anyOf is found by any of several queries.
func anyOf(all []object) object {
	if len(all) == 1 {
		return all[0]
	}
	return object{"bool": object{"should": all, "minimum_should_match": 1}}
}

// fieldOf is the field of the cluster that has what is asked for in one of package schema. Wildcards of the
// cluster go beyond line breaks, so values under their keys are not among the values.
func fieldOf(field string, pieces []string) string {
	if _, _, keyed := mapping.CutData(pieces); keyed && field == schema.FieldUserData {
		return fieldByKey
	}
	return field
}

// note notes that a text was asked for in a field, and reports whether the field is one of those that
// patterns are compared with.
func (t *translator) note(field, text string) bool {
	switch field {
	case schema.FieldCaller, schema.FieldDialed, schema.FieldPhone, schema.FieldUserName, schema.FieldUserData,
		schema.FieldLabel, schema.FieldComment, schema.FieldCallType, fieldByKey:
		t.texts = true
		t.loose = t.loose || strings.Contains(text, noCharacter)
		return true
	}
	return false
}

// escaping makes everything in a pattern but the wildcards literal.
var escaping = strings.NewReplacer(`\`, `\\`, `?`, `\?`, `*`, `\*`, "\x00", noCharacter)

// wildcard stands for a wildcard while everything else is made literal.
const wildcard = "\x00"

// pattern is a pattern of literal pieces between wildcards.
func (t *translator) pattern(field string, pieces []string) object {
	t.note(field, strings.Join(pieces, ""))
	last := len(pieces) - 1
	if strings.Join(pieces, "") == "" {
		return object{"exists": object{"field": field}}
	}
	if t.apart && last > 1 {
		return t.takenApart(field, pieces)
	}

	var b strings.Builder
	for i, piece := range pieces {
		if i > 0 && !strings.HasSuffix(b.String(), wildcard) {
			b.WriteString(wildcard) // several in a row are one
		}
		b.WriteString(escaping.Replace(piece))
	}
	value := strings.ReplaceAll(b.String(), wildcard, "*")
	if field != fieldByKey {
		field += ".w"
	}
	return object{"wildcard": object{field: object{"value": value}}}
}

// takenApart looks for each piece by itself, which finds what the pattern matches, and more.
func (t *translator) takenApart(field string, pieces []string) object {
	t.loose = true
	var all []object
	for i, piece := range pieces {
		if piece == "" {
			continue
		}
		around := []string{"", piece, ""}
		switch i {
		case 0:
			around = around[1:]
		case len(pieces) - 1:
			around = around[:2]
		}
		whole := translator{}
		all = append(all, whole.pattern(field, around))
	}
	return object{"bool": object{"filter": all}}
}

// unquote returns the literal pieces of the regular expression that package query makes of a pattern: with
// .* between them, and with a backslash in front of what has a meaning.
func unquote(expression string) (pieces []string) {
	var piece strings.Builder
	for i := 0; i < len(expression); i++ {
		switch {
		case expression[i] == '\\' && i+1 < len(expression):
			i++
			piece.WriteByte(expression[i])
		case strings.HasPrefix(expression[i:], ".*"):
			pieces = append(pieces, piece.String())
			piece.Reset()
			i++
		default:
			piece.WriteByte(expression[i])
		}
	}
	return append(pieces, piece.String())
}

// timeRange is a range of times or durations, which the cluster has as numbers. By default the lower bound
// is part of a range, and the upper one is not.
func timeRange(q *query.TermRangeQuery) (object, error) {
	bounds := object{}
	add := func(term, inclusive, exclusive string, is bool) error {
		if term == "" {
			return nil
		}
		at, ok := schema.TimeFrom(term)
		if !ok {
			return fmt.Errorf("a bound of %s is not a time", q.FieldVal)
		}
		if is {
			bounds[inclusive] = int64(at)
		} else {
			bounds[exclusive] = int64(at)
		}
		return nil
	}
	if err := add(q.Min, "gte", "gt", q.InclusiveMin == nil || *q.InclusiveMin); err != nil {
		return nil, err
	}
	if err := add(q.Max, "lte", "lt", q.InclusiveMax != nil && *q.InclusiveMax); err != nil {
		return nil, err
	}
	return object{"range": object{q.FieldVal: bounds}}, nil
}
