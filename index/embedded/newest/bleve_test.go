package newest_test

import (
	"math"
	"testing"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/search"
	blevequery "github.com/blevesearch/bleve/v2/search/query"

	"recordings/index/embedded/newest"
	"recordings/mapping"
)

// TestBleveQueries makes sure that Bleve's own queries find the same in these documents, in the same order.
func TestBleveQueries(t *testing.T) {
	x := newSearchIndex(t, newest.Options{})
	defer x.close()
	docs := numbered(300, func(i int) mapping.Time { return at(17_000+i%7, int64(i%5)) })
	for i, d := range docs {
		d.StopTime = d.StartTime + mapping.Time(i)*1000
	}
	x.apply(docs[:200])
	x.apply(docs[200:], docs[3].key())
	from, to := at(17_002, 1), at(17_005, 90_000)
	q := newest.Query{ContactCenter: "cc", Region: "west", Limit: 1000}
	q.Criteria.StartTime, q.Criteria.EndTime = &from, &to
	caller := mapping.NewPattern("+1000*1")
	q.Criteria.CallerPhoneNumber = &caller
	q.Criteria.UserName = mapping.Expression{{mapping.NewPattern("alice")}}

	got, more := x.bleveSearch(blevequery.NewConjunctionQuery([]blevequery.Query{
		termQuery(newest.FieldScope, newest.Scope("cc", "west")),
		timeQuery(newest.KindStart, from, mapping.MaxTime),
		timeQuery(newest.KindStop, 0, to),
		regexpQuery(newest.FieldPhone, newest.KindCaller.Term(`\+1000.*1`)),
		termQuery(newest.FieldText, newest.KindName.Term("alice")),
	}), q.Limit)
	want, wantMore := page(matches(x.docs, &q), &q)
	if err := compare(got, want, more, wantMore); err != nil {
		t.Error(err)
	}
	if len(want) == 0 {
		t.Error("nothing matches")
	}
}

func termQuery(field, term string) blevequery.Query {
	q := bleve.NewTermQuery(term)
	q.SetField(field)
	return q
}

func regexpQuery(field, pattern string) blevequery.Query {
	q := bleve.NewRegexpQuery(pattern)
	q.SetField(field)
	return q
}

func timeQuery(k newest.Kind, from, to mapping.Time) blevequery.Query {
	yes := true
	q := bleve.NewTermRangeInclusiveQuery(newest.TimeTerm(k, from), newest.TimeTerm(k, to), &yes, &yes)
	q.SetField(newest.FieldTime)
	return q
}

func (x *searchIndex) bleveSearch(q blevequery.Query, limit int) (hits []newest.Hit, more bool) {
	x.Helper()
	r := bleve.NewSearchRequestOptions(q, limit, 0, false)
	r.SortByCustom(search.SortOrder{
		&search.SortField{Field: newest.FieldTime, Desc: true, Type: search.SortFieldAsString, Mode: search.SortFieldMin},
		&search.SortDocID{},
	})
	found, err := x.index.SearchInContext(x.Context(), r)
	if err != nil {
		x.Fatal(err)
	}
	for _, h := range found.Hits {
		hits = append(hits, newest.Hit{Key: h.ID, Start: x.docs[h.ID].StartTime})
	}
	return hits, found.Total > uint64(min(limit, math.MaxInt))
}
