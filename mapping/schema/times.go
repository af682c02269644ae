package schema

import (
	"fmt"
	"strconv"
	"strings"

	"recordings/mapping"
)

// Bleve's numbers are 16 terms each, which would be most of the work of indexing a recording. A time here is one term,
// and one for each of three periods that it is in, so that a range of times is a few ranges of terms.

// A term of a time has digits of 5 bits that sort as the times do. 10 of them hold every mapping.Time.
const (
	timeDigits = 10
	digitBits  = 5
	base       = 1 << digitBits
	lastDigit  = "v"
)

// periodDigits are the digits that the times of one period have in common. Periods last 12 days, 17 minutes and one
// second, about.
var periodDigits = [...]int{4, 6, 8}

// TimeTerm is the term of a time.
func TimeTerm(t mapping.Time) string {
	s := strconv.FormatInt(int64(t), base)
	return strings.Repeat("0", max(timeDigits-len(s), 0)) + s
}

// ParseTimeTerm reads what TimeTerm wrote.
func ParseTimeTerm(term string) (mapping.Time, error) {
	t, err := strconv.ParseUint(term, base, timeDigits*digitBits)
	if err != nil || len(term) != timeDigits {
		return 0, fmt.Errorf("%q is no term of a time", term)
	}
	return mapping.Time(t), nil
}

// periodTerm is the term of the periods of a kind: that kind, and the digits that the times of the period begin with.
func periodTerm(digits int, time string) string { return strconv.Itoa(digits) + time[:digits] }

// periods are the terms of the periods that a time is in.
func periods(t mapping.Time) []string {
	term := TimeTerm(t)
	terms := make([]string, len(periodDigits))
	for i, n := range periodDigits {
		terms[i] = periodTerm(n, term)
	}
	return terms
}

// TermRange is the terms of a field from First to Last, both included.
type TermRange struct {
	Field, First, Last string
}

// StartTimeRanges are the ranges of terms of which a recording has one exactly when it starts between two times, both
// included.
func StartTimeRanges(from, to mapping.Time) []TermRange {
	return timeRanges(FieldStartTime, FieldStartPeriod, from, to)
}

// StopTimeRanges are the ranges of terms of which a recording has one exactly when it stops between two times, both
// included.
func StopTimeRanges(from, to mapping.Time) []TermRange {
	return timeRanges(FieldStopTime, FieldStopPeriod, from, to)
}

func timeRanges(timeField, periodField string, from, to mapping.Time) []TermRange {
	if from > to {
		return nil
	}
	c := cover{timeField: timeField, periodField: periodField}
	c.add(periodDigits[:], TimeTerm(from), TimeTerm(to))
	return c.ranges
}

// cover covers a range of times with as long periods as fit.
type cover struct {
	timeField, periodField string
	ranges                 []TermRange
}

// add covers the times from first to last, with periods of these kinds, the longest first, and single times.
func (c *cover) add(kinds []int, first, last string) {
	if len(kinds) == 0 {
		c.ranges = append(c.ranges, TermRange{c.timeField, first, last})
		return
	}
	digits, shorter := kinds[0], kinds[1:]
	zeros, vs := strings.Repeat("0", timeDigits-digits), strings.Repeat(lastDigit, timeDigits-digits)
	firstWhole, lastWhole := first[digits:] == zeros, last[digits:] == vs
	if first[:digits] == last[:digits] && !(firstWhole && lastWhole) {
		c.add(shorter, first, last) // within one period
		return
	}
	from, to := parsePeriod(first[:digits]), parsePeriod(last[:digits])
	if !firstWhole {
		c.add(shorter, first, first[:digits]+vs)
		from++
	}
	if !lastWhole {
		c.add(shorter, last[:digits]+zeros, last)
		to--
	}
	if from <= to {
		c.ranges = append(c.ranges, TermRange{c.periodField, formatPeriod(digits, from), formatPeriod(digits, to)})
	}
}

func parsePeriod(digits string) int64 {
	n, _ := strconv.ParseInt(digits, base, 64) // cannot fail: the digits come from TimeTerm
	return n
}

func formatPeriod(digits int, n int64) string {
	s := strconv.FormatInt(n, base)
	return periodTerm(digits, strings.Repeat("0", max(digits-len(s), 0))+s)
}
