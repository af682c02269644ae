package api

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"recordings/mapping"
)

// ndjsonFormat writes each recording on a line of its own, as a search shows it. The last line says
// how many there are.
type ndjsonFormat struct{ viewer viewer }

func (ndjsonFormat) mediaType() string { return "application/x-ndjson" }
func (ndjsonFormat) extension() string { return ".ndjson" }
func (ndjsonFormat) head() []byte      { return nil }

func (f ndjsonFormat) row(b []byte, s *mapping.Stored) ([]byte, error) {
	b, err := f.viewer.appendStored(b, s)
	return append(b, '\n'), err
}

func (ndjsonFormat) tail(count int) []byte {
	return fmt.Appendf(nil, "{\"statusCode\":0,\"count\":%d}\n", count)
}

// csvFormat writes a table for spreadsheets, by RFC 4180: one line for each recording, and a last
// one that says how many there are. It begins with a byte order mark, without which Excel takes the
// text for something else than UTF-8.
type csvFormat struct {
	viewer viewer
	zone   *time.Location // of the times
}

const (
	byteOrderMark = "\ufeff"
	csvTime       = "2006-01-02 15:04:05" // spreadsheets take this for a time
	csvEnd        = "#count"              // in the first column of the last line
	csvBetween    = " | "                 // between the values of one cell
	maxCell       = 16_000                // characters; spreadsheets take 32,767, and one may become two
)

func (*csvFormat) mediaType() string { return "text/csv; charset=utf-8; header=present" }
func (*csvFormat) extension() string { return ".csv" }

// columns are the names in the first line. Operations have one more.
func (f *csvFormat) columns() []string {
	zone := " (" + f.zone.String() + ")"
	columns := []string{
		"id", "startTime" + zone, "stopTime" + zone, "duration (s)", "callerPhoneNumber", "dialedPhoneNumber",
		"userNames", "names", "userData", "region", "mediaFiles", "mediaUris",
	}
	if f.viewer.ops {
		columns = append(columns, "originalMedia")
	}
	return columns
}

func (f *csvFormat) head() []byte { return appendRecord([]byte(byteOrderMark), f.columns()) }

// tail has the count where the other lines have an id and a time: no recording looks like that.
func (f *csvFormat) tail(count int) []byte {
	record := make([]string, len(f.columns()))
	record[0], record[1] = csvEnd, strconv.Itoa(count)
	return appendRecord(nil, record)
}

// row appends one recording. Unlike NDJSON it needs the whole of it decoded.
func (f *csvFormat) row(b []byte, s *mapping.Stored) ([]byte, error) {
	r, err := s.Recording()
	if err != nil {
		return b, err
	}

	start, stop := r.StartTime(), r.StopTime()
	seconds := strconv.FormatInt(int64(stop-start)/1000, 10)
	userNames, names := agents(r)
	record := []string{
		r.ID, f.time(start), f.time(stop), seconds, r.CallerPhoneNumber, r.DialedPhoneNumber,
		userNames, names, userData(r), r.Region, strconv.Itoa(len(r.MediaFiles)), f.mediaURIs(r),
	}
	if f.viewer.ops {
		record = append(record, originalMedia(r))
	}
	return appendRecord(b, record), nil
}

// time is a time in the zone of the export, to the second.
func (f *csvFormat) time(t mapping.Time) string {
	return time.UnixMilli(int64(t)).In(f.zone).Format(csvTime)
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
	return strings.Join(users, csvBetween), strings.Join(full, csvBetween)
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
	return strings.Join(all, csvBetween)
}

// mediaURIs are where each media file is fetched, in the order in which they were posted.
func (f *csvFormat) mediaURIs(r *mapping.Recording) string {
	uris := make([]string, len(r.MediaFiles))
	for i := range r.MediaFiles {
		uris[i] = f.viewer.mediaURI(r.ID, &r.MediaFiles[i].Descriptor, r.MediaFiles[i].PKCS7 != "")
	}
	return strings.Join(uris, csvBetween)
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
	return strings.Join(all, csvBetween)
}

// appendRecord appends a line of CSV.
func appendRecord(b []byte, cells []string) []byte {
	for i, cell := range cells {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendCell(b, cell)
	}
	return append(b, "\r\n"...)
}

// appendCell appends a cell in quotes, in which no spreadsheet finds a formula: where one could
// begin stands an apostrophe. That is at the beginning of the cell, and behind what some
// spreadsheets take for the end of a cell.
func appendCell(b []byte, cell string) []byte {
	cell = shorten(cell)
	b = append(b, '"')

	begins, from := true, 0 // what is in front of from was appended
	for i, c := range cell {
		if begins && beginsFormula(c) {
			b, from = append(append(b, cell[from:i]...), '\''), i
		}
		if c == '"' {
			b, from = append(append(b, cell[from:i]...), '"'), i
		}
		begins = endsCell(c)
	}
	return append(append(b, cell[from:]...), '"')
}

// beginsFormula reports whether a cell that begins so is taken for a formula, or for an apostrophe
// that hides one.
func beginsFormula(c rune) bool {
	switch c {
	case '=', '+', '-', '@', '\t', '\r', '\n', '\'', '＝', '＋', '－', '＠':
		return true
	}
	return false
}

// endsCell reports whether some spreadsheets take this for the end of a cell, even within quotes.
func endsCell(c rune) bool {
	switch c {
	case ';', ',', '\t', '\r', '\n', '"':
		return true
	}
	return false
}

// shorten cuts off what does not fit into a cell, and leaves an ellipsis there.
func shorten(cell string) string {
	if len(cell) <= maxCell {
		return cell
	}

	n := 0 // characters
	for i := range cell {
		if n++; n > maxCell {
			return cell[:i] + "…"
		}
	}
	return cell
}
