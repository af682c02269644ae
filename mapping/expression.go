package mapping

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// Expression is a search for terms: it matches where any of its conjunctions does. An empty one
// asks for nothing.
type Expression []Conjunction

// Conjunction is a list of terms, all of which must match, each on any of the values.
type Conjunction []Pattern

// Match reports whether the expression matches a recording's values, which must be folded.
func (e Expression) Match(values []string) bool {
	for _, c := range e {
		if c.match(values) {
			return true
		}
	}
	return len(e) == 0
}

func (c Conjunction) match(values []string) bool {
	for _, p := range c {
		if !p.matchAny(values) {
			return false
		}
	}
	return true
}

// ParseExpression reads the grammar of userName and userData:
//
//	expression  = conjunction { space conjunction }          any of them
//	conjunction = term { space "AND" space term }            all of them
//	term        = characters and "quoted characters" without space between them
//
// Quotes make spaces, and the word AND, part of a term; * is a wildcard inside and outside of them.
// Terms are folded. The errors complete a sentence that begins with the parameter's name.
func ParseExpression(s string) (Expression, error) {
	words, err := splitWords(s)
	if err != nil {
		return nil, err
	}

	var e Expression
	joined := false // an AND stands before this word
	terms := 0
	for i, w := range words {
		if w.isAnd() {
			if i == 0 || i == len(words)-1 || joined {
				return nil, errors.New(`has an AND without a term on both sides of it; accepted is term AND term, ` +
					`or "AND" in quotes to search for the word`)
			}
			joined = true
			continue
		}
		if w.text == "" {
			return nil, errors.New(`has an empty pair of quotes; accepted are quotes with at least one character ` +
				`between them`)
		}

		if terms++; terms > maxTerms {
			return nil, fmt.Errorf("has more than %d terms; accepted are at most %d", maxTerms, maxTerms)
		}

		p := NewPattern(Fold(w.text))
		if joined {
			e[len(e)-1] = append(e[len(e)-1], p)
		} else {
			e = append(e, Conjunction{p})
		}

		joined = false
	}

	if len(e) == 0 {
		return nil, errors.New("holds white space only; accepted is at least one term")
	}

	return e, nil
}

// word is a term, or an AND, as it stands in an expression, without its quotes.
type word struct {
	text   string
	quoted bool
}

func (w word) isAnd() bool { return w.text == "AND" && !w.quoted }

// splitWords divides an expression at the white space outside quotes.
func splitWords(s string) ([]word, error) {
	var words []word
	var text strings.Builder
	inWord, quoted, inQuotes := false, false, false
	flush := func() {
		if inWord {
			words = append(words, word{text.String(), quoted})
		}
		text.Reset()
		inWord, quoted = false, false
	}

	for _, r := range s {
		switch {
		case r == '"':
			inQuotes = !inQuotes
			inWord, quoted = true, true
		case unicode.IsSpace(r) && !inQuotes:
			flush()
		default:
			text.WriteRune(r)
			inWord = true
		}
	}

	if inQuotes {
		return nil, errors.New(`has an unclosed quote; accepted are pairs of "double quotes"`)
	}

	flush()
	return words, nil
}
