package indextest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"recordings/index"
	"recordings/mapping"
)

// testCount counts among many recordings, of which some are changed, deleted or in another region
// while the search index has their old versions.
func testCount(t *testing.T, fresh Opener) {
	const day = 86_400_000
	n := Sized(3000, 300)
	x := start(t, fresh)
	recordings := make(map[string]*mapping.Recording)
	for i := range n {
		r := New(fmt.Sprintf("%05d", i), region, mapping.Time(i*60*day/n))
		r.CallerPhoneNumber = fmt.Sprintf("+%05d", i)
		if i%100 == 0 { // a long call
			r.MediaFiles[0].StopTime += 3 * day
		}
		recordings[r.ID] = r
	}

	putAll(t, x, slices.Collect(maps.Values(recordings)))
	bothWays(t, x, func() { checkCounts(t, x, recordings) })
	for i := 0; i < n; i += 7 {
		id := fmt.Sprintf("%05d", i)
		switch i % 3 {
		case 0:
			if err := x.Delete(t.Context(), center, id); err != nil {
				t.Fatal(err)
			}
			delete(recordings, id)
			continue
		case 1:
			recordings[id].CallerPhoneNumber = "+changed"
		case 2:
			recordings[id].Region = "elsewhere"
		}
		put(t, x, center, recordings[id], index.Merged)
	}

	bothWays(t, x, func() { checkCounts(t, x, recordings) })

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.Count(ctx, index.Query{Scope: here}); !errors.Is(err, context.Canceled) {
		t.Errorf("a count that was given up: %v", err)
	}
}

// CheckHistogram compares a histogram with what counting all recordings one by one makes.
func CheckHistogram(
	ctx context.Context, x index.Histograms, recordings map[string]*mapping.Recording, q index.Query,
	interval index.Interval, zone string,
) error {
	return checkHistogram(ctx, x, matching(recordings, q), q, interval, zone)
}

// checkHistogram compares a histogram with the recordings that match the query.
func checkHistogram(
	ctx context.Context, x index.Histograms, matches []*mapping.Recording, q index.Query,
	interval index.Interval, zone string,
) error {
	location, err := time.LoadLocation(zone)
	if err != nil {
		return err
	}
	c := index.Calendar{Interval: interval, Zone: location}
	counts := make(map[mapping.Time]int)
	for _, r := range matches {
		from, _ := c.Bucket(r.StartTime())
		counts[from]++
	}
	want, tooMany := c.Fill(counts)
	got, err := x.Histogram(ctx, q, c)
	var refused, expected *index.BucketsError
	switch {
	case errors.As(tooMany, &expected) && errors.As(err, &refused) && *refused == *expected:
		return nil
	case tooMany != nil || err != nil:
		return fmt.Errorf("a histogram by %s in %s: %w, want %v", interval, zone, err, tooMany)
	case !slices.Equal(got, want):
		return fmt.Errorf("a histogram by %s in %s is %v, want %v", interval, zone, got, want)
	}
	return nil
}

// checkCounts compares counts, and the totals of pages, with the reference.
func checkCounts(t testing.TB, x Index, recordings map[string]*mapping.Recording) {
	t.Helper()
	for _, params := range [][]string{
		{"startTime=0"}, {"callerPhoneNumber=*"}, {"callerPhoneNumber=+changed"},
		{"callerPhoneNumber=*1*"}, {"callerPhoneNumber=*1*2*"}, {"callerPhoneNumber=+01*"},
		{"userName=alice"}, {"userName=zoe"}, {"startTime=1970-01-11T12:00:00Z"}, {"endTime=1970-01-31T00:00:01Z"},
		{"startTime=1970-01-06T06:00:00Z", "endTime=1970-02-20T18:00:00Z"},
		{"startTime=1970-01-06T06:00:00Z", "endTime=1970-01-06T07:00:00Z"},
		{"startTime=1970-01-06T06:00:00Z", "callerPhoneNumber=*9", "userName=amber"},
		{"endTime=1970-02-20T18:00:00Z", "callerPhoneNumber=*3*"},
	} {
		for _, in := range []string{region, "elsewhere", "nowhere"} {
			q := index.Query{Scope: index.Scope{ContactCenter: center, Region: in}, Criteria: criteria(t, params...)}
			q.Offset, q.Limit, q.Total = 1, 1, true
			matches := matching(recordings, q)
			want := len(matches)
			if got, err := x.Count(t.Context(), q); err != nil || got != want {
				t.Errorf("counting %q in %s: %d, %v; want %d", params, in, got, err, want)
			}
			for i, zone := range []string{"UTC", "America/New_York", "Asia/Kolkata", "Europe/Berlin"} {
				if err := checkHistogram(t.Context(), x, matches, q, index.Intervals[i], zone); err != nil {
					t.Errorf("%q in %s: %v", params, in, err)
				}
			}
			page, err := index.Find(t.Context(), x, q)
			if n := len(page.Recordings); err != nil || page.Total != want || n != min(1, max(0, want-1)) {
				t.Errorf("searching %q in %s: %d of %d, %v; want %d", params, in, n, page.Total, err, want)
			}
		}
	}

	nobodys := index.Query{Scope: index.Scope{ContactCenter: "nobody's", Region: region}}
	if got, err := x.Count(t.Context(), nobodys); err != nil || got != 0 {
		t.Errorf("counting in an empty contact center: %d, %v", got, err)
	}
}
