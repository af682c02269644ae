package schema

import (
	"strconv"
	"time"

	"recordings/mapping"
)

// Marks in [FieldHour] of recordings whose stopTime cannot be told from the day or the hour of their
// startTime. All others stop neither before they start nor later than on the day after, so the
// bounds of a search need not be compared with each of them.
const (
	LongCall     = "long" // it stops later than on the day after its start, or earlier than on the day before
	BackwardCall = "back" // it stops before it starts: clocks that disagree
)

// Scope is the term that says in which contact center and region a recording is. No scope is the
// beginning of another.
func Scope(contactCenter, region string) string {
	return strconv.Itoa(len(contactCenter)) + ":" + contactCenter + strconv.Itoa(len(region)) + ":" + region
}

// Spans of time by which documents are found. A period is walked through at once where matches are
// few.
const (
	MSPerHour  = int64(time.Hour / time.Millisecond)
	MSPerDay   = 24 * MSPerHour
	PeriodDays = 32
)

// DayOf is the number of days since 1970 of a time.
func DayOf(t mapping.Time) int { return int(int64(t) / MSPerDay) }

// StartOf is the first moment of a day.
func StartOf(day int) mapping.Time { return mapping.Time(int64(day) * MSPerDay) }

// PeriodOf is the period of a day.
func PeriodOf(day int) int { return day / PeriodDays }

// hourOf is the hour of the day of a time.
func hourOf(t mapping.Time) int { return int(int64(t) % MSPerDay / MSPerHour) }

// HourTerm is the term of [FieldHour] of an hour, 0 to 23.
func HourTerm(hour int) string { return string([]byte{byte(hour)}) }

// DayTerm is the term of [FieldScope] of a day. The terms of a scope are in the order of time.
func DayTerm(scope string, day int) string { return DayPrefix(scope) + threeBytes(day) }

// PeriodTerm is the term of [FieldScope] of a period.
func PeriodTerm(scope string, period int) string { return scope + "p" + threeBytes(period) }

// DayPrefix is what the terms of all days of a scope begin with.
func DayPrefix(scope string) string { return scope + "d" }

// threeBytes hold all days up to mapping.MaxTime.
func threeBytes(n int) string { return string([]byte{byte(n >> 16), byte(n >> 8), byte(n)}) }

// DayFrom takes apart what [DayTerm] made.
func DayFrom(term string) int {
	b := term[len(term)-3:]
	return int(b[0])<<16 | int(b[1])<<8 | int(b[2])
}

// timeDigits is how many digits [mapping.MaxTime] has.
const timeDigits = 15

// TimeTerm is the term of a time: its milliseconds since 1970 with leading zeros, so that terms are
// in the order of time. A time before 1970 has the term of 1970.
func TimeTerm(t mapping.Time) string {
	b := [timeDigits]byte{}
	t = max(t, 0)
	for i := timeDigits - 1; i >= 0; i-- {
		b[i] = '0' + byte(t%10)
		t /= 10
	}
	return string(b[:])
}

// DurationTerm is the term of how long a recording lasts (see [mapping.Seconds]), in as many digits
// as that of a time.
func DurationTerm(start, stop mapping.Time) string {
	return SecondsTerm(mapping.Seconds(start, stop))
}

// SecondsTerm is the term of a number of seconds.
func SecondsTerm(seconds int64) string { return TimeTerm(mapping.Time(seconds)) }

// TimeFrom takes apart what [TimeTerm] made.
func TimeFrom(term string) (t mapping.Time, ok bool) {
	if len(term) != timeDigits {
		return 0, false
	}

	for _, c := range []byte(term) {
		if c < '0' || c > '9' {
			return 0, false
		}
		t = 10*t + mapping.Time(c-'0')
	}

	return t, true
}

// PrefixEnd is the first string behind all those that begin with prefix, which is not empty and not
// all 0xff.
func PrefixEnd(prefix string) string {
	b := []byte(prefix)
	for b[len(b)-1] == 0xff { // bytes.TrimRight would take it for a rune
		b = b[:len(b)-1]
	}
	b[len(b)-1]++
	return string(b)
}

// HeldTerm is the term of whether a recording is protected from deletion.
func HeldTerm(held bool) string { return strconv.FormatBool(held) }
