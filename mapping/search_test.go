package mapping_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"recordings/mapping"
)

func TestFold(t *testing.T) {
	for _, same := range [][]string{
		{"müller", "Müller", "MÜLLER", "mu\u0308ller", "MU\u0308LLER"},
		{"kelvin", "KELVIN", "\u212aelvin"},
		{"sos", "SOS", "\u017fo\u017f"},
		{"σας", "ΣΑΣ", "σασ"},
		{"å", "Å", "\u212b", "a\u030a"},
		{"straße", "STRA\u1e9eE"},
		{"ǆ", "ǅ", "Ǆ"},
		{"abc 1", "ＡＢＣ １", "abc\u00a01"},
		{"ｶﾅ", "カナ"},
		{"fine", "ﬁne"},
		{"o'brien", "O’Brien", "o‘brien", "O´Brien", "oʼbrien"},
		{"anne-marie", "Anne‐Marie", "anne–marie", "anne−marie", "anne\u2011marie"},
		{"two lines", "Two\nlines", "two\r\nlines", "TWO\rLINES"},
	} {
		for _, s := range same {
			if got, want := mapping.Fold(s), mapping.Fold(same[0]); got != want {
				t.Errorf("Fold(%q) = %q, but Fold(%q) = %q", s, got, same[0], want)
			}
		}
	}

	for _, differ := range [][2]string{{"strasse", "straße"}, {"i", "İ"}, {"i", "ı"}, {"muller", "müller"},
		{"a", "а"}} {
		if mapping.Fold(differ[0]) == mapping.Fold(differ[1]) {
			t.Errorf("%q and %q have the same fold", differ[0], differ[1])
		}
	}
}

func TestFoldTwiceChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		once := mapping.Fold(s)
		if twice := mapping.Fold(once); twice != once {
			t.Fatalf("Fold(%q) = %q, and of that %q", s, once, twice)
		}
		if upper := mapping.Fold(norm.NFD.String(once)); upper != once {
			t.Fatalf("decomposed, %q folds to %q", once, upper)
		}
	})
}

func TestPattern(t *testing.T) {
	for _, c := range []struct {
		pattern   string
		match, no []string
	}{
		{"abc", []string{"abc"}, []string{"", "ab", "abcd", "xabc", "ABC"}},
		{"*", []string{"", "a", "*"}, nil},
		{"***", []string{"", "a"}, nil},
		{"a*", []string{"a", "ab", "a*"}, []string{"", "ba"}},
		{"*a", []string{"a", "ba", "aa"}, []string{"", "ab"}},
		{"a*a", []string{"aa", "aba", "aaa"}, []string{"a", "ab"}},
		{"*555*", []string{"555", "5555", "+1555"}, []string{"55", "5 55"}},
		{"+1*5*9", []string{"+159", "+15559", "+19599"}, []string{"+19", "+1595", "159"}},
		{"ab*ab", []string{"abab", "abxab"}, []string{"ab", "aba"}},
		{"a?.[\\", []string{"a?.[\\"}, []string{"ab.[\\"}},
		{"*ab*ba*", []string{"abba", "xabyba"}, []string{"aba"}},
	} {
		p := mapping.NewPattern(c.pattern)
		for _, s := range c.match {
			if !p.Match(s) {
				t.Errorf("%q does not match %q", c.pattern, s)
			}
		}

		for _, s := range c.no {
			if p.Match(s) {
				t.Errorf("%q matches %q", c.pattern, s)
			}
		}

		if p.String() != c.pattern {
			t.Errorf("%q came back as %q", c.pattern, p.String())
		}
	}
}

// wildcard is the meaning of *, tried out by going back wherever a star could have stood for more.
func wildcard(pattern, s []rune) bool {
	if len(pattern) == 0 {
		return len(s) == 0
	}
	if pattern[0] == '*' {
		return wildcard(pattern[1:], s) || len(s) > 0 && wildcard(pattern, s[1:])
	}
	return len(s) > 0 && s[0] == pattern[0] && wildcard(pattern[1:], s[1:])
}

