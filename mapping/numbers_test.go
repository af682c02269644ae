package mapping_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"recordings/mapping"
)

// numberCases are testdata/numbers.json.
type numberCases struct {
	Matches []struct {
		Item          string
		Stored, Query string
		Want          bool
	}
	Anywhere []struct {
		Item           string
		Caller, Dialed string
		Contacts       []string
		Found, Missed  []string // by phoneNumber
	}
	Values []struct { // what is indexed, which is no more than is needed
		Stored string
		Values []string
	}
	Refused []struct{ Param, Value string }
}

// numbered is a recording with these numbers.
func numbered(caller, dialed string, contacts ...string) *mapping.Recording {
	r := &mapping.Recording{CallerPhoneNumber: caller, DialedPhoneNumber: dialed}
	for _, number := range contacts {
		r.EventHistory = append(r.EventHistory, mapping.Event{Contact: &mapping.Contact{PhoneNumber: number}})
	}
	return r
}

// finds reports whether a search by one parameter finds a recording.
func finds(t testing.TB, r *mapping.Recording, param, value string) bool {
	t.Helper()
	criteria, err := mapping.ParseCriteria(map[string]string{param: value})
	if err != nil {
		t.Errorf("%s=%q: %v", param, value, err)
	}
	return mapping.Match(&criteria, r)
}

func TestNumbers(t *testing.T) {
	cases := readCases[numberCases](t, "numbers.json")
	if len(cases.Matches) == 0 || len(cases.Anywhere) == 0 || len(cases.Refused) == 0 {
		t.Fatal("there are no cases")
	}

	const other = "other" // matches nothing that is asked for without letters
	for _, c := range cases.Matches {
		for param, r := range map[string]*mapping.Recording{
			mapping.ParamCallerPhoneNumber: numbered(c.Stored, other, other),
			mapping.ParamDialedPhoneNumber: numbered(other, c.Stored, other),
		} {
			if got := finds(t, r, param, c.Query); got != c.Want {
				t.Errorf("%s: %s=%q in %q: %v, want %v", c.Item, param, c.Query, c.Stored, got, c.Want)
			}
		}
		for _, r := range []*mapping.Recording{
			numbered(c.Stored, other, other), numbered(other, c.Stored), numbered(other, other, "1234", c.Stored),
		} {
			if got := finds(t, r, mapping.ParamPhoneNumber, c.Query); got != c.Want {
				t.Errorf("%s: phoneNumber=%q in %+v: %v, want %v", c.Item, c.Query, r.Searchable(), got, c.Want)
			}
		}
	}

	for _, c := range cases.Anywhere {
		r := numbered(c.Caller, c.Dialed, c.Contacts...)
		for _, query := range c.Found {
			if !finds(t, r, mapping.ParamPhoneNumber, query) {
				t.Errorf("%s: phoneNumber=%q is not found", c.Item, query)
			}
		}
		for _, query := range c.Missed {
			if finds(t, r, mapping.ParamPhoneNumber, query) {
				t.Errorf("%s: phoneNumber=%q is found", c.Item, query)
			}
		}
	}

	for _, c := range cases.Values {
		s := numbered(c.Stored, "", c.Stored, "99").Searchable()
		if !slices.Equal(s.CallerNumbers, c.Values) || !slices.Equal(s.ContactNumbers, []string{"99"}) {
			t.Errorf("%q has %q, contacts %q, want %q", c.Stored, s.CallerNumbers, s.ContactNumbers, c.Values)
		}
		if s := numbered("", c.Stored, c.Stored).Searchable(); len(s.ContactNumbers) > 0 {
			t.Errorf("the dialed number %q is a contact's, too: %q", c.Stored, s.ContactNumbers)
		}
	}

	for _, c := range cases.Refused {
		_, err := mapping.ParseCriteria(map[string]string{c.Param: c.Value})
		if err == nil || !strings.Contains(err.Error(), c.Param) {
			t.Errorf("%s=%.20q: %v, want it refused", c.Param, c.Value, err)
		}
	}
}

