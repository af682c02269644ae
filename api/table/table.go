// Package table writes recordings as tables, a line for each: as CSV for programs, and as a workbook
// (XLSX) for people.
//
// A reader lacks one fact: a spreadsheet that reads text guesses what each cell is, and so makes a
// number of 0203123456, a date of 1-2, and a formula of =1+1. In a workbook every cell says what it
// is, so nothing is changed there; a CSV is exact, and what a spreadsheet makes of it is guarded
// against only where that is asked for (see [Options.Guard]).
//
// Both are written as they are made: neither is ever held as a whole, in memory or on a disk.
package table

import (
	"bytes"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"recordings/mapping"
)

// Options say what a table has.
type Options struct {
	Zone     *time.Location // of the times
	Original bool           // a column that says where media lies, for operations
	MediaURI func(id string, m *mapping.MediaFile) string

	// For a CSV: what stands between two cells, and whether a value that a spreadsheet would take for
	// a number, a date or a formula gets an apostrophe in front.
	Separator byte
	Guard     bool
}

// Writer writes what [CSV.Row] or [Workbook.Row] made.
type Writer interface {
	Begin() error                   // writes what is in front of the first recording
	Rows(b []byte, count int) error // writes so many recordings
	End(count int) error            // writes what says that these were all
}

// between stands between the values of one cell.
const between = " | "

// kind is what a spreadsheet shows a cell as.
type kind int

const (
	text kind = iota
	number
	date
)

// column is a column of the table.
type column struct {
	name  string
	kind  kind
	width float64                              // in a workbook, in characters
	time  func(r *mapping.Recording) time.Time // of a date; zero: there is none

	// text appends a text or a number.
	text func(b []byte, r *mapping.Recording) []byte
}

// columns are those of the table, in their order.
func (o Options) columns() []column {
	columns := []column{{name: "id", width: 38, text: plain(func(r *mapping.Recording) string { return r.ID })}}
	columns = append(columns, o.times("startTime", false, (*mapping.Recording).StartTime)...)
	columns = append(columns, o.times("stopTime", false, (*mapping.Recording).StopTime)...)
	columns = append(columns, []column{
		{name: "duration (s)", kind: number, width: 12, text: seconds},
		{name: "callerPhoneNumber", width: 20,
			text: plain(func(r *mapping.Recording) string { return r.CallerPhoneNumber })},
		{name: "dialedPhoneNumber", width: 20,
			text: plain(func(r *mapping.Recording) string { return r.DialedPhoneNumber })},
		{name: "userNames", width: 30, text: userNames},
		{name: "names", width: 30, text: names},
		{name: "userData", width: 40, text: userData},
		{name: "region", width: 12, text: plain(func(r *mapping.Recording) string { return r.Region })},
		{name: "mediaFiles", kind: number, width: 10, text: mediaFiles},
		{name: "mediaUris", width: 40, text: o.mediaURIs},
	}...)
	if o.Original {
		columns = append(columns, column{name: "originalMedia", width: 40, text: originalMedia})
	}

	// What came later stands behind, so that whoever counts columns finds those of before.
	changed := func(r *mapping.Recording) mapping.Time { return r.ChangedTime }
	held := func(r *mapping.Recording) mapping.Time { return holdOf(r).Time }
	columns = append(columns, o.times("changedTime", true, changed)...)
	columns = append(columns, o.times("nonDelete", true, held)...)
	return append(columns,
		column{name: "nonDeleteUser", width: 20,
			text: plain(func(r *mapping.Recording) string { return holdOf(r).User })},
		column{name: "nonDeleteReason", width: 30,
			text: plain(func(r *mapping.Recording) string { return holdOf(r).Reason })},
		column{name: "labels", width: 30, text: labels},
		column{name: "comments", width: 40, text: comments},
		column{name: "callType", width: 12, text: plain(callType)},
	)
}

// plain is the text of a column that is an attribute as it is.
func plain(of func(r *mapping.Recording) string) func(b []byte, r *mapping.Recording) []byte {
	return func(b []byte, r *mapping.Recording) []byte { return append(b, of(r)...) }
}

func callType(r *mapping.Recording) string { return mapping.CallTypeOf(r.Extra) }

// holdOf is the hold of a recording, empty if there is none.
func holdOf(r *mapping.Recording) mapping.Hold {
	if r.NonDelete == nil {
		return mapping.Hold{}
	}
	return *r.NonDelete
}

// labels are those that a recording bears, with their values.
func labels(b []byte, r *mapping.Recording) []byte {
	for i, l := range r.Labels {
		b = append(separated(b, i), l.Name...)
		if l.Value != "" {
			b = append(append(b, '='), l.Value...)
		}
	}
	return b
}

