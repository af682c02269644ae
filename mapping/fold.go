package mapping

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold is the form in which values are compared: Unicode simple case folding over NFKC text. Two
// texts have the same Fold if they differ in case only, in how an accent is composed, or in what
// Unicode calls compatibility: full-width letters, half-width kana, ligatures. All apostrophes are
// one, and so are all hyphens and dashes, since which of them a keyboard or a program writes is
// chance. Folding twice changes nothing.
//
// A line break is a space: search engines' wildcards end at line breaks, and nobody types one into a
// search.
func Fold(s string) string {
	switch {
	case isFoldedASCII(s):
		return s
	case isASCII(s): // most that is left, and two normalizations cheaper
		return strings.ToLower(oneLine(s))
	}

	s = norm.NFKC.String(strings.Map(plainPunctuation, oneLine(s)))
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = utf8.AppendRune(b, foldRune(plainPunctuation(r)))
	}
	// Folding can leave a letter and an accent that compose again.
	return string(norm.NFKC.Bytes(b))
}

// plainPunctuation maps apostrophes and dashes to those of ASCII. It also comes before normalization,
// which would make a space and an accent of an acute that stands for an apostrophe.
func plainPunctuation(r rune) rune {
	switch {
	case r < utf8.RuneSelf:
		return r
	case strings.ContainsRune("‘’‛´ʹʻʼʽˈ′＇", r):
		return '\''
	case unicode.Is(unicode.Pd, r) || r == '−':
		return '-'
	}
	return r
}

// oneLine puts a space in the place of each line break.
func oneLine(s string) string {
	if !strings.ContainsAny(s, "\r\n") {
		return s
	}
	return strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ").Replace(s)
}

func isFoldedASCII(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' || c == '\n' || c == '\r' {
			return false
		}
	}
	return true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// foldRune picks one of the runes that are equal under simple case folding, the lower-case one
// where there is one. The accent that is equal to the letter iota is never picked.
func foldRune(r rune) rune {
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		if f < least && unicode.IsLetter(f) || !unicode.IsLetter(least) {
			least = f
		}
	}

	lower := unicode.ToLower(least)
	for f := unicode.SimpleFold(least); f != least; f = unicode.SimpleFold(f) {
		if f == lower {
			return lower // ToLower alone would also turn İ into i, which are not equal
		}
	}
	return least
}

// unaccent is a folded text as somebody writes it who has no accents on the keyboard: müller is
// muller, straße is strasse, łukasz is lukasz. A text without any accent is returned as it is.
func unaccent(folded string) string {
	if isFoldedASCII(folded) {
		return folded
	}

	var b strings.Builder
	for _, r := range norm.NFD.String(folded) {
		switch plain, ok := plainLetters[r]; {
		case ok:
			b.WriteString(plain)
		case !isAccent(r):
			b.WriteRune(r)
		}
	}

	// What lost its accent may fold now (İ is a letter of its own, I is not), and what has kept its
	// marks is composed again.
	return Fold(b.String())
}

// isAccent reports whether a rune is a mark that people leave out. The marks of kana, which make
// another sound of the letter, and the vowels of Indic scripts are none.
func isAccent(r rune) bool {
	const voiced, halfVoiced = '\u3099', '\u309a'
	return unicode.Is(unicode.Mn, r) && unicode.In(r, unicode.Inherited, unicode.Hebrew, unicode.Arabic) &&
		r != voiced && r != halfVoiced
}

// plainLetters are the folded letters of names that Unicode does not decompose, as people without
// them on the keyboard write them. The choice is that of the Latin-ASCII transliteration of the
// Unicode CLDR.
var plainLetters = map[rune]string{
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'đ': "d", 'ð': "d", 'þ': "th", 'ł': "l", 'ħ': "h", 'ı': "i",
	'ŋ': "n", 'ĸ': "q", 'ŧ': "t", 'ƀ': "b", 'ɓ': "b", 'ƈ': "c", 'ɖ': "d", 'ɗ': "d", 'ƒ': "f", 'ɠ': "g",
	'ɨ': "i", 'ƙ': "k", 'ƚ': "l", 'ɲ': "n", 'ɵ': "o", 'ƥ': "p", 'ƭ': "t", 'ʈ': "t", 'ʉ': "u", 'ƴ': "y",
	'ƶ': "z", 'ə': "e", 'ǝ': "e", 'ɛ': "e", 'ɔ': "o",
}
