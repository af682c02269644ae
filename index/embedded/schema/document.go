package schema

import (
	index "github.com/blevesearch/bleve_index_api"

	"recordings/mapping"
)

// Document is what Bleve is given of a recording. [Plugin] makes segments of it directly; Bleve's
// own plugin, with which the tests compare that one, asks it for its fields.
type Document struct {
	key                   string
	contactCenter, region string
	scope                 string
	*mapping.Searchable
}

var _ index.Document = (*Document)(nil)

// NewDocument makes the document of a recording. The key identifies it: a later one of the same key
// takes the place of the earlier. Within a contact center the keys must be in the order of the ids.
func NewDocument(key, contactCenter, region string, s *mapping.Searchable) *Document {
	return &Document{
		key:           key,
		contactCenter: contactCenter,
		region:        region,
		scope:         Scope(contactCenter, region),
		Searchable:    s,
	}
}

// termList is a list of terms, in one piece of memory. Each is followed by the separator that doc
// values have.
type termList struct {
	data []byte
	ends []int // of the terms in data, without the separator
}

// add appends terms to the list.
func (t *termList) add(terms ...string) {
	for _, term := range terms {
		t.data = append(t.data, term...)
		t.end()
	}
}

// end ends the term that was appended to data.
func (t *termList) end() {
	t.ends = append(t.ends, len(t.data))
	t.data = append(t.data, index.DocValueTermSeparator)
}

// term is the i-th term.
func (t *termList) term(i int) []byte {
	if i == 0 {
		return t.data[:t.ends[0]]
	}
	return t.data[t.ends[i-1]+1 : t.ends[i]]
}

// ID implements [index.Document].
func (d *Document) ID() string { return d.key }

// Size implements [index.Document]. It is a guess, for statistics that nobody reads.
func (d *Document) Size() int { return 1 << 10 }

// VisitFields implements [index.Document].
func (d *Document) VisitFields(visit index.FieldVisitor) {
	for i := range fieldSpecs {
		f := field{&fieldSpecs[i], d}
		if f.terms != nil || len(f.values(d)) > 0 {
			visit(f)
		}
	}
}

// VisitComposite implements [index.Document].
func (d *Document) VisitComposite(index.CompositeFieldVisitor) {}

// HasComposite implements [index.Document].
func (d *Document) HasComposite() bool { return false }

// NumPlainTextBytes implements [index.Document].
func (d *Document) NumPlainTextBytes() uint64 { return 0 }

// AddIDField implements [index.Document]: it has that field.
func (d *Document) AddIDField() {}

// StoredFieldsBytes implements [index.Document].
func (d *Document) StoredFieldsBytes() uint64 { return 0 }

// Indexed implements [index.Document].
func (d *Document) Indexed() bool { return true }

// field is a field of a document.
type field struct {
	*fieldSpec
	d *Document
}

// The methods of index.Field. Bleve asks for them when it makes a segment itself, which it does for
// the tests only.
func (f field) Name() string { return f.name }

// Options implements [index.Field].
func (f field) Options() index.FieldIndexingOptions { return f.options }

// Analyze implements [index.Field].
func (f field) Analyze() {}

// AnalyzedLength implements [index.Field].
func (f field) AnalyzedLength() int { return norm }

// ArrayPositions implements [index.Field].
func (f field) ArrayPositions() []uint64 { return nil }

// Value implements [index.Field].
func (f field) Value() []byte { return []byte(f.d.key) } // of the only field that is stored

// EncodedFieldType implements [index.Field].
func (f field) EncodedFieldType() byte { return 't' }

// NumPlainTextBytes implements [index.Field].
func (f field) NumPlainTextBytes() uint64 { return 0 }

// AnalyzedTokenFrequencies makes the terms, each time it is called.
func (f field) AnalyzedTokenFrequencies() index.TokenFrequencies {
	each := &index.TokenFreq{}
	if f.options&index.SkipFreqNorm == 0 {
		each.SetFrequency(1)
	}

	terms := make(index.TokenFrequencies)

	if f.values != nil {
		for _, v := range f.values(f.d) {
			eachGram(v, func(g gram) { terms[g.String()] = each })
		}
		terms[HasValue] = each
		return terms
	}

	var list termList
	f.fieldSpec.terms(f.d, &list)
	for i := range list.ends {
		terms[string(list.term(i))] = each
	}
	return terms
}

// EachDocValue implements [DocValued].
func (f field) EachDocValue(fn func(value []byte)) {
	values := f.fieldSpec.terms
	if of := docValueOf[f.name]; of != nil {
		values = of
	}

	var list termList
	values(f.d, &list)
	for i := range list.ends {
		fn(list.term(i))
	}
}

// DocValued is a field whose doc values may be others than its terms, as Bleve's are. Each field of
// a [Document] is one; only those with the option have any.
type DocValued interface{ EachDocValue(fn func(value []byte)) }
