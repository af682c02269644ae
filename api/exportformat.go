package api

import (
	"fmt"
	"io"
	"slices"
	"time"

	"recordings/api/table"
	"recordings/mapping"
)

// The parameters that say how an export is written.
const (
	paramFormat    = "format"
	paramZone      = "zone"
	paramSeparator = "separator"
	paramGuard     = "guard"

	formatNDJSON = "ndjson"
	formatCSV    = "csv"
	formatXLSX   = "xlsx"

	guardSpreadsheet = "spreadsheet"
)

var formatParams = []string{paramFormat, paramZone, paramSeparator, paramGuard}

// separators are what may stand between the cells of a CSV, by the names that they have in a URL.
var separators = map[string]byte{"comma": ',', "semicolon": ';', "tab": '\t'}

// rowFormat is how an export writes its recordings: row appends one, and the writer writes what rows
// there are.
type rowFormat struct {
	mediaType, extension string

	row    func(b []byte, s *mapping.Stored) ([]byte, error)
	writer func(w io.Writer) table.Writer
}

// takeFormat removes the parameters that say how an export is written, and returns what they ask for.
func takeFormat(params []param) (rest []param, format func(viewer) rowFormat, problems mapping.Problems) {
	refuse := func(name, message string) {
		problems = append(problems, mapping.Problem{Path: name, Message: message})
	}

	params, name := takeText(params, paramFormat, formatNDJSON)
	params, zone := takeText(params, paramZone, "")
	params, separator := takeText(params, paramSeparator, "")
	params, guard := takeText(params, paramGuard, "")
	if !slices.Contains([]string{formatNDJSON, formatCSV, formatXLSX}, name) {
		refuse(paramFormat, "is none of "+formatNDJSON+", "+formatCSV+" and "+formatXLSX+", which are accepted")
	}

	o := table.Options{Zone: time.UTC, Separator: ',', Guard: guard != ""}
	if zone != "" {
		var err error
		if o.Zone, err = time.LoadLocation(zone); err != nil || zone == time.Local.String() {
			refuse(paramZone, "is not the name of a time zone that is accepted, such as UTC or America/Los_Angeles")
		}
		if name == formatNDJSON {
			refuse(paramZone, "is for "+paramFormat+"="+formatCSV+" and "+formatXLSX+" only; in "+formatNDJSON+
				" all times are in UTC")
		}
	}

	if separator != "" {
		var ok bool
		if o.Separator, ok = separators[separator]; !ok {
			refuse(paramSeparator, "is none of comma, semicolon and tab, which are accepted")
		}
	}
	if guard != "" && guard != guardSpreadsheet {
		refuse(paramGuard, "is not "+guardSpreadsheet+", which is accepted, or leave it out")
	}
	for given, value := range map[string]string{paramSeparator: separator, paramGuard: guard} {
		if value != "" && name != formatCSV {
			refuse(given, "is for "+paramFormat+"="+formatCSV+" only")
		}
	}

	return params, func(v viewer) rowFormat { return formatOf(name, v, o) }, problems
}

// formatOf is a format that is known to be one.
func formatOf(name string, v viewer, o table.Options) rowFormat {
	o.Original = v.ops
	o.MediaURI = func(id string, m *mapping.MediaFile) string { return v.mediaURI(id, &m.Descriptor, m.PKCS7 != "") }
	switch name {
	case formatCSV:
		csv := table.NewCSV(o)
		return rowFormat{"text/csv; charset=utf-8; header=present", ".csv", decoded(csv.Row), csv.Writer}
	case formatXLSX:
		workbook := table.NewWorkbook(o)
		const mediaType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
		return rowFormat{mediaType, ".xlsx", decoded(workbook.Row), workbook.Writer}
	}

	line := func(b []byte, s *mapping.Stored) ([]byte, error) {
		b, err := v.appendStored(b, s)
		return append(b, '\n'), err
	}
	return rowFormat{"application/x-ndjson", ".ndjson", line, func(w io.Writer) table.Writer { return ndjson{w} }}
}

// decoded decodes what is stored: unlike NDJSON, a table needs the whole of it.
func decoded(row func(b []byte, r *mapping.Recording) []byte) func([]byte, *mapping.Stored) ([]byte, error) {
	return func(b []byte, s *mapping.Stored) ([]byte, error) {
		r, err := s.Recording()
		if err != nil {
			return b, err
		}
		return row(b, r), nil
	}
}

// ndjson writes each recording on a line of its own, as a search shows it. The last line says how
// many there are.
type ndjson struct{ w io.Writer }

// Begin implements [table.Writer].
func (ndjson) Begin() error { return nil }

// Rows implements [table.Writer].
func (n ndjson) Rows(b []byte, _ int) error {
	_, err := n.w.Write(b)
	return err
}

// End implements [table.Writer].
func (n ndjson) End(count int) error {
	_, err := fmt.Fprintf(n.w, "{\"statusCode\":0,\"count\":%d}\n", count)
	return err
}
