package schema

import (
	"math"
	"strings"
)

// A value is cut into all its runs of three bytes, after a marker was put before and behind it. The
// markers are bytes that UTF-8 never has, so a gram with one tells that the value begins or ends
// there. Bytes and not runes, because then a piece of a pattern that is in a value always has all
// its grams among those of the value, and no alphabet makes the dictionary large.
//
// The last gram, two bytes long, is the last byte and the end marker. With it every run of one or
// two bytes, wherever it is in a value, is the beginning of some gram: such a run is found by a
// range of the dictionary.
const (
	GramLength = 3           // bytes
	HasValue   = beginMarker // the term of every document that has a value

	beginMarker = "\xfe"
	endMarker   = "\xff"
)

// gram is a gram as a number: its bytes, the first one highest, filled up with zeros to three, and
// how many bytes it has. The numbers are in the order of the grams.
type gram uint32

const (
	gramBits   = 27 // of a gram that may be set
	lengthBits = 2  // of its length
)

// newGram makes the number of a gram of at most three bytes.
func newGram(b string) (g gram) {
	for i := range GramLength {
		g <<= 8
		if i < len(b) {
			g |= gram(b[i])
		}
	}
	return g<<lengthBits | gram(len(b))
}

// append appends the bytes of a gram.
func (g gram) append(b []byte) []byte {
	length := g & (1<<lengthBits - 1)
	g >>= lengthBits
	return append(b, []byte{byte(g >> 16), byte(g >> 8), byte(g)}[:length]...)
}

// String implements [fmt.Stringer].
func (g gram) String() string { return string(g.append(nil)) }

// eachGram calls fn with the grams of a value, repeated ones too.
func eachGram(value string, fn func(gram)) {
	const threeBytes = 1<<24 - 1
	begin, end := beginMarker[0], endMarker[0]
	window := gram(begin) // the last bytes
	n := 1                // of them that there are
	next := func(b byte) {
		window = (window<<8 | gram(b)) & threeBytes
		if n++; n >= GramLength {
			fn(window<<lengthBits | GramLength)
		}
	}

	for i := range len(value) {
		next(value[i])
	}

	next(end)
	fn(window<<8&threeBytes<<lengthBits | 2) // the last byte and the end marker
}

// Grams is what the grams can tell about a pattern: a value that matches is in all of the terms,
// and in one of each of the ranges.
type Grams struct {
	Terms  []string // grams
	Ranges []string // beginnings of grams
	// Exact: the converse holds as well. It does for a single gram or range, as it is from a single
	// value; two of them might be from two values, or in another order.
	Exact bool
}

// maxGrams bounds what is looked up for a long pattern. More would hardly exclude anything further.
const maxGrams = 24

// GramsOf returns the grams of a pattern: the literal pieces of text around its wildcards, at least
// two.
func GramsOf(pieces []string) Grams {
	var g Grams
	for i, piece := range pieces {
		if piece == "" {
			continue
		}
		if i == 0 {
			piece = beginMarker + piece
		}
		if i == len(pieces)-1 {
			piece += endMarker
		}
		g.add(piece)
	}

	if len(g.Terms)+len(g.Ranges) == 0 {
		g.Terms = []string{HasValue}
	}

	g.Exact = len(g.Terms)+len(g.Ranges) == 1
	if len(g.Terms) > maxGrams {
		g.Terms = spread(g.Terms, maxGrams)
	}
	return g
}

// add adds the grams of a piece. One that is too short for a gram is a range, unless it ends the
// value: then it is the last gram.
func (g *Grams) add(piece string) {
	switch {
	case len(piece) < GramLength && strings.HasSuffix(piece, endMarker):
		g.Terms = append(g.Terms, piece)
	case len(piece) < GramLength:
		g.Ranges = append(g.Ranges, piece)
	}

	for i := 0; i+GramLength <= len(piece); i++ {
		g.Terms = append(g.Terms, piece[i:i+GramLength])
	}
}

// spread picks n of the terms, as far from each other as possible.
func spread(terms []string, n int) []string {
	picked := make([]string, 0, n)
	for i := range n {
		picked = append(picked, terms[int(math.Round(float64(i)*float64(len(terms)-1)/float64(n-1)))])
	}
	return picked
}
