package schema

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	index "github.com/blevesearch/bleve_index_api"
)

// segmentBuilder makes a segment of documents. Terms are not looked up in maps: those of a field
// are collected with their documents and sorted, grams as numbers.
type segmentBuilder struct {
	docs []*Document
	out  *segmentWriter

	// Of the field that is being built:
	list    termList
	entries []entry
	grams   []uint64 // a gram and its document each, the gram in the upper half
	spare   []uint64
	numbers []uint32 // documents of the term
	ends    []int    // of the doc values of each document
}

// entry is a term of a document.
type entry struct {
	head       uint64 // the first bytes of the term that others do not share, which mostly decide how two compare
	start, end int    // of the term in the list
	doc        uint32
}

// newSegmentBuilder takes the documents in any order. A segment has them in that of contact center,
// region and time, so that what is read together lies together.
func newSegmentBuilder(docs []*Document) *segmentBuilder {
	slices.SortFunc(docs, func(a, b *Document) int {
		return cmp.Or(
			cmp.Compare(a.scope, b.scope),
			cmp.Compare(a.StartTime, b.StartTime),
			cmp.Compare(a.key, b.key),
		)
	})
	return &segmentBuilder{docs: docs, out: newSegmentWriter(len(docs), nil)}
}

// build writes all fields, one after the other: the terms with their postings, the dictionary, and
// the doc values.
func (b *segmentBuilder) build() error {
	for _, d := range b.docs {
		if err := b.out.key([]byte(d.key)); err != nil {
			return err
		}
	}
	b.out.endKeys()

	for i := range fieldSpecs {
		f := &fieldSpecs[i]
		b.out.beginField(f)
		write := b.terms
		if f.values != nil {
			write = b.gramTerms
		}
		if err := write(f); err != nil {
			return err
		}
		if err := b.out.endTerms(); err != nil {
			return err
		}

		if f.options&index.DocValues != 0 {
			if err := b.docValues(f); err != nil {
				return err
			}
		}
		if err := b.out.endField(); err != nil {
			return err
		}
	}

	b.out.endFields()
	return nil
}

// terms adds the terms of a field.
func (b *segmentBuilder) terms(f *fieldSpec) error {
	b.collect(f)
	slices.SortFunc(b.entries, b.compare)

	for i := 0; i < len(b.entries); {
		e := &b.entries[i]
		b.numbers = append(b.numbers[:0], e.doc)
		for i++; i < len(b.entries) && b.sameTerm(e, &b.entries[i]); i++ {
			b.numbers = append(b.numbers, b.entries[i].doc)
		}
		if err := b.out.term(b.termOf(e), b.numbers, f.options); err != nil {
			return err
		}
	}

	return nil
}

// docValues writes the doc values of a field: the list of its terms, or what it has instead.
func (b *segmentBuilder) docValues(f *fieldSpec) error {
	if value := docValueOf[f.name]; value != nil {
		b.list.data, b.list.ends, b.ends = b.list.data[:0], b.list.ends[:0], b.ends[:0]
		for _, d := range b.docs {
			value(d, &b.list)
			b.ends = append(b.ends, len(b.list.data))
		}
	}

	start := 0
	for _, end := range b.ends {
		if err := b.out.value(b.list.data[start:end]); err != nil {
			return err
		}
		start = end
	}
	return nil
}

// collect makes the list of all terms of a field, and their entries.
func (b *segmentBuilder) collect(f *fieldSpec) {
	b.list.data, b.list.ends, b.entries, b.ends = b.list.data[:0], b.list.ends[:0], b.entries[:0], b.ends[:0]
	for doc, d := range b.docs {
		i := len(b.list.ends)
		f.terms(d, &b.list)
		for ; i < len(b.list.ends); i++ {
			start, end := 0, b.list.ends[i]
			if i > 0 {
				start = b.list.ends[i-1] + 1
			}
			b.entries = append(b.entries, entry{start: start, end: end, doc: uint32(doc)})
		}

		b.ends = append(b.ends, len(b.list.data))
	}

	common := b.commonPrefix()
	for i := range b.entries {
		e := &b.entries[i]
		e.head = head(b.list.data[e.start+common : e.end])
	}
}

