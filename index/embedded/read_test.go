package embedded

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"recordings/index"
	"recordings/mapping"
)

// TestOtherRegionIsNotDecoded: a recording of another region is refused before it is decoded, so that
// how long that takes tells nobody how much there is of it. What is allocated stands for the time.
func TestOtherRegionIsNotDecoded(t *testing.T) {
	x := openIndex(t, Options{Dir: t.TempDir()})
	defer closeIndex(t, x)
	small, large := record(1), record(2)
	for i := range 2000 {
		e := large.EventHistory[0]
		e.OccurredAt = mapping.Time(i)
		large.EventHistory = append(large.EventHistory, e)
	}
	for _, r := range []*mapping.Recording{small, large} {
		if _, err := x.Put(t.Context(), testCenter, r); err != nil {
			t.Fatal(err)
		}
	}

	// What works in the background allocates, too, so the least of several runs counts.
	persist(t, x)
	allocations := func(region, id string, want error) float64 {
		least := math.Inf(1)
		for range 50 {
			least = min(least, testing.AllocsPerRun(1, func() {
				of := index.Scope{ContactCenter: testCenter, Region: region}
				if _, err := x.Get(t.Context(), of, id); !errors.Is(err, want) {
					panic(fmt.Sprintf("reading %s in %s: %v", id, region, err))
				}
			}))
		}
		return least
	}

	const elsewhere = "elsewhere"
	of := allocations(elsewhere, small.ID, index.ErrNotFound)
	if got := allocations(elsewhere, large.ID, index.ErrNotFound); got > of+3 {
		t.Errorf("refusing a large recording takes %v allocations, a small one %v", got, of)
	}
	if got := allocations(testRegion, large.ID, nil); got < 1000 {
		t.Errorf("reading the large recording takes %v allocations: the test tells nothing", got)
	}
}
