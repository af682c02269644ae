// Package schema says how a recording lies in a Bleve index: which fields it has there and how they are indexed.
//
// It stands apart from package mapping so that those who only speak of recordings do not depend on Bleve. Documents
// are built directly from a [mapping.Searchable] instead of going through Bleve's mapping of JSON, which costs more
// than the analysis itself.
package schema

import (
	"strconv"

	"github.com/blevesearch/bleve/v2/document"
	"github.com/blevesearch/bleve/v2/search"
	index "github.com/blevesearch/bleve_index_api"

	"recordings/mapping"
)

// Version is the version of the fields below. An index of another version is rebuilt from the recordings, so any change
// of what [Document] makes needs a new version and a line here.
//
//	1  scope, whole values of the phone numbers, names and user data, times and the periods they are in; all as keywords
const Version = 1

// The fields of a document. Every value is a single term and compared byte by byte: folding was done by package mapping.
const (
	FieldScope             = "scope"             // contact center and region, see Scope
	FieldCallerPhoneNumber = "callerPhoneNumber" // the whole value
	FieldDialedPhoneNumber = "dialedPhoneNumber" // the whole value
	FieldStartTime         = "startTime"         // see TimeTerm; with doc values to sort by
	FieldStartPeriod       = "startPeriod"       // the periods of the start time, see TimeRanges
	FieldStopTime          = "stopTime"          // see TimeTerm
	FieldStopPeriod        = "stopPeriod"        // the periods of the stop time, see TimeRanges
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
	addKeyword(d, FieldScope, Scope(contactCenter, region), indexed)
	addKeyword(d, FieldCallerPhoneNumber, s.CallerPhoneNumber, indexed)
	addKeyword(d, FieldDialedPhoneNumber, s.DialedPhoneNumber, indexed)
	addKeyword(d, FieldStartTime, TimeTerm(s.StartTime), sorted)
	addKeywords(d, FieldStartPeriod, periods(s.StartTime))
	addKeyword(d, FieldStopTime, TimeTerm(s.StopTime), indexed)
	addKeywords(d, FieldStopPeriod, periods(s.StopTime))
	addKeywords(d, FieldName, s.Names)
	addKeywords(d, FieldUserData, s.UserData)
	return d
}

// addKeyword adds a value as one term: there is no analyzer.
func addKeyword(d *document.Document, field, value string, options index.FieldIndexingOptions) {
	d.AddField(document.NewTextFieldCustom(field, nil, []byte(value), options, nil))
}

func addKeywords(d *document.Document, field string, values []string) {
	for _, v := range values {
		addKeyword(d, field, v, indexed)
	}
}

// NewestFirst is the order of search results, as in [mapping.CompareNewestFirst]: within one contact center, keys are
// in the order of the ids.
func NewestFirst() search.SortOrder {
	return search.SortOrder{
		&search.SortField{Field: FieldStartTime, Desc: true, Type: search.SortFieldAsString},
		&search.SortDocID{},
	}
}
