package mapping

import (
	"errors"
	"strings"
	"unicode"
)

// People write a phone number in many ways, and few write it as a switch does. A number therefore is
// found by up to three values, of which most have the first alone:
//
//   - the number as posted, in one line, without blanks at its ends;
//   - its symbols alone, that is without separators. Any other text in it is one otherSymbols, which
//     no search can ask for, so that a search for other text finds it as posted and in no other way;
//   - its symbols without any +, if there is one that is not at its beginning.
//
// A search for symbols does the rest: one without a + is also made with a + in front. That spares
// most numbers a second value.

// otherSymbols stands for text of a number that is neither symbols nor separators. A parameter has
// no NUL.
const otherSymbols = 0

// isNumberSymbol reports whether a search for nothing but these, and separators, ignores separators.
func isNumberSymbol(r rune) bool { return '0' <= r && r <= '9' || r == '+' || r == '*' }

// isNumberSeparator reports whether people put a character between the symbols of a number: blanks
// and dashes of any kind, parentheses, dots, slashes.
func isNumberSeparator(r rune) bool {
	switch r {
	case ' ', '(', ')', '-', '.', '/':
		return true
	}
	return r >= 0x80 && unicode.Is(unicode.Pd, r) || isBlank(r)
}

// isBlank reports whether nothing is seen of a character: white space, line breaks, and format
// characters, which come along with what is copied from other programs.
func isBlank(r rune) bool { return unicode.IsSpace(r) || r >= 0x80 && unicode.Is(unicode.Cf, r) }

// appendNumber appends the values of a number that was posted.
func appendNumber(values []string, posted string) []string {
	whole := strings.TrimFunc(oneLine(posted), isBlank)
	values = append(values, whole)
	if isPlainNumber(whole) {
		return values
	}

	symbols, joined := numberSymbols(whole)
	if joined {
		values = append(values, symbols)
	}

	for i := 1; i < len(symbols); i++ {
		if symbols[i] == '+' && symbols[i-1] != otherSymbols {
			return append(values, strings.ReplaceAll(symbols, "+", ""))
		}
	}
	return values
}

// isPlainNumber reports whether a number is what most are: digits, perhaps with a + in front.
func isPlainNumber(s string) bool {
	for i := range len(s) {
		if (s[i] < '0' || s[i] > '9') && (s[i] != '+' || i > 0) {
			return false
		}
	}
	return true
}

// numberSymbols leaves out the separators of a number. It reports whether anything is found by what
// is left that is not found by the number itself: separators between other text keep no symbols
// apart.
func numberSymbols(s string) (symbols string, joined bool) {
	b := make([]byte, 0, len(s))
	separated := false // the last character was a separator
	other := false     // the last one that was none was other text
	for _, r := range s {
		switch {
		case isNumberSeparator(r):
			separated = true
			continue
		case isNumberSymbol(r):
			joined = joined || separated && !other
			b, other = append(b, byte(r)), false
		case !other:
			b, other = append(b, otherSymbols), true
		}
		separated = false
	}

	return string(b), joined || separated && !other && len(b) > 0
}

// parseNumber reads what is asked for of a phone number: \* is a star, every other backslash one.
// The expression is to be matched with the values of appendNumber.
func parseNumber(value string) (Expression, error) {
	value = strings.TrimFunc(oneLine(readPlus(value)), isBlank)
	if value == "" {
		return nil, errors.New("holds white space only; accepted is a number, or a part of one with * for the rest")
	}

	pieces := starred(value)
	symbols, ok := symbolsOnly(pieces)
	if !ok {
		return Expression{{PatternOf(pieces...)}}, nil
	}

	e := Expression{{PatternOf(symbols...)}}
	if symbols[0] != "" && !strings.Contains(value, "+") {
		symbols = append([]string{"+" + symbols[0]}, symbols[1:]...)
		e = append(e, Conjunction{PatternOf(symbols...)})
	}
	return e, nil
}

// readPlus reads a + where a client left it unescaped in a URL, so that it arrived as a space.
func readPlus(value string) string {
	if len(value) > 1 && value[0] == ' ' && isNumberSymbol(rune(value[1])) {
		return "+" + value[1:]
	}
	return value
}

// starred divides a number at its wildcards.
func starred(value string) []string {
	const literal = "\x00" // in the place of \*
	pieces := strings.Split(strings.ReplaceAll(value, `\*`, literal), "*")
	for i := range pieces {
		pieces[i] = strings.ReplaceAll(pieces[i], literal, "*")
	}
	return pieces
}

// symbolsOnly leaves out the separators, if there is nothing but these and symbols. Separators alone
// remain: without them, anything would be found.
func symbolsOnly(pieces []string) (symbols []string, ok bool) {
	none := true
	for _, piece := range pieces {
		s, _ := numberSymbols(piece)
		if strings.IndexByte(s, otherSymbols) >= 0 {
			return nil, false
		}
		none = none && s == ""
		symbols = append(symbols, s)
	}
	return symbols, !none || strings.Join(pieces, "") == ""
}
