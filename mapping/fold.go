package mapping

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold is the form in which values are compared without regard to case: Unicode simple case folding over NFC text.
// Two texts that differ in case only, or in how an accent is composed, have the same Fold; folding twice changes nothing.
func Fold(s string) string {
	if isFoldedASCII(s) {
		return s
	}
	s = norm.NFC.String(s)
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = utf8.AppendRune(b, foldRune(r))
	}
	// Folding can leave a letter and an accent that compose again.
	return string(norm.NFC.Bytes(b))
}

func isFoldedASCII(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}

// foldRune picks one of the runes that are equal under simple case folding: of an ASCII letter's the lower-case letter,
// else the least.
func foldRune(r rune) rune {
	if r >= utf8.RuneSelf {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		r = least
	}
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}
