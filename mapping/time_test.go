package mapping_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"recordings/mapping"
)

func TestParseTime(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"2013-05-17T11:45:32.000-0800", "2013-05-17T19:45:32.000+0000"},
		{"2013-05-17T11:45:32.000-08:00", "2013-05-17T19:45:32.000+0000"},
		{"2013-05-17T11:45:32-08", "2013-05-17T19:45:32.000+0000"},
		{"2014-12-03T18:31:26Z", "2014-12-03T18:31:26.000+0000"},
		{"2014-12-03T18:31:26.5Z", "2014-12-03T18:31:26.500+0000"},
		{"2014-12-03T18:31:26,25Z", "2014-12-03T18:31:26.250+0000"},
		{"2014-12-03T18:31:26.123999999Z", "2014-12-03T18:31:26.123+0000"},
		{"2014-12-03T18:31:26+05:45", "2014-12-03T12:46:26.000+0000"},
		{"2016-02-29T00:00:00+0000", "2016-02-29T00:00:00.000+0000"},
		{"1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000+0000"},
		{"1969-12-31T23:00:00-0100", "1970-01-01T00:00:00.000+0000"},
		{"9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999+0000"},
	} {
		got, err := mapping.ParseTime(c.in)
		if err != nil || got.String() != c.want {
			t.Errorf("ParseTime(%q) = %v, %v; want %s", c.in, got, err, c.want)
		}
	}
}

// TestTimeText: a time is written as the 2013 page writes it, and read as it was.
func TestTimeText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := mapping.Time(rapid.Int64Range(0, int64(mapping.MaxTime)).Draw(t, "time"))
		want := time.UnixMilli(int64(at)).UTC().Format("2006-01-02T15:04:05.000-0700")
		if got := at.String(); got != want {
			t.Errorf("%d is written %s instead of %s", at, got, want)
		}
		if got, err := mapping.ParseTime(want); got != at || err != nil {
			t.Errorf("%s is read as %d instead of %d, %v", want, got, at, err)
		}
	})
}

func TestParseTimeRefuses(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", "ISO 8601"}, {"0", "ISO 8601"}, {"2013-05-17", "ISO 8601"}, {"2013-05-17T11:45Z", "ISO 8601"},
		{"2013-05-17T11:45:32", "has no offset"}, {"2013-05-17T11:45:32.000", "has no offset"},
		{"2013-05-17 11:45:32Z", "ISO 8601"}, {"2013-05-17T11:45:32z", "ISO 8601"}, {"2013-05-17T11:45:32.Z",
			"ISO 8601"},
		{"2013-02-29T00:00:00Z", "ISO 8601"}, {"2013-13-01T00:00:00Z", "ISO 8601"}, {"2013-05-17T24:00:00Z",
			"ISO 8601"},
		{"2013-05-17T23:60:00Z", "ISO 8601"}, {"2013-05-17T23:00:60Z", "ISO 8601"}, {"2013-05-17T1:45:32.5Z",
			"ISO 8601"},
		{"2013-05-17T11:45:32+24:00", "ISO 8601"}, {"2013-05-17T11:45:32+00:60", "ISO 8601"},
		{"2013-05-17T11:45:32+0:00", "ISO 8601"},
		{"2013-05-17T11:45:32+-1:00", "ISO 8601"}, {"2013-05-17T11:45:32UTC", "ISO 8601"}, {" 2013-05-17T11:45:32Z",
			"ISO 8601"},
		{"2013-05-17T11:45:32Z ", "ISO 8601"}, {"1969-12-31T23:59:59.999Z", "between 1970"}, {"10000-01-01T00:00:00Z",
			"ISO 8601"},
		{"9999-12-31T23:59:59.999-0001", "9999"}, {"+013-05-17T11:45:32Z", "ISO 8601"},
	} {
		if got, err := mapping.ParseTime(c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("ParseTime(%q) = %v, %v; want an error with %q", c.in, got, err, c.want)
		}
	}
}

func TestParseQueryTime(t *testing.T) {
	for in, want := range map[string]mapping.Time{
		"0": 0, "1368819932000": 1368819932000, "253402300799999": mapping.MaxTime,
		"2013-05-17T19:45:32.000+0000": 1368819932000,
		"2013-05-17T19:45:32.000 0000": 1368819932000, // an unescaped + in a URL
	} {
		if got, err := mapping.ParseQueryTime(in); err != nil || got != want {
			t.Errorf("ParseQueryTime(%q) = %d, %v; want %d", in, got, err, want)
		}
	}

	for _, in := range []string{"-1", "+1", "1e3", "253402300800000", "99999999999999999999", "2013-05-17T19:45:32",
		"now"} {
		if got, err := mapping.ParseQueryTime(in); err == nil ||
			!strings.Contains(err.Error(), "milliseconds since 1970") {
			t.Errorf("ParseQueryTime(%q) = %d, %v; want an error that tells what is accepted", in, got, err)
		}
	}
}

// FuzzTime compares with the time package, for the forms that both read.
func FuzzTime(f *testing.F) {
	for _, s := range []string{"2013-05-17T11:45:32.000-0800", "2014-12-03T18:31:26Z", "0000-00-00T00:00:00.+00",
		"2014-12-03T18:31:26,9+05:45"} {
		f.Add(s)
	}

	f.Fuzz(func(t *testing.T, s string) {
		got, err := mapping.ParseTime(s)
		if err == nil {
			if again, err := mapping.ParseTime(got.String()); err != nil || again != got {
				t.Fatalf("%q is %v, which reads as %v, %v", s, got, again, err)
			}
		}

		_, _ = mapping.ParseQueryTime(s)
		want, wantErr := time.Parse(time.RFC3339Nano, s)
		if wantErr != nil || want.UnixMilli() < 0 || want.UnixMilli() > int64(mapping.MaxTime) || !isStrict(s) {
			return
		}
		if err != nil || int64(got) != want.UnixMilli() {
			t.Fatalf("ParseTime(%q) = %v, %v; the time package reads %v", s, got, err, want)
		}
	})
}

// isStrict leaves out what the time package takes although RFC 3339 does not: hours of one digit.
func isStrict(s string) bool { return len(s) > 19 && s[13] == ':' }
