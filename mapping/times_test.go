package mapping_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // all zones, wherever the tests run

	"github.com/go-json-experiment/json"

	"recordings/mapping"
)

// timeCases are testdata/times.json.
type timeCases struct {
	Matches []struct {
		Item                string
		StartTime, StopTime mapping.Time
		Params              map[string]string
		Want                bool
	}
	Refused []struct {
		Item, Param, Value string
		Says               []string
	}
	Accepted []struct {
		Value string
		Time  mapping.Time
	}
}

// readCases reads a file of cases below testdata.
func readCases[T any](t *testing.T, name string) (cases T) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &cases, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatal(err)
	}
	return cases
}

// lasting is a recording that starts and stops at these times.
func lasting(start, stop mapping.Time) *mapping.Recording {
	return &mapping.Recording{MediaFiles: []mapping.MediaFile{{StartTime: start, StopTime: stop}}}
}

func TestTimes(t *testing.T) {
	cases := readCases[timeCases](t, "times.json")
	if len(cases.Matches) == 0 || len(cases.Refused) == 0 || len(cases.Accepted) == 0 {
		t.Fatal("there are no cases")
	}

	for _, c := range cases.Matches {
		criteria, err := mapping.ParseCriteria(c.Params)
		if err != nil {
			t.Errorf("%s: %q: %v", c.Item, c.Params, err)
		} else if got := mapping.Match(&criteria, lasting(c.StartTime, c.StopTime)); got != c.Want {
			t.Errorf("%s: %s to %s, %q: %v, want %v", c.Item, c.StartTime, c.StopTime, c.Params, got, c.Want)
		}
	}

	for _, c := range cases.Refused {
		_, err := mapping.ParseCriteria(map[string]string{c.Param: c.Value})
		var problems mapping.Problems
		if !errors.As(err, &problems) || problems[0].Path != c.Param {
			t.Errorf("%s: %s=%s: %v, want a problem of the parameter", c.Item, c.Param, c.Value, err)
			continue
		}
		for _, says := range c.Says {
			if !strings.Contains(problems[0].Message, says) {
				t.Errorf("%s: %s=%s: %q, want %q in it", c.Item, c.Param, c.Value, problems[0].Message, says)
			}
		}
	}

	for _, c := range cases.Accepted {
		if got, err := mapping.ParseQueryTime(c.Value); err != nil || got != c.Time {
			t.Errorf("%q: %v, %v, want %v", c.Value, got, err, c.Time)
		}
	}
}

// TestDaysTile asks for the days of a week one by one, in every zone of the tz database and around
// every change of its clocks in three years: each recording of the week is in exactly one day.
func TestDaysTile(t *testing.T) {
	data, err := os.ReadFile("testdata/zones.txt")
	if err != nil {
		t.Fatal(err)
	}

	r := rand.New(rand.NewPCG(1, 1))
	zones, weeks := 0, 0
	for name := range strings.FieldsSeq(string(data)) {
		if testing.Short() && r.IntN(10) > 0 {
			continue
		}
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		zones++
		for _, change := range changes(zone, 2025, 2028) {
			weeks++
			checkWeek(t, r, change.In(zone))
		}
	}

	t.Logf("%d zones, %d changes of clocks", zones, weeks)
	if zones == 0 || weeks == 0 {
		t.Error("nothing was looked at")
	}
}

// changes returns the hours in which the clocks of a zone change, within some years.
func changes(zone *time.Location, from, to int) (hours []time.Time) {
	at := time.Date(from, 1, 1, 0, 0, 0, 0, time.UTC)
	_, before := at.In(zone).Zone()
	for ; at.Year() < to; at = at.Add(time.Hour) {
		if _, offset := at.In(zone).Zone(); offset != before {
			hours, before = append(hours, at), offset
		}
	}
	return hours
}

// checkWeek looks for some recordings in the week around a change, and in each of its days.
func checkWeek(t *testing.T, r *rand.Rand, change time.Time) {
	t.Helper()
	midnights := make([]string, 8)
	for i := range midnights {
		y, m, d := change.Date()
		midnights[i] = time.Date(y, m, d-3+i, 0, 0, 0, 0, change.Location()).Format("2006-01-02T15:04:05.000-07:00")
	}
	week := between(t, midnights[0], midnights[7])
	for range 20 {
		start := mapping.Time(change.UnixMilli() + r.Int64N(10*86_400_000) - 5*86_400_000)
		if r.IntN(3) == 0 { // just at a midnight
			at, err := mapping.ParseTime(midnights[r.IntN(len(midnights))])
			if err != nil {
				t.Fatal(err)
			}
			start = at + mapping.Time(r.IntN(3)-1)
		}

		s := lasting(start, start+mapping.Time(r.IntN(7_200_000)-600_000)).Searchable()
		days := 0
		for i := range 7 {
			day := between(t, midnights[i], midnights[i+1])
			if day.Match(s) {
				days++
			}
		}
		if inWeek := week.Match(s); days > 1 || inWeek != (days == 1) {
			t.Errorf("%s, %s: in the week: %v; in %d of its days", change.Location(), start, inWeek, days)
		}
	}
}

// between are the criteria of what starts from one time on and before another.
func between(t *testing.T, from, to string) *mapping.Criteria {
	t.Helper()
	c, err := mapping.ParseCriteria(map[string]string{"startTime": from, "startedBefore": to})
	if err != nil {
		t.Fatal(err)
	}
	return &c
}