func FuzzPattern(f *testing.F) {
	for _, s := range [][2]string{{"a*b*", "aabb"}, {"*9*9*", "9"}, {"", ""}, {"**", "*"}, {"é*é", "éé"},
		{"+1*5*9", "+1659"}} {
		f.Add(s[0], s[1])
	}

	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern) > 12 || len(s) > 24 || !utf8.ValidString(pattern) || !utf8.ValidString(s) {
			return // the naive one is exponential
		}
		if got, want := mapping.NewPattern(pattern).Match(s), wildcard([]rune(pattern), []rune(s)); got != want {
			t.Fatalf("%q on %q: %v, want %v", pattern, s, got, want)
		}
	})
}

func TestPatternAgainstNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringOfN(rapid.RuneFrom([]rune("ab*é")), 0, 10, -1).Draw(t, "pattern")
		s := rapid.StringOfN(rapid.RuneFrom([]rune("abé*")), 0, 14, -1).Draw(t, "s")
		if got, want := mapping.NewPattern(pattern).Match(s), wildcard([]rune(pattern), []rune(s)); got != want {
			t.Fatalf("%q on %q: %v, want %v", pattern, s, got, want)
		}
	})
}

// show writes an expression with | for or, & for and, each term in quotes.
func show(e mapping.Expression) string {
	var or []string
	for _, c := range e {
		var and []string
		for _, p := range c {
			and = append(and, "'"+p.String()+"'")
		}
		or = append(or, strings.Join(and, "&"))
	}
	return strings.Join(or, "|")
}

func TestParseExpression(t *testing.T) {
	for in, want := range map[string]string{
		`tom`:                               `'tom'`,
		`tom jerry`:                         `'tom'|'jerry'`,
		` tom ` + "\t\n" + `jerry `:         `'tom'|'jerry'`,
		`Alice AND Amber`:                   `'alice'&'amber'`,
		`Alice AND Amber Bob`:               `'alice'&'amber'|'bob'`,
		`Bob Alice AND Amber AND C D AND E`: `'bob'|'alice'&'amber'&'c'|'d'&'e'`,
		`alice and amber`:                   `'alice'|'and'|'amber'`,
		`"AND"`:                             `'and'`,
		`"AND" AND "AND"`:                   `'and'&'and'`,
		`AN"D"`:                             `'and'`,
		`"Mary Ann" AND O*`:                 `'mary ann'&'o*'`,
		`"Mary A"*`:                         `'mary a*'`,
		`"*a b*"`:                           `'*a b*'`,
		`a"b c"d e`:                         `'ab cd'|'e'`,
		"a\u00a0b":                          `'a'|'b'`,
		`MU` + "\u0308" + `LLER*`:           `'müller*'`,
		`" a "`:                             `' a '`,
		`*`:                                 `'*'`,
	} {
		e, err := mapping.ParseExpression(in)
		if got := show(e); err != nil || got != want {
			t.Errorf("%q is %s, %v; want %s", in, got, err, want)
		}
	}

	for in, want := range map[string]string{
		`AND`: "AND without a term", `AND a`: "AND without a term", `a AND`: "AND without a term",
		`a AND AND b`: "AND without a term",
		`"`:           "unclosed quote", `a "b c`: "unclosed quote", `"a" "`: "unclosed quote",
		`""`: "empty pair of quotes", `a AND ""`: "empty pair of quotes",
		" ": "white space only", strings.Repeat("a ", 33): "more than 32 terms",
	} {
		if e, err := mapping.ParseExpression(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %s, %v; want an error with %q", in, show(e), err, want)
		}
	}
}

func FuzzExpression(f *testing.F) {
	for _, s := range []string{`Alice AND Amber Bob`, `"a b"* AND "AND"`, `AND`, `"`, "a\u00a0\u0308", `""`} {
		f.Add(s)
	}

	f.Fuzz(func(t *testing.T, s string) {
		e, err := mapping.ParseExpression(s)
		if err != nil {
			return
		}
		if len(e) == 0 {
			t.Fatalf("%q asks for nothing", s)
		}

		// Written out in full it means the same.
		var again []string
		for _, c := range e {
			var and []string
			for _, p := range c {
				and = append(and, `"`+quoted(p)+`"`)
			}
			again = append(again, strings.Join(and, " AND "))
		}

		e2, err := mapping.ParseExpression(strings.Join(again, " "))
		if err != nil || show(e2) != show(e) {
			t.Fatalf("%q is %s, written out %s, %v", s, show(e), show(e2), err)
		}

		for _, c := range e {
			if literal, ok := c[0].Literal(); ok && !e.Match(values(c)) {
				t.Fatalf("%q does not match its own terms, such as %q", s, literal)
			}
		}
	})
}

