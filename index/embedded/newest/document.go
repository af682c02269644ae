package newest

import (
	"encoding/binary"
	"strconv"
	"time"

	"github.com/blevesearch/bleve/v2/document"
	index "github.com/blevesearch/bleve_index_api"

	"recordings/mapping"
)

// SchemaVersion is the version of the fields below. An index of another version is rebuilt from the recordings, so any
// change of what [Document] makes needs a new version and a line here.
//
//	1  scope, whole values, times and the periods they are in, searched by Bleve's own queries
//	2  days and hours, grams of the values, doc values to verify with
const SchemaVersion = 2

// The fields of a document. All terms are compared byte by byte: folding was done by package mapping.
const (
	FieldScope         = "scope"         // Scope; and Scope followed by the day of startTime, and by its period of days
	FieldHour          = "hour"          // the hour of the day of startTime, as one byte; and longCall
	FieldTime          = "time"          // KindStart and KindStop, each followed by a time; with doc values
	FieldPhone         = "phone"         // KindCaller and KindDialed, each followed by a phone number; with doc values
	FieldText          = "text"          // KindName and KindUserData, each followed by a folded value; with doc values
	FieldCallerGrams   = "callerGrams"   // see grams
	FieldDialedGrams   = "dialedGrams"   // see grams
	FieldNameGrams     = "nameGrams"     // see grams
	FieldUserDataGrams = "userDataGrams" // see grams
)

// A Kind is the first byte of a term in a field that holds values of several kinds. Every field with doc values costs
// eight bytes of memory for each document, which is why kinds share fields.
type Kind byte

// The kinds of terms. KindStart is before KindStop, so the least term of FieldTime is the start of the recording.
const (
	KindStart    Kind = '<'
	KindStop     Kind = '>'
	KindCaller   Kind = 'c'
	KindDialed   Kind = 'd'
	KindName     Kind = 'n'
	KindUserData Kind = 'u'
)

// Term is the term of a value in the field of its kind.
func (k Kind) Term(value string) string { return string(byte(k)) + value }

// longCall in FieldHour marks a recording that ends later than on the day after its start. All others
// of a day are known to have stopped by the end of the next, so endTime need not be checked for each of them.
const longCall = "long"

// Scope is the term that says in which contact center and region a recording is. No scope is the beginning of another.
func Scope(contactCenter, region string) string {
	return strconv.Itoa(len(contactCenter)) + ":" + contactCenter + strconv.Itoa(len(region)) + ":" + region
}

const (
	msPerHour = int64(time.Hour / time.Millisecond)
	msPerDay  = 24 * msPerHour

	// periodDays is the number of days of a period, which is walked through at once where matches are few.
	periodDays = 32
)

// dayOf is the number of days since 1970 of a time.
func dayOf(t mapping.Time) int { return int(int64(t) / msPerDay) }

func startOf(day int) mapping.Time { return mapping.Time(int64(day) * msPerDay) }

func periodOf(day int) int { return day / periodDays }

func hourOf(t mapping.Time) int { return int(int64(t) % msPerDay / msPerHour) }

// dayTerm and periodTerm are terms of FieldScope. Those of a scope are in the order of time. Three bytes hold all days
// up to mapping.MaxTime.
func dayTerm(scope string, day int) string       { return scope + dayMark + threeBytes(day) }
func periodTerm(scope string, period int) string { return scope + periodMark + threeBytes(period) }

const (
	dayMark    = "d"
	periodMark = "p"
)

func threeBytes(n int) string { return string([]byte{byte(n >> 16), byte(n >> 8), byte(n)}) }

// dayFrom takes apart what dayTerm made.
func dayFrom(term string) int {
	b := term[len(term)-3:]
	return int(b[0])<<16 | int(b[1])<<8 | int(b[2])
}

// timeBytes is how many bytes a time has as a term. Each holds 7 bits, so that none is the separator of doc values.
const timeBytes = 7

// TimeTerm is the term of a time in FieldTime. The terms of a kind are in the order of time.
func TimeTerm(k Kind, t mapping.Time) string {
	b := [1 + timeBytes]byte{byte(k)}
	for i := timeBytes; i > 0; i-- {
		b[i] = byte(t & 0x7f)
		t >>= 7
	}
	return string(b[:])
}

func timeFrom(term []byte) (t mapping.Time) {
	for _, b := range term[1:] {
		t = t<<7 | mapping.Time(b)
	}
	return t
}

// No search asks for scores or positions. A frequency of 1 is kept nevertheless in fields whose terms are mostly in one
// document: only with it does a merged segment keep such a postings list inside the dictionary instead of apart from it.
const (
	common      = index.IndexField | index.SkipFreqNorm
	mostlyRare  = index.IndexField
	docValued   = mostlyRare | index.DocValues | index.SkipDVChunking | index.SkipDVCompression // one "Skip" without the other returns wrong values
	frequency   = 1
	noFrequency = 0
)

