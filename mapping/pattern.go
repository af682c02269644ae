package mapping

import "strings"

// Pattern is literal text with wildcards, each of which stands for any number of symbols, none
// included. A wildcard is written as *; text that has a star itself is written in ways of their own
// by those who read patterns.
type Pattern struct {
	pieces []string // the literal text between the stars; never empty, one piece: no star
}

// NewPattern reads a pattern. There is no wrong one.
func NewPattern(s string) Pattern {
	return Pattern{strings.Split(s, "*")}
}

// PatternOf is the pattern of the literal pieces between the wildcards, which may have stars of
// their own: there is at least one piece, and one more than there are wildcards.
func PatternOf(pieces ...string) Pattern { return Pattern{pieces} }

// String is the pattern as [NewPattern] reads it, if no piece has a star.
func (p Pattern) String() string { return strings.Join(p.pieces, "*") }

// Pieces is the literal text between the stars, in order: one piece more than there are stars. The
// first is a prefix of every value that matches, the last a suffix; either may be empty.
func (p Pattern) Pieces() []string { return p.pieces }

// Literal returns the only value that the pattern matches, if it has no star.
func (p Pattern) Literal() (string, bool) { return p.pieces[0], len(p.pieces) == 1 }

// Match reports whether the whole of s matches. It takes each piece at its first place behind the
// one before, which is enough as only the last piece is bound to a place; the time is that of one
// search for each piece.
func (p Pattern) Match(s string) bool {
	first, last := p.pieces[0], p.pieces[len(p.pieces)-1]
	if len(p.pieces) == 1 {
		return s == first
	}

	s, ok := strings.CutPrefix(s, first)
	if !ok {
		return false
	}

	for _, piece := range p.pieces[1 : len(p.pieces)-1] {
		if _, s, ok = strings.Cut(s, piece); !ok {
			return false
		}
	}

	return strings.HasSuffix(s, last)
}

// matchAny reports whether any of the values matches.
func (p Pattern) matchAny(values []string) bool {
	for _, v := range values {
		if p.Match(v) {
			return true
		}
	}
	return false
}
