package client_test

import (
	"errors"
	"testing"
	"time"

	"recordings/api/client"
	"recordings/mapping"
)

// TestPeriods: a period stands for days of a zone, also where a clock is changed, and what is not known is
// told.
func TestPeriods(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 30, 1, 30, 0, 0, berlin) // the day before had 23 hours
	for period, want := range map[string][2]string{
		"": {"", ""}, "today": {"2026-03-29T22:00:00.000+0000", ""},
		"yesterday": {"2026-03-28T23:00:00.000+0000", "2026-03-29T22:00:00.000+0000"},
		"7days":     {"2026-03-23T23:00:00.000+0000", ""}, "month": {"2026-02-28T23:00:00.000+0000", ""},
	} {
		s := client.SavedSearch{Criteria: client.Criteria{"label": "vip"}, Period: period}
		asked, err := s.Asked(now)
		if err != nil || asked["label"] != "vip" {
			t.Errorf("%q: %v, %v", period, asked, err)
		}
		for i, name := range []string{mapping.ParamStartTime, mapping.ParamStartedBefore} {
			at := ""
			if value, ok := asked[name]; ok {
				parsed, err := mapping.ParseQueryTime(value)
				if err != nil {
					t.Error(err)
				}
				at = parsed.String()
			}
			if at != want[i] {
				t.Errorf("%q: %s is %q, want %q", period, name, at, want[i])
			}
		}
		if len(s.Criteria) != 1 {
			t.Errorf("%q: the saved search has become %v", period, s.Criteria)
		}
	}
	if _, err := (&client.SavedSearch{Period: "decade"}).Asked(now); !errors.Is(err, client.ErrPeriod) {
		t.Errorf("a period that there is not: %v", err)
	}
}
