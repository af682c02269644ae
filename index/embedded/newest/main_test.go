package newest_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	bleveindex "github.com/blevesearch/bleve_index_api"
	"go.uber.org/goleak"

	"recordings/index"
	"recordings/index/embedded/newest"
	"recordings/index/embedded/schema"
	"recordings/index/query"
	"recordings/mapping"
)

func TestMain(m *testing.M) {
	schema.RegisterPlugin()
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/blevesearch/bleve_index_api.AnalysisWorker"))
}

// doc is a recording of the model, which is a plain list of them.
type doc struct {
	contactCenter, region, id string
	mapping.Searchable
}

func (d *doc) key() string { return keyOf(d.contactCenter, d.id) }

func (d *doc) document() *schema.Document {
	return schema.NewDocument(d.key(), d.contactCenter, d.region, &d.Searchable)
}

// search is what a search looks for in the model, and the rest of the request.
type search struct {
	contactCenter, region string
	groups                []string // of who searches
	criteria              mapping.Criteria
	newest.Request
}

// request is the search with its query.
func (q *search) request() newest.Request {
	r := q.Request
	r.Query = query.New(q.contactCenter, q.region, q.groups, &q.criteria)
	return r
}

func keyOf(contactCenter, id string) string { return contactCenter + "\x00" + id }

// searchIndex is a real index on disk beside the model of what is in it.
type searchIndex struct {
	testing.TB
	index    bleve.Index
	scorch   *scorch.Scorch
	searcher *newest.Searcher
	docs     map[string]*doc
}

// newSearchIndex makes an index. The caller closes it.
func newSearchIndex(t testing.TB, o newest.Options) *searchIndex {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "index")
	if err != nil {
		t.Fatal(err)
	}
	return newSearchIndexIn(t, dir+"/bleve", o)
}

func newSearchIndexIn(t testing.TB, dir string, o newest.Options) *searchIndex {
	t.Helper()
	m := bleve.NewIndexMapping()
	m.DefaultAnalyzer = "keyword"
	x, err := bleve.NewUsing(dir, m, scorch.Name, scorch.Name, config(schema.SegmentType))
	if err != nil {
		t.Fatal(err)
	}
	return wrap(t, x, o)
}

func config(segmentType string) map[string]any {
	return map[string]any{
		"unsafe_batch":        true,
		"forceSegmentType":    segmentType,
		"forceSegmentVersion": int(schema.SegmentVersion),
	}
}

func openSearchIndex(t testing.TB, dir string, o newest.Options) *searchIndex {
	t.Helper()
	x, err := bleve.OpenUsing(dir, config(schema.SegmentType))
	if err != nil {
		t.Fatal(err)
	}
	return wrap(t, x, o)
}

func wrap(t testing.TB, x bleve.Index, o newest.Options) *searchIndex {
	t.Helper()
	advanced, err := x.Advanced()
	if err != nil {
		t.Fatal(err)
	}
	return &searchIndex{t, x, advanced.(*scorch.Scorch), newest.NewSearcher(o), make(map[string]*doc)}
}

func (x *searchIndex) close() {
	if err := x.index.Close(); err != nil {
		x.Error(err)
	}
}

// apply indexes and deletes in one batch, and in the model.
func (x *searchIndex) apply(docs []*doc, deleted ...string) {
	x.Helper()
	b := bleveindex.NewBatch()
	for _, d := range docs {
		b.Update(d.document())
		x.docs[d.key()] = d
	}

	for _, key := range deleted {
		b.Delete(key)
		delete(x.docs, key)
	}
	if err := x.scorch.Batch(b); err != nil {
		x.Fatal(err)
	}
}

func (x *searchIndex) merge() {
	x.Helper()
	if err := x.scorch.ForceMerge(x.Context(), nil); err != nil {
		x.Fatal(err)
	}
}

func (x *searchIndex) snapshot() *scorch.IndexSnapshot {
	x.Helper()
	r, err := x.scorch.Reader()
	if err != nil {
		x.Fatal(err)
	}
	return r.(*scorch.IndexSnapshot)
}

func (x *searchIndex) search(ctx context.Context, q search) ([]newest.Hit, bool, error) {
	x.Helper()
	snapshot := x.snapshot()
	hits, more, err := x.searcher.Search(ctx, snapshot, q.request())
	return hits, more, errors.Join(err, checkRefs(snapshot, hits, q.Pending), snapshot.Close())
}

func (x *searchIndex) count(ctx context.Context, q search) (int, error) {
	x.Helper()
	snapshot := x.snapshot()
	n, err := x.searcher.Count(ctx, snapshot, q.request())
	return n, errors.Join(err, snapshot.Close())
}

func (x *searchIndex) stream(q search, want []newest.Hit) error {
	x.Helper()
	snapshot := x.snapshot()
	var got []newest.Hit
	err := x.searcher.Stream(x.Context(), snapshot, q.request(), func(hits []newest.Hit) error {
		got = append(got, hits...)
		return nil
	})
	return errors.Join(err, checkRefs(snapshot, got, q.Pending), compare(got, want, false, false), snapshot.Close())
}

