package schema

import (
	"github.com/blevesearch/bleve/v2/analysis/analyzer/keyword"
	"github.com/blevesearch/bleve/v2/mapping"
	index "github.com/blevesearch/bleve_index_api"
)

// Mapping is the index mapping that is kept with an index, for the programs of others: it says that
// each value is one term, and which fields there are, those to come included. What documents
// consist of does not depend on it.
func Mapping() *mapping.IndexMappingImpl {
	d := mapping.NewDocumentStaticMapping()
	for _, f := range Fields {
		d.AddFieldMappingsAt(f.Name, valueMapping(f.Values == f.Name))
	}

	for _, f := range fieldSpecs[1:] {
		if Lookup(f.name) == nil {
			d.AddFieldMappingsAt(f.name, valueMapping(f.options&index.DocValues != 0))
		}
	}

	m := mapping.NewIndexMapping()
	m.DefaultMapping, m.DefaultAnalyzer, m.DefaultField = d, keyword.Name, FieldUserData
	m.StoreDynamic, m.IndexDynamic, m.DocValuesDynamic = false, false, false
	return m
}

// valueMapping is the mapping of a field whose values are terms as they stand.
func valueMapping(docValues bool) *mapping.FieldMapping {
	f := mapping.NewKeywordFieldMapping()
	f.Store, f.IncludeInAll, f.IncludeTermVectors, f.DocValues = false, false, false, docValues
	return f
}
