package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

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

	in.query = index.Query{ContactCenter: cc, Region: h.region, Criteria: criteria, Order: order}
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
