package newest_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"recordings/index/embedded/newest"
	"recordings/index/indextest"
	"recordings/mapping"
)

// TestTeamsAtAnyOffset asks for the same again and again, as the teams of a contact center do, while recordings
// are added, deleted, merged, and changed without being in the index yet: what is kept of days that were
// counted must never be of another moment.
func TestTeamsAtAnyOffset(t *testing.T) {
	const batches = 6
	each := indextest.Sized(1500, 80)
	c, r := newCorpus(batches*each), rand.New(rand.NewPCG(8, 8))
	x := newSearchIndex(t, newest.Options{})
	defer x.close()
	center, region := c.centers[0].id, corpusRegions[0]
	of := func(place int) *doc {
		d := c.doc(place)
		d.contactCenter, d.region = center, region
		return d
	}

	everything := mapping.Time(0)
	found := 0
	for batch := range batches {
		var docs []*doc
		for i := range each {
			docs = append(docs, of(batch*each+i))
		}
		x.apply(docs, x.some(r, batch%3*50)...)
		if batch%4 == 3 {
			x.merge()
			x.apply(nil, x.some(r, 20)...)
		}

		for _, groups := range [][]string{
			nil, {"/"}, {"/Sales"}, {"/Sales/Team1"}, {"/Sales/Team1", "/Support"}, {"/Nobody"},
		} {
			q := search{center, region, groups, mapping.Criteria{StartTime: &everything}, newest.Request{}}
			all := len(matches(x.docs, &q))
			found += all
			for range indextest.Sized(3, 1) {
				q.Offset, q.Limit = r.IntN(all+3), 1+r.IntN(100)
				if err := x.check(q); err != nil {
					t.Fatalf("batch %d, %s: %v", batch, describe(&q), err)
				}

				now := maps.Clone(x.docs)
				q.Hidden, q.Pending = make(map[string]struct{}), nil
				changed := make(map[string]*doc)
				for _, key := range x.some(r, 30) {
					d := *x.docs[key]
					d.ChangedTime, d.AccessGroups = 1, of(r.IntN(c.size)).AccessGroups
					q.Hidden[key], changed[key], now[key] = struct{}{}, &d, &d
				}
				q.Pending = matches(changed, &q)
				if err := x.checkAgainst(now, q); err != nil {
					t.Fatalf("batch %d, with what is pending, %s: %v", batch, describe(&q), err)
				}
				q.Hidden, q.Pending = nil, nil
			}
		}
	}
	if found < batches*each {
		t.Errorf("only %d were there to be found", found)
	}
}

// some returns the keys of n documents, or of all if there are fewer.
func (x *searchIndex) some(r *rand.Rand, n int) []string {
	keys := slices.Sorted(maps.Keys(x.docs))
	r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return keys[:min(n, len(keys))]
}

// BenchmarkTeamTotal measures counting for teams.
func BenchmarkTeamTotal(b *testing.B) {
	c := newCorpus(corpusSize(b))
	x := corpusIndex(b, c, "teams", func(i int) int { return i })
	defer x.close()
	contactCenter, region, all := shapes(c)
	snapshot := x.snapshot()
	defer snapshot.Close()
	for _, groups := range [][]string{nil, {"/"}, {"/Sales"}, {"/Sales/Team1"}} {
		q := all[0].query(b, contactCenter, region)
		q.groups = groups
		b.Run(fmt.Sprint(groups), func(b *testing.B) {
			for b.Loop() {
				if _, err := x.searcher.Count(b.Context(), snapshot, q.request()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
