package newest_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/search"
	blevequery "github.com/blevesearch/bleve/v2/search/query"
	"pgregory.net/rapid"

	"recordings/index/embedded/newest"
	"recordings/mapping"
)

// What follows is the second opinion: the criteria in Bleve's own query types, of which it finds and sorts all hits. It is too
// slow to be used, and too simple to be wrong.

func bleveQuery(q *newest.Query) blevequery.Query {
	c := &q.Criteria
	all := []blevequery.Query{termQuery(newest.FieldScope, newest.Scope(q.ContactCenter, q.Region))}
	if c.StartTime != nil {
		all = append(all, timeQuery(newest.KindStart, *c.StartTime, mapping.MaxTime))
	}
	if c.EndTime != nil && *c.EndTime < 0 { // no time is
		return blevequery.NewMatchNoneQuery()
	}
	if c.EndTime != nil {
		all = append(all, timeQuery(newest.KindStop, 0, *c.EndTime))
	}
	if c.CallerPhoneNumber != nil {
		all = append(all, patternQuery(newest.FieldPhone, newest.KindCaller, *c.CallerPhoneNumber))
	}
	if c.DialedPhoneNumber != nil {
		all = append(all, patternQuery(newest.FieldPhone, newest.KindDialed, *c.DialedPhoneNumber))
	}
	if len(c.UserName) > 0 {
		all = append(all, expressionQuery(newest.KindName, c.UserName))
	}
	if len(c.UserData) > 0 {
		all = append(all, expressionQuery(newest.KindUserData, c.UserData))
	}
	return blevequery.NewConjunctionQuery(all)
}

func expressionQuery(k newest.Kind, e mapping.Expression) blevequery.Query {
	var any []blevequery.Query
	for _, conjunction := range e {
		var all []blevequery.Query
		for _, p := range conjunction {
			all = append(all, patternQuery(newest.FieldText, k, p))
		}
		any = append(any, blevequery.NewConjunctionQuery(all))
	}
	return blevequery.NewDisjunctionQuery(any)
}

func patternQuery(field string, k newest.Kind, p mapping.Pattern) blevequery.Query {
	if value, ok := p.Literal(); ok {
		return termQuery(field, k.Term(value))
	}
	pieces := make([]string, len(p.Pieces()))
	for i, piece := range p.Pieces() {
		pieces[i] = regexp.QuoteMeta(piece)
	}
	q := bleve.NewRegexpQuery(k.Term(strings.Join(pieces, "(?s:.*)")))
	q.SetField(field)
	return q
}

func termQuery(field, term string) blevequery.Query {
	q := bleve.NewTermQuery(term)
	q.SetField(field)
	return q
}

func timeQuery(k newest.Kind, from, to mapping.Time) blevequery.Query {
	yes := true
	q := bleve.NewTermRangeInclusiveQuery(newest.TimeTerm(k, from), newest.TimeTerm(k, to), &yes, &yes)
	q.SetField(newest.FieldTime)
	return q
}

// checkBleve compares what Bleve's queries find with the model.
func (x *searchIndex) checkBleve(q newest.Query) error {
	x.Helper()
	r := bleve.NewSearchRequestOptions(bleveQuery(&q), q.Limit, q.Offset, false)
	r.SortByCustom(search.SortOrder{
		&search.SortField{Field: newest.FieldTime, Desc: true, Type: search.SortFieldAsString, Mode: search.SortFieldMin},
		&search.SortDocID{},
	})
	found, err := x.index.SearchInContext(x.Context(), r)
	if err != nil {
		return err
	}
	var got []newest.Hit
	for _, h := range found.Hits {
		got = append(got, newest.Hit{Key: h.ID, Start: x.docs[h.ID].StartTime})
	}
	want, wantMore := page(matches(x.docs, &q), &q)
	return compare(got, want, found.Total > uint64(q.Offset+q.Limit), wantMore)
}

// TestBleveEqualsMatch makes sure that the second opinion agrees with mapping.Match on what TestSearchEqualsMatch compares the
// searches with, of indexes of any shape.
func TestBleveEqualsMatch(t *testing.T) {
	searches, found := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		x := newSearchIndex(t, newest.Options{})
		defer x.close()
		for range rapid.IntRange(1, 3).Draw(rt, "batches") {
			docs := w.batch()
			docs = docs[:min(len(docs), 100)]
			x.apply(docs, x.someKeys(w, 50)...)
			for range 4 {
				q := w.query(pick(w, docs))
				q.Offset, q.Limit = min(q.Offset, 300), min(q.Limit, 300)
				searches++
				found += min(1, len(matches(x.docs, &q)))
				if err := x.checkBleve(q); err != nil {
					rt.Fatalf("Bleve's own queries: %s: %v", describe(&q), err)
				}
				if err := x.check(q); err != nil {
					rt.Fatalf("%s: %v", describe(&q), err)
				}
			}
		}
	})
	if found < searches/4 {
		t.Errorf("only %d of %d searches found something", found, searches)
	}
}
