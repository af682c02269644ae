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
)

// exchange is what is known about one request on its way: what the handlers share, and what its log line tells.
type exchange struct {
	id    string     // of the request, also sent as X-Request-Id
	route string     // the template of the path; empty: none
	user  *auth.User // nil: not authenticated
	err   error      // why it was answered with a server error

	reserved *reservation // of memory; nil: none
}

type exchangeKey struct{}

func exchangeOf(r *http.Request) *exchange { return exchangeFrom(r.Context()) }

func exchangeFrom(ctx context.Context) *exchange { return ctx.Value(exchangeKey{}).(*exchange) }

// observe runs next with an exchange, turns a panic into an answer, and logs one line. Nothing that may hold a phone
// number, a name or user data is logged: no path values, no query, no body, and no text of the client's own.
func (s *Server) observe(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	start := time.Now()
	x := &exchange{id: rand.Text()}
	sent := &sentWriter{ResponseWriter: w, head: r.Method == http.MethodHead}
	sent.Header().Set("X-Request-Id", x.id)
	r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
	s.metrics.running.Inc()
	whole := s.recovering(sent, r, next)
	x.reserved.shrink(0)
	s.metrics.running.Dec()
	took := time.Since(start)
	s.metrics.request(x, sent, r, took)
	s.log(x, sent, r, took)
	if !whole {
		panic(http.ErrAbortHandler) // breaks the connection: the client must see that this is not all
	}
}

// recovering runs next, and tells whether the answer is a whole one. A panic is answered with an internal error if
// nothing has been sent yet.
func (s *Server) recovering(sent *sentWriter, r *http.Request, next http.HandlerFunc) (whole bool) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		err := exchangeOf(r).err
		if p != http.ErrAbortHandler || err == nil { // else a handler breaks off, and has said why
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		whole = sent.status == 0
		if whole {
			s.fail(sent, r, err)
		}
		exchangeOf(r).err = err
	}()
	next(sent, r)
	return true
}

func (s *Server) log(x *exchange, sent *sentWriter, r *http.Request, took time.Duration) {
	e := s.o.Log.WithLevel(levelOf(x.err, sent.status)).Str("request", x.id).Str("method", methodName(r)).Str("route", x.route).
		Int("status", sent.status).Int64("bytes", sent.bytes).Dur("duration", took).Str("remote", r.RemoteAddr)
	if x.user != nil {
		e = e.Str("user", x.user.Name)
	}
	if x.err != nil {
		e = e.Err(x.err)
	}
	e.Msg("request")
}

// levelOf is how much attention an answer asks for: none where the client left, some where trying later will do.
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
	head   bool // no body is sent, whatever is written
	status int  // 0: nothing has been sent
	bytes  int64
}

func (w *sentWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

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
