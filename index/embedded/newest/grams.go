package newest

import (
	"math"
	"strings"

	"recordings/mapping"
)

// A value is cut into all its runs of three bytes, after a marker was put before and behind it. The markers are
// bytes that UTF-8 never has, so a gram with one tells that the value begins or ends there. Bytes and not runes,
// because then a piece of a pattern that is in a value always has all its grams among those of the value, and no
// alphabet makes the dictionary large.
//
// The last gram, two bytes long, is the last byte and the end marker. With it every run of one or two bytes, wherever
// it is in a value, is the beginning of some gram: such a run is found by a range of the dictionary.
//
// A term of the begin marker alone is in every document that has a value.
const (
	gramLength  = 3
	beginMarker = "\xfe"
	endMarker   = "\xff"
	hasValue    = beginMarker
)

// gram is a gram as a number: its bytes, the first one highest, filled up with zeros to three, and how many bytes it has. The
// numbers are in the order of the grams.
type gram uint32

func newGram(b string) (g gram) {
	for i := range gramLength {
		g <<= 8
		if i < len(b) {
			g |= gram(b[i])
		}
	}
	return g<<8 | gram(len(b))
}

// append appends the bytes of a gram.
func (g gram) append(b []byte) []byte {
	return append(b, []byte{byte(g >> 24), byte(g >> 16), byte(g >> 8)}[:g&0xff]...)
}

func (g gram) String() string { return string(g.append(nil)) }

// eachGram calls fn with the grams of a value, repeated ones too.
func eachGram(value string, fn func(gram)) {
	begin, end := beginMarker[0], endMarker[0]
	window := gram(begin) // the last bytes
	n := 1                // of them that there are
	next := func(b byte) {
		window = window<<8 | gram(b)
		if n++; n >= gramLength {
			fn(window<<8 | gramLength)
		}
	}
	for i := range len(value) {
		next(value[i])
	}
	next(end)
	fn(window<<16 | 2) // the last byte and the end marker
}

// gramQuery is what the grams can tell about a pattern: a value that matches is in all of the terms, and in one of each of
// the ranges.
type gramQuery struct {
	terms  []string // grams
	ranges []string // beginnings of grams
	// exact: the converse holds as well. It does for a single gram or range, as it is from a single value; two of them might
	// be from two values, or in another order.
	exact bool
}

// maxGrams bounds what is looked up for a long pattern. More would hardly exclude anything further.
const maxGrams = 24

// newGramQuery takes a pattern that has a star.
func newGramQuery(p mapping.Pattern) gramQuery {
	var q gramQuery
	pieces := p.Pieces()
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
		q.add(piece)
	}
	if len(q.terms)+len(q.ranges) == 0 {
		q.terms = []string{hasValue}
	}
	q.exact = len(q.terms)+len(q.ranges) == 1
	if len(q.terms) > maxGrams {
		q.terms = spread(q.terms, maxGrams)
	}
	return q
}

func (q *gramQuery) add(piece string) {
	switch {
	case len(piece) < gramLength && strings.HasSuffix(piece, endMarker):
		q.terms = append(q.terms, piece)
	case len(piece) < gramLength:
		q.ranges = append(q.ranges, piece)
	}
	for i := 0; i+gramLength <= len(piece); i++ {
		q.terms = append(q.terms, piece[i:i+gramLength])
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

// prefixEnd is the first string behind all those that begin with prefix, which is not empty and not all 0xff.
func prefixEnd(prefix string) string {
	b := []byte(prefix)
	for b[len(b)-1] == 0xff { // a byte, not a rune: nothing but a loop trims these
		b = b[:len(b)-1]
	}
	b[len(b)-1]++
	return string(b)
}
