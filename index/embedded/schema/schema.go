// Package schema says what the search index knows of a recording: the fields of its document, their
// terms, and the segments that are made of such documents.
//
// A reader lacks one fact: nothing is analyzed. Package mapping folded the values, and each value
// is one term as it stands, in a field with the name that the API gives it, so Bleve's own term,
// wildcard and range queries on these fields mean what a search of the API means. Because of that,
// segments are written straight from the documents (see [Plugin]), in Bleve's own format; any Bleve
// opens the index.
//
// Beside the values there are fields for the walk of package newest: scopes with their days (see
// [Scope]), grams of the values (see [GramsOf]), and what the walk reads of a single document (see
// [Call]).
package schema

import (
	"fmt"
	"hash/crc32"
	"sync"

	index "github.com/blevesearch/bleve_index_api"
)

// Version is the version of the fields below. An index of an older version is rebuilt from the
// recordings, and one of a newer version is left alone, so any change of what [NewDocument] makes
// needs a new version and a line here.
//
//	1  scope, whole values, times and the periods they are in, searched by Bleve's own queries
//	2  days and hours, grams of the values, doc values to verify with
//	3  plain values under the API's names, in segments of Bleve's own type; line breaks are spaces
//
// Filling a field that has its place already (see [Field.Filled]) needs no new version: see
// [Content].
const Version = 3

// The fields that queries name. Values are compared byte by byte; a field has any number of values.
const (
	FieldContactCenter = "contactCenter"
	FieldRegion        = "region"
	FieldCaller        = "callerPhoneNumber"
	FieldDialed        = "dialedPhoneNumber"
	FieldStart         = "startTime" // [TimeTerm]
	FieldStop          = "stopTime"  // [TimeTerm]
	FieldUserName      = "userName"
	FieldUserData      = "userData"
	FieldDuration      = "duration"    // [DurationTerm]
	FieldChanged       = "changedTime" // [TimeTerm]
	FieldCallUUID      = "callUUID"
	FieldMediaID       = "mediaId"
	FieldPhone         = "phoneNumber"
	FieldMedia         = "media" // [mapping.MediaDescriptor.Hash]
	FieldLabel         = "label"
	FieldComment       = "comment"
	FieldNonDelete     = "nonDelete" // [HeldTerm]
	FieldAccessGroup   = "accessGroup"
	FieldCallType      = "callType"
)

// The fields of the walk. Their terms are of no use to other programs.
const (
	FieldScope = "scope" // [Scope], alone and followed by the day of startTime and by its period of days
	FieldHour  = "hour"  // the hour of the day of startTime, as one byte; LongCall, BackwardCall
	FieldCall  = "call"  // [Call], as a doc value
)

// FieldID is the field by which Bleve knows a document.
const FieldID = "_id"

// Field is a field that queries may name.
type Field struct {
	Name    string
	Meaning string // what its values are, and what is to come
	Filled  int    // counts what documents have got of it: 0, nothing yet; a change of it makes indexes be rebuilt

	// Grams is the field of the grams of the values; "": it has none, so only whole values can be
	// searched for.
	Grams string
	// Values is the field whose doc values hold the values; "": it has none. Of FieldCall see
	// [Call].
	Values string
	// Keyed: there are also terms of values under their keys, see [mapping.CutData]. Neither grams nor doc
	// values are made of these.
	Keyed bool
}

