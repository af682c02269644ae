// Package when reads times as people write them on a command line: yesterday, 3h, 2026-05-17, monday.
package when

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"recordings/mapping"
)

// Forms says what is accepted.
const Forms = "a time such as 2h (ago), today, yesterday, monday, last week, 2026-05-17, 2026-05-17T09:30, 09:30, or " +
	"2026-05-17T09:30:00+02:00"

// Span is what a time means: a day or a week has a beginning and an end, at a moment both are the same.
type Span struct{ From, Until mapping.Time }

var (
	ago      = regexp.MustCompile(`^(\d{1,6}) ?(s|m|min|h|d|w)( ago)?$`)
	weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
	units    = map[string]time.Duration{"s": time.Second, "m": time.Minute, "min": time.Minute, "h": time.Hour}
)

// layouts are those of moments, in the zone of the user.
var layouts = []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04"}

// Parse reads a time. What has no offset is in the zone of now.
func Parse(text string, now time.Time) (Span, error) {
	t, err := mapping.ParseQueryTime(text)
	if err == nil {
		return Span{t, t}, nil
	}
	if text != "" && strings.Trim(text, "0123456789") == "" {
		return Span{}, err // which says what was probably meant by the number
	}

	word := strings.ToLower(strings.Join(strings.Fields(text), " "))
	if from, until, ok := named(word, now); ok {
		return span(from, until)
	}
	if t, ok := relative(word, now); ok {
		return span(t, t)
	}

	upper := strings.ToUpper(word)
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, upper, now.Location()); err == nil {
			return span(t, t)
		}
	}
	if t, err := time.ParseInLocation("15:04", word, now.Location()); err == nil {
		t = time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), 0, 0, now.Location())
		return span(t, t)
	}
	if t, err := time.ParseInLocation("2006-01-02", word, now.Location()); err == nil {
		return span(t, t.AddDate(0, 0, 1))
	}
	return Span{}, fmt.Errorf("is not %s", Forms)
}

// span is one that the service knows, too.
func span(from, until time.Time) (Span, error) {
	s := Span{mapping.Time(from.UnixMilli()), mapping.Time(until.UnixMilli())}
	if s.From < 0 || s.Until > mapping.MaxTime {
		return Span{}, fmt.Errorf("is not between the years 1970 and 9999")
	}
	return s, nil
}

// named reads the days, weeks and months that have names.
func named(word string, now time.Time) (from, until time.Time, ok bool) {
	day := func(days int) time.Time {
		return time.Date(now.Year(), now.Month(), now.Day()+days, 0, 0, 0, 0, now.Location())
	}
	month := func(months int) time.Time {
		return time.Date(now.Year(), now.Month()+time.Month(months), 1, 0, 0, 0, 0, now.Location())
	}
	monday := -(int(now.Weekday()) + 6) % 7 // of this week, in days from today

	switch word {
	case "now":
		return now, now, true
	case "today":
		return day(0), day(1), true
	case "yesterday":
		return day(-1), day(0), true
	case "this week":
		return day(monday), day(monday + 7), true
	case "last week":
		return day(monday - 7), day(monday), true
	case "this month":
		return month(0), month(1), true
	case "last month":
		return month(-1), month(0), true
	}

	for i, name := range weekdays {
		if word == name || word == name[:3] {
			back := (int(now.Weekday()) - i + 7) % 7 // the last one, today included
			return day(-back), day(1 - back), true
		}
	}
	return from, until, false
}

// relative reads how long ago something was. Days and weeks go back in the calendar: three days ago is
// the same time of the day, also where clocks were changed in between.
func relative(word string, now time.Time) (time.Time, bool) {
	parts := ago.FindStringSubmatch(word)
	if parts == nil {
		return now, false
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil {
		return now, false
	}

	switch parts[2] {
	case "d":
		return now.AddDate(0, 0, -n), true
	case "w":
		return now.AddDate(0, 0, -7*n), true
	}
	return now.Add(-time.Duration(n) * units[parts[2]]), true
}
