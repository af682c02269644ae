package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
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

// under returns the same of values under a folded key, as an expression of [DataTerm]s.
func (e Expression) under(key string) Expression {
	keyed := make(Expression, len(e))
	for i, c := range e {
		for _, p := range c {
			pieces := slices.Clone(p.pieces)
			if strings.Join(pieces, "") == "" {
				pieces = []string{""} // whatever the value is, the term of the key alone is there
			}
			last := len(pieces) - 1
			pieces[last] = DataTerm(key, pieces[last])
			keyed[i] = append(keyed[i], Pattern{pieces})
		}
	}
	return keyed
}

// key is that of an expression of the values under one.
func (e Expression) key() string {
	_, key, _ := CutData(e[0][0].pieces)
	return key
}

// ParseExpression reads the grammar of userData; [ParseNameExpression] is that of userName:
//
//	expression  = conjunction { space conjunction }          any of them; the space may also be an OR
//	conjunction = term { space "AND" space term }            all of them
//	term        = characters and "quoted characters" without space between them
//
// Quotes make spaces, and the words AND, OR and NOT, part of a term; * is a wildcard inside and
// outside of them. Within quotes \*, \" and \\ are the characters; any other backslash is one.
// Terms are folded. The errors complete a sentence that begins with the parameter's name.
func ParseExpression(s string) (Expression, error) { return parseExpression(s, false) }

// ParseNameExpression is [ParseExpression] for names: a comma at the end of a word is left out.
func ParseNameExpression(s string) (Expression, error) { return parseExpression(s, true) }

func parseExpression(s string, names bool) (Expression, error) {
	words, err := splitWords(s)
	if err != nil {
		return nil, err
	}

	var e Expression
	terms := 0
	for i, w := range words {
		if err := checkOperator(words, i); err != nil {
			return nil, err
		}
		if isOperator(words, i) {
			continue
		}
		if terms++; terms > maxTerms {
			return nil, fmt.Errorf("has more than %d terms; accepted are at most %d", maxTerms, maxTerms)
		}

		p, err := w.pattern(names)
		if err != nil {
			return nil, err
		}
		if i > 0 && words[i-1].is(and) {
			e[len(e)-1] = append(e[len(e)-1], p)
		} else {
			e = append(e, Conjunction{p})
		}
	}

	if len(e) == 0 {
		return nil, errors.New("holds white space only; accepted is at least one term")
	}

	return e, nil
}

// The words that are operators, or look like some, where they are not quoted.
const (
	and = "AND"
	or  = "OR"
	not = "NOT"
)

// isOperator reports whether a word is not a term: an AND, or an OR between two words. At either end
// OR is a term: it is the value of many a field.
func isOperator(words []word, i int) bool {
	return words[i].is(and) || words[i].is(or) && 0 < i && i < len(words)-1
}

// checkOperator refuses a word that is an operator and does not stand between two terms, or that
// other languages have as one.
func checkOperator(words []word, i int) error {
	w := words[i]
	if w.is(not) {
		return errors.New(`has a NOT, and nothing can be excluded here; accepted are terms with spaces, OR or AND ` +
			`between them, or "NOT" in quotes to search for the word`)
	}
	if !isOperator(words, i) {
		return nil
	}

	between := i > 0 && i < len(words)-1 && !isOperator(words, i-1) && !isOperator(words, i+1)
	if !between {
		return fmt.Errorf(`has an %[1]s without a term on both sides of it; accepted is term %[1]s term, `+
			`or "%[1]s" in quotes to search for the word`, w.text())
	}
	return nil
}

// word is a term, or an operator, as it stands in an expression, without its quotes.
type word struct {
	pieces []string // the text between the wildcards
	quoted bool     // in whole or in part
}

// text is the word as it was written, but for quotes.
func (w word) text() string { return strings.Join(w.pieces, "*") }

// is reports whether the word is an operator.
func (w word) is(operator string) bool { return !w.quoted && w.text() == operator }

// pattern is the word as a term.
func (w word) pattern(name bool) (Pattern, error) {
	pieces := make([]string, len(w.pieces))
	for i, piece := range w.pieces {
		pieces[i] = Fold(piece)
		if name {
			pieces[i] = withoutCommas(pieces[i], i == len(w.pieces)-1)
		}
	}

	if len(pieces) == 1 && pieces[0] == "" {
		return Pattern{}, errors.New(`has an empty pair of quotes; accepted are quotes with at least one character ` +
			`between them`)
	}
	return Pattern{pieces}, nil
}

// splitWords divides an expression at the white space outside quotes.
func splitWords(s string) ([]word, error) {
	x := splitter{}
	for rest := s; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		rest = rest[size:]
		escaped := x.inQuotes && r == '\\' && rest != "" && strings.ContainsRune(`*"\`, rune(rest[0]))
		switch {
		case escaped:
			x.literal(rune(rest[0]))
			rest = rest[1:]
		case r == '"':
			x.quote()
		case r == '*':
			x.wildcard()
		case unicode.IsSpace(r) && !x.inQuotes:
			x.flush()
		default:
			x.literal(r)
		}
	}

	if x.inQuotes {
		return nil, errors.New(`has an unclosed quote; accepted are pairs of "double quotes"`)
	}

	x.flush()
	return x.words, nil
}

// splitter collects the words of an expression.
type splitter struct {
	words    []word
	word     word
	text     strings.Builder // of the piece that is read
	inWord   bool
	inQuotes bool
}

func (x *splitter) literal(r rune) {
	x.text.WriteRune(r)
	x.inWord = true
}

func (x *splitter) quote() {
	x.inQuotes = !x.inQuotes
	x.word.quoted, x.inWord = true, true
}

func (x *splitter) wildcard() {
	x.endPiece()
	x.inWord = true
}

func (x *splitter) endPiece() {
	x.word.pieces = append(x.word.pieces, x.text.String())
	x.text.Reset()
}

// flush ends a word, if there is one.
func (x *splitter) flush() {
	if x.inWord {
		x.endPiece()
		x.words = append(x.words, x.word)
	}
	x.word, x.inWord = word{}, false
}
