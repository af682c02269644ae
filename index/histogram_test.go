package index_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"recordings/index"
	"recordings/mapping"
)

// TestCalendar: buckets where clocks are changed.
func TestCalendar(t *testing.T) {
	for _, c := range []struct {
		zone            string
		interval        index.Interval
		at, from, until string
	}{
		{"UTC", index.Hour, "2026-05-17T10:20:30Z", "2026-05-17T10:00:00Z", "2026-05-17T11:00:00Z"},
		{"UTC", index.Week, "2026-05-17T10:20:30Z", "2026-05-11T00:00:00Z", "2026-05-18T00:00:00Z"},
		{"UTC", index.Week, "2026-05-18T00:00:00Z", "2026-05-18T00:00:00Z", "2026-05-25T00:00:00Z"},
		{"UTC", index.Month, "2024-02-29T10:20:30Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"},
		{"UTC", index.Day, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z"},
		{"Asia/Kolkata", index.Hour, "2026-05-17T10:20:30Z", "2026-05-17T09:30:00Z", "2026-05-17T10:30:00Z"},
		{"Asia/Kolkata", index.Day, "2026-05-17T18:30:00Z", "2026-05-17T18:30:00Z", "2026-05-18T18:30:00Z"},
		{"Europe/Berlin", index.Day, "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		{"Europe/Berlin", index.Day, "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
		{"Europe/Berlin", index.Hour, "2026-10-25T00:30:00Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"},
		{"Europe/Berlin", index.Hour, "2026-10-25T01:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"},
		{"Europe/Berlin", index.Month, "2026-10-25T01:30:00Z", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"},
		// Half an hour: 2:00 is 1:30 again, so an hour is cut.
		{"Australia/Lord_Howe", index.Hour, "2026-04-04T14:45:00Z", "2026-04-04T14:00:00Z", "2026-04-04T15:00:00Z"},
		{"Australia/Lord_Howe", index.Hour, "2026-04-04T15:10:00Z", "2026-04-04T15:00:00Z", "2026-04-04T15:30:00Z"},
		{"Australia/Lord_Howe", index.Hour, "2026-04-04T15:40:00Z", "2026-04-04T15:30:00Z", "2026-04-04T16:30:00Z"},
		// There is no midnight, or it comes twice.
		{"America/Sao_Paulo", index.Day, "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"},
		{"America/Havana", index.Day, "2025-11-02T12:00:00Z", "2025-11-02T04:00:00Z", "2025-11-03T05:00:00Z"},
		{"America/St_Johns", index.Day, "2010-11-07T02:30:30Z", "2010-11-06T02:30:00Z", "2010-11-07T03:30:00Z"},
		// A date that was left out.
		{"Pacific/Apia", index.Day, "2011-12-30T09:00:00Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"},
		{"Pacific/Apia", index.Day, "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		at := func(s string) mapping.Time {
			got, err := mapping.ParseTime(s)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		from, until := index.Calendar{Interval: c.interval, Zone: zone}.Bucket(at(c.at))
		if from != at(c.from) || until != at(c.until) {
			t.Errorf("%s of %s in %s: %s to %s, want %s to %s", c.interval, c.at, c.zone, from, until, c.from, c.until)
		}
	}
}

// TestCalendarDivides: each moment is in one bucket, and behind it comes the next.
func TestCalendarDivides(t *testing.T) {
	zones := []string{
		"UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe",
		"Pacific/Apia", "America/Sao_Paulo", "Africa/Monrovia", "Antarctica/Troll", "Pacific/Kwajalein",
	}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		c := index.Calendar{Interval: rapid.SampledFrom(index.Intervals).Draw(t, "interval"), Zone: zone}
		at := mapping.Time(rapid.OneOf(
			rapid.Int64Range(0, 2_000_000_000_000), rapid.Int64Range(0, int64(mapping.MaxTime)),
		).Draw(t, "at"))
		for range 50 {
			from, until := c.Bucket(at)
			if at < from || at >= until {
				t.Fatalf("%s is not between %s and %s", at, from, until)
			}
			for _, other := range []mapping.Time{from, until - 1} {
				if f, u := c.Bucket(other); f != from || u != until {
					t.Fatalf("%s to %s, and of %s %s to %s", from, until, other, f, u)
				}
			}
			if at = until; at > mapping.MaxTime {
				return
			}
		}
	})
}

// TestFill: buckets between are there, and not too many.
func TestFill(t *testing.T) {
	const day = 86_400_000
	c := index.Calendar{Interval: index.Day, Zone: time.UTC}
	all, err := c.Fill(map[mapping.Time]int{day: 1, 3 * day: 2})
	if err != nil || len(all) != 3 || all[1] != (index.Bucket{From: 2 * day}) || all[2].Count != 2 {
		t.Errorf("got %v, %v", all, err)
	}
	if all, err := c.Fill(nil); len(all) != 0 || err != nil {
		t.Errorf("of nothing: %v, %v", all, err)
	}
	if all, err := c.Fill(map[mapping.Time]int{0: 1, 999 * day: 1}); len(all) != 1000 || err != nil {
		t.Errorf("the most: %d, %v", len(all), err)
	}
	if _, err := c.Fill(map[mapping.Time]int{0: 1, 1000 * day: 1}); !errors.As(err, new(*index.BucketsError)) {
		t.Errorf("too many: %v", err)
	}
}
