package newest

import (
	"cmp"
	"math"

	"recordings/index/embedded/schema"
	"recordings/mapping"
)

// direction is that in which a walk goes through time. All that depends on which of the two it is is here, and
// where a segment takes the next of its days: the rest of the walk speaks of what comes before and behind. What
// comes behind is always a range of times that reaches to one of the ends of all time.
type direction struct {
	oldest bool // comes first; else the newest does
}

// compareDays orders days as the walk comes to them.
func (d direction) compareDays(a, b int) int {
	if d.oldest {
		return cmp.Compare(a, b)
	}
	return cmp.Compare(b, a)
}

// noDay comes behind every day.
func (d direction) noDay() int {
	if d.oldest {
		return math.MaxInt
	}
	return -1
}

// lastDay is the day of a bucket that the walk comes to last.
func (d direction) lastDay(b *bucket) int {
	if d.oldest {
		return b.lastDay
	}
	return schema.DayOf(b.low)
}

// hour is the hour of a day that the walk comes to after so many others.
func (d direction) hour(others int) int {
	if d.oldest {
		return others
	}
	return hoursPerDay - 1 - others
}

// leads reports whether a period leads out of the bounds of startTime.
func (d direction) leads(period int, start timeRange) bool {
	b := periodBucket(period)
	if d.oldest {
		return b.end-1 > start.max
	}
	return b.low < start.min
}

// behind are the times that the walk comes to after a bucket.
func (d direction) behind(b *bucket) timeRange {
	if d.oldest {
		return timeRange{b.end, mapping.MaxTime}
	}
	return timeRange{0, b.low - 1}
}

// from are the times of a day, and those that the walk comes to after it.
func (d direction) from(day int) timeRange {
	b := dayBucket(day)
	if d.oldest {
		return timeRange{b.low, mapping.MaxTime}
	}
	return timeRange{0, b.end - 1}
}

// compareHits orders hits as results are: those of one time by their keys.
func (d direction) compareHits(a, b hit) int {
	if d.oldest {
		a, b = b, a
	}
	return cmp.Or(cmp.Compare(b.start, a.start), cmp.Compare(a.key, b.key))
}
