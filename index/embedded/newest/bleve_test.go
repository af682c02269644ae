package newest_test

import (
	"testing"

	"github.com/blevesearch/bleve/v2"
	blevesearch "github.com/blevesearch/bleve/v2/search"
	"pgregory.net/rapid"

	"recordings/index/embedded/newest"
	"recordings/index/embedded/schema"
)

// checkBleve compares what Bleve's queries find with the model.
func (x *searchIndex) checkBleve(q search) error {
	x.Helper()
	r := bleve.NewSearchRequestOptions(q.request().Query, q.Limit, q.Offset, false)
	r.SortByCustom(blevesearch.SortOrder{
		&blevesearch.SortField{Field: schema.FieldStart, Desc: true, Type: blevesearch.SortFieldAsString},
		&blevesearch.SortDocID{},
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