// quoted is a pattern as it is written between quotes.
func quoted(p mapping.Pattern) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `*`, `\*`)
	var pieces []string
	for _, piece := range p.Pieces() {
		pieces = append(pieces, escape.Replace(piece))
	}
	return strings.Join(pieces, "*")
}

// values are what a conjunction matches for sure: its terms, the stars left out.
func values(c mapping.Conjunction) []string {
	var vs []string
	for _, p := range c {
		vs = append(vs, strings.Join(p.Pieces(), ""))
	}
	return vs
}

func TestParseCriteria(t *testing.T) {
	c, err := mapping.ParseCriteria(map[string]string{
		"callerPhoneNumber": " 1650*", "dialedPhoneNumber": "*Ab", "startTime": "0", "endTime": "2013-05-17T19:45:32Z",
		"userName": "A b", "offset": "x",
	})

	if err != nil {
		t.Fatal(err)
	}

	if show(c.CallerPhoneNumber) != "'+1650*'" || show(c.DialedPhoneNumber) != "'*Ab'" || *c.StartTime != 0 ||
		*c.EndTime != 1368819932000 || show(c.UserName) != "'a'|'b'" || c.UserData != nil {
		t.Errorf("got %+v", c)
	}

	_, err = mapping.ParseCriteria(map[string]string{
		"callerPhoneNumber": "", "dialedPhoneNumber": strings.Repeat("*", 17), "startTime": "now", "endTime": "\xff",
		"userName": "AND", "userData": strings.Repeat("x", 1025), "userDataKey.KEY": "NOT x",
		"startedBefore": "1", "endedAfter": "x",
		"minDuration": "1:30", "maxDuration": "-1", "callUUID": "*a", "mediaId": "a*b", "changedSince": "2026",
		"phoneNumber": "\t", "nonDelete": "yes", "label": "AND", "comment": `"open`, "callType": "AND",
	})

	var problems mapping.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("got %v", err)
	}

	var paths []string
	for _, p := range problems {
		paths = append(paths, p.Path)
	}

	if !slices.Equal(paths, mapping.CriteriaParams) {
		t.Errorf("problems of %q, want of every parameter: %v", paths, err)
	}

	if _, err = mapping.ParseCriteria(map[string]string{"userData": "a\x00b"}); err == nil {
		t.Error("a NUL was taken")
	}

	if c, err = mapping.ParseCriteria(nil); err != nil || !reflect.ValueOf(c).IsZero() {
		t.Errorf("no parameters: %+v, %v", c, err)
	}
}

func searchableOf(t testing.TB) *mapping.Searchable {
	t.Helper()
	return decode(t, edit(t, map[string]any{"eventHistory": []any{
		event("Joined", "2013-05-18T22:25:56Z",
			map[string]any{"type": "User", "phoneNumber": "1", "userName": "amber@x.com", "firstName": "Amber Lee",
				"lastName": "Mu\u0308LLER"}, nil),
		event("Left", "2013-05-18T22:25:56Z",
			map[string]any{"type": "External", "phoneNumber": "UNKNOWN", "firstName": " ", "lastName": ""},
			map[string]any{"tier": "Gold"}),
		event("data", "2013-05-18T22:25:56Z", nil, map[string]any{
			"added": map[string]any{"case": "CASE-1 x", "n": 1.50, "yes": true, "no": nil,
				"list": []any{"L1", map[string]any{"deleted": "L2"}}, "empty": ""},
			"deleted": map[string]any{"old": "gone"},
		}),
		event("data", "2013-05-18T22:25:57Z", nil, map[string]any{"deleted": "flat"}),
		event("data", "2013-05-18T22:25:58Z", nil,
			map[string]any{"deleted": []any{"gone too"}, "updated": map[string]any{"x": "new"}}),
	}})).Searchable()
}

func event(name, at string, contact, data any) map[string]any {
	e := map[string]any{"event": name, "occurredAt": at}
	if contact != nil {
		e["contact"] = contact
	}
	if data != nil {
		e["data"] = data
	}
	return e
}