// comments are those on a recording: of each who has written it, the second of the call if it is about
// one, and the text.
func comments(b []byte, r *mapping.Recording) []byte {
	for i := range r.Comments {
		c := &r.Comments[i]
		b = append(separated(b, i), c.User...)
		if c.At != nil {
			b = strconv.AppendFloat(append(b, " @"...), *c.At, 'f', -1, 64)
		}
		b = append(append(b, ": "...), c.Text...)
	}
	return b
}

// separated appends what stands in front of the value with this number of a cell.
func separated(b []byte, n int) []byte {
	if n > 0 {
		b = append(b, between...)
	}
	return b
}

// times are the columns of a time: in the zone of the table and, since an hour of it may exist twice,
// in UTC beside that. An optional one is empty where it is 0.
func (o Options) times(name string, optional bool, of func(r *mapping.Recording) mapping.Time) []column {
	in := func(zone *time.Location) column {
		return column{
			name:  name + " (" + zone.String() + ")",
			kind:  date,
			width: 21,
			time: func(r *mapping.Recording) time.Time {
				at := of(r)
				if optional && at == 0 {
					return time.Time{}
				}
				return time.UnixMilli(int64(at)).In(zone)
			},
		}
	}

	columns := []column{in(o.Zone)}
	if o.Zone != time.UTC {
		columns = append(columns, in(time.UTC))
	}
	return columns
}

func seconds(b []byte, r *mapping.Recording) []byte {
	return strconv.AppendInt(b, mapping.Seconds(r.StartTime(), r.StopTime()), 10)
}

func mediaFiles(b []byte, r *mapping.Recording) []byte {
	return strconv.AppendInt(b, int64(len(r.MediaFiles)), 10)
}

func userNames(b []byte, r *mapping.Recording) []byte {
	for i, c := range agents(r) {
		b = append(separated(b, i), c.UserName...)
	}
	return b
}

func names(b []byte, r *mapping.Recording) []byte {
	for i, c := range agents(r) {
		b = append(separated(b, i), strings.TrimSpace(c.FirstName+" "+c.LastName)...)
	}
	return b
}

// agents are the contacts of the contact center's own, numbered, each once.
func agents(r *mapping.Recording) iter.Seq2[int, *mapping.Contact] {
	return func(yield func(int, *mapping.Contact) bool) {
		var few [8]string // so that most recordings need no memory for it
		users := few[:0]
		for i := range r.EventHistory {
			c := r.EventHistory[i].Contact // nil: an event without one
			if c == nil || c.Type != mapping.ContactUser || slices.Contains(users, c.UserName) {
				continue
			}
			if !yield(len(users), c) {
				return
			}
			users = append(users, c.UserName)
		}
	}
}

// maxDataName is how many characters of the name of attached data are shown: it stands beside each of its
// values, of which one event may have tens of thousands.
const maxDataName = 1000

// userData is what was attached to the call, as a search finds it, each value once.
func userData(b []byte, r *mapping.Recording) []byte {
	type span struct{ from, to int }
	var few [16]span
	pairs := few[:0]             // where the first ones are
	var many map[string]struct{} // all of them, where there are more
	known := func(pair []byte) bool {
		if many != nil {
			_, ok := many[string(pair)]
			return ok
		}
		return slices.ContainsFunc(pairs, func(p span) bool { return bytes.Equal(b[p.from:p.to], pair) })
	}

	n := 0
	for i := range r.EventHistory {
		for name, value := range r.EventHistory[i].UserData() {
			end := len(b)
			b = separated(b, n)
			from := len(b)
			b = append(append(append(b, shorten(name, maxDataName)...), '='), value...)
			if known(b[from:]) {
				b = b[:end]
				continue
			}

			n++
			switch {
			case many != nil:
				many[string(b[from:])] = struct{}{}
			case len(pairs) < len(few):
				pairs = append(pairs, span{from, len(b)})
			default:
				many = map[string]struct{}{string(b[from:]): {}}
				for _, p := range pairs {
					many[string(b[p.from:p.to])] = struct{}{}
				}
			}
		}
	}
	return b
}

// mediaURIs are where each media file is fetched, in the order in which they were posted.
func (o Options) mediaURIs(b []byte, r *mapping.Recording) []byte {
	for i := range r.MediaFiles {
		b = append(separated(b, i), o.MediaURI(r.ID, &r.MediaFiles[i])...)
	}
	return b
}

// originalMedia says of each media file in which storage it lies, and where there.
func originalMedia(b []byte, r *mapping.Recording) []byte {
	for i := range r.MediaFiles {
		d := r.MediaFiles[i].Descriptor.Public()
		b = append(append(separated(b, i), d.Storage...), ' ')
		if bucket := d.Bucket(); bucket != "" {
			b = append(append(b, bucket...), '/')
		}
		b = append(b, d.Path...)
	}
	return b
}
