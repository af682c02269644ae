package client

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/mapping"
)

// The formats of an export.
const (
	NDJSON = "ndjson" // a line of JSON for each recording
	CSV    = "csv"    // a table for programs
	XLSX   = "xlsx"   // a workbook for people
)

// ExportOptions say how an export is written.
type ExportOptions struct {
	Format    string // NDJSON, CSV or XLSX; empty: NDJSON
	Zone      string // of the times of a table, such as Europe/Berlin; empty: UTC
	Separator string // of a CSV: comma, semicolon or tab; empty: comma
	Guard     string // of a CSV: spreadsheet protects text that spreadsheets would change

	// RetryFor is for how long an interrupted export of [NDJSON] is tried to be resumed without any
	// progress; 0: it is not resumed. Resumed is called before each time.
	RetryFor time.Duration
	Resumed  func(err error, in time.Duration)
}

// Export is all recordings that match, as the service sends them: an [io.ReadCloser] that knows whether
// it was whole. Reading ends with [io.EOF] only if the service has said how many recordings there are
// and as many came; else with an error that is none.
//
// One export shows the state in which it began. One that was resumed goes on behind the last recording
// that came, in a state of later: a recording whose times were changed meanwhile may be missing or
// come twice. With the order changedTime nothing is missed: what was changed meanwhile comes once more.
type Export struct {
	ctx     context.Context
	center  *Center
	query   url.Values
	options ExportOptions
	sort    string

	body  io.ReadCloser // nil: it is to be resumed
	check wholeCheck
	lines *lines // of NDJSON that may be resumed; nil: the bytes are passed on as they come
	rest  []byte // of the line that is being passed on
	err   error  // what reading ends with, behind rest

	came, before int64    // recordings passed on in all; and by the answers before the present one
	last         position // of the last recording, where resumed that of the answers before
	lastLine     []byte   // of the last recording of the present answer
	skipping     bool     // the recordings up to last came already

	deadline time.Time     // of resuming without any progress
	pause    time.Duration // before it is resumed once more
}

// Export begins to export all recordings that match.
func (c *Center) Export(ctx context.Context, q Query, o ExportOptions) (*Export, error) {
	o.Format = cmp.Or(o.Format, NDJSON)
	if o.Format != NDJSON {
		o.RetryFor = 0
	}

	e := &Export{ctx: ctx, center: c, query: q.values(), options: o, sort: q.Sort}
	e.query.Set("format", o.Format)
	for name, value := range map[string]string{"zone": o.Zone, "separator": o.Separator, "guard": o.Guard} {
		if value != "" {
			e.query.Set(name, value)
		}
	}
	return e, e.open(e.query)
}

// open asks for the recordings.
func (e *Export) open(query url.Values) error {
	r := &request{method: "GET", path: e.center.Path("/export"), query: query, header: e.center.header}
	resp, err := e.center.client.send(e.ctx, r)
	if err != nil {
		return err
	}

	e.body, e.check = resp.Body, newWholeCheck(e.options)
	if e.options.RetryFor > 0 {
		e.lines = newLines(e.body)
	}
	return nil
}

// Recordings is how many recordings came so far; of a workbook nobody knows, and it is 0.
func (e *Export) Recordings() int64 {
	if e.lines != nil {
		return e.came
	}
	return e.check.recordings()
}

// Close ends the export.
func (e *Export) Close() error {
	if e.body == nil {
		return nil
	}
	return e.body.Close()
}

// Read implements [io.Reader].
func (e *Export) Read(p []byte) (int, error) {
	if e.lines == nil {
		return e.pass(p)
	}

	for len(e.rest) == 0 && e.err == nil {
		e.rest, e.err = e.line()
	}
	if len(e.rest) == 0 {
		return 0, e.err
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// pass passes bytes on as they come.
func (e *Export) pass(p []byte) (int, error) {
	if e.err != nil {
		return 0, e.err
	}

	n, err := e.body.Read(p)
	e.check.add(p[:n])
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		if e.err = e.check.whole(); e.err == nil {
			e.err = io.EOF
		}
	default:
		e.err = fmt.Errorf("the export has only %s: %w", e.check.amount(), e.center.client.interrupted(e.ctx, err))
	}

	if n > 0 {
		return n, nil
	}
	return 0, e.err
}

// line is the next line to be passed on. Where the answer breaks off, the export is resumed.
func (e *Export) line() ([]byte, error) {
	for {
		line, err := e.lines.next()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // the end has a line of its own
		}
		if err != nil {
			if err := e.resume(e.center.client.interrupted(e.ctx, err)); err != nil {
				return nil, err
			}
			continue
		}

		e.check.add(line)
		if bytes.HasPrefix(line, []byte(`{"statusCode":`)) {
			return e.end()
		}
		e.lastLine = append(e.lastLine[:0], line...)
		if e.skipping && !e.passed(line) {
			continue
		}
		e.skipping = false
		e.came++
		return line, nil
	}
}

