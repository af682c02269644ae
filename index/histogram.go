package index

import (
	"context"
	"fmt"
	"sort"
	"time"

	"recordings/mapping"
)

// Histograms counts over time.
type Histograms interface {
	// Histogram returns how many of the recordings that match start in each bucket of a calendar, from
	// the one of the first to that of the last: those between that have none are there, too. They are
	// counted in one consistent state. Order, Offset, Limit and Total of q are not looked at. It has
	// the errors of Count, and a [*BucketsError] where there would be more than [MaxBuckets].
	Histogram(ctx context.Context, q Query, c Calendar) ([]Bucket, error)
}

// Bucket is how many recordings start at its beginning or later, and before the next one.
type Bucket struct {
	From  mapping.Time
	Count int
}

// MaxBuckets is how many buckets a histogram has at most.
const MaxBuckets = 1000

// BucketsError says that a histogram would have too many buckets.
type BucketsError struct{ First, Last mapping.Time } // where the first and the last of them begin

// Error implements [error].
func (e *BucketsError) Error() string {
	return fmt.Sprintf("from %s to %s there are more than %d buckets", e.First, e.Last, MaxBuckets)
}

// Interval is how long the buckets of a calendar are.
type Interval string

// The intervals. A week begins on Monday.
const (
	Hour  Interval = "hour"
	Day   Interval = "day"
	Week  Interval = "week"
	Month Interval = "month"
)

// Intervals are all of them.
var Intervals = []Interval{Hour, Day, Week, Month}

// Calendar divides all time into buckets: hours, days, weeks or months of a time zone, with its changes
// of clocks. A day may have 23 or 25 hours; an hour that clocks show twice is two.
type Calendar struct {
	Interval Interval
	Zone     *time.Location
}

// Bucket returns where the bucket of a time begins, and where the next one does.
func (c Calendar) Bucket(t mapping.Time) (from, until mapping.Time) {
	at := time.UnixMilli(int64(t)).In(c.Zone)
	if c.Interval == Hour {
		from, until = hourOf(at)
	} else {
		from, until = c.datesOf(at)
	}
	// Whatever a zone is, time goes on.
	return max(min(from, t), 0), min(max(until, t+1), mapping.MaxTime+1)
}

// secondsPerHour is how many seconds an hour has.
const secondsPerHour = 60 * 60

// hourOf is the hour of a moment. Where clocks are changed by a part of an hour it is cut there.
func hourOf(at time.Time) (from, until mapping.Time) {
	now, zone := at.Unix(), at.Location()
	offset := offsetAt(now, zone)
	first := now - mod(now+offset, secondsPerHour)
	next := first + secondsPerHour
	if mod(offsetAt(first, zone)-offset, secondsPerHour) != 0 {
		first = change(first, now, zone)
	}
	if mod(offsetAt(next-1, zone)-offset, secondsPerHour) != 0 {
		next = change(now, next-1, zone)
	}
	return mapping.Time(first * 1000), mapping.Time(next * 1000)
}

// offsetAt is how many seconds clocks are before UTC at a moment, in seconds since 1970.
func offsetAt(moment int64, zone *time.Location) int64 {
	_, offset := time.Unix(moment, 0).In(zone).Zone()
	return int64(offset)
}

// change is the moment at which clocks change between two moments, of which they do once. What the time
// package tells of this itself is not right from 2038 on.
func change(before, after int64, zone *time.Location) int64 {
	was := offsetAt(before, zone)
	n := sort.Search(int(after-before), func(i int) bool { return offsetAt(before+int64(i), zone) != was })
	return before + int64(n)
}

func mod(a, b int64) int64 { return ((a % b) + b) % b }

// datesOf is the span of dates that a moment is in. Where clocks go back over midnight, what they show of
// the next date before that is counted to the one that goes on.
func (c Calendar) datesOf(at time.Time) (from, until mapping.Time) {
	y, m, d := at.Date()
	first := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	next := func(first time.Time, n int) time.Time { return first.AddDate(0, 0, n) }
	switch c.Interval {
	case Week:
		first = first.AddDate(0, 0, -int(first.Weekday()+6)%7)
		next = func(first time.Time, n int) time.Time { return first.AddDate(0, 0, 7*n) }
	case Month:
		first = time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
		next = func(first time.Time, n int) time.Time { return first.AddDate(0, n, 0) }
	}

	from = c.begins(first)
	if at.UnixMilli() < int64(from) {
		return c.begins(next(first, -1)), from
	}
	return from, c.begins(next(first, 1))
}

// begins is the moment from which on clocks never again show a time before a date, which is given as if
// it were one of UTC.
func (c Calendar) begins(date time.Time) mapping.Time {
	const most = 16 * secondsPerHour // a zone is at most so far from UTC
	wanted := date.Unix()
	low, high := wanted-most, wanted+most
	was, is := offsetAt(low, c.Zone), offsetAt(high, c.Zone)
	moment := wanted - is
	if was != is {
		if at := change(low, high, c.Zone); moment <= at {
			moment = min(at, wanted-was)
		}
	}
	return mapping.Time(moment * 1000)
}

// Fill returns the buckets from the first to the last of which a recording was counted, by their
// beginnings; or a [*BucketsError].
func (c Calendar) Fill(counts map[mapping.Time]int) ([]Bucket, error) {
	first, last := mapping.MaxTime+1, mapping.Time(-1)
	for from := range counts {
		first, last = min(first, from), max(last, from)
	}

	var all []Bucket
	for at := first; at <= last; {
		if len(all) == MaxBuckets {
			return nil, &BucketsError{first, last}
		}
		from, until := c.Bucket(at)
		all = append(all, Bucket{from, counts[from]})
		at = until
	}
	return all, nil
}