// commonPrefix is how many bytes all terms begin with alike. Those of times are the more
// significant digits.
func (b *segmentBuilder) commonPrefix() int {
	if len(b.entries) == 0 {
		return 0
	}

	common := b.termOf(&b.entries[0])
	for i := range b.entries {
		term := b.termOf(&b.entries[i])
		common = common[:min(len(common), len(term))]
		n := 0
		for n < len(common) && common[n] == term[n] {
			n++
		}
		if common = common[:n]; n == 0 {
			break
		}
	}

	return len(common)
}

// head is in the order of what follows the prefix that terms have in common, but the same for some
// that differ.
func head(rest []byte) uint64 {
	if len(rest) >= 8 {
		return binary.BigEndian.Uint64(rest)
	}
	var b [8]byte
	copy(b[:], rest)
	return binary.BigEndian.Uint64(b[:])
}

// termOf is the term of an entry, as a part of the list.
func (b *segmentBuilder) termOf(e *entry) []byte { return b.list.data[e.start:e.end] }

// sameTerm reports whether two entries have the same term. Mostly the heads tell.
func (b *segmentBuilder) sameTerm(x, y *entry) bool {
	return x.head == y.head && bytes.Equal(b.termOf(x), b.termOf(y))
}

// compare orders entries by their terms, and those of a term by their documents.
func (b *segmentBuilder) compare(x, y entry) int {
	if x.head != y.head {
		return cmp.Compare(x.head, y.head)
	}
	return cmp.Or(bytes.Compare(b.termOf(&x), b.termOf(&y)), cmp.Compare(x.doc, y.doc))
}

// gramTerms adds the grams of a field.
func (b *segmentBuilder) gramTerms(f *fieldSpec) error {
	b.grams = b.grams[:0]
	for i, d := range b.docs {
		doc := uint64(i)
		values := f.values(d)
		for _, v := range values {
			eachGram(v, func(g gram) { b.grams = append(b.grams, uint64(g)<<32|doc) })
		}
		if len(values) > 0 {
			b.grams = append(b.grams, uint64(newGram(HasValue))<<32|doc)
		}
	}

	b.grams, b.spare = sortGrams(b.grams, b.spare)
	var buf [GramLength]byte
	for i := 0; i < len(b.grams); {
		g := gram(b.grams[i] >> 32)
		b.numbers = b.numbers[:0]
		for ; i < len(b.grams) && gram(b.grams[i]>>32) == g; i++ {
			if doc := uint32(b.grams[i]); len(b.numbers) == 0 || b.numbers[len(b.numbers)-1] != doc {
				b.numbers = append(b.numbers, doc)
			}
		}
		if err := b.out.term(g.append(buf[:0]), b.numbers, f.options); err != nil {
			return err
		}
	}

	return nil
}

// sortGrams sorts by the upper halves, and keeps the order of those with the same: nine bits at a
// time, the lowest ones first. It returns what is sorted and memory for the next time.
func sortGrams(grams, spare []uint64) (sorted, free []uint64) {
	const bits = gramBits / 3
	spare = slices.Grow(spare[:0], len(grams))[:len(grams)]
	for shift := 32; shift < 32+gramBits; shift += bits {
		var places [1 << bits]int
		for _, g := range grams {
			places[g>>shift&(1<<bits-1)]++
		}
		next := 0
		for i, n := range places {
			places[i] = next
			next += n
		}

		for _, g := range grams {
			place := &places[g>>shift&(1<<bits-1)]
			spare[*place] = g
			*place++
		}

		grams, spare = spare, grams
	}

	return grams, spare
}
