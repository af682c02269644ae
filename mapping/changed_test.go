package mapping_test

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"recordings/index/indextest"
	"recordings/mapping"
)

// TestChangedTime: what notes a change in the stored form is what encoding the recording makes, and
// all ways to read it find it.
func TestChangedTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := indextest.Recordings().Draw(t, "recording")
		plain := encodeStored(t, r)
		times := rapid.SampledFrom([]mapping.Time{1, 999, 1_747_511_132_000, mapping.MaxTime})
		r.ChangedTime = times.Draw(t, "before")
		before := encodeStored(t, r)
		r.ChangedTime = times.Draw(t, "changed")
		want := encodeStored(t, r)
		for _, data := range [][]byte{plain, before, want} {
			if got := mapping.WithChangedTime([]byte("x"), data, r.ChangedTime); string(got) != "x"+string(want) {
				t.Fatalf("got %s\nwant %s", got[1:], want)
			}
		}

		stored, err := mapping.ReadStored(want)
		if err != nil || stored.Outline() == nil || stored.ChangedTime() != r.ChangedTime ||
			stored.Outline().ChangedTime != r.ChangedTime || stored.ID() != r.ID {
			t.Fatalf("%s is read as %+v, %v", want, stored, err)
		}
		decoded, err := mapping.DecodeStored(want)
		if err != nil || !bytes.Equal(encodeStored(t, decoded), want) {
			t.Fatalf("%s is decoded as %+v, %v", want, decoded, err)
		}
		if s := decoded.Searchable(); s.ChangedTime != r.ChangedTime {
			t.Fatalf("searches see %v, want %v", s.ChangedTime, r.ChangedTime)
		}
		if merged := mapping.Merge(decoded, r); merged.ChangedTime != decoded.ChangedTime {
			t.Fatalf("merged, it was changed at %v, want %v", merged.ChangedTime, decoded.ChangedTime)
		}
	})
}

func encodeStored(t *rapid.T, r *mapping.Recording) []byte {
	data, err := mapping.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestChangedTimeOfOtherForms: texts that the quick reader leaves to the library are read alike, and
// what a client posted under that name to an earlier version is not taken for it.
func TestChangedTimeOfOtherForms(t *testing.T) {
	const members = `"id":"a","callerPhoneNumber":"1","dialedPhoneNumber":"2","region":"r","mediaFiles":[],` +
		`"eventHistory":[]`
	const stamp = `{"changedTime":"2025-05-17T19:45:32.000+0000",`
	for _, c := range []struct {
		name, text string
		want       mapping.Time
	}{
		{"noted", stamp + members + `}`, 1_747_511_132_000},
		{"noted, with blanks behind", stamp + " " + members + ` }`, 1_747_511_132_000},
		{"not noted", `{` + members + `}`, 0},
		{"posted before", `{` + members + `,"changedTime":"2025-05-17T19:45:32.000+0000"}`, 0},
		{"posted before, no time", `{` + members + `,"changedTime":{"a":[1]},"ccid":"x"}`, 0},
		{"posted before, and noted", stamp + members + `,"ccid":"x","changedTime":"never"}`, 1_747_511_132_000},
	} {
		r, err := mapping.DecodeStored([]byte(c.text))
		if err != nil || r.ID != "a" || r.ChangedTime != c.want || strings.Contains(string(r.Extra), "changedTime") {
			t.Errorf("%s: %+v, %v", c.name, r, err)
			continue
		}
		if kept := strings.Contains(c.text, "ccid"); kept != (string(r.Extra) == `{"ccid":"x"}`) {
			t.Errorf("%s: other attributes are %s", c.name, r.Extra)
		}

		s, err := mapping.ReadStored([]byte(c.text))
		if err != nil || s.ID() != "a" || s.ChangedTime() != c.want {
			t.Errorf("%s: %+v, %v", c.name, s, err)
			continue
		}
		if o := s.Outline(); o != nil && (o.ChangedTime != c.want || strings.Contains(o.Extra, "changedTime")) {
			t.Errorf("%s: outlined as %+v", c.name, o)
		}
	}
}

// TestChangedTimeIsNotPosted: a client cannot set it.
func TestChangedTimeIsNotPosted(t *testing.T) {
	for _, value := range []any{"2025-05-17T19:45:32Z", "never", nil, 5, map[string]any{"a": 1}} {
		r := decode(t, edit(t, map[string]any{"changedTime": value}))
		if r.ChangedTime != 0 || strings.Contains(string(r.Extra), "changedTime") {
			t.Errorf("%v: %v, %s", value, r.ChangedTime, r.Extra)
		}
	}
}

func TestChangedSince(t *testing.T) {
	const noted = mapping.Time(1_747_511_132_000)
	for _, c := range []struct {
		changed mapping.Time
		since   string
		want    bool
	}{
		{noted, "1747511132000", true}, {noted, "1747511132001", false}, {noted, "1747511131999", true},
		{noted, "2025-05-17T21:45:32+02:00", true}, {noted, "2025-05-17T21:45:32.001+02:00", false}, {noted, "0", true},
		{0, "0", true}, {0, "1970-01-01T00:00:00.001Z", false}, {0, "1747511132000", false},
		{mapping.MaxTime, "253402300799999", true},
	} {
		criteria, err := mapping.ParseCriteria(map[string]string{"changedSince": c.since})
		if err != nil {
			t.Fatal(err)
		}
		r := lasting(5, 6)
		r.ChangedTime = c.changed
		if got := mapping.Match(&criteria, r); got != c.want {
			t.Errorf("changed at %v, since %s: %v, want %v", c.changed, c.since, got, c.want)
		}
	}
}
