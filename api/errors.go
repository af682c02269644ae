package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"recordings/api/auth"
	"recordings/api/front"
	"recordings/api/signon"
	"recordings/audit"
	"recordings/erase/deletion"
	"recordings/erase/jobs"
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
	errNotTheirs       = errors.New("this contact center is none of yours")
	errBound           = errors.New("this is about the service as a whole, and you are bound to some contact centers")
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

// ConfigurationError is a configuration that was read again and cannot be used: the one before stays
// in force.
type ConfigurationError struct{ Err error }

// Error implements error. It is what operations see.
func (e *ConfigurationError) Error() string {
	return "the configuration cannot be used, and the one before stays in force: " + e.Err.Error()
}

// Unwrap returns what is wrong with it.
func (e *ConfigurationError) Unwrap() error { return e.Err }

func (e *ConfigurationError) failure() failure {
	return failure{status: http.StatusConflict, code: codeForbiddenNow, message: e.Error()}
}

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
	held           = "the recording is protected from deletion: it is under a hold, and only more can be added to it"
	tooLargeMerged = "the recording would become too large by this; what is stored has not changed"
	damaged        = "what is stored of a recording is damaged; recordings verify tells of which, and a backup has it"
	diskFull       = "the disk of the service is full; nothing can be stored until there is space, " +
		"trying again later is safe"
	auditFull = "the disk of the service is full, so that the audit log cannot be written; nothing that must be " +
		"written there is done until there is space, trying again later is safe"
	unaudited = "the audit log cannot be written, and what must be written there is not done; " +
		"the log of the service has the cause, and a restart is needed when it is mended; trying again is safe"
	unavailable = "the index is not available at the moment; trying again is safe"
	givenUp     = "the request was given up; trying again is safe"
)

// bearerRealm says that a token is not good, and nothing of why.
var bearerRealm = http.Header{"Www-Authenticate": {`Bearer realm="recordings", error="invalid_token"`}}

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
	{errNotTheirs, failure{status: 403, code: codeRole}},
	{errBound, failure{status: 403, code: codeRole}},
	{errCrossOrigin, failure{status: 403, code: codeForbiddenNow}},
	{errNoPath, failure{status: 404, code: codeNotFound}},
	{errNoOrphan, failure{status: 404, code: codeNotFound}},
	{errNoContactCenter, failure{status: 404, code: codeNotFound}},
	{jobs.ErrNoJob, failure{status: 404, code: codeNotFound}},
	{jobs.ErrDropped, failure{status: 404, code: codeNotFound}},
	{index.ErrNotFound, failure{status: 404, code: codeNotFound, message: "no such recording"}},
	{index.ErrNoLabel, failure{status: 404, code: codeNotFound}},
	{errNoLabel, failure{status: 404, code: codeNotFound}},
	{index.ErrNoSavedSearch, failure{status: 404, code: codeNotFound}},
	{index.ErrTooManySavedSearches, failure{status: 409, code: codeForbiddenNow}},
	{errNoComment, failure{status: 404, code: codeNotFound}},
	{errNotTheirComment, failure{status: 403, code: codeForbiddenNow}},
	{index.ErrLabelExists, failure{status: 409, code: codeForbiddenNow}},
	{index.ErrDisplayName, failure{status: 409, code: codeForbiddenNow}},
	{index.ErrTooManyLabels, failure{status: 409, code: codeForbiddenNow}},
	{index.ErrHeld, failure{status: 403, code: codeForbiddenNow, message: held}},
	{errBodyTooLarge, failure{status: 413, code: codeInvalid}},
	{index.ErrTooLarge, failure{status: 413, code: codeInvalid, message: tooLargeMerged}},
	{errMediaType, failure{status: 415, code: codeInvalid}},
	{index.ErrUnavailable, failure{status: 503, code: codeInternal, message: unavailable, retryAfter: 5}},
	{errBusy, failure{status: 503, code: codeInternal, retryAfter: 5}},
	{errTooManyExports, failure{status: 503, code: codeInternal, retryAfter: 30}},
	{errTooManyArchives, failure{status: 503, code: codeInternal, retryAfter: 30}},
	{errTooManyReads, failure{status: 503, code: codeInternal, retryAfter: 5}},
	{errTooManyBatches, failure{status: 503, code: codeInternal, retryAfter: 5}},
	{errTooManyRequests, failure{status: 503, code: codeInternal, retryAfter: 1}},
	{errStopping, failure{status: 503, code: codeInternal, retryAfter: 5}},
	{index.ErrTooCostly, failure{status: 503, code: codeInternal, message: tooCostly}},
	{context.Canceled, failure{status: 503, code: codeInternal, message: givenUp}}, // mostly for nobody
	{context.DeadlineExceeded, failure{status: 503, code: codeInternal, message: tooCostly}},
	{index.ErrDamaged, failure{status: 500, code: codeInternal, message: damaged}},
	{audit.ErrUnavailable, failure{status: 503, code: codeInternal, message: unaudited, retryAfter: 30}},
	{audit.ErrDiskFull, failure{status: 507, code: codeInternal, message: auditFull}},
	{index.ErrDiskFull, failure{status: 507, code: codeInternal, message: diskFull}},
	{jobs.ErrDiskFull, failure{status: 507, code: codeInternal, message: diskFull}},
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
		token     *auth.RefusedError
		claim     *signon.ClaimError
		away      *signon.AwayError
		refused   *front.RequestError
		problems  mapping.Problems
		throttled *auth.ThrottledError
		notReady  *index.NotReadyError
		unready   *notReadyError
		state     *index.StateError
		notHere   *index.NotOfferedError
		space     *index.SpaceError
		stopped   *jobs.StateError
		different *deletion.DifferentError
		borne     *index.LabelBorneError
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
	case errors.As(err, &token):
		return failure{status: 401, code: codeUnauthenticated, message: token.Error(), header: bearerRealm}, true
	case errors.As(err, &claim):
		return failure{status: 403, code: codeRole, message: claim.Error()}, true
	case errors.As(err, &away):
		return failure{status: 503, code: codeInternal, message: away.Error(), retryAfter: 10}, true
	case errors.As(err, &state):
		return failure{status: 409, code: codeForbiddenNow, message: state.Error()}, true
	case errors.As(err, &notHere):
		return failure{status: 501, code: codeForbiddenNow, message: notHere.Error()}, true
	case errors.As(err, &stopped):
		return failure{status: 409, code: codeForbiddenNow, message: stopped.Error()}, true
	case errors.As(err, &borne):
		message := borne.Error() + "; with ?force=true it is taken off them, too"
		return failure{status: 409, code: codeForbiddenNow, message: message}, true
	case errors.As(err, &different):
		return failure{status: 409, code: codeForbiddenNow, message: different.Error()}, true
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

	p.send(w, r, f.status, errorAnswer{
		StatusCode: f.code, StatusMessage: f.message, Problems: problemsOf(err), RequestID: info.id,
	})
}

// problemsOf are the things that were wrong with what a client sent, each for itself: as many as the
// message tells.
func problemsOf(err error) (views []problemView) {
	problems, _ := errors.AsType[mapping.Problems](err)
	for _, x := range problems.Told() {
		v := problemView{Path: x.Path, Message: x.Message}
		if strings.Contains(x.Path, " ") { // such as "the body": no attribute, and no parameter
			v = problemView{Message: x.Path + " " + x.Message}
		}
		views = append(views, v)
	}
	return views
}
