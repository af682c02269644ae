package newest_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	bleveindex "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"
	zap "github.com/blevesearch/zapx/v17"
	"pgregory.net/rapid"

	"recordings/index/embedded/schema"
	"recordings/index/indextest"
	"recordings/mapping"
)

// TestPluginEqualsZap makes segments of the same documents by the plugin and by Bleve's own, and
// makes sure that both have the same in them: at once, written to a file and read back, and merged.
func TestPluginEqualsZap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		var own, zaps []segment.Segment
		for range 2 {
			var docs []*doc
			for range rapid.IntRange(1, 4).Draw(rt, "batches") {
				docs = append(docs, w.batch()...)
			}
			enough := indextest.Sized(60, 25) // to have everything that matters, in little time
			a, b := makeSegments(rt, docs[:min(enough, len(docs))])
			sameContent(rt, "of documents", a, b)
			own, zaps = append(own, reopened(rt, t.TempDir(), a)), append(zaps, b)
			sameContent(rt, "read back", own[len(own)-1], b)
		}

		dropped := roaring.BitmapOf(0, uint32(own[0].Count()-1))
		sameContent(rt, "merged", merged(rt, t.TempDir(), own, dropped), merged(rt, t.TempDir(), zaps, dropped))
	})
}

// TestPluginManyDocuments has postings lists of more than one chunk, and a field that no document
// has.
func TestPluginManyDocuments(t *testing.T) {
	docs := numbered(indextest.Sized(5000, 2100), func(i int) mapping.Time { return at(17_000+i/1000, int64(i)) })
	for _, d := range docs {
		d.Names = nil
	}
	a, b := makeSegments(t, docs)
	sameContent(t, "of documents", a, b)
}

// TestCallsAreDocValues: what the plugin keeps of calls is there when a segment was made, written and
// merged, and no term but one.
func TestCallsAreDocValues(t *testing.T) {
	docs := numbered(300, func(i int) mapping.Time { return at(17_000+i/100, int64(i)) })
	own, _ := makeSegments(t, docs)
	check := func(what string, s segment.Segment, want int) {
		t.Helper()
		starts := make(map[mapping.Time]bool)
		for doc := range s.Count() {
			var call schema.Call
			visit := func(_ string, value []byte) {
				if call.Parse(value) {
					starts[call.Start] = true
				}
			}
			values := s.(segment.DocValueVisitable)
			if _, err := values.VisitDocValues(doc, []string{schema.FieldCall}, visit, nil); err != nil {
				t.Fatal(err)
			}
		}
		if len(starts) != want {
			t.Errorf("%s: %d calls, want %d", what, len(starts), want)
		}
		if terms := postingsOf(t, s, schema.FieldCall); len(terms) != 1 {
			t.Errorf("%s: %d terms", what, len(terms))
		}
	}

	check("of documents", own, 300)
	own = reopened(t, t.TempDir(), own)
	check("read back", own, 300)
	more, _ := makeSegments(t, numbered(100, func(i int) mapping.Time { return at(18_000, int64(i)) }))
	dropped := roaring.BitmapOf(0, 1, 2)
	check("merged", merged(t, t.TempDir(), []segment.Segment{own, more}, dropped), 397)
}

