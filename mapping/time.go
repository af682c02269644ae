package mapping

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Time is a moment in milliseconds since 1970-01-01T00:00:00Z, between 0 and [MaxTime]. The finer
// part of what a client sends is cut off: the API answers in milliseconds.
type Time int64

// MaxTime is the last moment that the four digits of a year can tell.
const MaxTime Time = 253402300799999 // 9999-12-31T23:59:59.999Z

const timeForms = "an ISO 8601 date and time with seconds and the offset from UTC, between 1970 and 9999, such as " +
	"2013-05-17T11:45:32.000-0800 or 2013-05-17T19:45:32Z"

// TimePattern and QueryTimePattern are regular expressions of what [ParseTime] and [ParseQueryTime]
// accept, for those who describe it; that there is such a day, these alone know.
const (
	TimePattern      = `^` + timePattern + `$`
	QueryTimePattern = `^(` + timePattern + `|0|[1-9][0-9]{11,14})$`

	timePattern = `(19[7-9][0-9]|[2-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])` +
		`T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.,][0-9]+)?` +
		`(Z|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)`
)

// AnswerTimePattern is a regular expression of times as answers have them, see [Time.String].
const AnswerTimePattern = `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}[+]0000$`

var (
	errTimeForm   = errors.New("is not " + timeForms)
	errTimeOffset = errors.New("has no offset from UTC (which zone?): accepted is " + timeForms)
)

// ParseTime reads a time of a body: ISO 8601, seconds with or without a fraction, and an offset (Z,
// +00:00, +0000, +00). A time without an offset is an error. The errors complete a sentence that
// begins with the attribute's name.
func ParseTime(s string) (Time, error) {
	t, _, err := parseMoment(s)
	return t, err
}

// parseMoment is ParseTime, and returns the nanoseconds that it cuts off, too: 0 to 999,999.
func parseMoment(s string) (ms Time, nanos int32, err error) {
	t, rest, ok := cutDateTime(s)
	if !ok {
		return 0, 0, errTimeForm
	}
	if rest == "" {
		return 0, 0, errTimeOffset
	}

	offset, ok := parseOffset(rest)
	if !ok {
		return 0, 0, errTimeForm
	}

	ms = Time(t.UnixMilli() - offset.Milliseconds())
	if ms < 0 || ms > MaxTime {
		return 0, 0, errTimeForm
	}

	return ms, int32(t.Nanosecond() % int(time.Millisecond)), nil
}

// leastMilliseconds bounds which numbers are times of a query: 1973. What is less was hardly meant
// as milliseconds, but would match every recording, or none.
const leastMilliseconds = 100_000_000_000

// ParseQueryTime reads a time of a query parameter: as ParseTime, or milliseconds since 1970. The +
// of an offset arrives as a space where a client did not escape it, and is read as +. A number that
// was probably meant otherwise (seconds, a year, the digits of a date) is refused, but for 0.
func ParseQueryTime(s string) (Time, error) {
	ms, err := strconv.ParseUint(s, 10, 64)
	if err == nil {
		return parseMilliseconds(s, ms)
	}

	t, err := ParseTime(strings.Replace(s, " ", "+", 1))
	if err != nil {
		return 0, errors.New(err.Error() + ", or milliseconds since 1970 such as 0 or 1368819932000")
	}
	return t, nil
}

// parseMilliseconds reads a time from a number.
func parseMilliseconds(digits string, ms uint64) (Time, error) {
	meant := probablyMeant(digits, ms)
	switch {
	case ms > uint64(MaxTime):
		return 0, errors.New("is a number of milliseconds since 1970, and would be behind the year 9999" + meant)
	case meant != "", ms > 0 && ms < leastMilliseconds:
		would := time.UnixMilli(int64(ms)).UTC().Format("January 2006")
		return 0, errors.New("is a number of milliseconds since 1970, and would be in " + would + meant)
	}
	return Time(ms), nil
}

