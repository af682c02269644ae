package load_test

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"recordings/api/load"
)

// TestHour: each minute has its own numbers, and what is an hour old is forgotten, however long nobody asked.
func TestHour(t *testing.T) {
	t.Parallel()
	var h load.Hour
	start := time.Date(2026, 5, 17, 12, 0, 30, 0, time.UTC)
	for i := range 3 {
		h.Add(start, load.Search, false, time.Millisecond)
		h.Add(start.Add(time.Minute), load.Post, i == 0, time.Second)
	}
	h.Add(start.Add(time.Minute), load.Other, true, time.Second)

	now := h.Last(start.Add(time.Minute))
	if now.Searches[58] != 3 || now.Searches[59] != 0 || now.Posts[59] != 3 || now.Posts[58] != 0 ||
		now.Errors[59] != 2 || now.Errors[58] != 0 {
		t.Errorf("after a minute: %+v", now)
	}
	if ms := now.SearchMs[58]; ms < 1 || ms > 1.25 || now.SearchMs[59] != 0 {
		t.Errorf("searches took %v", now.SearchMs)
	}

	later := h.Last(start.Add(59 * time.Minute))
	if later.Searches[0] != 3 || later.Posts[1] != 3 || later.Errors[1] != 2 {
		t.Errorf("after 59 minutes: %+v", later)
	}
	if gone := h.Last(start.Add(61 * time.Minute)); !reflect.DeepEqual(gone, new(load.Hour).Last(start)) {
		t.Errorf("after 61 minutes: %+v", gone)
	}
	h.Add(start.Add(time.Hour), load.Search, false, time.Millisecond) // in the place of the first minute
	if again := h.Last(start.Add(time.Hour)); again.Searches[59] != 1 || again.Searches[0] != 0 || again.Posts[0] != 3 {
		t.Errorf("after an hour: %+v", again)
	}
}

// TestLongest: of any searches, what is told is not less than what 99 % of them took, and a quarter more at
// most.
func TestLongest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		durations := rapid.SliceOfN(rapid.Int64Range(int64(100*time.Microsecond), int64(time.Minute)), 1, 300).
			Draw(rt, "durations")
		var h load.Hour
		now := time.Unix(1_700_000_000, 0)
		for _, d := range durations {
			h.Add(now, load.Search, false, time.Duration(d))
		}

		told := h.Last(now).SearchMs[59]
		within := func(ms float64) (n int) { // how many took no longer
			for _, d := range durations {
				if float64(d)/1e6 <= ms {
					n++
				}
			}
			return n
		}
		enough := len(durations) - len(durations)/100
		const rounding = 0.051 // ms
		if within(told+rounding) < enough {
			rt.Fatalf("%d of %d took at most %v ms", within(told), len(durations), told)
		}
		if less := (told - rounding) / 1.25 * 0.999; within(less-rounding) >= enough {
			rt.Fatalf("%d of %d took at most %v ms, and %v is told", within(less), len(durations), less, told)
		}
	})

	var h load.Hour
	h.Add(time.Unix(0, 0), load.Search, false, -time.Second)
	h.Add(time.Unix(60, 0), load.Search, false, 10*time.Hour)
	if ms := h.Last(time.Unix(60, 0)).SearchMs; ms[58] != 0.1 || ms[59] < 60_000 {
		t.Errorf("durations beyond all counts are %v", ms[58:])
	}
}
