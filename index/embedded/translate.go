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
// terms of the dictionary that match for each pattern, a range for each time. A pattern that too many terms match is left
// out; then the query is not exact.
func translate(ctx context.Context, r bleveindex.IndexReader, contactCenter, region string, c *mapping.Criteria) (translation, error) {
	t := &translator{ctx: ctx, reader: r, terms: maxTerms, exact: true}
	all := []query.Query{
		termQuery(schema.FieldScope, schema.Scope(contactCenter, region)),
		t.pattern(schema.FieldCallerPhoneNumber, c.CallerPhoneNumber),
		t.pattern(schema.FieldDialedPhoneNumber, c.DialedPhoneNumber),
		timeQuery(schema.FieldStartTime, c.StartTime, nil),
		timeQuery(schema.FieldStopTime, nil, c.EndTime),
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
	terms, few, err := t.matchingTerms(field, p)
	switch {
	case err != nil:
		t.err = err
		return nil
	case !few:
		t.exact = false
		return nil
	case len(terms) == 0:
		return query.NewMatchNoneQuery()
	}
	return query.NewDisjunctionQuery(terms)
}

// matchingTerms returns a query for each term of a field that matches a pattern, unless there are too many.
func (t *translator) matchingTerms(field string, p *mapping.Pattern) (terms []query.Query, few bool, err error) {
	dict, err := t.reader.FieldDictPrefix(field, []byte(p.Pieces()[0]))
	if err != nil {
		return nil, false, fmt.Errorf("reading the dictionary of %s: %w", field, err)
	}
	defer func() { _ = dict.Close() }()
	for seen := 0; ; seen++ {
		if seen%termsBetweenChecks == 0 && t.ctx.Err() != nil {
			return nil, false, context.Cause(t.ctx)
		}
		entry, err := dict.Next()
		if err != nil {
			return nil, false, fmt.Errorf("reading the dictionary of %s: %w", field, err)
		}
		if entry == nil {
			return terms, true, nil
		}
		if !p.Match(entry.Term) {
			continue
		}
		if t.terms == 0 {
			return nil, false, nil
		}
		t.terms--
		terms = append(terms, termQuery(field, entry.Term))
	}
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

// timeQuery returns a query for the times from the one to the other, both included.
func timeQuery(field string, from, to *mapping.Time) query.Query {
	if from == nil && to == nil {
		return nil
	}
	inclusive := true
	q := query.NewNumericRangeInclusiveQuery(number(from), number(to), &inclusive, &inclusive)
	q.SetField(field)
	return q
}

// number returns a time as Bleve's queries have it. Every mapping.Time is exactly a float64.
func number(t *mapping.Time) *float64 {
	if t == nil {
		return nil
	}
	f := float64(*t)
	return &f
}
