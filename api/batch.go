package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/index"
	"recordings/index/batch"
	"recordings/mapping"
)

// A batch is a POST of many recordings, one a line (NDJSON). The answer has a verdict for each line, in the same order, and is
// sent while the lines arrive.
const (
	batchType   = "application/x-ndjson"
	paramDryRun = "dryRun"

	maxChunks = 32 // of all batches together: bounds what they hold in memory
)

type (
	// verdictView is one line of the answer to a batch.
	verdictView struct {
		Line          int           `json:"line"` // from 1, blank lines included
		ID            string        `json:"id,omitzero"`
		Outcome       index.Outcome `json:"outcome,omitzero"`
		StatusCode    int           `json:"statusCode,omitzero"`
		StatusMessage string        `json:"statusMessage,omitzero"`
	}
	// batchAnswer is the last line. An answer that does not end with one is not all there was to tell.
	batchAnswer struct {
		StatusCode    int    `json:"statusCode"`
		StatusMessage string `json:"statusMessage,omitzero"` // why not all lines have a verdict
		DryRun        bool   `json:"dryRun,omitzero"`
		Lines         int    `json:"lines"` // that have a verdict
		Created       int    `json:"created"`
		Merged        int    `json:"merged"`
		Unchanged     int    `json:"unchanged"`
		Failed        int    `json:"failed"`
	}
)

func (a *batchAnswer) count(v batch.Verdict) {
	a.Lines++
	switch {
	case v.Err != nil:
		a.Failed++
	case v.Outcome == index.Created:
		a.Created++
	case v.Outcome == index.Merged:
		a.Merged++
	default:
		a.Unchanged++
	}
}

// batchOr lets POSTs of many recordings go to the batch, and others on.
func (s *Server) batchOr(post http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t != batchType {
			post(w, r)
			return
		}
		b, err := s.decodeBatch(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		b.answer(w, r)
	}
}

// batchRequest is a batch and its answer.
type batchRequest struct {
	*Server
	contactCenter string
	put           index.PutOptions

	control *http.ResponseController
	body    *batchBody
	out     *bufio.Writer
	totals  batchAnswer
}

