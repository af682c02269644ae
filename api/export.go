package api

import (
	"errors"
	"net/http"
	"slices"
	"strings"
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

// maxExports is how many exports run at a time: each keeps the processors busy, and holds on to an old state of the index.
const maxExports = 4

var errTooManyExports = errors.New("as many exports as may run at a time are running; try again later")

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

func (s *Server) decodeExport(r *http.Request) (in exportRequest, err error) {
	cc, err := s.contactCenter(r)
	if err != nil {
		return in, err
	}
	params, problems := parseQuery(r.URL.RawQuery, slices.Concat(mapping.CriteriaParams, []string{paramFormat, paramZone}))
	params, format := takeText(params, paramFormat, formatNDJSON)
	params, zone := takeText(params, paramZone, "")
	criteria, wrongCriteria := parseCriteria(params)
	location, wrongFormat := checkFormat(format, zone)
	problems = slices.Concat(problems, wrongCriteria, wrongFormat)
	if len(problems) == 0 && len(params) == 0 {
		problems = noCriteria()
	}
	if len(problems) > 0 {
		return in, problems
	}
	in.query = index.Query{ContactCenter: cc, Region: s.o.Region, Criteria: criteria}
	if viewer := s.viewer(r, cc); format == formatCSV {
		in.format = &csvFormat{viewer: viewer, zone: location}
	} else {
		in.format = ndjsonFormat{viewer}
	}
	return in, nil
}

// takeText removes the parameter of this name and returns its value, or the default where it is not there.
func takeText(params []param, name, byDefault string) (rest []param, value string) {
	i := slices.IndexFunc(params, func(p param) bool { return p.name == name })
	if i < 0 {
		return params, byDefault
	}
	return slices.Delete(slices.Clone(params), i, i+1), params[i].value
}

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

// export sends all recordings that match. What goes wrong before the first of them is an error as of any other request; behind
// that, the connection breaks, so that a part never looks like the whole.
func (s *Server) export(w http.ResponseWriter, r *http.Request) {
	in, err := s.decodeExport(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	out := &exportWriter{streamWriter: newStreamWriter(w), format: in.format, exported: s.metrics.exported}
	if r.Method == http.MethodHead {
		out.header()
		return
	}
	select {
	case s.exports <- struct{}{}:
		defer func() { <-s.exports }()
	default:
		s.fail(w, r, errTooManyExports)
		return
	}
	if err := s.reserve(r.Context(), s.memory.export); err != nil {
		s.fail(w, r, err)
		return
	}

	err = s.o.Index.Stream(r.Context(), in.query, index.Sink{Encode: in.format.row, Write: out.rows})
	if err == nil {
		err = out.end()
	}
	switch {
	case err == nil:
	case !out.begun:
		s.fail(w, r, err)
	default:
		exchangeOf(r).err = err
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

func (e *exportWriter) rows(b []byte, count int) error {
	if err := e.begin(); err != nil {
		return err
	}
	e.count += count
	e.exported.Add(float64(count))
	return e.write(b)
}

func (e *exportWriter) end() error {
	if err := e.begin(); err != nil {
		return err
	}
	return e.write(e.format.tail(e.count))
}

func noCriteria() mapping.Problems {
	return mapping.Problems{{Message: "at least one search criterion is required: " + strings.Join(mapping.CriteriaParams, ", ") +
		"; startTime=0 matches every recording", Missing: true}}
}