// spelling writes a number in one of the ways in which people do: with separators anywhere, and
// blanks around it.
func spelling(t *rapid.T, number string) string {
	blanks := rapid.SampledFrom([]string{"", "", "\u00a0", "\t", "  ", "\u202a", "\r\n"})
	between := rapid.SampledFrom([]string{"", "", "", " ", "-", ".", "/", "(", ")", ") ", "\u00a0", "\u2011"})
	var b strings.Builder
	b.WriteString(blanks.Draw(t, "in front"))
	for i, r := range number {
		if i > 0 {
			b.WriteString(between.Draw(t, "separator"))
		}
		b.WriteRune(r)
	}
	b.WriteString(blanks.Draw(t, "behind"))
	return b.String()
}

// TestNumberSpellings: whoever writes a number, and whoever searches for it or a part of it, in
// whatever way: it is found if the symbols are these, and the + is where it is asked for.
func TestNumberSpellings(t *testing.T) {
	found, missed := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringOfN(rapid.RuneFrom([]rune("0123*")), 1, 8, -1)
		stored := rapid.SampledFrom([]string{"", "+"}).Draw(t, "stored +") + digits.Draw(t, "stored")
		asked := stored
		switch rapid.IntRange(0, 3).Draw(t, "change") {
		case 0:
			asked = rapid.SampledFrom([]string{"", "+"}).Draw(t, "asked +") + digits.Draw(t, "asked")
		case 1:
			asked = strings.TrimPrefix(stored, "+")
		case 2:
			asked = "+" + strings.TrimPrefix(stored, "+")
		}

		// The wildcards are at the places of ~, so that a star is one.
		from := rapid.IntRange(0, len(asked)).Draw(t, "from")
		to := rapid.IntRange(from, len(asked)).Draw(t, "to")
		pattern := rapid.SampledFrom([]string{asked, asked, asked[:from] + "~" + asked[to:], "~" + asked[from:],
			asked[:to] + "~", "~" + asked[from:to] + "~"}).Draw(t, "pattern")

		query := strings.NewReplacer("*", `\*`, "~", "*").Replace(spelling(t, pattern))
		query = strings.NewReplacer(`\ *`, `\*`).Replace(query)
		want := wild(pattern, stored)
		if !strings.Contains(pattern, "+") {
			want = wild(pattern, strings.TrimPrefix(stored, "+"))
		}

		written := spelling(t, stored)
		criteria, err := mapping.ParseCriteria(map[string]string{mapping.ParamCallerPhoneNumber: query})
		if err != nil {
			t.Fatalf("%q: %v", query, err)
		}
		if strings.Trim(pattern, "~") == "" {
			return // separators alone may have been drawn, which are exact
		}
		if got := mapping.Match(&criteria, numbered(written, "")); got != want {
			t.Fatalf("%q (%s) in %q (%s): %v, want %v", query, pattern, written, stored, got, want)
		}
		if found++; !want {
			missed++
		}
	})

	if found -= missed; !testing.Short() && (found < 5 || missed < 5) {
		t.Errorf("%d were found and %d missed, too few to prove anything", found, missed)
	}
}

// wild reports whether a number has the form of a pattern, whose wildcard is ~.
func wild(pattern, number string) bool {
	star := strings.NewReplacer("*", "s", "~", "*")
	return wildcard([]rune(star.Replace(pattern)), []rune(star.Replace(number)))
}

// TestOtherTextIsExact: a search with a letter finds numbers by what they are as posted alone.
func TestOtherTextIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("ab12+ -.#")), 1, 8, -1)
		stored, asked := text.Draw(t, "stored"), text.Draw(t, "asked")
		if rapid.Bool().Draw(t, "same") {
			asked = stored
		}
		at := rapid.IntRange(0, len(asked)).Draw(t, "at")
		pattern := asked[:at] + rapid.SampledFrom([]string{"", "*"}).Draw(t, "star") + asked[at:]
		trimmed := strings.Trim(pattern, " ")
		if !strings.ContainsAny(pattern, "ab#") || strings.HasPrefix(pattern, " ") {
			return
		}

		criteria, err := mapping.ParseCriteria(map[string]string{mapping.ParamDialedPhoneNumber: pattern})
		if err != nil {
			t.Fatalf("%q: %v", pattern, err)
		}
		want := wildcard([]rune(trimmed), []rune(strings.Trim(stored, " ")))
		if got := mapping.Match(&criteria, numbered("", stored)); got != want {
			t.Fatalf("%q in %q: %v, want %v", pattern, stored, got, want)
		}
	})
}
