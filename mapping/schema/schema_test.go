package schema_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"recordings/mapping"
	"recordings/mapping/schema"
)

// times are drawn close to each other, to the borders of periods and to the ends.
func times() *rapid.Generator[mapping.Time] {
	return rapid.Custom(func(t *rapid.T) mapping.Time {
		base := rapid.SampledFrom([]int64{0, 1 << 10, 1 << 20, 1 << 30, 3 << 30, 1 << 40, 1<<47 - 1, int64(mapping.MaxTime)}).Draw(t, "base")
		offset := rapid.Int64Range(-3000, 3000).Draw(t, "offset")
		return mapping.Time(min(max(base+offset, 0), int64(mapping.MaxTime)))
	})
}

func TestTimeTerm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := times().Draw(t, "a"), times().Draw(t, "b")
		got, err := schema.ParseTimeTerm(schema.TimeTerm(a))
		if err != nil || got != a {
			t.Fatalf("%d came back as %d, %v", a, got, err)
		}
		if c := strings.Compare(schema.TimeTerm(a), schema.TimeTerm(b)); c < 0 != (a < b) || c > 0 != (a > b) {
			t.Fatalf("the terms of %d and %d do not sort as they do", a, b)
		}
	})
	for _, term := range []string{"", "0", "00000000000", "000000000w", "-000000001"} {
		if _, err := schema.ParseTimeTerm(term); err == nil {
			t.Errorf("%q was read as a time", term)
		}
	}
}

// TestTimeRanges compares which recordings have a term of the ranges with which are between the times.
func TestTimeRanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at, from, to := times().Draw(t, "at"), times().Draw(t, "from"), times().Draw(t, "to")
		terms := make(map[string][]string)
		d := schema.Document("key", "center", "region", &mapping.Searchable{StartTime: at, StopTime: at})
		for _, f := range d.Fields {
			terms[f.Name()] = append(terms[f.Name()], string(f.Value()))
		}
		want := from <= at && at <= to
		for name, ranges := range map[string][]schema.TermRange{
			"start": schema.StartTimeRanges(from, to), "stop": schema.StopTimeRanges(from, to),
		} {
			got := slices.ContainsFunc(ranges, func(r schema.TermRange) bool {
				return slices.ContainsFunc(terms[r.Field], func(term string) bool { return r.First <= term && term <= r.Last })
			})
			if got != want {
				t.Fatalf("%s: %d is in the ranges from %d to %d: %v, want %v: %q", name, at, from, to, got, want, ranges)
			}
			if len(ranges) > 7 {
				t.Fatalf("%d ranges: %q", len(ranges), ranges)
			}
		}
	})
}

// TestScope makes sure that no two pairs of contact center and region are one.
func TestScope(t *testing.T) {
	names := []string{"", "a", "aa", "1", "1:", ":", "1:a", "2:a", "a1:", "\x00", "ü"}
	seen := make(map[string][2]string)
	for _, contactCenter := range names {
		for _, region := range names {
			scope := schema.Scope(contactCenter, region)
			if other, ok := seen[scope]; ok {
				t.Errorf("%q and %q have the same scope", other, [2]string{contactCenter, region})
			}
			seen[scope] = [2]string{contactCenter, region}
		}
	}
}
