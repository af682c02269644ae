//go:build integration

package opensearch_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"recordings/index"
	"recordings/index/indextest"
	"recordings/index/opensearch"
	"recordings/mapping"
)

const (
	center = "a5539ef5-7dd5-4150-818f-ee1bcd447cbe"
	region = "us-west"
)

// found are the ids that a search finds, and how many match.
func found(t testing.TB, x index.Index, offset, limit int, params map[string]string) (ids string, total int) {
	t.Helper()
	c, err := mapping.ParseCriteria(params)
	if err != nil {
		t.Fatal(err)
	}
	q := index.Query{
		Scope:    index.Scope{ContactCenter: center, Region: region},
		Criteria: c, Offset: offset, Limit: limit, Total: true,
	}
	page, err := index.Find(t.Context(), x, q)
	if err != nil {
		t.Fatalf("searching %v: %v", params, err)
	}
	var all []string
	for _, r := range page.Recordings {
		all = append(all, r.ID)
	}
	n, err := x.Count(t.Context(), q)
	if err != nil || n != page.Total {
		t.Errorf("searching %v counts %d, counting %d, %v", params, page.Total, n, err)
	}
	return strings.Join(all, " "), page.Total
}

// recording is one with a caller and user data.
func recording(id string, at int, caller, data string) *mapping.Recording {
	r := indextest.New(id, region, mapping.Time(at))
	r.CallerPhoneNumber = caller
	value, _ := jsontext.AppendQuote(nil, data) // any text has a form
	r.EventHistory = append(r.EventHistory, mapping.Event{
		OccurredAt: 1000, Event: mapping.EventData, Data: jsontext.Value(`{"a":` + string(value) + `}`),
	})
	return r
}

// TestLongValues: what is too long for the cluster is compared by this program, on pages and in counts.
func TestLongValues(t *testing.T) {
	x := open(t, place(t, 3))
	long := strings.Repeat("5", 9000)
	for i, r := range []*mapping.Recording{
		recording("a", 6000, "+1650", "short"),
		recording("b", 5000, long+"7", "short"),
		recording("c", 4000, "+1650", "begin "+strings.Repeat("lorem ipsum ", 1000)+" end"),
		recording("d", 3000, long, "short"),
		recording("e", 2000, "+1657", "short"),
	} {
		if _, err := x.Put(t.Context(), center, r); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	for _, c := range []struct {
		params map[string]string
		want   string
	}{
		{map[string]string{"startTime": "0"}, "a b c d e"},
		{map[string]string{"callerPhoneNumber": "*7"}, "b e"},
		{map[string]string{"callerPhoneNumber": "5*"}, "b d"},
		{map[string]string{"callerPhoneNumber": "1650"}, "a c"},
		{map[string]string{"callerPhoneNumber": "*"}, "a b c d e"},
		{map[string]string{"userData": "begin*end"}, "c"},
		{map[string]string{"userData": "begin*"}, "c"},
		{map[string]string{"userData": "short"}, "a b d e"},
		{map[string]string{"userData": "short", "callerPhoneNumber": "*7"}, "b e"},
		{map[string]string{"userData": "*"}, "a b c d e"},
		{map[string]string{"userDataKey.a": "begin*end"}, "c"},
		{map[string]string{"userDataKey.a": "*"}, "a b c d e"},
		{map[string]string{"userDataKey.A": "short"}, "a b d e"},
		{map[string]string{"userDataKey.b": "short"}, ""},
	} {
		ids, total := found(t, x, 0, 10, c.params)
		if n := len(strings.Fields(c.want)); ids != c.want || total != n {
			t.Errorf("%v found %q of %d, want %q", c.params, ids, total, c.want)
		}
		second := strings.Join(strings.Fields(c.want)[min(1, total):min(2, total)], " ")
		if ids, _ := found(t, x, 1, 1, c.params); ids != second {
			t.Errorf("the second of %v is %q, want %q", c.params, ids, second)
		}
	}
}

// TestComplexPatterns: patterns that the cluster refuses are answered rightly all the same.
func TestComplexPatterns(t *testing.T) {
	x := open(t, place(t, 3))
	var pieces []string
	for i := range 14 {
		pieces = append(pieces, strings.Repeat(string(rune('a'+i))+"b", 30))
	}
	whole := strings.Join(pieces, "-")
	turned := strings.Join(append(append([]string{}, pieces[8:]...), pieces[:8]...), "-")
	for i, data := range []string{whole, turned, "x" + whole + "x", "ab"} {
		if _, err := x.Put(t.Context(), center, recording(string(rune('a'+i)), 4000-i, "+1", data)); err != nil {
			t.Fatal(err)
		}
	}
	pattern := strings.Join(pieces, "*")[:800]
	for _, c := range []struct{ pattern, want string }{
		{pattern + "*", "a"}, {"*" + pattern + "*", "a c"}, {"*" + pieces[9] + "*" + pieces[1] + "*", "b"},
		{pattern + " OR *" + pieces[3] + "*" + pieces[4][:20] + "*", "a b c"},
	} {
		if ids, total := found(t, x, 0, 10, map[string]string{"userData": c.pattern}); ids != c.want {
			t.Errorf("%q found %q of %d, want %q", c.pattern, ids, total, c.want)
		}
	}
}

// TestForeign: an index that cannot be used is refused, and nothing is written to it, nor beside it.
func TestForeign(t *testing.T) {
	at := addresses(t)
	mapped := func(program string, schema int) map[string]any {
		meta := map[string]any{"program": program, "kind": "recordings", "schema": schema}
		return map[string]any{"mappings": map[string]any{"_meta": meta}}
	}
	ours := mapped("recordings", opensearch.Schema)
	ours["settings"] = map[string]any{"index": map[string]any{"blocks.write": true}}
	for name, c := range map[string]struct {
		create map[string]any
		want   string
	}{
		"nobody's":  {map[string]any{}, "was not made by this program"},
		"another's": {mapped("shop", opensearch.Schema), "was not made by this program"},
		"older":     {mapped("recordings", 0), "is of version 0"},
		"newer":     {mapped("recordings", 99), "is of version 99"},
		"read-only": {ours, "is read-only: its setting index.blocks.write"},
	} {
		t.Run(name, func(t *testing.T) {
			o := place(t, 1)
			ask(t, at, http.MethodPut, "/"+o.Index, c.create, nil)
			t.Cleanup(func() { ask(t, at, http.MethodDelete, "/"+o.Index, nil, nil) })
			before := indexes(t, at, o.Index)
			_, err := opensearch.Open(t.Context(), o)
			var foreign *opensearch.ForeignError
			if !errors.As(err, &foreign) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("opening it: %v, want %s", err, c.want)
			}
			if after := indexes(t, at, o.Index); after != before {
				t.Errorf("the indexes were\n%s and are\n%s", before, after)
			}
		})
	}
}