// checkRefs looks whether the documents of hits are where they say, unless they are pending, and
// takes the references off.
func checkRefs(snapshot *scorch.IndexSnapshot, hits, pending []newest.Hit) error {
	segments := make(map[uint64]*scorch.SegmentSnapshot)
	for _, s := range snapshot.Segments() {
		segments[s.Id()] = s
	}

	for i := range hits {
		h := &hits[i]
		ref := h.Ref
		h.Ref = newest.DocRef{}
		if ref == (newest.DocRef{}) && slices.Contains(pending, *h) {
			continue
		}
		s := segments[ref.Segment]
		if s == nil {
			return fmt.Errorf("%q is said to be in segment %d, which is not there", h.Key, ref.Segment)
		}
		if id, err := s.DocID(uint64(ref.Document)); err != nil || string(id) != h.Key {
			return fmt.Errorf("at the place of %q is %q, %v", h.Key, id, err)
		}
	}

	return nil
}

// matches is what a search must find: by mapping.Match over everything.
func matches(docs map[string]*doc, q *search) []newest.Hit {
	var found []*doc
	for _, d := range docs {
		if d.contactCenter != q.contactCenter || d.region != q.region || !d.VisibleTo(q.groups) {
			continue
		}
		if q.criteria.Match(&d.Searchable) {
			found = append(found, d)
		}
	}

	slices.SortFunc(found, func(a, b *doc) int {
		switch q.Order {
		case index.OldestChangeFirst:
			return mapping.CompareOldestChange(a.ChangedTime, a.StartTime, a.id, b.ChangedTime, b.StartTime, b.id)
		case index.OldestFirst:
			return mapping.CompareOldestFirst(a.StartTime, a.id, b.StartTime, b.id)
		}
		return mapping.CompareNewestFirst(a.StartTime, a.id, b.StartTime, b.id)
	})

	hits := make([]newest.Hit, len(found))
	for i, d := range found {
		hits[i] = newest.Hit{Key: d.key(), Start: d.StartTime, Changed: d.ChangedTime}
	}
	return hits
}

// page cuts what Search returns out of all matches.
func page(all []newest.Hit, q *search) (hits []newest.Hit, more bool) {
	rest := all[min(q.Offset, len(all)):]
	return rest[:min(q.Limit, len(rest))], len(rest) > q.Limit
}

// check compares a search, and the count of its matches, with the model.
func (x *searchIndex) check(q search) error {
	x.Helper()
	return x.checkAgainst(x.docs, q)
}

func (x *searchIndex) checkAgainst(docs map[string]*doc, q search) error {
	x.Helper()
	all := matches(docs, &q)
	want, wantMore := page(all, &q)
	got, more, err := x.search(x.Context(), q)
	if err != nil {
		return err
	}
	if err := compare(got, want, more, wantMore); err != nil {
		return err
	}
	if n, err := x.count(x.Context(), q); err != nil || n != len(all) {
		return fmt.Errorf("counted %d, %v; want %d", n, err, len(all))
	}
	if err := x.checkHistogram(q, all); err != nil {
		return err
	}
	if err := x.stream(q, all); err != nil {
		return fmt.Errorf("streaming: %w", err)
	}
	return nil
}

// checkHistogram compares histograms with what counting the matches one by one makes: in several zones, or with
// -short in one of them, which depends on how many there are.
func (x *searchIndex) checkHistogram(q search, all []newest.Hit) error {
	x.Helper()
	zones := []string{"UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York"}
	for i, zone := range zones {
		if testing.Short() && i != len(all)/len(index.Intervals)%len(zones) {
			continue
		}
		location, err := time.LoadLocation(zone)
		if err != nil {
			return err
		}
		c := index.Calendar{Interval: index.Intervals[(i+len(all))%len(index.Intervals)], Zone: location}
		want := make(map[mapping.Time]int)
		for _, h := range all {
			from, _ := c.Bucket(h.Start)
			want[from]++
		}
		snapshot := x.snapshot()
		got, err := x.searcher.Histogram(x.Context(), snapshot, q.request(), c.Bucket)
		if err = errors.Join(err, snapshot.Close()); err != nil {
			return err
		}
		if !maps.Equal(got, want) {
			return fmt.Errorf("by %s in %s there are %v, want %v", c.Interval, zone, got, want)
		}
	}
	return nil
}

func compare(got, want []newest.Hit, more, wantMore bool) error {
	if slices.Equal(got, want) && more == wantMore {
		return nil
	}

	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Errorf("hit %d is %v, want %v; %d hits, more %v; want %d, %v",
				i, got[i], want[i], len(got), more, len(want), wantMore)
		}
	}

	return fmt.Errorf("%d hits, more %v; want %d, %v", len(got), more, len(want), wantMore)
}
