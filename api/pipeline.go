package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"recordings/api/access"
	"recordings/api/auth"
	"recordings/api/front"
	"recordings/api/trail"
	"recordings/audit"
)

// pipeline is what all routes share: how requests are observed and answered, and what answers may
// hold.
type pipeline struct {
	logger  zerolog.Logger
	metrics *metrics
	memory  *answerMemory
	audit   audit.Log // nil: nothing is written there

	strangers *trail.Strangers // bounds what is written there of who is not signed in
}

// endpoint is the pipeline of a route: decode and validate the request, do what it asks for, encode
// the answer.
func endpoint[In, Out any](
	p *pipeline, decode func(*http.Request) (In, error), do func(context.Context, In) (Out, error),
) handling {
	answer := func(w http.ResponseWriter, r *http.Request) {
		in, err := decode(r)
		if err != nil {
			p.fail(w, r, err)
			return
		}

		if err := infoOf(r).trail.Begin(r.Context()); err != nil {
			p.fail(w, r, err)
			return
		}
		out, err := do(r.Context(), in)
		if err != nil {
			p.fail(w, r, err)
			return
		}
		status := http.StatusOK
		if s, ok := any(out).(interface{ httpStatus() int }); ok {
			status = s.httpStatus()
		}
		p.send(w, r, status, out)
	}
	return handle(answer).answering(http.StatusOK, body[Out]())
}

// noParameters decodes requests that say no more than their path does.
func noParameters(r *http.Request) (struct{}, error) { return struct{}{}, refuseParams(r.URL.RawQuery) }

// requestInfo is what is known about one request on its way: what the handlers share, and what is
// logged of it.
type requestInfo struct {
	id      string       // also sent as X-Request-Id
	trace   string       // the traceparent that the client sent; empty: none
	route   string       // the template of the path; empty: none
	user    *auth.User   // who calls, however they sign in; nil: not authenticated
	session string       // the token of the page's session by which they call; empty: they have sent credentials
	trail   *trail.Trail // what it leaves in the audit log; nil: nothing

	access        *access.Access // who may call, for as long as the request takes; nil: not received yet
	contactCenter string         // which the request is about; empty: none, or not known yet

	sender  front.Sender // who sends it, and how they address the service
	refused error        // why its credentials were; for the log
	err     error        // why it was answered with a server error

	reserved *reservation // of memory; nil: none
}

type requestInfoKey struct{}

func infoOf(r *http.Request) *requestInfo { return infoFrom(r.Context()) }

// infoFrom returns the info of the request that the context is of. Every request has one (see
// observe).
func infoFrom(ctx context.Context) *requestInfo { return ctx.Value(requestInfoKey{}).(*requestInfo) }

// observe runs next with a requestInfo, turns a panic into an answer, counts the request, and logs
// one line.
func (p *pipeline) observe(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	start := time.Now()
	info := &requestInfo{id: front.RequestID(r.Header), trace: front.Traceparent(r.Header)}
	sent := &sentWriter{ResponseWriter: w, head: r.Method == http.MethodHead}
	sent.Header().Set(front.RequestIDHeader, info.id)
	r = r.WithContext(context.WithValue(r.Context(), requestInfoKey{}, info))

	p.metrics.running.Inc()
	whole := p.recovering(sent, r, next)
	info.reserved.shrink(0)
	p.metrics.running.Dec()
	outcome := outcomeOf(sent.status)
	if !whole {
		outcome = audit.Failed
	}
	p.endTrail(info, outcome)

	took := time.Since(start)
	p.metrics.request(info, sent, r, took)
	p.log(info, sent, r, took)
	if !whole {
		panic(http.ErrAbortHandler) // breaks the connection: the client must see that this is not all
	}
}

// recovering runs next, and reports whether the answer is a whole one. A panic is answered with an
// internal error if nothing has been sent yet.
func (p *pipeline) recovering(sent *sentWriter, r *http.Request, next http.HandlerFunc) (whole bool) {
	defer func() {
		reason := recover()
		if reason == nil {
			return
		}

		err := infoOf(r).err
		if reason != http.ErrAbortHandler || err == nil { // else a handler breaks off, and has said why
			err = fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
		}
		whole = sent.status == 0
		if whole {
			p.fail(sent, r, err)
		}
		infoOf(r).err = err
	}()

	next(sent, r)
	return true
}

// log logs a request that was answered. Nothing that may hold a phone number, a name or user data
// is logged: no path values, no query, no body, and no text of the client's own but what surely is the
// id of a request or of a trace.
func (p *pipeline) log(info *requestInfo, sent *sentWriter, r *http.Request, took time.Duration) {
	level := levelOf(info.err, sent.status)
	if level == zerolog.InfoLevel && sent.status < http.StatusBadRequest && quiet(r.Method, info.route) {
		level = zerolog.DebugLevel
	}
	e := p.logger.WithLevel(level).
		Str("request", info.id).Str("method", methodName(r)).Str("route", info.route).
		Int("status", sent.status).Int64("bytes", sent.bytes).Dur("durationMs", took).Str("remote", r.RemoteAddr)
	if info.trace != "" {
		e = e.Str("traceparent", info.trace)
	}
	if info.sender.Forwarded {
		e = e.Stringer("client", info.sender.Addr)
	}
	if info.user != nil {
		e = e.Str("user", info.user.Name)
	}
	if refused, ok := errors.AsType[*auth.RefusedError](info.refused); ok {
		e = e.Str("refused", refused.Reason)
		if refused.Name != "" {
			e = e.Str("name", refused.Name)
		}
	}
	if info.err != nil {
		e = e.Err(info.err)
	}
	e.Msg("request")
}

// quiet reports whether requests for a route come again and again by themselves, so that the log would be
// full of them: the files of the page, questions whether the service is well, and how far work is.
func quiet(method, route string) bool {
	if method != http.MethodGet && method != http.MethodHead {
		return false
	}
	switch route {
	case "/healthz", "/readyz", "/metrics", "/assets/{version}/{name}", opsRoot + "/status", opsRoot + "/reindex",
		opsRoot + "/verify", opsRoot + "/backup", centerRoot + "/deletions/{n}", centerRoot + "/reconciliations/{n}":
		return true
	}
	return false
}

// levelOf is how much attention an answer asks for: none where the client left, some where trying
// later will do.
func levelOf(err error, status int) zerolog.Level {
	switch {
	case err == nil || errors.Is(err, context.Canceled):
		return zerolog.InfoLevel
	case status == http.StatusServiceUnavailable:
		return zerolog.WarnLevel
	}
	return zerolog.ErrorLevel
}

// methodName is the method of a request, if it is one of HTTP's: a client can write anything there.
func methodName(r *http.Request) string {
	known := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
	if slices.Contains(known, r.Method) {
		return r.Method
	}
	return "other"
}

// sentWriter counts what is sent.
type sentWriter struct {
	http.ResponseWriter
	head   bool  // no body is sent, whatever is written
	status int   // 0: nothing has been sent
	bytes  int64 // of the body
}

// WriteHeader implements [http.ResponseWriter].
func (w *sentWriter) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [io.Writer].
func (w *sentWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	if !w.head {
		w.bytes += int64(n)
	}
	return n, err
}

// Unwrap lets an [http.ResponseController] reach the connection.
func (w *sentWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
