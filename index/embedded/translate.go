package embedded

import (
	"context"
	"fmt"

	"github.com/blevesearch/bleve/v2/search/query"
	bleveindex "github.com/blevesearch/bleve_index_api"

	"recordings/mapping"
	"recordings/mapping/schema"
)

// maxTerms bounds the terms that the patterns of one search may stand for. Bleve keeps about 4 KB for each.
const maxTerms = 4096

// termsBetweenChecks is how many terms are compared with a pattern between looks at the context.
const termsBetweenChecks = 1024

// translation is a query that finds every recording that matches, and whether it finds no others.
type translation struct {
	query query.Query
	exact bool
}

// translate puts a search in terms of Bleve's queries: a term for the scope and for each literal, a disjunction of the
// terms of the dictionary for each pattern and each range of times. What too many terms match is left out; then the query
// is not exact.
func translate(ctx context.Context, r bleveindex.IndexReader, contactCenter, region string, c *mapping.Criteria) (translation, error) {
	t := &translator{ctx: ctx, reader: r, terms: maxTerms, exact: true}
	all := []query.Query{
		termQuery(schema.FieldScope, schema.Scope(contactCenter, region)),
		t.pattern(schema.FieldCallerPhoneNumber, c.CallerPhoneNumber),
		t.pattern(schema.FieldDialedPhoneNumber, c.DialedPhoneNumber),
		t.times(schema.StartTimeRanges, c.StartTime, nil),
		t.times(schema.StopTimeRanges, nil, c.EndTime),
		t.expression(schema.FieldName, c.UserName),
		t.expression(schema.FieldUserData, c.UserData),
	}
	return translation{conjunction(all), t.exact}, t.err
}

// translator puts patterns in terms of the dictionary of an index. A nil query stands for one that leaves nothing out.
type translator struct {
	ctx    context.Context
	reader bleveindex.IndexReader
	terms  int // how many more there may be
	exact  bool
	err    error
}

func (t *translator) expression(field string, e mapping.Expression) query.Query {
	var any []query.Query
	for _, terms := range e {
		var all []query.Query
		for i := range terms {
			all = append(all, t.pattern(field, &terms[i]))
		}
		q := conjunction(all)
		if q == nil {
			return nil
		}
		any = append(any, q)
	}
	if any == nil {
		return nil
	}
	return query.NewDisjunctionQuery(any)
}

func (t *translator) pattern(field string, p *mapping.Pattern) query.Query {
	if p == nil || t.err != nil {
		return nil
	}
	if literal, ok := p.Literal(); ok {
		return termQuery(field, literal)
	}
	left, prefix := t.terms, []byte(p.Pieces()[0])
	dict, err := t.reader.FieldDictPrefix(field, prefix)
	if err != nil {
		t.err = fmt.Errorf("reading the dictionary of %s: %w", field, err)
		return nil
	}
	return t.disjunction(t.matching(field, dict, p.Match), left)
}

// times translates a range of times, of which nil ends are open.
func (t *translator) times(ranges func(from, to mapping.Time) []schema.TermRange, from, to *mapping.Time) query.Query {
	first, last := mapping.Time(0), mapping.MaxTime
	if from != nil {
		first = *from
	}
	if to != nil {
		last = *to
	}
	if first == 0 && last == mapping.MaxTime {
		return nil
	}
	var terms []query.Query
	left := t.terms
	for _, r := range ranges(first, last) {
		dict, err := t.reader.FieldDictRange(r.Field, []byte(r.First), []byte(r.Last))
		if err != nil {
			t.err = fmt.Errorf("reading the dictionary of %s: %w", r.Field, err)
			return nil
		}
		terms = append(terms, t.matching(r.Field, dict, func(term string) bool { return r.First <= term && term <= r.Last })...)
	}
	return t.disjunction(terms, left)
}

// matching returns a query for each term of a dictionary that matches, and closes it. When there are more than there may
// be, t.terms becomes negative.
func (t *translator) matching(field string, dict bleveindex.FieldDict, match func(term string) bool) (terms []query.Query) {
	defer func() { _ = dict.Close() }()
	for seen := 0; t.terms >= 0; seen++ {
		if seen%termsBetweenChecks == 0 && t.ctx.Err() != nil {
			t.err = context.Cause(t.ctx)
			return nil
		}
		entry, err := dict.Next()
		if err != nil {
			t.err = fmt.Errorf("reading the dictionary of %s: %w", field, err)
			return nil
		}
		if entry == nil {
			return terms
		}
		if match(entry.Term) {
			t.terms--
			terms = append(terms, termQuery(field, entry.Term))
		}
	}
	return nil
}

// disjunction returns a query for what any of the terms finds, unless an error occurred, or there were more than the ones
// left before them.
func (t *translator) disjunction(terms []query.Query, left int) query.Query {
	switch {
	case t.err != nil:
		return nil
	case t.terms < 0:
		t.exact, t.terms = false, left
		return nil
	case len(terms) == 0:
		return query.NewMatchNoneQuery()
	}
	return query.NewDisjunctionQuery(terms)
}

// conjunction returns a query for what all of the queries find, leaving out the nil ones.
func conjunction(queries []query.Query) query.Query {
	var all []query.Query
	for _, q := range queries {
		if q != nil {
			all = append(all, q)
		}
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return query.NewConjunctionQuery(all)
}

func termQuery(field, term string) query.Query {
	q := query.NewTermQuery(term)
	q.SetField(field)
	return q
}
