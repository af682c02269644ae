package mapping

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// names are the values by which a contact is found by userName: the user name, the first and the
// last name, every word of each, the full name in either order, and all of these without accents.
func (c *Contact) names() []string {
	var all []string
	for _, name := range []string{c.UserName, c.FirstName, c.LastName} {
		whole := foldName(name)
		if whole == "" {
			continue
		}
		all = append(all, whole)
		if words := nameWords(whole); len(words) != 1 || words[0] != whole {
			all = append(all, words...)
		}
	}

	if first, last := foldName(c.FirstName), foldName(c.LastName); first != "" && last != "" {
		all = append(all, foldName(c.FirstName+" "+c.LastName), foldName(c.LastName+" "+c.FirstName))
		if withoutBlanks(first) && withoutBlanks(last) {
			all = append(all, foldName(c.LastName+c.FirstName), foldName(c.FirstName+c.LastName))
		}
	}

	return withPlain(all)
}

// withPlain adds to folded values those of them without accents that differ.
func withPlain(values []string) []string {
	for _, v := range slices.Clone(values) {
		if plain := unaccent(v); plain != v && plain != "" {
			values = append(values, plain)
		}
	}
	return values
}

// foldName folds a name. A comma at the end of a word is no part of it, so that "Smith, Alice" is
// one with "Smith Alice".
func foldName(name string) string {
	return withoutCommas(Fold(name), true)
}

var commasAndBlank = regexp.MustCompile(",+ ")

// withoutCommas leaves out the commas in front of a blank, and at the end of the text if a name ends
// there. What has nothing else keeps it.
func withoutCommas(folded string, toTheEnd bool) string {
	if !strings.Contains(folded, ",") {
		return folded
	}

	s := commasAndBlank.ReplaceAllLiteralString(folded, " ")
	if trimmed := strings.TrimRight(s, ","); toTheEnd && trimmed != "" {
		return trimmed
	}
	return s
}

// nameWords are the parts of a folded name that are found alone: its words, of a word with hyphens what
// stands between these, and of any of these with apostrophes likewise. Of d'arcy-jones that is
// d'arcy, jones and arcy.
func nameWords(folded string) []string {
	words := strings.Fields(folded)
	for _, divider := range []string{"-", "'"} {
		for _, word := range slices.Clone(words) {
			for part := range strings.SplitSeq(word, divider) {
				if part != "" && part != word {
					words = append(words, part)
				}
			}
		}
	}
	return words
}

// withoutBlanks reports whether a name is written in a script that puts no blank between the parts
// of a full name.
func withoutBlanks(name string) bool {
	for _, r := range name {
		if !unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo, unicode.Hangul,
			unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Tibetan) {
			return false
		}
	}
	return true
}
