package newest_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
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
			enough := indextest.Sized(60, 5) // to have everything that matters, in little time
			for range rapid.IntRange(1, 4).Draw(rt, "batches") {
				if len(docs) < enough {
					docs = append(docs, w.batch()...)
				}
			}
			a, b := makeSegments(rt, docs[:min(enough, len(docs))])
			sameContent(rt, "of documents", a, b)
			own, zaps = append(own, reopened(rt, t.TempDir(), a)), append(zaps, b)
			sameContent(rt, "read back", own[len(own)-1], b)
		}

		// Each of the two merges what both have made, in memory and from files.
		dropped := roaring.BitmapOf(0, uint32(own[0].Count()-1))
		want := merged(rt, t.TempDir(), new(zap.ZapPlugin), zaps, dropped)
		sameContent(rt, "merged", merged(rt, t.TempDir(), new(schema.Plugin), own, dropped), want)
		sameContent(rt, "merged of zap's", merged(rt, t.TempDir(), new(schema.Plugin), zaps, dropped), want)
		sameContent(rt, "merged by zap", merged(rt, t.TempDir(), new(zap.ZapPlugin), own, dropped), want)
	})
}

// TestPluginManyDocuments has postings lists of more than one chunk, lists as long as a chunk at most
// and one more, and a field that no document has.
func TestPluginManyDocuments(t *testing.T) {
	docs := numbered(indextest.Sized(5000, 2100), func(i int) mapping.Time { return at(17_000+i/1000, int64(i)) })
	for i, d := range docs {
		d.Names = nil
		d.UserData, d.UserDataByKey = nil, nil
		if i < 1024 {
			d.UserData = append(d.UserData, "a chunk")
		}
		if i%2 == 0 && i <= 2048 {
			d.UserData = append(d.UserData, "one more")
		}
	}
	a, b := makeSegments(t, docs)
	sameContent(t, "of documents", a, b)

	few, zapsFew := makeSegments(t, docs[:60])
	dropped := roaring.BitmapOf(0, 5, 6, 7, 1024, uint32(a.Count()-1))
	want := merged(t, t.TempDir(), new(zap.ZapPlugin), []segment.Segment{b, zapsFew}, dropped)
	own := merged(t, t.TempDir(), new(schema.Plugin), []segment.Segment{reopened(t, t.TempDir(), a), few}, dropped)
	sameContent(t, "merged", own, want)

	mixed := []segment.Segment{own, few}
	again := merged(t, t.TempDir(), new(zap.ZapPlugin), mixed, nil)
	sameContent(t, "merged again by zap", again, merged(t, t.TempDir(), new(schema.Plugin), mixed, nil))
}

// TestMergeNumbers: who merges is told where each document has gone.
func TestMergeNumbers(t *testing.T) {
	a, _ := makeSegments(t, numbered(5, func(i int) mapping.Time { return at(17_000, int64(i)) }))
	b, _ := makeSegments(t, numbered(3, func(i int) mapping.Time { return at(18_000, int64(i)) }))
	const gone = math.MaxUint64
	drops := []*roaring.Bitmap{roaring.BitmapOf(1, 4), nil}
	path := filepath.Join(t.TempDir(), "merged.zap")
	numbers, size, err := new(schema.Plugin).Merge([]segment.Segment{a, b}, drops, path, nil, nil)
	if want := [][]uint64{{0, gone, 1, 2, gone}, {3, 4, 5}}; err != nil || !reflect.DeepEqual(numbers, want) {
		t.Errorf("%v, %v, want %v", numbers, err, want)
	}
	if info, err := os.Stat(path); err != nil || uint64(info.Size()) != size {
		t.Errorf("a file of %d bytes, %v, want %d", info.Size(), err, size)
	}
}

// TestMergeIsClosed: a merge ends when the index is closed, and leaves no file behind.
func TestMergeIsClosed(t *testing.T) {
	a, _ := makeSegments(t, numbered(2000, func(i int) mapping.Time { return at(17_000, int64(i)) }))
	closed := make(chan struct{})
	close(closed)
	path := filepath.Join(t.TempDir(), "merged.zap")
	_, _, err := new(schema.Plugin).Merge([]segment.Segment{a}, make([]*roaring.Bitmap, 1), path, closed, nil)
	if err != segment.ErrClosed { // as scorch compares it
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file: %v", err)
	}
}

// TestMergeDamaged: a segment whose file is damaged while it is open, and which nobody has looked at before, is
// merged to something or is an error. It never ends the process. One that was damaged before is never opened: its
// checksum is wrong.
func TestMergeDamaged(t *testing.T) {
	a, _ := makeSegments(t, numbered(40, func(i int) mapping.Time { return at(17_000, int64(i)) }))
	path := filepath.Join(t.TempDir(), "own.zap")
	if err := a.(segment.UnpersistedSegment).Persist(path); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	chance := rand.New(rand.NewPCG(1, 2))
	refused := 0
	for range indextest.Sized(600, 25) {
		path := filepath.Join(t.TempDir(), "damaged.zap")
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := new(schema.Plugin).Open(path)
		if err != nil {
			t.Fatal(err)
		}
		place := chance.IntN(len(whole) - zap.FooterSize)
		damage(t, path, place, whole[place]^byte(1+chance.IntN(255)))
		to := filepath.Join(t.TempDir(), "merged.zap")
		both := []segment.Segment{s, a}
		if _, _, err := new(schema.Plugin).Merge(both, make([]*roaring.Bitmap, 2), to, nil, nil); err != nil {
			refused++
			if _, err := os.Stat(to); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the file of a merge that failed: %v", err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if refused == 0 {
		t.Error("nothing was found to be damaged")
	}
}

// damage writes a byte into a file, as those see it, too, who have it open.
func damage(t *testing.T, path string, place int, value byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{value}, int64(place)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
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
	check("merged", merged(t, t.TempDir(), new(schema.Plugin), []segment.Segment{own, more}, dropped), 397)
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

func merged(
	t fataler, dir string, by scorch.SegmentPlugin, segments []segment.Segment, dropped *roaring.Bitmap,
) segment.Segment {
	t.Helper()
	path := filepath.Join(dir, "merged.zap")
	if _, _, err := by.Merge(segments, []*roaring.Bitmap{dropped, nil}, path, nil, nil); err != nil {
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
		visit := func(_ string, term []byte) {
			if !bytes.Contains(term, []byte("\n")) { // Bleve's own takes the terms of keys, too
				fmt.Fprintf(&b, "%s %q ", field, term)
			}
		}
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
