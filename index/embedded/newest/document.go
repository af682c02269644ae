package newest

import (
	"strconv"
	"time"

	index "github.com/blevesearch/bleve_index_api"

	"recordings/mapping"
)

// SchemaVersion is the version of the fields below. An index of another version is rebuilt from the recordings, so any
// change of what [NewDocument] makes needs a new version and a line here.
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

// Document is what Bleve is given of a recording. [Plugin] makes segments of it directly. Bleve's own is given the same by its
// fields.
type Document struct {
	key    string
	scope  string
	phones [2]string
	*mapping.Searchable
}

// NewDocument makes the document of a recording. The key identifies it: a later one of the same key takes the place of the
// earlier. Within a contact center the keys must be in the order of the ids. A recording does not stop before it starts.
func NewDocument(key, contactCenter, region string, s *mapping.Searchable) *Document {
	return &Document{key, Scope(contactCenter, region), [2]string{s.CallerPhoneNumber, s.DialedPhoneNumber}, s}
}

// No search asks for scores or positions. A frequency of 1 is kept nevertheless in fields whose terms are mostly in one
// document: only with it does a merged segment keep such a postings list inside the dictionary instead of apart from it.
const (
	common     = index.IndexField | index.SkipFreqNorm
	mostlyRare = index.IndexField
	docValued  = mostlyRare | index.DocValues | index.SkipDVChunking | index.SkipDVCompression // one "Skip" without the other returns wrong values
)

// fieldID is the field by which Bleve knows a document.
const fieldID = "_id"

// fieldSpec says what a document has in a field: either terms, or the grams of values.
type fieldSpec struct {
	name    string
	options index.FieldIndexingOptions
	terms   func(d *Document, t *termList) // sorted, each once, where the field has doc values
	values  func(d *Document) []string
}

// fieldSpecs are all fields, as segments have them: that of the key first, the others sorted by their names.
var fieldSpecs = []fieldSpec{
	{fieldID, mostlyRare | index.StoreField, func(d *Document, t *termList) { t.add(d.key) }, nil},
	{FieldCallerGrams, common, nil, func(d *Document) []string { return d.phones[:1] }},
	{FieldDialedGrams, common, nil, func(d *Document) []string { return d.phones[1:] }},
	{FieldHour, common, hourTerms, nil},
	{FieldNameGrams, common, nil, func(d *Document) []string { return d.Names }},
	{FieldPhone, docValued, phoneTerms, nil},
	{FieldScope, common, scopeTerms, nil},
	{FieldText, docValued, textTerms, nil},
	{FieldTime, docValued, timeTerms, nil},
	{FieldUserDataGrams, common, nil, func(d *Document) []string { return d.UserData }},
}

func scopeTerms(d *Document, t *termList) {
	day := dayOf(d.StartTime)
	t.add(d.scope)
	t.add(dayTerm(d.scope, day))
	t.add(periodTerm(d.scope, periodOf(day)))
}

func hourTerms(d *Document, t *termList) {
	t.add(string([]byte{byte(hourOf(d.StartTime))}))
	if dayOf(d.StopTime) > dayOf(d.StartTime)+1 {
		t.add(longCall)
	}
}

func timeTerms(d *Document, t *termList) {
	t.add(TimeTerm(KindStart, d.StartTime))
	t.add(TimeTerm(KindStop, d.StopTime))
}

func phoneTerms(d *Document, t *termList) {
	t.addKind(KindCaller, d.CallerPhoneNumber)
	t.addKind(KindDialed, d.DialedPhoneNumber)
}

func textTerms(d *Document, t *termList) {
	for _, name := range d.Names {
		t.addKind(KindName, name)
	}
	for _, value := range d.UserData {
		t.addKind(KindUserData, value)
	}
}

// termList is a list of terms, in one piece of memory. Each is followed by the separator that doc values have.
type termList struct {
	data []byte
	ends []int // of the terms in data, without the separator
}

func (t *termList) add(term string) {
	t.data = append(t.data, term...)
	t.end()
}

func (t *termList) addKind(k Kind, value string) {
	t.data = append(append(t.data, byte(k)), value...)
	t.end()
}

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
