package embedded

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"recordings/index/embedded/newest"
	"recordings/index/indextest"
	"recordings/mapping"
)

// storedOfSize returns a recording with so many bytes of user data.
func storedOfSize(t *testing.T, id string, size int) *mapping.Stored {
	t.Helper()
	r := record(1)
	r.ID = id
	r.EventHistory = append(
		r.EventHistory,
		mapping.Event{Event: mapping.EventData, Data: fmt.Appendf(nil, `{"note":%q}`, strings.Repeat("x", size))},
	)
	data, err := mapping.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	s, err := mapping.ReadStored(data)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRecordCache fills the cache several times over: what is kept is found under its own
// reference.
func TestRecordCache(t *testing.T) {
	const limit, size, n = 1 << 20, 1 << 10, 3000
	c := newRecordCache(limit)
	var hits []newest.Hit
	for i := range uint32(n) {
		hit := newest.Hit{Ref: newest.DocRef{Segment: uint64(i % 3), Document: i + 1}}
		s := storedOfSize(t, fmt.Sprint(i), size)
		hits = append(hits, hit)
		c.add([]newest.Hit{hit, hit}, []*mapping.Stored{s, s})
	}

	found := make([]*mapping.Stored, n)
	kept := c.find(hits, found)
	if least := limit / 2 / (2*size + entryBytes); kept < least || kept > limit/size {
		t.Errorf("%d of %d are kept", kept, n)
	}
	for i, s := range found {
		if (s != nil) != (i >= n-kept) {
			t.Fatalf("%d of %d are kept, among them %d: %v", kept, n, i, s != nil)
		}
		if s != nil && (s.ID() != fmt.Sprint(i) || s.Outline() == nil) {
			t.Errorf("in the place of %d is %s", i, s.ID())
		}
	}
}

// TestRecordCacheLeavesOut adds what is not to be kept.
func TestRecordCacheLeavesOut(t *testing.T) {
	c := newRecordCache(1 << 20)
	place := newest.DocRef{Segment: 1, Document: 1}
	c.add(
		[]newest.Hit{{Key: "pending"}, {Ref: place}, {Ref: place}},
		[]*mapping.Stored{storedOfSize(t, "pending", 10), storedOfSize(t, "large", 1<<16), nil},
	)
	found := make([]*mapping.Stored, 2)
	if n := c.find([]newest.Hit{{}, {Ref: place}}, found); n != 0 || kept(c) != 0 {
		t.Errorf("it keeps %v", found)
	}
}

// kept is how many recordings a cache has.
func kept(c *recordCache) int {
	entries, _ := c.kept.Size()
	return entries
}

// TestChangedWhereKept changes recordings that searches have just found in what no search looks
// for, deletes some and puts them again: pending or not, each search shows what is stored.
func TestChangedWhereKept(t *testing.T) {
	x := openIndex(t, Options{Dir: t.TempDir()})
	defer closeIndex(t, x)
	for round := range 4 {
		for n := range indextest.Sized(200, 60) {
			r := record(n)
			r.Extra = jsontext.Value(fmt.Sprintf(`{"round":%d}`, round))
			if round == 2 && n%10 == 0 {
				if err := x.Delete(t.Context(), testCenter, r.ID); err != nil {
					t.Fatal(err)
				}
			}
			if round == 2 && n%20 == 0 {
				continue
			}
			if _, err := x.Put(t.Context(), testCenter, r); err != nil {
				t.Fatal(err)
			}
			if n%50 == 0 {
				checkSearches(t, x)
			}
		}
		checkSearches(t, x)
		persist(t, x)
		checkSearches(t, x)
		checkSearches(t, x)
	}
	if kept(x.serving.records) == 0 {
		t.Error("nothing is kept")
	}
}
