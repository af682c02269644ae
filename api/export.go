package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/prometheus/client_golang/prometheus"

	"recordings/api/share"
	"recordings/api/table"
	"recordings/index"
	"recordings/mapping"
)

// maxExports is how many exports run at a time: each keeps the processors busy, and holds on to an
// old state of the index. Of these a contact center, and a user, has a part only, since a client that
// reads slowly keeps its place for long. An export waits a little for one.
const (
	maxExports     = 4
	maxExportsEach = 2
	exportPatience = 3 * time.Second
)

var errTooManyExports = errors.New("as many exports are running as may at a time, or as one contact center or one " +
	"user may have; try again later")

// exports are the handlers of exports.
type exports struct {
	*pipeline
	*scope
	index   index.Index
	running *share.Places
}

// exportRequest asks for all recordings that match.
type exportRequest struct {
	query  index.Query
	format rowFormat
}

// decode reads what is to be exported, and in which form.
func (h *exports) decode(r *http.Request) (in exportRequest, err error) {
	cc, err := h.contactCenter(r)
	if err != nil {
		return in, err
	}

	accepted := slices.Concat(mapping.CriteriaParams, []string{paramSort}, formatParams)
	params, problems := parseQuery(r.URL.RawQuery, accepted)
	params, order, wrongOrder := takeOrder(params)
	params, format, wrongFormat := takeFormat(params)
	criteria, wrongCriteria := parseCriteria(params)
	problems = slices.Concat(problems, wrongCriteria, wrongOrder, wrongFormat)
	if len(problems) == 0 && len(params) == 0 {
		problems = noCriteria()
	}
	if len(problems) > 0 {
		return in, problems
	}

	criteriaOf(infoOf(r).trail, params)
	in.query = index.Query{Scope: h.of(r.Context(), cc), Criteria: criteria, Order: order}
	in.format = format(h.viewer(r, cc))
	return in, nil
}

// export sends all recordings that match. What goes wrong before the first of them is an error as
// of any other request; behind that, the connection breaks, so that a part never looks like the
// whole.
func (h *exports) export(w http.ResponseWriter, r *http.Request) {
	in, err := h.decode(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	out := &exportWriter{streamWriter: newStreamWriter(w), format: in.format, exported: h.metrics.exported}
	out.rowsTo = in.format.writer(out.streamWriter)
	if r.Method == http.MethodHead {
		infoOf(r).trail.Skip()
		out.header()
		return
	}

	leave, err := h.enter(r, in.query.ContactCenter)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	defer leave()
	if err := h.reserve(r.Context(), h.memory.export); err != nil {
		h.fail(w, r, err)
		return
	}

	trail := infoOf(r).trail
	if err := trail.Begin(r.Context()); err != nil {
		h.fail(w, r, err)
		return
	}
	defer func() { trail.Fact("recordings", out.count) }()
	err = h.index.Stream(r.Context(), in.query, index.Sink{Encode: in.format.row, Write: out.rows})
	if err == nil {
		err = out.end()
	}
	switch {
	case err == nil:
	case !out.begun:
		h.fail(w, r, err)
	default:
		infoOf(r).err = err
		panic(http.ErrAbortHandler)
	}
}

// enter waits for a place among the exports that run.
func (h *exports) enter(r *http.Request, contactCenter string) (leave func(), err error) {
	ctx, cancel := context.WithTimeout(r.Context(), exportPatience)
	defer cancel()
	leave, err = h.running.Take(ctx, "contact center "+contactCenter, "user "+infoOf(r).user.Name)
	if err != nil && r.Context().Err() == nil {
		return nil, errTooManyExports
	}
	return leave, err
}

// exportWriter writes the answer to an export.
type exportWriter struct {
	*streamWriter
	format   rowFormat
	rowsTo   table.Writer // what the rows are written by
	begun    bool
	count    int // recordings
	exported prometheus.Counter
}

// header says what is sent, and what a browser saves it as.
func (e *exportWriter) header() {
	h := e.w.Header()
	setHeader(h, e.format.mediaType)
	name := "recordings-" + time.Now().UTC().Format("20060102T150405Z") + e.format.extension
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
}

// begin sends what is in front of the first recording.
func (e *exportWriter) begin() error {
	if e.begun {
		return nil
	}

	e.begun = true
	e.header()
	return e.rowsTo.Begin()
}

// rows is the Write of an [index.Sink].
func (e *exportWriter) rows(b []byte, count int) error {
	if err := e.begin(); err != nil {
		return err
	}
	e.count += count
	e.exported.Add(float64(count))
	return e.rowsTo.Rows(b, count)
}

// end sends what says that these were all.
func (e *exportWriter) end() error {
	if err := e.begin(); err != nil {
		return err
	}
	return e.rowsTo.End(e.count)
}

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

// workbookType is the media type of a workbook.
const workbookType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

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
			refuse(paramZone, noZone)
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
	o.MediaURI = func(id string, m *mapping.MediaFile) string {
		return v.mediaURI(id, m.Descriptor.MediaName(v.contactCenter, id, m.PKCS7 != ""))
	}
	switch name {
	case formatCSV:
		csv := table.NewCSV(o)
		return rowFormat{"text/csv; charset=utf-8; header=present", ".csv", decoded(csv.Row), csv.Writer}
	case formatXLSX:
		workbook := table.NewWorkbook(o)
		return rowFormat{workbookType, ".xlsx", decoded(workbook.Row), workbook.Writer}
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

// exportedAnswer is the last line. An export that does not end with one is not complete.
type exportedAnswer struct {
	StatusCode int `json:"statusCode"`
	Count      int `json:"count"`
}

// End implements [table.Writer].
func (n ndjson) End(count int) error {
	last, err := json.Marshal(exportedAnswer{Count: count})
	if err == nil {
		_, err = n.w.Write(append(last, '\n'))
	}
	return err
}
