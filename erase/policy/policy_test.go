package policy_test

import (
	"errors"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"recordings/erase/policy"
	"recordings/index/indextest"
	"recordings/mapping"
)

// TestFilter: the criteria that only retention has mean what a search means by the like.
func TestFilter(t *testing.T) {
	r := indextest.New("a", "us", 1_400_000_000_000)
	r.Extra = jsontext.Value(`{"other":{"callType":"x"},"callType":"Inbound"}`)
	r.Labels = []mapping.Label{{Name: "keep", Value: "Wichtig"}}
	r.EventHistory = append(r.EventHistory, mapping.Event{
		Event: mapping.EventData, Data: jsontext.Value(`{"added":{"Queue":"Süd 1"},"other":"Nord"}`),
	})
	for text, want := range map[string]bool{
		"callType=inbound":              true,
		"callType=outbound Inbound":     true,
		"callType=outbound":             false,
		"notLabel=keep":                 false,
		"notLabel=KEEP=wichtig":         false,
		"notLabel=other":                true,
		"userDataKey.queue=sud*":        true,
		"userDataKey.queue=süd*":        true,
		"userDataKey.Queue=nord":        false,
		"userDataKey.none=*":            false,
		"userDataKey.other=nord OR süd": true,
		"userName=alice":                true,
		"userName=nobody":               false,
		"label=keep":                    true,
	} {
		name, value, _ := cut(text)
		f, err := policy.ParseFilter(map[string]string{name: value}, true)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if f.Match(r) != want {
			t.Errorf("%s: want %t", text, want)
		}
	}

	for _, text := range []string{"callType=", "notLabel=a AND", "userDataKey.=x", "userdata=x", "userData=NOT x"} {
		name, value, _ := cut(text)
		if _, err := policy.ParseFilter(map[string]string{name: value}, true); !errors.As(err, new(mapping.Problems)) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := policy.ParseFilter(map[string]string{"notLabel": "x"}, false); err == nil {
		t.Error("notLabel is taken for a criterion of a search")
	}
}

func cut(text string) (name, value string, ok bool) {
	for i := range text {
		if text[i] == '=' {
			return text[:i], text[i+1:], true
		}
	}
	return text, "", false
}

// TestWindow reads parts of the day.
func TestWindow(t *testing.T) {
	at := func(hour, minute int) time.Time { return time.Date(2026, 11, 26, hour, minute, 0, 0, time.UTC) }
	for text, within := range map[string][]bool{ // at 0:30, 1:00, 4:59, 5:00, 23:00
		"01:00-05:00": {false, true, true, false, false},
		"23:00-05:00": {true, true, true, false, true},
		"00:00-24:00": {true, true, true, true, true},
	} {
		w, err := policy.ParseWindow(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for i, moment := range []time.Time{at(0, 30), at(1, 0), at(4, 59), at(5, 0), at(23, 0)} {
			if w.Contains(moment) != within[i] {
				t.Errorf("%s at %s: want %t", text, moment, within[i])
			}
		}
	}
	for _, text := range []string{"", "1:00-5:00", "01:00-01:00", "01:60-02:00", "25:00-02:00", "01:00-24:30",
		"01:00-05:00 "} {
		if _, err := policy.ParseWindow(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// TestCriteriaAt: the age counts from stopTime, a policy's own endTime is kept if it is earlier, and
// what has no end never goes.
func TestCriteriaAt(t *testing.T) {
	now := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	at := func(days int) mapping.Time { return mapping.Time(now.AddDate(0, 0, -days).UnixMilli()) }
	p := policy.Policy{Name: "old", After: "90d", Everything: true}
	match := func(stop mapping.Time) bool {
		criteria, err := p.CriteriaAt(now)
		if err != nil {
			t.Fatal(err)
		}
		f, err := policy.ParseFilter(criteria, true)
		if err != nil {
			t.Fatal(err)
		}
		r := &mapping.Recording{MediaFiles: []mapping.MediaFile{{StartTime: stop - 1000, StopTime: stop}}}
		if stop == 0 {
			r.MediaFiles = nil
		}
		return f.Match(r)
	}
	for stop, want := range map[mapping.Time]bool{
		at(91): true, at(90): true, at(90) + 1: false, at(89): false, 0: false,
	} {
		if match(stop) != want {
			t.Errorf("%s: want %t", stop, want)
		}
	}

	p.Criteria = map[string]string{mapping.ParamEndTime: at(100).String()}
	if match(at(91)) || !match(at(101)) {
		t.Error("the endTime of the policy is not looked at")
	}
}
