package newest

import (
	index "github.com/blevesearch/bleve_index_api"
)

// What follows is for Bleve, which asks documents for their fields, and fields for their terms. Only its own plugin, with
// which [Plugin] is compared, looks at the terms.

var _ index.Document = (*Document)(nil)

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

func (f field) Name() string                        { return f.name }
func (f field) Options() index.FieldIndexingOptions { return f.options }
func (f field) Analyze()                            {}
func (f field) AnalyzedLength() int                 { return norm }
func (f field) ArrayPositions() []uint64            { return nil }
func (f field) Value() []byte                       { return []byte(f.d.key) } // of the only field that is stored
func (f field) EncodedFieldType() byte              { return 't' }
func (f field) NumPlainTextBytes() uint64           { return 0 }

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
		terms[hasValue] = each
		return terms
	}
	var list termList
	f.fieldSpec.terms(f.d, &list)
	for i := range list.ends {
		terms[string(list.term(i))] = each
	}
	return terms
}