// probablyMeant completes the refusal of a number: by the time that is likely meant by it, if there
// is one. The digits of a date are read as one where it is in a century of recordings.
func probablyMeant(digits string, ms uint64) string {
	const (
		leastSeconds = leastMilliseconds / 1000
		mostSeconds  = leastSeconds * 100
	)

	for _, form := range []string{"2006", "200601", "20060102", "200601021504", "20060102150405"} {
		t, err := time.Parse(form, digits)
		if err == nil && t.Year() >= 1970 && t.Year() < 2100 {
			return "; did you mean " + t.Format("2006-01-02T15:04:05Z") + "?"
		}
	}

	switch {
	case leastSeconds <= ms && ms < leastMilliseconds:
		return "; did you mean " + strconv.FormatUint(ms*1000, 10) + "?"
	case ms > uint64(MaxTime):
		// Microseconds or nanoseconds, of which the next thousandth that can be a time is meant.
		for ms /= 1000; ms > mostSeconds*1000; ms /= 1000 {
		}
		if ms < leastMilliseconds {
			return ""
		}
		return "; did you mean " + strconv.FormatUint(ms, 10) + "?"
	case ms > 0 && ms < leastMilliseconds:
		return "; accepted are 0, and numbers from 100000000000 on"
	}
	return ""
}

// cutDateTime reads 2006-01-02T15:04:05 and a fraction of a second, and returns what follows.
func cutDateTime(s string) (t time.Time, rest string, ok bool) {
	const form = "2006-01-02T15:04:05"
	if len(s) < len(form) {
		return t, "", false
	}

	t, err := time.Parse(form, s[:len(form)])
	if err != nil || s[len("2006-01-02T15")] != ':' { // Parse would take an hour of one digit
		return t, "", false
	}

	rest = s[len(form):]
	if rest == "" || rest[0] != '.' && rest[0] != ',' {
		return t, rest, true
	}

	end := 1
	fraction, scale := time.Duration(0), 100*time.Millisecond // of the first digit; 0 from the tenth on
	for ; end < len(rest) && '0' <= rest[end] && rest[end] <= '9'; end++ {
		fraction += time.Duration(rest[end]-'0') * scale
		scale /= 10
	}

	return t.Add(fraction), rest[end:], end > 1
}

// parseOffset reads Z, ±hh, ±hhmm or ±hh:mm.
func parseOffset(s string) (time.Duration, bool) {
	if s == "Z" {
		return 0, true
	}

	sign := time.Duration(1)
	switch s[0] {
	case '-':
		sign = -1
	case '+':
	default:
		return 0, false
	}

	digits := s[1:]
	if len(digits) == 5 && digits[2] == ':' {
		digits = digits[:2] + digits[3:]
	}
	if len(digits) == 2 {
		digits += "00"
	}
	if len(digits) != 4 {
		return 0, false
	}

	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
	}

	hours := time.Duration(digits[0]-'0')*10 + time.Duration(digits[1]-'0')
	minutes := time.Duration(digits[2]-'0')*10 + time.Duration(digits[3]-'0')
	if hours > 23 || minutes > 59 {
		return 0, false
	}

	return sign * (hours*time.Hour + minutes*time.Minute), true
}

// String is the form of every answer: UTC, 2013-05-17T19:45:32.000+0000.
func (t Time) String() string {
	b, _ := t.AppendText(nil)
	return string(b)
}

// AppendText implements [encoding.TextAppender], and with it the JSON form.
func (t Time) AppendText(b []byte) ([]byte, error) {
	// Go writes RFC 3339 in a third of the time that a layout of one's own takes. Without its Z, all that is
	// missing are the milliseconds and the zone.
	const second = 1000
	b = time.UnixMilli(int64(t)).UTC().AppendFormat(b, time.RFC3339)
	ms := (t%second + second) % second
	b = append(b[:len(b)-1], '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
	return append(b, "+0000"...), nil
}

// MarshalText implements [encoding.TextMarshaler].
func (t Time) MarshalText() ([]byte, error) { return t.AppendText(nil) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (t *Time) UnmarshalText(b []byte) (err error) {
	*t, err = ParseTime(string(b))
	return err
}
