package newest_test

import (
	"testing"

	"pgregory.net/rapid"

	"recordings/index/embedded/newest"
	"recordings/index/indextest"
)

// checkBleve compares what Bleve's own search finds with the model.
func (x *searchIndex) checkBleve(q search) error {
	x.Helper()
	all, err := x.askBleve(q.request().Query, q.Order)
	if err != nil {
		return err
	}
	got, more := page(all, &q)
	want, wantMore := page(matches(x.docs, &q), &q)
	return compare(got, want, more, wantMore)
}

// TestBleveEqualsMatch makes sure that Bleve's own search agrees with mapping.Match on what
// TestSearchEqualsMatch compares the searches with, of indexes of any shape.
func TestBleveEqualsMatch(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		x := newSearchIndex(t, newest.Options{})
		defer x.close()
		for range rapid.IntRange(1, 3).Draw(rt, "batches") {
			docs := w.batch()
			docs = docs[:min(len(docs), indextest.Sized(100, 20))]
			x.apply(docs, x.someKeys(w, 50)...)
			for range indextest.Sized(4, 1) {
				q := w.query(pick(w, docs))
				q.Offset, q.Limit = min(q.Offset, 300), min(q.Limit, 300)
				if err := x.checkBleve(q); err != nil {
					rt.Fatalf("Bleve's own queries: %s: %v", describe(&q), err)
				}
				if err := x.check(q); err != nil {
					rt.Fatalf("%s: %v", describe(&q), err)
				}
			}
		}
	})
}
