package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"recordings/api/auth"
	"recordings/index"
	"recordings/mapping"
)

// The statusCode of answers, as the 2013 page has them.
const (
	codeSuccess         = 0
	codeMissing         = 1
	codeInvalid         = 2
	codeForbiddenNow    = 3
	codeInternal        = 4
	codeRole            = 5
	codeNotFound        = 6
	codePartly          = 7
	codeUnauthenticated = 20
)

// The errors of this package. Their text is what the client gets.
var (
	errRole            = errors.New("the role of this user does not permit this")
	errNoPath          = errors.New("there is nothing at this path")
	errNoContactCenter = errors.New("no such contact center")
	errCrossOrigin     = errors.New("a request of another origin cannot change anything")
	errBodyTooLarge    = errors.New("the body is too large")
	errStopping        = errors.New("the service is stopping")
	errMediaType       = errors.New("the body is not of a media type that is accepted")
)

// methodError is a method that a resource does not have.
type methodError struct{ allow string }

func (e *methodError) Error() string { return "the method is not allowed here; allowed are " + e.allow }

// notReadyError is why the service as a whole is not ready.
type notReadyError struct{ reason string }

func (e *notReadyError) Error() string { return e.reason }

// failure is how a client sees an error.
type failure struct {
	status     int // of HTTP
	code       int // statusCode
	message    string
	retryAfter int // seconds; 0: not told
	header     http.Header
}

// failures is the table of errors. What is not in it, and has no case in classify, is an internal error.
var failures = []struct {
	err error
	failure
}{
	{auth.ErrUnauthenticated, failure{status: 401, code: codeUnauthenticated, header: http.Header{"Www-Authenticate": {`Basic realm="recordings", charset="UTF-8"`}}}},
	{errRole, failure{status: 403, code: codeRole}},
	{errCrossOrigin, failure{status: 403, code: codeForbiddenNow}},
	{errNoPath, failure{status: 404, code: codeNotFound}},
	{errNoContactCenter, failure{status: 404, code: codeNotFound}},
	{index.ErrNotFound, failure{status: 404, code: codeNotFound, message: "no such recording"}},
	{errBodyTooLarge, failure{status: 413, code: codeInvalid}},
	{index.ErrTooLarge, failure{status: 413, code: codeInvalid, message: "the recording would become too large by this; what is stored has not changed"}},
	{errMediaType, failure{status: 415, code: codeInvalid}},
	{index.ErrUnavailable, failure{status: 503, code: codeInternal, message: "the index is not available at the moment; trying again is safe", retryAfter: 5}},
	{errBusy, failure{status: 503, code: codeInternal, retryAfter: 5}},
	{errTooManyExports, failure{status: 503, code: codeInternal, retryAfter: 30}},
	{errStopping, failure{status: 503, code: codeInternal, retryAfter: 5}},
	{index.ErrTooCostly, failure{status: 503, code: codeInternal, message: tooCostly}},
	{context.Canceled, failure{status: 503, code: codeInternal, message: "the request was given up; trying again is safe"}}, // mostly for nobody
	{context.DeadlineExceeded, failure{status: 503, code: codeInternal, message: tooCostly}},
	{index.ErrDamaged, failure{status: 500, code: codeInternal, message: "what is stored of a recording is damaged; recordings verify tells of which, and a backup has it"}},
	{index.ErrDiskFull, failure{status: 507, code: codeInternal, message: "the disk of the service is full; nothing can be stored until there is space, trying again later is safe"}},
}

const tooCostly = "the search takes too long; narrow it by startTime and endTime, or give longer pieces of text between the stars"

// classify says how a client sees an error. id is that of the request.
func classify(err error, id string) failure {
	var (
		problems  mapping.Problems
		method    *methodError
		content   *contentError
		media     *mediaError
		counted   *countError
		notReady  *index.NotReadyError
		unready   *notReadyError
		state     *index.StateError
		space     *index.SpaceError
		throttled *auth.ThrottledError
	)
	switch {
	case errors.As(err, &problems):
		code := codeInvalid
		if problems.Missing() {
			code = codeMissing
		}
		return failure{status: 400, code: code, message: problems.Error()}
	case errors.As(err, &method):
		return failure{status: 405, code: codeForbiddenNow, message: method.Error(), header: http.Header{"Allow": {method.allow}}}
	case errors.As(err, &state):
		return failure{status: 403, code: codeForbiddenNow, message: state.Error()}
	case errors.As(err, &space):
		return failure{status: 507, code: codeInternal, message: space.Error()}
	case errors.As(err, &throttled):
		return failure{status: 429, code: codeUnauthenticated, message: throttled.Error(), retryAfter: throttled.Seconds()}
	case errors.As(err, &content):
		return content.failure()
	case errors.As(err, &media):
		return media.failure()
	case errors.As(err, &counted):
		return counted.failure()
	case errors.As(err, &notReady):
		return failure{status: 503, code: codeInternal, message: notReady.Error(), retryAfter: 10}
	case errors.As(err, &unready):
		return failure{status: 503, code: codeInternal, message: unready.Error(), retryAfter: 10}
	}
	for _, f := range failures {
		if errors.Is(err, f.err) {
			if f.message == "" {
				f.message = err.Error()
			}
			return f.failure
		}
	}
	return failure{status: 500, code: codeInternal, message: fmt.Sprintf("internal error; the log of the service tells more at request %s", id)}
}

// fail sends the answer to an error, and notes for the log what the client does not see.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	x := exchangeOf(r)
	f := classify(err, x.id)
	if f.status >= 500 {
		x.err = err
	}
	for name, values := range f.header {
		w.Header()[name] = values
	}
	if fromPage(r) {
		w.Header().Del("WWW-Authenticate") // the browser would ask for a password in a dialog of its own, where the page has a form
	}
	if f.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.retryAfter))
	}
	s.send(w, r, f.status, errorAnswer{StatusCode: f.code, StatusMessage: f.message})
}
