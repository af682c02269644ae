package schema

import (
	"strings"
	"testing"
	"unicode/utf8"

	"recordings/mapping"
)

// passes reports whether the grams of the values let a pattern through, as a search does it.
func passes(p mapping.Pattern, values []string) (passed, exact bool) {
	grams := map[string]bool{HasValue: len(values) > 0}
	for _, v := range values {
		eachGram(v, func(g gram) { grams[g.String()] = true })
	}

	q := GramsOf(p.Pieces())
	for _, gram := range q.Terms {
		if _, ok := grams[gram]; !ok {
			return false, q.Exact
		}
	}

	for _, prefix := range q.Ranges {
		found := false
		for gram := range grams {
			found = found || prefix <= gram && gram < PrefixEnd(prefix)
		}
		if !found {
			return false, q.Exact
		}
	}

	return true, q.Exact
}

// FuzzGrams makes sure that the grams never hold back what matches, and that they let nothing else
// through where they say so.
func FuzzGrams(f *testing.F) {
	for _, s := range [][3]string{
		{"*", "a", ""}, {"***", "", ""}, {"a*", "abc", "b"}, {"*c", "abc", ""}, {"*b*", "abc", ""},
		{"ab*", "ab", "cab"}, {"*9*9*9*", "+1999", "9"}, {"*é*", "café", "字"}, {"a*a", "aa", "a"},
		{"+1*5*9", "+159", ""}, {"*abcd*", "xabcdy", "abc bcd"},
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

func TestScope(t *testing.T) {
	scopes := []string{
		Scope("a", "b"),
		Scope("", "ab"),
		Scope("ab", ""),
		Scope("a", "bc"),
		Scope("1:a", "b"),
		Scope("a1:b", ""),
	}

	for i, a := range scopes {
		for j, b := range scopes {
			if i != j && strings.HasPrefix(a, b) {
				t.Errorf("scope %q is the beginning of %q", b, a)
			}
		}
	}
}