// Fields are all fields that queries may name. What is "to come" has its place and no values yet:
// whoever makes [NewDocument] give a field these values counts its Filled up.
var Fields = []Field{
	{Name: FieldContactCenter, Filled: 1, Meaning: "the contact center that the recording belongs to"},
	{Name: FieldRegion, Filled: 1, Meaning: "the recording's region"},
	{Name: FieldCaller, Filled: 2, Grams: gramField(FieldCaller), Values: FieldCall,
		Meaning: "the caller's number as posted, in one line; where these differ, its digits, + and * alone, and " +
			"also without the +"},
	{Name: FieldDialed, Filled: 2, Grams: gramField(FieldDialed), Values: FieldCall,
		Meaning: "the dialed number, likewise"},
	{Name: FieldPhone, Filled: 1, Grams: gramField(FieldPhone), Values: FieldCall,
		Meaning: "the numbers of the contacts, likewise, but for those that caller and dialed have"},
	{Name: FieldStart, Filled: 1, Meaning: "when the recording starts: milliseconds since 1970, in 15 digits"},
	{Name: FieldStop, Filled: 1, Meaning: "when the recording stops, likewise"},
	{Name: FieldUserName, Filled: 2, Grams: gramField(FieldUserName), Values: FieldUserName,
		Meaning: "every userName, firstName and lastName of a contact and every word of these, and a contact's " +
			"full name in either order; folded, and each of these without accents, too"},
	{Name: FieldUserData, Filled: 3, Grams: gramField(FieldUserData), Values: FieldUserData, Keyed: true,
		Meaning: "every value of the user data, folded, and each of these without accents, too; each of them again " +
			"with a line break and its key, folded, behind it; and every key behind a line break alone"},

	{Name: FieldCallUUID, Filled: 1, Meaning: "the callUUID of every media file"},
	{Name: FieldMediaID, Filled: 1, Meaning: "the mediaId of every media file"},
	{Name: FieldMedia, Filled: 2, Meaning: "five bytes of the SHA-256 of the identity of every media file, which is " +
		"its storage, bucket and path: who has them may name the same media"},
	{Name: FieldChanged, Filled: 1,
		Meaning: "when the recording was last changed here: milliseconds since 1970, in 15 digits; 0: not known"},
	{Name: FieldDuration, Filled: 1, Meaning: "the time from start to stop: whole seconds, in 15 digits"},
	{Name: FieldCallType, Filled: 1,
		Meaning: "the recording's attribute callType, folded, and this without accents, too"},
	{Name: FieldLabel, Filled: 1,
		Meaning: "every label's name, and name=value where it has a value, folded, and each of these without " +
			"accents, too"},
	{Name: FieldComment, Filled: 1,
		Meaning: "every comment, in one line with one blank between words; every word of it; and every word without " +
			"the punctuation around it; folded, and each of these without accents, too"},
	{Name: FieldNonDelete, Filled: 1,
		Meaning: `"true": the recording is protected from deletion; "false": it is not`},
	{Name: FieldAccessGroup, Filled: 1, Meaning: "every access group of the media files, and each group above it"},
}

// gramField is the name of the field of the grams of a field.
func gramField(field string) string { return field + "Grams" }

// Lookup finds a field that queries may name; nil: there is none.
func Lookup(name string) *Field {
	for i := range Fields {
		if f := &Fields[i]; f.Name == name {
			return f
		}
	}
	return nil
}

// Content is a checksum of which fields of this version documents have, and how much of them. It is
// kept with an index, which is rebuilt if that of the program is another.
func Content() uint32 { return content() }

// content is worked out once: every search compares it with that of the index.
var content = sync.OnceValue(func() uint32 {
	var b []byte
	for _, f := range Fields {
		if f.Filled > 0 {
			b = fmt.Appendf(b, "%s %d\n", f.Name, f.Filled)
		}
	}
	return crc32.ChecksumIEEE(b)
})

// No search asks for scores or positions. A frequency of 1 is kept nevertheless in fields whose
// terms are mostly in one document: only with it does a merged segment keep such a postings list
// inside the dictionary, not apart from it. One of the "Skip" options without the other makes Bleve
// return wrong values.
const (
	common     = index.IndexField | index.SkipFreqNorm
	mostlyRare = index.IndexField
	docValued  = index.DocValues | index.SkipDVChunking | index.SkipDVCompression
)

// fieldSpec says what a document has in a field of a segment: either terms, or the grams of values.
type fieldSpec struct {
	name    string
	options index.FieldIndexingOptions
	terms   func(d *Document, t *termList) // sorted, each once, where the field has doc values
	values  func(d *Document) []string
}

