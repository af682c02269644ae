package mapping

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold is the form in which values are compared without regard to case: Unicode simple case folding
// over NFC text. Two texts that differ in case only, or in how an accent is composed, have the same
// Fold; folding twice changes nothing. A line break is a space: search engines' wildcards end at
// line breaks, and nobody types one into a search.
func Fold(s string) string {
	if isFoldedASCII(s) {
		return s
	}

	s = norm.NFC.String(oneLine(s))
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = utf8.AppendRune(b, foldRune(r))
	}
	// Folding can leave a letter and an accent that compose again.
	return string(norm.NFC.Bytes(b))
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

// foldRune picks one of the runes that are equal under simple case folding, the lower-case one
// where there is one.
func foldRune(r rune) rune {
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}

	lower := unicode.ToLower(least)
	for f := unicode.SimpleFold(least); f != least; f = unicode.SimpleFold(f) {
		if f == lower {
			return lower // ToLower alone would also turn İ into i, which are not equal
		}
	}
	return least
}
