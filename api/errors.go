package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"recordings/api/auth"
	"recordings/api/front"
	"recordings/index"
	"recordings/mapping"
)

// The statusCode of answers, as the 2013 page has them. Clients look at it beside the HTTP status,
// and several statuses share one.
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
	errNoOrphan        = errors.New("no such media is on the list")
	errNoContactCenter = errors.New("no such contact center")
	errCrossOrigin     = errors.New("a request of another origin cannot change anything")
	errBodyTooLarge    = errors.New("the body is too large")
	errTooManyBatches  = errors.New("as many batches as may run at a time are running; try again later")
	errTooManyRequests = errors.New("as many requests as one client may have are being answered; try again later")
	errStopping        = errors.New("the service is stopping")
	errMediaType       = errors.New("the body is not of a media type that is accepted")
)

// methodError is a method that a resource does not have.
type methodError struct{ allow string }

// Error implements error.
func (e *methodError) Error() string { return "the method is not allowed here; allowed are " + e.allow }

func (e *methodError) failure() failure {
	header := http.Header{"Allow": {e.allow}}
	return failure{status: http.StatusMethodNotAllowed, code: codeForbiddenNow, message: e.Error(), header: header}
}

// notReadyError is why the service as a whole is not ready.
type notReadyError struct{ reason string }

// Error implements error.
func (e *notReadyError) Error() string { return e.reason }

// failure is how a client sees an error.
type failure struct {
	status     int // of HTTP
	code       int // statusCode
	message    string
	retryAfter int // seconds; 0: not said
	header     http.Header
}

// failer is an error that knows how a client sees it.
type failer interface {
	error
	failure() failure
}

// What clients see of errors that others made. It says what to do, and nothing of the inside.
const (
	tooCostly = "the search takes too long; narrow it by startTime and endTime, " +
		"or give longer pieces of text between the stars"
	tooLargeMerged = "the recording would become too large by this; what is stored has not changed"
	damaged        = "what is stored of a recording is damaged; recordings verify tells of which, and a backup has it"
	diskFull       = "the disk of the service is full; nothing can be stored until there is space, " +
		"trying again later is safe"
	unavailable = "the index is not available at the moment; trying again is safe"
	givenUp     = "the request was given up; trying again is safe"
)

// basicRealm asks for a name and a password.
var basicRealm = http.Header{"Www-Authenticate": {`Basic realm="recordings", charset="UTF-8"`}}

// failures is the table of errors. What is not in it, and has no case in classify, is an internal
// error.
var failures = []struct {
	err error
	failure
}{
	{auth.ErrUnauthenticated, failure{status: 401, code: codeUnauthenticated, header: basicRealm}},
	{errRole, failure{status: 403, code: codeRole}},
	{errCrossOrigin, failure{status: 403, code: codeForbiddenNow}},
	{errNoPath, failure{status: 404, code: codeNotFound}},
	{errNoOrphan, failure{status: 404, code: codeNotFound}},
	{errNoContactCenter, failure{status: 404, code: codeNotFound}},
	{index.ErrNotFound, failure{status: 404, code: codeNotFound, message: "no such recording"}},
	{errBodyTooLarge, failure{status: 413, code: codeInvalid}},
	{index.ErrTooLarge, failure{status: 413, code: codeInvalid, message: tooLargeMerged}},
	{errMediaType, failure{status: 415, code: codeInvalid}},
	{index.ErrUnavailable, failure{status: 503, code: codeInternal, message: unavailable, retryAfter: 5}},
	{errBusy, failure{status: 503, code: codeInternal, retryAfter: 5}},
	{errTooManyExports, failure{status: 503, code: codeInternal, retryAfter: 30}},
	{errTooManyBatches, failure{status: 503, code: codeInternal, retryAfter: 5}},
	{errTooManyRequests, failure{status: 503, code: codeInternal, retryAfter: 1}},
	{errStopping, failure{status: 503, code: codeInternal, retryAfter: 5}},
	{index.ErrTooCostly, failure{status: 503, code: codeInternal, message: tooCostly}},
	{context.Canceled, failure{status: 503, code: codeInternal, message: givenUp}}, // mostly for nobody
	{context.DeadlineExceeded, failure{status: 503, code: codeInternal, message: tooCostly}},
	{index.ErrDamaged, failure{status: 500, code: codeInternal, message: damaged}},
	{index.ErrDiskFull, failure{status: 507, code: codeInternal, message: diskFull}},
}

// classify says how a client sees an error. id is that of the request.
func classify(err error, id string) failure {
	if f, ok := classifyType(err); ok {
		return f
	}
	for _, f := range failures {
		if errors.Is(err, f.err) {
			if f.message == "" {
				f.message = err.Error()
			}
			return f.failure
		}
	}

	message := fmt.Sprintf("internal error; the log of the service tells more at request %s", id)
	return failure{status: 500, code: codeInternal, message: message}
}

// classifyType says how a client sees an error of a type that is known here.
func classifyType(err error) (failure, bool) {
	var (
		own       failer
		refused   *front.RequestError
		problems  mapping.Problems
		throttled *auth.ThrottledError
		notReady  *index.NotReadyError
		unready   *notReadyError
		state     *index.StateError
		space     *index.SpaceError
	)
	switch {
	case errors.As(err, &problems):
		code := codeInvalid
		if problems.Missing() {
			code = codeMissing
		}
		return failure{status: 400, code: code, message: problems.Error()}, true
	case errors.As(err, &refused):
		return failure{status: 400, code: codeInvalid, message: refused.Error()}, true
	case errors.As(err, &state):
		return failure{status: 403, code: codeForbiddenNow, message: state.Error()}, true
	case errors.As(err, &space):
		return failure{status: 507, code: codeInternal, message: space.Error()}, true
	case errors.As(err, &throttled):
		wait := throttled.Seconds()
		return failure{status: 429, code: codeUnauthenticated, message: throttled.Error(), retryAfter: wait}, true
	case errors.As(err, &own):
		return own.failure(), true
	case errors.As(err, &notReady):
		return failure{status: 503, code: codeInternal, message: notReady.Error(), retryAfter: 10}, true
	case errors.As(err, &unready):
		return failure{status: 503, code: codeInternal, message: unready.Error(), retryAfter: 10}, true
	}
	return failure{}, false
}

// fail sends the answer to an error, and notes for the log what the client does not see.
func (p *pipeline) fail(w http.ResponseWriter, r *http.Request, err error) {
	info := infoOf(r)
	f := classify(err, info.id)
	if f.status >= http.StatusInternalServerError {
		info.err = err
	}

	for name, values := range f.header {
		w.Header()[name] = values
	}
	if fromPage(r) {
		w.Header().Del("WWW-Authenticate") // the browser would open a dialog of its own, where the page has a form
	}
	if f.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.retryAfter))
	}
	p.send(w, r, f.status, errorAnswer{StatusCode: f.code, StatusMessage: f.message})
}