// Document is what Bleve is given of a recording. The key identifies the document: a later one of the same key takes the
// place of the earlier. Within a contact center the keys must be in the order of the ids. A recording does not stop
// before it starts.
func Document(key, contactCenter, region string, s *mapping.Searchable) *document.Document {
	d := document.NewDocument(key)
	d.Fields = make([]document.Field, 0, 10) // and one for the key
	add := func(name string, options index.FieldIndexingOptions, analyze func() index.TokenFrequencies) {
		d.AddField(&field{name: name, options: options, analyze: analyze})
	}
	add(FieldScope, common, func() index.TokenFrequencies { return scopeTerms(contactCenter, region, s.StartTime) })
	add(FieldHour, common, func() index.TokenFrequencies { return hourTerms(s) })
	add(FieldTime, docValued, func() index.TokenFrequencies {
		return tokens(frequency, TimeTerm(KindStart, s.StartTime), TimeTerm(KindStop, s.StopTime))
	})
	add(FieldPhone, docValued, func() index.TokenFrequencies {
		return tokens(frequency, KindCaller.Term(s.CallerPhoneNumber), KindDialed.Term(s.DialedPhoneNumber))
	})
	add(FieldCallerGrams, common, func() index.TokenFrequencies { return gramTerms(s.CallerPhoneNumber) })
	add(FieldDialedGrams, common, func() index.TokenFrequencies { return gramTerms(s.DialedPhoneNumber) })
	if len(s.Names)+len(s.UserData) > 0 {
		add(FieldText, docValued, func() index.TokenFrequencies { return textTerms(s) })
	}
	if len(s.Names) > 0 {
		add(FieldNameGrams, common, func() index.TokenFrequencies { return gramTerms(s.Names...) })
	}
	if len(s.UserData) > 0 {
		add(FieldUserDataGrams, common, func() index.TokenFrequencies { return gramTerms(s.UserData...) })
	}
	return d
}

func scopeTerms(contactCenter, region string, start mapping.Time) index.TokenFrequencies {
	scope := Scope(contactCenter, region)
	day := dayOf(start)
	return tokens(noFrequency, scope, dayTerm(scope, day), periodTerm(scope, periodOf(day)))
}

func hourTerms(s *mapping.Searchable) index.TokenFrequencies {
	hour := string([]byte{byte(hourOf(s.StartTime))})
	if dayOf(s.StopTime) > dayOf(s.StartTime)+1 {
		return tokens(noFrequency, hour, longCall)
	}
	return tokens(noFrequency, hour)
}

func textTerms(s *mapping.Searchable) index.TokenFrequencies {
	t := newTokens(frequency, len(s.Names)+len(s.UserData))
	for _, name := range s.Names {
		t.add(KindName.Term(name))
	}
	for _, value := range s.UserData {
		t.add(KindUserData.Term(value))
	}
	return t.terms
}

// field is a field of a document whose terms are made directly, when one of Bleve's workers asks for them.
type field struct {
	name    string
	options index.FieldIndexingOptions
	analyze func() index.TokenFrequencies
	terms   index.TokenFrequencies
}

var _ document.Field = (*field)(nil)

func (f *field) Name() string                                     { return f.name }
func (f *field) Options() index.FieldIndexingOptions              { return f.options }
func (f *field) Analyze()                                         { f.terms = f.analyze() }
func (f *field) AnalyzedTokenFrequencies() index.TokenFrequencies { return f.terms }
func (f *field) AnalyzedLength() int                              { return 1 } // the norm, which nobody reads
func (f *field) ArrayPositions() []uint64                         { return nil }
func (f *field) Value() []byte                                    { return nil }
func (f *field) EncodedFieldType() byte                           { return 't' }
func (f *field) NumPlainTextBytes() uint64                        { return 0 }
func (f *field) Size() int                                        { return binary.MaxVarintLen64 * len(f.terms) }

// tokenSet collects the terms of a field. They share what Bleve keeps of each, as it is the same.
type tokenSet struct {
	terms index.TokenFrequencies
	each  *index.TokenFreq
}

func newTokens(frequency, size int) tokenSet {
	t := tokenSet{make(index.TokenFrequencies, size), &index.TokenFreq{}}
	t.each.SetFrequency(frequency)
	return t
}

func (t tokenSet) add(term string) { t.terms[term] = t.each }

func tokens(frequency int, terms ...string) index.TokenFrequencies {
	t := newTokens(frequency, len(terms))
	for _, term := range terms {
		t.add(term)
	}
	return t.terms
}
