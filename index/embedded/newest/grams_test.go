package newest

import (
	"strings"
	"testing"
	"unicode/utf8"

	"recordings/mapping"
)

// passes tells whether the grams of the values let a pattern through, as a search does it.
func passes(p mapping.Pattern, values []string) (passed, exact bool) {
	grams := map[string]bool{hasValue: len(values) > 0}
	for _, v := range values {
		eachGram(v, func(g gram) { grams[g.String()] = true })
	}
	q := newGramQuery(p)
	for _, gram := range q.terms {
		if _, ok := grams[gram]; !ok {
			return false, q.exact
		}
	}
	for _, prefix := range q.ranges {
		found := false
		for gram := range grams {
			found = found || prefix <= gram && gram < prefixEnd(prefix)
		}
		if !found {
			return false, q.exact
		}
	}
	return true, q.exact
}

// FuzzGrams makes sure that the grams never hold back what matches, and that they let nothing else through
// where they say so; and that both kinds of Match mean the same.
func FuzzGrams(f *testing.F) {
	for _, s := range [][3]string{
		{"*", "a", ""}, {"***", "", ""}, {"a*", "abc", "b"}, {"*c", "abc", ""}, {"*b*", "abc", ""}, {"ab*", "ab", "cab"},
		{"*9*9*9*", "+1999", "9"}, {"*é*", "café", "字"}, {"a*a", "aa", "a"}, {"+1*5*9", "+159", ""}, {"*abcd*", "xabcdy", "abc bcd"},
		{strings.Repeat("ab", 40) + "*", strings.Repeat("ab", 60), ""},
	} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, pattern, a, b string) {
		for _, s := range []string{pattern, a, b} {
			if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
				return // mapping lets none of them in
			}
		}
		p := mapping.NewPattern(pattern)
		m := newMatcher(p)
		for _, v := range []string{a, b} {
			if got, want := m.match([]byte(v)), p.Match(v); got != want {
				t.Fatalf("%q on %q: %v, want %v", pattern, v, got, want)
			}
		}
		if _, literal := p.Literal(); literal {
			return // is looked up whole
		}
		want := p.Match(a) || p.Match(b)
		passed, exact := passes(p, []string{a, b})
		if want && !passed || exact && passed != want {
			t.Fatalf("%q on %q and %q: passed %v, exact %v, match %v", pattern, a, b, passed, exact, want)
		}
	})
}

func TestSpread(t *testing.T) {
	terms := strings.Split("abcdefghijklmnopqrstuvwxyz0123456789", "")
	got := spread(terms, maxGrams)
	if len(got) != maxGrams || got[0] != "a" || got[maxGrams-1] != "9" {
		t.Errorf("spread to %q", got)
	}
	seen := make(map[string]bool)
	for _, g := range got {
		if seen[g] {
			t.Errorf("%q twice in %q", g, got)
		}
		seen[g] = true
	}
}

func TestTimeTerm(t *testing.T) {
	last := ""
	for _, at := range []mapping.Time{0, 1, 127, 128, msPerTestDay - 1, msPerTestDay, 1368819932000, mapping.MaxTime} {
		term := TimeTerm(KindStart, at)
		if got := timeFrom([]byte(term)); got != at {
			t.Errorf("%d came back as %d", at, got)
		}
		if term <= last {
			t.Errorf("the term of %d is not behind the one before", at)
		}
		last = term
	}
}

const msPerTestDay = mapping.Time(msPerDay)

func TestScope(t *testing.T) {
	scopes := []string{Scope("a", "b"), Scope("", "ab"), Scope("ab", ""), Scope("a", "bc"), Scope("1:a", "b"), Scope("a1:b", "")}
	for i, a := range scopes {
		for j, b := range scopes {
			if i != j && strings.HasPrefix(a, b) {
				t.Errorf("scope %q is the beginning of %q", b, a)
			}
		}
	}
}
