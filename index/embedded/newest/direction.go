package newest

import (
	"cmp"
	"math"

	"recordings/index/embedded/schema"
	"recordings/mapping"
)

// A walk goes through time in one of two directions. All that depends on which it is is here, and
// where a segment takes the next of its days: the rest of the walk speaks of what comes before and
// behind. What comes behind is always a range of times that reaches to one of the ends of all time.

// compareDays orders days as the walk comes to them.
func (w *walk) compareDays(a, b int) int {
	if w.oldest {
		return cmp.Compare(a, b)
	}
	return cmp.Compare(b, a)
}

// noDay comes behind every day.
func (w *walk) noDay() int {
	if w.oldest {
		return math.MaxInt
	}
	return -1
}

// lastDay is the day of a bucket that the walk comes to last.
func (w *walk) lastDay(b *bucket) int {
	if w.oldest {
		return b.lastDay
	}
	return schema.DayOf(b.low)
}

// hour is the hour of a day that the walk comes to after so many others.
func (w *walk) hour(others int) int {
	if w.oldest {
		return others
	}
	return hoursPerDay - 1 - others
}

// leads reports whether a period leads out of the bounds of startTime.
func (w *walk) leads(period int) bool {
	b := periodBucket(period)
	if w.oldest {
		return b.end-1 > w.plan.start.max
	}
	return b.low < w.plan.start.min
}

// behind are the times that the walk comes to after a bucket.
func (w *walk) behind(b *bucket) timeRange {
	if w.oldest {
		return timeRange{b.end, mapping.MaxTime}
	}
	return timeRange{0, b.low - 1}
}

// from are the times of a day, and those that the walk comes to after it.
func (w *walk) from(day int) timeRange {
	b := dayBucket(day)
	if w.oldest {
		return timeRange{b.low, mapping.MaxTime}
	}
	return timeRange{0, b.end - 1}
}

// compareHits orders hits as results are: those of one time by their keys.
func (w *walk) compareHits(a, b hit) int {
	if w.oldest {
		a, b = b, a
	}
	return cmp.Or(cmp.Compare(b.start, a.start), cmp.Compare(a.key, b.key))
}