func TestSearchable(t *testing.T) {
	s := searchableOf(t)
	want := []string{
		" ", "amber", "amber lee", "amber lee muller", "amber lee müller", "amber@x.com", "lee", "muller",
		"muller amber lee", "müller", "müller amber lee",
	}
	if !slices.Equal(s.Names, want) {
		t.Errorf("names %q, want %q", s.Names, want)
	}
	if want := []string{"1.5", "case-1 x", "flat", "gold", "l1", "l2", "new", "true"}; !slices.Equal(s.UserData, want) {
		t.Errorf("user data %q, want %q", s.UserData, want)
	}
}

func TestMatch(t *testing.T) {
	s := searchableOf(t)
	for _, c := range []struct {
		param, value string
		want         bool
	}{
		{"callerPhoneNumber", "+16504668888", true}, {"callerPhoneNumber", " 1650*", true}, {"callerPhoneNumber",
			"*5046*8", true},
		{"callerPhoneNumber", "1650*", true}, {"callerPhoneNumber", "650*", false},
		{"dialedPhoneNumber", "+1415*4", true}, {"dialedPhoneNumber", "+16504668888", false},
		{"startTime", "2013-05-17T19:45:32.000Z", true}, {"startTime", "2013-05-17T19:45:32.001Z", false}, {"startTime",
			"0", true},
		{"endTime", "2013-05-17T22:15:36.000Z", true}, {"endTime", "2013-05-17T22:15:35.999Z", false},
		{"userName", "AMBER", true}, {"userName", "amb", false}, {"userName", "amb*", true}, {"userName", `"amber lee"`,
			true},
		{"userName", "lee", true}, {"userName", "MÜLLER", true}, {"userName", "nobody müller", true}, {"userName",
			"nobody AND müller", false},
		{"userName", "amber AND müller", true}, {"userName", "nobody AND x amber", true}, {"userName", "*@x.com", true},
		{"userName", "bob", false},
		{"userData", "case-1", false}, {"userData", "case-1*", true}, {"userData", `"CASE-1 X"`, true}, {"userData",
			"gone", false},
		{"userData", `"gone too"`, false}, {"userData", "flat", true}, {"userData", "1.5", true}, {"userData", "TRUE",
			true}, {"userData", "null", false},
		{"userData", "gold AND l1", true}, {"userData", "amber", false}, {"userData", "new", true},
	} {
		criteria, err := mapping.ParseCriteria(map[string]string{c.param: c.value})
		if err != nil {
			t.Fatal(err)
		}
		if got := criteria.Match(s); got != c.want {
			t.Errorf("%s=%s: %v, want %v", c.param, c.value, got, c.want)
		}
	}

	both, err := mapping.ParseCriteria(map[string]string{"userName": "amber", "userData": "nothing"})
	if err != nil || both.Match(s) {
		t.Errorf("criteria are not ANDed: %v", err)
	}

	if all := (mapping.Criteria{}); !all.Match(s) {
		t.Error("no criteria do not match")
	}
}

// TestMatchAcrossLines: a wildcard goes on behind a line break, which is a space wherever it is
// searched.
func TestMatchAcrossLines(t *testing.T) {
	r := mapping.Recording{CallerPhoneNumber: "+1650\n4668888", DialedPhoneNumber: "0\r\n1"}
	for _, c := range []struct {
		param, value string
		want         bool
	}{
		{mapping.ParamCallerPhoneNumber, "+1650*8888", true},
		{mapping.ParamCallerPhoneNumber, "+1650 4668888", true},
		{mapping.ParamCallerPhoneNumber, "+1650\n4668888", true},
		{mapping.ParamCallerPhoneNumber, "+1650\r4668888", true},
		{mapping.ParamCallerPhoneNumber, "+16504668888", true},
		{mapping.ParamCallerPhoneNumber, "+1650466888", false},
		{mapping.ParamDialedPhoneNumber, "0*1", true},
		{mapping.ParamDialedPhoneNumber, "0 1", true},
		{mapping.ParamDialedPhoneNumber, "0\r\n1", true},
		{mapping.ParamDialedPhoneNumber, "01", true},
		{mapping.ParamDialedPhoneNumber, "0 2", false},
	} {
		criteria, err := mapping.ParseCriteria(map[string]string{c.param: c.value})
		if err != nil {
			t.Fatal(err)
		}
		if got := mapping.Match(&criteria, &r); got != c.want {
			t.Errorf("%s=%q: %v, want %v", c.param, c.value, got, c.want)
		}
	}
}
