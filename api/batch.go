package api

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/api/access"
	"recordings/api/auth"
	"recordings/index"
	"recordings/index/batch"
	"recordings/mapping"
)

const (
	batchType   = "application/x-ndjson"
	paramDryRun = "dryRun"
	paramMarks  = "marks" // take the holds and labels of the lines, too, which were exported elsewhere

	maxBatches = 128 // at a time: each has buffers of some 100 KiB, whatever it holds
)

// batches are the handlers of batches. A batch is a POST of many recordings, one a line (NDJSON).
// The answer has a verdict for each line, in the same order, and is sent while the lines arrive.
type batches struct {
	*pipeline
	*scope
	bodies      *bodies
	index       index.Index
	poster      poster
	health      index.Health
	budget      *batch.Budget   // of what all batches hold
	running     chan struct{}   // has an element for each that is running
	lineTimeout time.Duration   // for the next line to arrive
	stopping    context.Context // nil: never
	access      *atomic.Pointer[access.Access]
	sessions    *sessions
}

type (
	// verdictView is one line of the answer to a batch.
	verdictView struct {
		Line          int           `json:"line"` // from 1, blank lines included
		ID            string        `json:"id,omitzero"`
		Outcome       index.Outcome `json:"outcome,omitzero"`
		StatusCode    int           `json:"statusCode,omitzero"`
		StatusMessage string        `json:"statusMessage,omitzero"`
		Notice        notices       `json:"notice,omitzero"`
	}
	// batchAnswer is the last line. An answer that does not end with one is not complete.
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

// count counts a line that has a verdict.
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

// or lets POSTs of many recordings go to the batch, and others on to post.
func (h *batches) or(post handling) handling {
	batch := handling{}.taking(batchParams...).reading(lines[mapping.Recording]()).
		answering(http.StatusOK, lines[verdictView]().or(lines[batchAnswer]()))
	either := post.or(batch)
	either.do = func(w http.ResponseWriter, r *http.Request) {
		if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t != batchType {
			post.do(w, r)
			return
		}

		b, err := h.decode(r)
		if err != nil {
			h.fail(w, r, err)
			return
		}

		select {
		case h.running <- struct{}{}:
			defer func() { <-h.running }()
			b.answer(w, r)
		default:
			h.fail(w, r, errTooManyBatches)
		}
	}
	return either
}

// decode reads what a batch is to be. What can be refused as a whole is refused here: later, an
// error can be told only within the answer.
func (h *batches) decode(r *http.Request) (*batchRequest, error) {
	b := &batchRequest{batches: h, request: r}
	var err error
	if b.contactCenter, err = h.postedContactCenter(r); err != nil {
		return nil, err
	}
	if err := checkMediaType(r.Header, batchType); err != nil {
		return nil, err
	}

	params, problems := parseQuery(r.URL.RawQuery, []string{paramDryRun, paramMarks})
	params, dryRun, wrong := takeFlag(params, paramDryRun)
	_, marks, wrongMarks := takeFlag(params, paramMarks)
	if problems = slices.Concat(problems, wrong, wrongMarks); len(problems) > 0 {
		return nil, problems
	}
	if marks && infoOf(r).user.Role != auth.RoleOps {
		return nil, errRole
	}
	if b.put.Marks = marks; dryRun {
		b.put.DryRun = new(index.DryRun)
	}

	switch status := h.health.Status(); {
	case status.Broken:
		return nil, index.ErrUnavailable
	case status.DiskFull:
		return nil, index.ErrDiskFull
	}
	return b, nil
}

// batchRequest is a batch and its answer.
type batchRequest struct {
	*batches
	contactCenter string
	request       *http.Request
	denied        error // why nothing more is put; nil: something is
	put           index.PutOptions

	control *http.ResponseController
	body    *batchBody
	out     *bufio.Writer
	totals  batchAnswer
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
	if b.stopping != nil {
		defer context.AfterFunc(b.stopping, func() { cancel(errStopping) })()
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

// context returns a context that ends with that of the request, unless the end is that of the body:
// net/http cancels a request as soon as a Read of its body fails, and what has arrived by then is
// to be stored all the same.
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

// options say how the lines are decoded and stored.
func (b *batchRequest) options() batch.Options {
	return batch.Options{
		Decode:  b.decodeLine,
		Notices: b.poster.notices,
		MaxLine: int(b.bodies.limit),
		Budget:  b.budget,
		Put:     b.putAll,
		Await:   func() { b.body.await(b.lineTimeout) },
		Abort:   func() { b.body.await(0) },
	}
}

// putAll puts recordings, unless the caller may not any more: a batch may take days. Meanwhile who may call is
// read again, tokens expire, and sessions end.
func (b *batchRequest) putAll(ctx context.Context, recordings []*mapping.Recording) []index.PutResult {
	err := b.sessions.still(ctx, b.request, b.access.Load())
	if err == nil {
		return b.index.PutAll(ctx, b.contactCenter, recordings, b.put)
	}

	infoOf(b.request).refused = err
	if b.denied = err; errors.Is(err, auth.ErrUnauthenticated) {
		b.denied = revokedError{}
	}
	return slices.Repeat([]index.PutResult{{Err: b.denied}}, len(recordings))
}

// revokedError ends a batch whose caller may not post any more.
type revokedError struct{}

// Error implements error.
func (revokedError) Error() string {
	return "the credentials that the batch began with are no longer good"
}

func (e revokedError) failure() failure {
	return failure{status: http.StatusUnauthorized, code: codeUnauthenticated, message: e.Error()}
}

// decodeLine decodes a line, with its marks where these are wanted.
func (b *batchRequest) decodeLine(ctx context.Context, line []byte) (*mapping.Recording, error) {
	return b.bodies.decodeWith(ctx, line, b.put.Marks)
}

// send answers lines. Its error ends the batch.
func (b *batchRequest) send(r *http.Request, verdicts []batch.Verdict) error {
	for _, v := range verdicts {
		b.totals.count(v)
		view := verdictView{Line: v.Line, ID: v.ID, Outcome: v.Outcome, Notice: v.Notices}
		if v.Err != nil {
			f := b.classify(r, v.Err)
			view.Notice = nil
			view.StatusCode, view.StatusMessage = f.code, f.message
		}
		if err := b.write(view); err != nil {
			return err
		}
	}
	return cmp.Or(b.flush(), b.denied)
}

// classify says how the client sees an error, and notes for the log what it does not see.
func (b *batchRequest) classify(r *http.Request, err error) failure {
	info := infoOf(r)
	f := classify(err, info.id)
	if f.status >= http.StatusInternalServerError && info.err == nil {
		info.err = err
	}
	return f
}

// explain says in the last line why not all lines have a verdict.
func (b *batchRequest) explain(r *http.Request, err error) {
	if read := (*batch.ReadError)(nil); errors.As(err, &read) {
		b.totals.StatusCode = codeInvalid
		b.totals.StatusMessage = fmt.Sprintf("the body ended, or did not go on for %v, in the middle; "+
			"lines that have no verdict were not stored", b.lineTimeout)
		return
	}

	f := b.classify(r, err)
	b.totals.StatusCode = f.code
	b.totals.StatusMessage = f.message +
		"; sending the lines again that failed so, and those that have no verdict, is safe"
}

// write writes one line of the answer.
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

// batchBody is a body that is waited for only so long. Once it has ended, the server itself reads
// on, to see the client hang up, and takes a deadline that passes for that: it would cancel this
// request and all later ones of the connection. So the deadline goes when the body ends.
type batchBody struct {
	from        io.Reader
	setDeadline func(time.Time) error // fails only if there is no connection any more

	reading sync.Mutex // held while a Read waits
	broken  bool       // a Read has failed; guarded by reading

	mu      sync.Mutex
	ended   bool
	aborted bool // nothing is waited for
	lost    bool // it ended when nothing was waited for any more
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

// end takes the deadline away, once.
func (b *batchBody) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ended {
		b.ended, b.lost = true, b.aborted
		_ = b.setDeadline(time.Time{})
	}
}

// failed reports whether a Read has failed. It waits for one that has yet to return: net/http
// cancels the request before that.
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

// spoiled reports whether the connection is of no use any more.
func (b *batchBody) spoiled() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lost
}
