package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"recordings/api/auth"
	"recordings/api/front"
)

// pipeline is what all routes share: how requests are observed and answered, and what answers may
// hold.
type pipeline struct {
	logger  zerolog.Logger
	metrics *metrics
	memory  *answerMemory
}

// endpoint is the pipeline of a route: decode and validate the request, do what it asks for, encode
// the answer.
func endpoint[In, Out any](
	p *pipeline, decode func(*http.Request) (In, error), do func(context.Context, In) (Out, error),
) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		in, err := decode(r)
		if err != nil {
			p.fail(w, r, err)
			return
		}

		out, err := do(r.Context(), in)
		if err != nil {
			p.fail(w, r, err)
			return
		}
		p.send(w, r, http.StatusOK, out)
	}
}

// noParameters decodes requests that say no more than their path does.
func noParameters(r *http.Request) (struct{}, error) { return struct{}{}, refuseParams(r.URL.RawQuery) }

// requestInfo is what is known about one request on its way: what the handlers share, and what is
// logged of it.
type requestInfo struct {
	id    string     // also sent as X-Request-Id
	route string     // the template of the path; empty: none
	user  *auth.User // nil: not authenticated

	sender front.Sender // who sends it, and how they address the service
	err    error        // why it was answered with a server error

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
	info := &requestInfo{id: rand.Text()}
	sent := &sentWriter{ResponseWriter: w, head: r.Method == http.MethodHead}
	sent.Header().Set("X-Request-Id", info.id)
	r = r.WithContext(context.WithValue(r.Context(), requestInfoKey{}, info))

	p.metrics.running.Inc()
	whole := p.recovering(sent, r, next)
	info.reserved.shrink(0)
	p.metrics.running.Dec()

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
// is logged: no path values, no query, no body, and no text of the client's own.
func (p *pipeline) log(info *requestInfo, sent *sentWriter, r *http.Request, took time.Duration) {
	e := p.logger.WithLevel(levelOf(info.err, sent.status)).
		Str("request", info.id).Str("method", methodName(r)).Str("route", info.route).
		Int("status", sent.status).Int64("bytes", sent.bytes).Dur("duration", took).Str("remote", r.RemoteAddr)
	if info.sender.Forwarded {
		e = e.Stringer("client", info.sender.Addr)
	}
	if info.user != nil {
		e = e.Str("user", info.user.Name)
	}
	if info.err != nil {
		e = e.Err(info.err)
	}
	e.Msg("request")
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
