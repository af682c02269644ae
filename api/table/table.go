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
	text  func(r *mapping.Recording) string    // of a text or a number
	time  func(r *mapping.Recording) time.Time // of a date; zero: there is none
}

// columns are those of the table, in their order.
func (o Options) columns() []column {
	columns := []column{{name: "id", width: 38, text: func(r *mapping.Recording) string { return r.ID }}}
	columns = append(columns, o.times("startTime", false, (*mapping.Recording).StartTime)...)
	columns = append(columns, o.times("stopTime", false, (*mapping.Recording).StopTime)...)
	columns = append(columns, []column{
		{name: "duration (s)", kind: number, width: 12, text: seconds},
		{name: "callerPhoneNumber", width: 20, text: func(r *mapping.Recording) string { return r.CallerPhoneNumber }},
		{name: "dialedPhoneNumber", width: 20, text: func(r *mapping.Recording) string { return r.DialedPhoneNumber }},
		{name: "userNames", width: 30, text: func(r *mapping.Recording) string { users, _ := agents(r); return users }},
		{name: "names", width: 30, text: func(r *mapping.Recording) string { _, names := agents(r); return names }},
		{name: "userData", width: 40, text: userData},
		{name: "region", width: 12, text: func(r *mapping.Recording) string { return r.Region }},
		{name: "mediaFiles", kind: number, width: 10,
			text: func(r *mapping.Recording) string { return strconv.Itoa(len(r.MediaFiles)) }},
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
		column{name: "nonDeleteUser", width: 20, text: func(r *mapping.Recording) string { return holdOf(r).User }},
		column{name: "nonDeleteReason", width: 30, text: func(r *mapping.Recording) string { return holdOf(r).Reason }},
		column{name: "labels", width: 30, text: labels},
	)
}

// holdOf is the hold of a recording, empty if there is none.
func holdOf(r *mapping.Recording) mapping.Hold {
	if r.NonDelete == nil {
		return mapping.Hold{}
	}
	return *r.NonDelete
}

// labels are those that a recording bears, with their values.
func labels(r *mapping.Recording) string {
	all := make([]string, len(r.Labels))
	for i, l := range r.Labels {
		if all[i] = l.Name; l.Value != "" {
			all[i] += "=" + l.Value
		}
	}
	return strings.Join(all, between)
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

func seconds(r *mapping.Recording) string {
	return strconv.FormatInt(mapping.Seconds(r.StartTime(), r.StopTime()), 10)
}

// agents are the contacts of the contact center's own, each once.
func agents(r *mapping.Recording) (userNames, names string) {
	var users, full []string
	for i := range r.EventHistory {
		c := r.EventHistory[i].Contact // nil: an event without one
		if c == nil || c.Type != mapping.ContactUser || slices.Contains(users, c.UserName) {
			continue
		}
		users, full = append(users, c.UserName), append(full, strings.TrimSpace(c.FirstName+" "+c.LastName))
	}
	return strings.Join(users, between), strings.Join(full, between)
}

// userData is what was attached to the call, as a search finds it, each value once.
func userData(r *mapping.Recording) string {
	var all []string
	for i := range r.EventHistory {
		for name, value := range r.EventHistory[i].UserData() {
			if pair := name + "=" + value; !slices.Contains(all, pair) {
				all = append(all, pair)
			}
		}
	}
	return strings.Join(all, between)
}

// mediaURIs are where each media file is fetched, in the order in which they were posted.
func (o Options) mediaURIs(r *mapping.Recording) string {
	uris := make([]string, len(r.MediaFiles))
	for i := range r.MediaFiles {
		uris[i] = o.MediaURI(r.ID, &r.MediaFiles[i])
	}
	return strings.Join(uris, between)
}

// originalMedia says of each media file in which storage it lies, and where there.
func originalMedia(r *mapping.Recording) string {
	all := make([]string, len(r.MediaFiles))
	for i := range r.MediaFiles {
		d := r.MediaFiles[i].Descriptor.Public()
		all[i] = d.Storage + " " + d.Path
		if bucket := d.Bucket(); bucket != "" {
			all[i] = d.Storage + " " + bucket + "/" + d.Path
		}
	}
	return strings.Join(all, between)
}
