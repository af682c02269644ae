// Package schema says how a recording lies in a Bleve index: which fields it has there and how they are indexed.
//
// It stands apart from package mapping so that those who only speak of recordings do not depend on Bleve. Documents
// are built directly from a [mapping.Searchable] instead of going through Bleve's mapping of JSON, which costs more
// than the analysis itself.
package schema

import (
	"strconv"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/keyword"
	"github.com/blevesearch/bleve/v2/document"
	blevemapping "github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search"
	index "github.com/blevesearch/bleve_index_api"

	"recordings/mapping"
)

// Version is the version of the fields below. An index of another version is rebuilt from the recordings, so any change
// of what [Document] makes needs a new version and a line here.
//
//	1  scope, whole values of the phone numbers, names and user data as keywords, times as numbers
const Version = 1

// The fields of a document. The values of all but the times are single terms, compared byte by byte: folding was done
// by package mapping.
const (
	FieldScope             = "scope"             // contact center and region, see Scope
	FieldCallerPhoneNumber = "callerPhoneNumber" // the whole value
	FieldDialedPhoneNumber = "dialedPhoneNumber" // the whole value
	FieldStartTime         = "startTime"         // milliseconds since 1970, with doc values to sort by
	FieldStopTime          = "stopTime"          // milliseconds since 1970
	FieldName              = "name"              // any number of values: mapping.Searchable.Names
	FieldUserData          = "userData"          // any number of values: mapping.Searchable.UserData
)

// No search asks for scores or positions, so no field keeps norms, frequencies or term vectors.
const (
	indexed = index.IndexField | index.SkipFreqNorm
	sorted  = indexed | index.DocValues // Bleve keeps doc values only of fields that are indexed, too
)

// Scope is the term that says in which contact center and region a recording is. Every search has exactly one.
func Scope(contactCenter, region string) string {
	return strconv.Itoa(len(contactCenter)) + ":" + contactCenter + region
}

// Document is what Bleve is given of a recording. The key identifies the document: a later one of the same key takes
// the place of the earlier.
func Document(key, contactCenter, region string, s *mapping.Searchable) *document.Document {
	d := document.NewDocument(key)
	addKeyword(d, FieldScope, Scope(contactCenter, region))
	addKeyword(d, FieldCallerPhoneNumber, s.CallerPhoneNumber)
	addKeyword(d, FieldDialedPhoneNumber, s.DialedPhoneNumber)
	addTime(d, FieldStartTime, s.StartTime, sorted)
	addTime(d, FieldStopTime, s.StopTime, indexed)
	for _, name := range s.Names {
		addKeyword(d, FieldName, name)
	}
	for _, value := range s.UserData {
		addKeyword(d, FieldUserData, value)
	}
	return d
}

func addKeyword(d *document.Document, field, value string) {
	d.AddField(document.NewTextFieldCustom(field, nil, []byte(value), indexed, nil)) // no analyzer: one term
}

// addTime adds a time as a number. Milliseconds up to mapping.MaxTime are below 2^53, so a float64 holds them exactly.
func addTime(d *document.Document, field string, t mapping.Time, options index.FieldIndexingOptions) {
	d.AddField(document.NewNumericFieldWithIndexingOptions(field, nil, float64(t), options))
}

// IndexMapping is the mapping that Bleve's queries ask for analyzers and default fields: everything is a keyword.
func IndexMapping() blevemapping.IndexMapping {
	m := bleve.NewIndexMapping()
	m.DefaultAnalyzer = keyword.Name
	m.StoreDynamic = false
	m.DocValuesDynamic = false
	return m
}

// NewestFirst is the order of search results, as in [mapping.CompareNewestFirst]: within one contact center, keys are
// in the order of the ids.
func NewestFirst() search.SortOrder {
	return search.SortOrder{
		&search.SortField{Field: FieldStartTime, Desc: true, Type: search.SortFieldAsNumber, Missing: search.SortFieldMissingLast},
		&search.SortDocID{},
	}
}
