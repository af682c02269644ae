package when_test

import (
	"testing"
	"time"
	_ "time/tzdata" // wherever the test runs

	"recordings/cmd/recordings/internal/when"
	"recordings/mapping"
)

func TestParse(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 31, 14, 30, 15, 0, berlin) // a Tuesday, two days after the clocks were changed

	for text, want := range map[string][2]string{
		"now":                       {"2026-03-31T14:30:15+02:00"},
		"2h":                        {"2026-03-31T12:30:15+02:00"},
		"90m ago":                   {"2026-03-31T13:00:15+02:00"},
		"10 min":                    {"2026-03-31T14:20:15+02:00"},
		"3d":                        {"2026-03-28T14:30:15+01:00"},
		"1w":                        {"2026-03-24T14:30:15+01:00"},
		"today":                     {"2026-03-31T00:00:00+02:00", "2026-04-01T00:00:00+02:00"},
		"Yesterday":                 {"2026-03-30T00:00:00+02:00", "2026-03-31T00:00:00+02:00"},
		"sunday":                    {"2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"}, // of 23 hours
		"tue":                       {"2026-03-31T00:00:00+02:00", "2026-04-01T00:00:00+02:00"},
		"wednesday":                 {"2026-03-25T00:00:00+01:00", "2026-03-26T00:00:00+01:00"},
		"this  week":                {"2026-03-30T00:00:00+02:00", "2026-04-06T00:00:00+02:00"},
		"last week":                 {"2026-03-23T00:00:00+01:00", "2026-03-30T00:00:00+02:00"},
		"this month":                {"2026-03-01T00:00:00+01:00", "2026-04-01T00:00:00+02:00"},
		"last month":                {"2026-02-01T00:00:00+01:00", "2026-03-01T00:00:00+01:00"},
		"2026-03-29":                {"2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"},
		"2026-03-29t09:30":          {"2026-03-29T09:30:00+02:00"},
		"2026-03-29 09:30:05":       {"2026-03-29T09:30:05+02:00"},
		"09:30":                     {"2026-03-31T09:30:00+02:00"},
		"2026-03-29T09:30:00-08:00": {"2026-03-29T17:30:00Z"},
		"2026-03-29T09:30:00Z":      {"2026-03-29T09:30:00Z"},
		"1774776600000":             {"2026-03-29T09:30:00Z"},
		"0":                         {"1970-01-01T00:00:00Z"},
	} {
		if want[1] == "" {
			want[1] = want[0]
		}
		got, err := when.Parse(text, now)
		if err != nil || got != (when.Span{From: moment(t, want[0]), Until: moment(t, want[1])}) {
			t.Errorf("%q is from %v until %v, %v; want %q", text, got.From, got.Until, err, want)
		}
	}

	for _, text := range []string{
		"", "soon", "2026", "2026-13-01", "3 fortnights", "25:00", "999999w", "-1h", "1747511132",
	} {
		if got, err := when.Parse(text, now); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}

	// On a Sunday, the week has begun on Monday, too.
	sunday := time.Date(2026, 3, 29, 14, 0, 0, 0, berlin)
	if got, err := when.Parse("this week", sunday); err != nil || got.From != moment(t, "2026-03-23T00:00:00+01:00") {
		t.Errorf("this week began at %v, %v", got.From, err)
	}
}

func moment(t *testing.T, text string) mapping.Time {
	t.Helper()
	m, err := mapping.ParseTime(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// FuzzParse: whatever is typed, what comes out is a span that the service knows.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"yesterday", "2h", "2026-05-17", "mon", "last month", "09:30", "9999-12-31"} {
		f.Add(text)
	}
	now := time.Date(2026, 3, 31, 14, 30, 15, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := when.Parse(text, now)
		if err == nil && (s.From < 0 || s.From > s.Until || s.Until > mapping.MaxTime) {
			t.Errorf("%q is from %v until %v", text, s.From, s.Until)
		}
	})
}