func (s *Server) decodeBatch(r *http.Request) (*batchRequest, error) {
	b := &batchRequest{Server: s}
	var err error
	if b.contactCenter, err = s.postedContactCenter(r); err != nil {
		return nil, err
	}
	if err := checkMediaType(r.Header, batchType); err != nil {
		return nil, err
	}
	params, problems := parseQuery(r.URL.RawQuery, []string{paramDryRun})
	for _, p := range params {
		switch p.value {
		case "true":
			b.put.DryRun = new(index.DryRun)
		case "false":
		default:
			problems = append(problems, mapping.Problem{Path: paramDryRun, Message: "is neither true nor false"})
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	switch status := s.o.Health.Status(); { // later it can be told only within the answer
	case status.Broken:
		return nil, index.ErrUnavailable
	case status.DiskFull:
		return nil, index.ErrDiskFull
	}
	return b, nil
}

// answer reads the lines and answers them meanwhile.
func (b *batchRequest) answer(w http.ResponseWriter, r *http.Request) {
	b.control = http.NewResponseController(w)
	if err := b.control.EnableFullDuplex(); err != nil {
		b.fail(w, r, fmt.Errorf("reading and answering at once: %w", err))
		return
	}
	setHeader(w.Header(), batchType)
	b.body = &batchBody{from: r.Body, setDeadline: b.control.SetReadDeadline}
	b.out = bufio.NewWriterSize(w, 32<<10)
	b.totals.DryRun = b.put.DryRun != nil
	ctx, cancel := b.context(r.Context())
	defer cancel(nil)
	if b.o.Stopping != nil {
		defer context.AfterFunc(b.o.Stopping, func() { cancel(errStopping) })()
	}
	err := batch.Run(ctx, b.body, b.options(), func(verdicts []batch.Verdict) error { return b.send(r, verdicts) })
	if err == nil && b.totals.Failed > 0 {
		b.totals.StatusCode = codePartly
	} else if err != nil {
		b.explain(r, err)
	}
	if b.write(b.totals) == nil {
		_ = b.flush() // an error means that the client has gone
	}
	if b.body.spoiled() {
		panic(http.ErrAbortHandler) // closes the connection, of which all requests would be cancelled
	}
}

// context returns a context that ends with that of the request, unless the end is that of the body: net/http cancels a
// request as soon as a Read of its body fails, and what has arrived by then is to be stored all the same.
func (b *batchRequest) context(request context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(request))
	stop := context.AfterFunc(request, func() {
		if !b.body.failed() {
			cancel(context.Cause(request))
		}
	})
	return ctx, func(cause error) {
		stop()
		cancel(cause)
	}
}

func (b *batchRequest) options() batch.Options {
	return batch.Options{
		Decode:  b.decodeBody,
		MaxLine: int(b.o.MaxBody),
		Admit:   b.chunks,
		Put: func(ctx context.Context, recordings []*mapping.Recording) []index.PutResult {
			return b.o.Index.PutAll(ctx, b.contactCenter, recordings, b.put)
		},
		Await: func() { b.body.await(b.o.LineTimeout) },
		Abort: func() { b.body.await(0) },
	}
}

// send answers lines.
func (b *batchRequest) send(r *http.Request, verdicts []batch.Verdict) error {
	for _, v := range verdicts {
		b.totals.count(v)
		view := verdictView{Line: v.Line, ID: v.ID, Outcome: v.Outcome}
		if v.Err != nil {
			f := b.classify(r, v.Err)
			view.StatusCode, view.StatusMessage = f.code, f.message
		}
		if err := b.write(view); err != nil {
			return err
		}
	}
	return b.flush()
}

// classify says how the client sees an error, and notes for the log what it does not see.
func (b *batchRequest) classify(r *http.Request, err error) failure {
	x := exchangeOf(r)
	f := classify(err, x.id)
	if f.status >= 500 && x.err == nil {
		x.err = err
	}
	return f
}

// explain tells in the last line why not all lines have a verdict.
func (b *batchRequest) explain(r *http.Request, err error) {
	if read := (*batch.ReadError)(nil); errors.As(err, &read) {
		b.totals.StatusCode = codeInvalid
		b.totals.StatusMessage = fmt.Sprintf("the body ended, or did not go on for %v, in the middle; lines that have no verdict were not stored", b.o.LineTimeout)
		return
	}
	f := b.classify(r, err)
	b.totals.StatusCode = f.code
	b.totals.StatusMessage = f.message + "; sending the lines again that failed so, and those that have no verdict, is safe"
}

func (b *batchRequest) write(line any) error {
	if err := json.MarshalWrite(b.out, line); err != nil {
		return fmt.Errorf("answering: %w", err)
	}
	return b.out.WriteByte('\n')
}

// flush lets the client see what is answered.
func (b *batchRequest) flush() error {
	if err := b.out.Flush(); err != nil {
		return err
	}
	return b.control.Flush()
}

// batchBody is a body that is waited for only so long. Once it has ended, the server itself reads on, to see the client hang up, and
// takes a deadline that passes for that: it would cancel this request and all later ones of the connection.
type batchBody struct {
	from        io.Reader
	setDeadline func(time.Time) error // fails only if there is no connection any more

	reading sync.Mutex // held while a Read waits
	broken  bool       // a Read has failed

	mu      sync.Mutex
	ended   bool
	aborted bool // nothing is waited for
	lost    bool // it ended just then
}

// Read implements [io.Reader].
func (b *batchBody) Read(p []byte) (int, error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	n, err := b.from.Read(p)
	if errors.Is(err, io.EOF) {
		b.end()
	} else if err != nil {
		b.broken = true
	}
	return n, err
}

func (b *batchBody) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ended {
		b.ended, b.lost = true, b.aborted
		_ = b.setDeadline(time.Time{})
	}
}

// failed reports whether a Read has failed. It waits for one that has yet to return.
func (b *batchBody) failed() bool {
	b.reading.Lock()
	defer b.reading.Unlock()
	return b.broken
}

// await lets reads fail that take longer from now on.
func (b *batchBody) await(timeout time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ended {
		b.aborted = timeout == 0
		_ = b.setDeadline(time.Now().Add(timeout))
	}
}

// spoiled tells that the connection is of no use any more.
func (b *batchBody) spoiled() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lost
}