type fataler interface {
	Helper()
	Cleanup(fn func())
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// makeSegments gives both plugins the documents in the order in which the one of ours has them,
// each key once.
func makeSegments(t fataler, docs []*doc) (own, zaps segment.Segment) {
	t.Helper()
	last := make(map[string]*doc)
	for _, d := range docs {
		last[d.key()] = d
	}

	var documents []bleveindex.Document
	for _, d := range last {
		documents = append(documents, d.document())
	}

	own, _, err := new(schema.Plugin).New(documents)
	if err != nil {
		t.Fatal(err)
	}

	number := func(d bleveindex.Document) uint32 {
		docs, err := own.DocNumbers([]string{d.ID()})
		if err != nil || docs.GetCardinality() != 1 {
			t.Fatalf("%q is in %d documents, %v", d.ID(), docs.GetCardinality(), err)
		}
		return docs.Minimum()
	}

	slices.SortFunc(documents, func(a, b bleveindex.Document) int { return int(number(a)) - int(number(b)) })
	if zaps, _, err = new(zap.ZapPlugin).New(documents); err != nil {
		t.Fatal(err)
	}
	return own, zaps
}

func reopened(t fataler, dir string, s segment.Segment) segment.Segment {
	t.Helper()
	path := filepath.Join(dir, "own.zap")
	if err := s.(segment.UnpersistedSegment).Persist(path); err != nil {
		t.Fatal(err)
	}
	return opened(t, path)
}

func opened(t fataler, path string) segment.Segment {
	t.Helper()
	s, err := new(schema.Plugin).Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // an error changes nothing: it was read
	return s
}

func merged(t fataler, dir string, segments []segment.Segment, dropped *roaring.Bitmap) segment.Segment {
	t.Helper()
	path := filepath.Join(dir, "merged.zap")
	if _, _, err := new(schema.Plugin).Merge(segments, []*roaring.Bitmap{dropped, nil}, path, nil, nil); err != nil {
		t.Fatal(err)
	}
	return opened(t, path)
}

func sameContent(t fataler, what string, a, b segment.Segment) {
	t.Helper()
	if a.Count() != b.Count() {
		t.Fatalf("%s: %d documents, want %d", what, a.Count(), b.Count())
	}

	all, _ := schema.SegmentFields()
	for _, field := range append(all, schema.FieldID) {
		got, want := postingsOf(t, a, field), postingsOf(t, b, field)
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				t.Fatalf("%s: %s has %s, want %s", what, field, got[i], want[i])
			}
		}

		if len(got) != len(want) {
			t.Fatalf("%s: %s has %d terms, want %d", what, field, len(got), len(want))
		}
	}

	for doc := range a.Count() {
		if got, want := valuesOf(t, a, doc), valuesOf(t, b, doc); got != want {
			t.Fatalf("%s: document %d has %s, want %s", what, doc, got, want)
		}
	}
}

// postingsOf lists the terms of a field, each with its documents and their frequencies.
func postingsOf(t fataler, s segment.Segment, field string) (terms []string) {
	t.Helper()
	d, err := s.Dictionary(field)
	if err != nil {
		t.Fatal(err)
	}

	it := d.AutomatonIterator(nil, nil, nil)
	for entry, err := it.Next(); entry != nil || err != nil; entry, err = it.Next() {
		if err != nil {
			t.Fatal(err)
		}
		list, err := d.PostingsList([]byte(entry.Term), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%q in %d:", entry.Term, list.Count())
		postings := list.Iterator(true, true, true, nil)
		for p, err := postings.Next(); p != nil || err != nil; p, err = postings.Next() {
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, " %d (%d, %g)", p.Number(), p.Frequency(), p.Norm())
		}

		terms = append(terms, b.String())
	}

	return terms
}

// valuesOf is what a document has as doc values, and its key.
func valuesOf(t fataler, s segment.Segment, doc uint64) string {
	t.Helper()
	var b strings.Builder
	_, withValues := schema.SegmentFields()
	for _, field := range withValues {
		if field == schema.FieldCall { // Bleve's own takes the term; see TestCallsAreDocValues
			continue
		}
		visit := func(_ string, term []byte) { fmt.Fprintf(&b, "%s %q ", field, term) }
		if _, err := s.(segment.DocValueVisitable).VisitDocValues(doc, []string{field}, visit, nil); err != nil {
			t.Fatal(err)
		}
	}

	key, err := s.DocID(doc)
	if err != nil {
		t.Fatal(err)
	}

	fmt.Fprintf(&b, "key %q", key)
	err = s.VisitStoredFields(doc, func(field string, _ byte, value []byte, _ []uint64) bool {
		fmt.Fprintf(&b, " stored %s %q", field, value)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