// end is the last line, which says how many came in all.
func (e *Export) end() ([]byte, error) {
	e.err = io.EOF
	if _, err := e.lines.next(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the export goes on behind its end: it is not whole")
	}
	if err := e.check.whole(); err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "{\"statusCode\":0,\"count\":%d}\n", e.came), io.EOF
}

// position is where a recording stands in an export.
type position struct {
	ID          string       `json:"id"`
	StartTime   mapping.Time `json:"startTime"`
	ChangedTime mapping.Time `json:"changedTime"`
}

// passed reports whether a recording comes behind those that came.
func (e *Export) passed(line []byte) bool {
	var p position
	if json.Unmarshal(line, &p) != nil {
		return true
	}
	switch e.sort {
	case OldestFirst:
		return mapping.CompareOldestFirst(p.StartTime, p.ID, e.last.StartTime, e.last.ID) > 0
	case OldestChangeFirst:
		return mapping.CompareOldestChange(p.ChangedTime, p.StartTime, p.ID,
			e.last.ChangedTime, e.last.StartTime, e.last.ID) > 0
	}
	return mapping.CompareNewestFirst(p.StartTime, p.ID, e.last.StartTime, e.last.ID) > 0
}

const (
	firstPause   = 100 * time.Millisecond // before resuming; it doubles
	longestPause = 15 * time.Second
)

// resume asks for what comes behind the last recording, until the service answers or the patience is
// over, which any progress renews. cause is why the answer broke off.
func (e *Export) resume(cause error) error {
	e.Close()
	if err := e.remember(); err != nil {
		return err
	}
	if e.deadline.IsZero() || e.came > e.before {
		e.deadline, e.pause = time.Now().Add(e.options.RetryFor), firstPause
	}
	e.before, e.skipping = e.came, e.came > 0

	for e.ctx.Err() == nil && time.Now().Before(e.deadline) {
		if e.options.Resumed != nil {
			e.options.Resumed(cause, e.pause)
		}
		select {
		case <-time.After(e.pause):
		case <-e.ctx.Done():
		}
		e.pause = min(2*e.pause, longestPause)

		err := e.open(e.behind())
		if refused, ok := errors.AsType[*RefusedError](err); err == nil || ok && !refused.Passes() {
			return err
		}
		cause = err
	}
	return cmp.Or(context.Cause(e.ctx), cause)
}

// remember notes where the last recording stands, unless those of this answer came before.
func (e *Export) remember() error {
	if len(e.lastLine) == 0 || e.skipping {
		return nil
	}
	e.last = position{}
	if err := json.Unmarshal(e.lastLine, &e.last); err != nil {
		return fmt.Errorf("the last recording that came cannot be read: %w", err)
	}
	return nil
}

// behind are the parameters of what comes behind the last recording, and of those of its moment.
func (e *Export) behind() url.Values {
	query := maps.Clone(e.query)
	switch {
	case e.came == 0:
	case e.sort == "":
		before := e.last.StartTime + 1
		if t, err := mapping.ParseQueryTime(query.Get(mapping.ParamStartedBefore)); err == nil {
			before = min(before, t)
		}
		query.Set(mapping.ParamStartedBefore, before.String())
	case e.sort == OldestFirst:
		since := e.last.StartTime
		if t, err := mapping.ParseQueryTime(query.Get(mapping.ParamStartTime)); err == nil {
			since = max(since, t)
		}
		query.Set(mapping.ParamStartTime, since.String())
	case e.last.ChangedTime > 0: // what has no such time comes in front of all others
		query.Set(mapping.ParamChangedSince, e.last.ChangedTime.String())
	}
	return query
}

// ExportAll are all recordings that match, by an export. The first error ends them; without one, they
// were all.
func (c *Center) ExportAll(ctx context.Context, q Query, o ExportOptions) iter.Seq2[*Recording, error] {
	o.Format = NDJSON
	return func(yield func(*Recording, error) bool) {
		e, err := c.Export(ctx, q, o)
		if err != nil {
			yield(nil, err)
			return
		}
		defer e.Close()

		for lines := newLines(e); ; {
			line, err := lines.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err == nil && bytes.HasPrefix(line, []byte(`{"statusCode":`)) {
				continue
			}

			r := new(Recording)
			if err == nil {
				err = json.Unmarshal(line, r)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// amount writes a number of recordings or bytes for an error.
func amount(n int64, unit string) string { return strconv.FormatInt(n, 10) + " " + unit }
