package indextest

import (
	"fmt"
	"slices"
	"testing"

	"recordings/index"
	"recordings/mapping"
)

// wantPutAll puts recordings and checks the outcomes.
func wantPutAll(t testing.TB, x Index, o index.PutOptions, recordings []*mapping.Recording, want ...index.Outcome) {
	t.Helper()
	var got []index.Outcome
	for i, result := range x.PutAll(t.Context(), center, recordings, o) {
		if result.Err != nil {
			t.Fatalf("PutAll of recording %d: %v", i, result.Err)
		}
		got = append(got, result.Outcome)
	}

	if !slices.Equal(got, want) {
		t.Fatalf("PutAll: %q, want %q", got, want)
	}
}

// testPutAll puts recordings of which some have the same id: each merges into the one before.
func testPutAll(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	put(t, x, center, New("a", region, 1000), index.Created)
	more := New("a", region, 1000)
	more.MediaFiles = []mapping.MediaFile{mediaFile("second.mp3", 500, 900)}
	moved := New("b", "elsewhere", 2000)
	all := []*mapping.Recording{
		New("a", region, 1000), New("b", region, 2000), more, New("b", region, 2000), moved, more,
		New("c", region, 3000),
	}
	want := []index.Outcome{
		index.Unchanged, index.Created, index.Merged, index.Unchanged, index.Merged, index.Unchanged, index.Created,
	}

	wantPutAll(t, x, index.PutOptions{DryRun: new(index.DryRun)}, all, want...)
	bothWays(t, x, func() {
		wantGet(t, x, center, region, New("a", region, 1000))
		wantMissing(t, x, center, index.AnyRegion, "b")
		wantFound(t, x, center, region, "a", "startTime=0")
	})

	wantPutAll(t, x, index.PutOptions{}, all, want...)
	bothWays(t, x, func() {
		wantGet(t, x, center, region, mapping.Merge(New("a", region, 1000), more))
		wantGet(t, x, center, "elsewhere", moved)
		wantFound(t, x, center, region, "c a", "startTime=0")
		wantFound(t, x, center, "elsewhere", "b", "startTime=0")
		wantMissing(t, x, "other", index.AnyRegion, "a")
	})

	wantPutAll(t, x, index.PutOptions{}, nil)
	wantPutAll(t, x, index.PutOptions{}, all[6:], index.Unchanged)
}

// testPutAllLong puts more than an implementation may do in one step, every id twice and far apart.
func testPutAllLong(t *testing.T, fresh Opener) {
	const n = 700
	x := start(t, fresh)
	var all []*mapping.Recording
	var want []index.Outcome
	for i := range 2 * n {
		all = append(all, New(fmt.Sprintf("%04d", i%n), region, mapping.Time(1000*i)))
		want = append(want, []index.Outcome{index.Created, index.Merged}[i/n])
	}
	dryRun := index.PutOptions{DryRun: new(index.DryRun)}
	wantPutAll(t, x, dryRun, all, want...)
	wantPutAll(t, x, dryRun, all[:1], index.Merged) // it remembers
	wantMissing(t, x, center, index.AnyRegion, "0000")
	wantPutAll(t, x, index.PutOptions{}, all, want...)
	bothWays(t, x, func() {
		wantGet(t, x, center, region, mapping.Merge(all[0], all[n]))
		q := index.Query{Scope: here, Offset: n - 1, Limit: 10}
		if got := find(t, x, q); got != "0000" {
			t.Errorf("the oldest is %q", got)
		}
	})
}

// testConcurrentAll puts the same ids in different orders from many sides, one by one and together:
// nobody may wait for ever, and no media file be lost.
func testConcurrentAll(t *testing.T, fresh Opener) {
	const workers, ids = 8, 37 // a prime number: every worker has an order of its own
	rounds := Sized(10, 2)
	x := start(t, fresh)
	parallel(t, workers, func(worker int) error {
		for round := range rounds {
			var all []*mapping.Recording
			for i := range ids {
				r := New(fmt.Sprint((i*(2*worker+1)+round)%ids), region, 1000)
				r.MediaFiles = []mapping.MediaFile{mediaFile(fmt.Sprintf("%d-%d.mp3", worker, round), 1000, 2000)}
				all = append(all, r)
			}
			for _, result := range x.PutAll(t.Context(), center, all, index.PutOptions{}) {
				if result.Err != nil {
					return result.Err
				}
			}
			if outcome, err := x.Put(t.Context(), center, all[round]); outcome == index.Created || err != nil {
				return fmt.Errorf("putting one again: %v, %w", outcome, err)
			}
		}
		return nil
	})

	for i := range ids {
		r, err := x.Get(t.Context(), here, fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		if n := len(r.MediaFiles); n != workers*rounds {
			t.Errorf("%d has %d media files, want %d", i, n, workers*rounds)
		}
	}
}