// fieldSpecs are the fields as segments have them: that of the key first, the others sorted by
// their names. Each with doc values costs eight bytes of memory for a document, which is why what
// the walk reads of a call shares one, and why fields that it does not read have none.
var fieldSpecs = []fieldSpec{
	{FieldID, mostlyRare | index.StoreField, func(d *Document, t *termList) { t.add(d.key) }, nil},
	{FieldAccessGroup, common, func(d *Document, t *termList) { t.add(d.AccessGroups...) }, nil},
	{FieldCall, common | docValued, func(_ *Document, t *termList) { t.add(HasCall) }, nil},
	{FieldCallType, common, func(d *Document, t *termList) { t.add(d.CallTypes...) }, nil},
	{FieldCallUUID, mostlyRare, func(d *Document, t *termList) { t.add(d.CallUUIDs...) }, nil},
	{FieldCaller, mostlyRare, func(d *Document, t *termList) { t.add(d.CallerNumbers...) }, nil},
	{gramField(FieldCaller), common, nil, func(d *Document) []string { return d.CallerNumbers }},
	{FieldChanged, mostlyRare, func(d *Document, t *termList) { t.add(TimeTerm(d.ChangedTime)) }, nil},
	{FieldComment, mostlyRare, func(d *Document, t *termList) { t.add(d.Comments...) }, nil},
	{FieldContactCenter, common, func(d *Document, t *termList) { t.add(d.contactCenter) }, nil},
	{FieldDialed, mostlyRare, func(d *Document, t *termList) { t.add(d.DialedNumbers...) }, nil},
	{gramField(FieldDialed), common, nil, func(d *Document) []string { return d.DialedNumbers }},
	{FieldDuration, common, func(d *Document, t *termList) { t.add(DurationTerm(d.StartTime, d.StopTime)) }, nil},
	{FieldHour, common, hourTerms, nil},
	{FieldLabel, common, func(d *Document, t *termList) { t.add(d.Labels...) }, nil},
	{FieldMedia, mostlyRare, func(d *Document, t *termList) { t.add(d.Media...) }, nil},
	{FieldMediaID, mostlyRare, func(d *Document, t *termList) { t.add(d.MediaIDs...) }, nil},
	{FieldNonDelete, common, func(d *Document, t *termList) { t.add(HeldTerm(d.Held)) }, nil},
	{FieldPhone, common, func(d *Document, t *termList) { t.add(d.ContactNumbers...) }, nil},
	{gramField(FieldPhone), common, nil, func(d *Document) []string { return d.ContactNumbers }},
	{FieldRegion, common, func(d *Document, t *termList) { t.add(d.region) }, nil},
	{FieldScope, common, scopeTerms, nil},
	{FieldStart, mostlyRare, func(d *Document, t *termList) { t.add(TimeTerm(d.StartTime)) }, nil},
	{FieldStop, mostlyRare, func(d *Document, t *termList) { t.add(TimeTerm(d.StopTime)) }, nil},
	{FieldUserData, mostlyRare | docValued, userDataTerms, nil},
	{gramField(FieldUserData), common, nil, func(d *Document) []string { return d.UserData }},
	{FieldUserName, mostlyRare | docValued, func(d *Document, t *termList) { t.add(d.Names...) }, nil},
	{gramField(FieldUserName), common, nil, func(d *Document) []string { return d.Names }},
}

// SegmentFields returns the names of all fields of a segment but that of the keys, and of those
// with doc values.
func SegmentFields() (all, docValued []string) {
	for _, f := range fieldSpecs[1:] {
		all = append(all, f.name)
		if f.options&index.DocValues != 0 {
			docValued = append(docValued, f.name)
		}
	}
	return all, docValued
}

// scopeTerms says where and on which day a recording is.
func scopeTerms(d *Document, t *termList) {
	day := DayOf(d.StartTime)
	t.add(d.scope, DayTerm(d.scope, day), PeriodTerm(d.scope, PeriodOf(day)))
}

// hourTerms says in which hour a recording starts, and whether it stops when few do.
func hourTerms(d *Document, t *termList) {
	t.add(HourTerm(hourOf(d.StartTime)))
	if days := DayOf(d.StopTime) - DayOf(d.StartTime); days < -1 || days > 1 {
		t.add(LongCall)
	}
	if d.StopTime < d.StartTime {
		t.add(BackwardCall)
	}
}

// userDataTerms are the values of the user data, and these under their keys. In one dictionary the
// latter take little more than the keys: a value and the same value under its key lie side by side.
func userDataTerms(d *Document, t *termList) {
	t.add(d.UserData...)
	t.add(d.UserDataByKey...)
}

// docValueOf are the doc values of fields that have others than their terms. A call is no term: it
// would be one of its own for every document, and nobody looks it up. Which key a value has is looked
// up in the postings.
var docValueOf = map[string]func(d *Document, t *termList){
	FieldCall:     callValue,
	FieldUserData: func(d *Document, t *termList) { t.add(d.UserData...) },
}

// HasCall is the term of [FieldCall], which every document has: Bleve keeps no doc values of a field
// without any term.
const HasCall = "c"

// callValue is the call as the only doc value.
func callValue(d *Document, t *termList) {
	t.data = appendCall(t.data, d.StartTime, d.StopTime, d.ChangedTime,
		d.CallerNumbers, d.DialedNumbers, d.ContactNumbers)
	t.end()
}