// indexes are those whose names begin so, and all that is set of them.
func indexes(t testing.TB, at []string, prefix string) string {
	var all map[string]any
	ask(t, at, http.MethodGet, "/"+prefix+"*", nil, &all)
	return fmt.Sprint(all)
}

// TestUnreachable: who cannot reach the cluster is told how which address failed, after trying for a while.
func TestUnreachable(t *testing.T) {
	o := opensearch.Options{Patience: 300 * time.Millisecond}
	o.Cluster.Addresses = []string{"http://127.0.0.1:1"}
	_, err := opensearch.Open(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1: ") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v", err)
	}
}

// TestNodes: several nodes of the service write to the same recordings; nothing is lost, and each sees at once
// what another was answered.
func TestNodes(t *testing.T) {
	const nodes, writers, rounds = 3, 4, 15
	o := place(t, 3)
	var all []*opensearch.Index
	for range nodes {
		all = append(all, open(t, o))
	}

	var group sync.WaitGroup
	for n, x := range all {
		for w := range writers {
			group.Go(func() {
				for i := range rounds {
					id := fmt.Sprint((i + w) % 3)
					r := indextest.New(id, region, 1000)
					path := fmt.Sprintf("http://media.example.com/%d-%d-%d.mp3", n, w, i)
					r.MediaFiles[0].Descriptor.Path = path
					if _, err := x.Put(t.Context(), center, r); err != nil {
						t.Errorf("putting: %v", err)
						return
					}
					other := all[(n+1)%nodes]
					page, err := index.Find(t.Context(), other, index.Query{
						Scope: index.Scope{ContactCenter: center, Region: region}, Limit: 10,
					})
					if err != nil || !names(page.Recordings, id, path) {
						t.Errorf("another node does not find %s of %s at once: %v", path, id, err)
						return
					}
				}
			})
		}
	}
	group.Wait()

	media := 0
	for i := range 3 {
		r, err := all[0].Get(t.Context(), index.Scope{ContactCenter: center, Region: region}, fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		media += len(r.MediaFiles)
	}
	if media != nodes*writers*rounds {
		t.Errorf("%d media files, want %d", media, nodes*writers*rounds)
	}
}

// names reports whether the recording of an id names a media file.
func names(all []*mapping.Recording, id, path string) bool {
	for _, r := range all {
		for i := range r.MediaFiles {
			if r.ID == id && r.MediaFiles[i].Descriptor.Path == path {
				return true
			}
		}
	}
	return false
}
