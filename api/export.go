package api

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"recordings/index"
	"recordings/mapping"
)

// The parameters of an export, beside the search criteria.
const (
	paramFormat = "format"
	paramZone   = "zone"

	formatNDJSON = "ndjson"
	formatCSV    = "csv"
)

// maxExports is how many exports run at a time: each keeps the processors busy, and holds on to an
// old state of the index.
const maxExports = 4

var errTooManyExports = errors.New("as many exports as may run at a time are running; try again later")

// exports are the handlers of exports.
type exports struct {
	*pipeline
	*scope
	index   index.Index
	running chan struct{} // has an element for each that is running
}

// exportRequest asks for all recordings that match.
type exportRequest struct {
	query  index.Query
	format rowFormat
}

// rowFormat is how an export writes its recordings.
type rowFormat interface {
	mediaType() string
	extension() string
	head() []byte                                            // what is in front of the first recording
	row(b []byte, s *mapping.Stored) (row []byte, err error) // appends a recording
	tail(count int) []byte                                   // what says that these were all
}

// decode reads what is to be exported, and in which form.
func (h *exports) decode(r *http.Request) (in exportRequest, err error) {
	cc, err := h.contactCenter(r)
	if err != nil {
		return in, err
	}

	accepted := slices.Concat(mapping.CriteriaParams, []string{paramSort, paramFormat, paramZone})
	params, problems := parseQuery(r.URL.RawQuery, accepted)
	params, order, wrongOrder := takeOrder(params)
	params, format := takeText(params, paramFormat, formatNDJSON)
	params, zone := takeText(params, paramZone, "")
	criteria, wrongCriteria := parseCriteria(params)
	location, wrongFormat := checkFormat(format, zone)
	problems = slices.Concat(problems, wrongCriteria, wrongOrder, wrongFormat)
	if len(problems) == 0 && len(params) == 0 {
		problems = noCriteria()
	}
	if len(problems) > 0 {
		return in, problems
	}

	in.query = index.Query{ContactCenter: cc, Region: h.region, Criteria: criteria, Order: order}
	if viewer := h.viewer(r, cc); format == formatCSV {
		in.format = &csvFormat{viewer: viewer, zone: location}
	} else {
		in.format = ndjsonFormat{viewer}
	}
	return in, nil
}

// checkFormat returns the time zone of an export, which only a table has.
func checkFormat(format, zone string) (location *time.Location, problems mapping.Problems) {
	refuse := func(name, message string) {
		problems = append(problems, mapping.Problem{Path: name, Message: message})
	}
	if format != formatNDJSON && format != formatCSV {
		refuse(paramFormat, "is neither "+formatNDJSON+" nor "+formatCSV+", which are accepted")
	}
	if zone == "" {
		return time.UTC, problems
	}

	if format != formatCSV {
		refuse(paramZone, "is for "+paramFormat+"="+formatCSV+" only; in "+formatNDJSON+" all times are in UTC")
	}
	location, err := time.LoadLocation(zone)
	if err != nil || zone == time.Local.String() {
		refuse(paramZone, "is not the name of a time zone that is accepted, such as UTC or America/Los_Angeles")
	}
	return location, problems
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
	if r.Method == http.MethodHead {
		out.header()
		return
	}

	select {
	case h.running <- struct{}{}:
		defer func() { <-h.running }()
	default:
		h.fail(w, r, errTooManyExports)
		return
	}
	if err := h.reserve(r.Context(), h.memory.export); err != nil {
		h.fail(w, r, err)
		return
	}

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

// exportWriter writes the answer to an export.
type exportWriter struct {
	*streamWriter
	format   rowFormat
	begun    bool
	count    int // recordings
	exported prometheus.Counter
}

// header says what is sent, and what a browser saves it as.
func (e *exportWriter) header() {
	h := e.w.Header()
	setHeader(h, e.format.mediaType())
	name := "recordings-" + time.Now().UTC().Format("20060102T150405Z") + e.format.extension()
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
}

// begin sends what is in front of the first recording.
func (e *exportWriter) begin() error {
	if e.begun {
		return nil
	}

	e.begun = true
	e.header()
	return e.write(e.format.head())
}

// rows is the Write of an [index.Sink].
func (e *exportWriter) rows(b []byte, count int) error {
	if err := e.begin(); err != nil {
		return err
	}
	e.count += count
	e.exported.Add(float64(count))
	return e.write(b)
}

// end sends what says that these were all.
func (e *exportWriter) end() error {
	if err := e.begin(); err != nil {
		return err
	}
	return e.write(e.format.tail(e.count))
}
