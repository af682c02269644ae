package driver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// The kinds of errors, re-exported and described by package blob.
var (
	ErrInvalid       = errors.New("the media descriptor is not valid")
	ErrNotConfigured = errors.New("the storage of the media is not configured")
	ErrNotFound      = errors.New("the media is not in its storage")
	ErrUnreachable   = errors.New("the storage of the media cannot be reached")
	ErrTimeout       = errors.New("the storage of the media is too slow")
	ErrRefused       = errors.New("the storage of the media refused or answered wrongly")
	ErrChanged       = errors.New("the media was changed in its storage while it was read")
	ErrArchived      = errors.New("the media is archived and has to be restored first")
)

// Error is one thing that went wrong with a media object. Its text is for operations: it names the
// bucket or origin and what was answered, but never the path of the object (recorders put phone
// numbers there), nor any credentials.
type Error struct {
	Kind   error  // one of the kinds above
	Place  string // the bucket or origin; empty if none was found
	Status int    // the HTTP status that the storage answered with; 0 if that was not the trouble
	Err    error  // what happened; may be nil
}

// Error implements [error].
func (e *Error) Error() string {
	s := e.Kind.Error()
	if e.Place != "" {
		s = e.Place + ": " + s
	}
	if e.Status != 0 {
		s += fmt.Sprintf(": status %d", e.Status)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Public is the text for those who may not know where media lies.
func (e *Error) Public() string { return e.Kind.Error() }

// Unwrap makes errors.Is find the kind as well as the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// RetryableError tells the AWS SDK what it may try again: to reach the storage. An answer that was
// judged already will be no better the next time, and a storage that was silent for so long will be
// so again.
func (e *Error) RetryableError() bool { return e.Kind == ErrUnreachable }

// Newf makes an Error of a kind with a text.
func Newf(kind error, format string, args ...any) *Error {
	return &Error{Kind: kind, Err: fmt.Errorf(format, args...)}
}

// StatusError says what an HTTP status other than the expected one means.
func StatusError(status int) *Error {
	e := &Error{Kind: ErrRefused, Status: status}
	switch status {
	case http.StatusNotFound, http.StatusGone:
		e.Kind = ErrNotFound
	case http.StatusPreconditionFailed:
		e.Kind = ErrChanged
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		e.Kind = ErrTimeout
	}
	return e
}

// Classify turns the error of an HTTP exchange into an Error. The end of the caller's own context
// stays what it is, so that a client that hung up is not taken for a storage in trouble.
func Classify(ctx context.Context, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}

	if cause := context.Cause(ctx); errors.Is(cause, context.Canceled) {
		return context.Canceled
	}

	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err // url.Error tells the whole URL, path included
	}

	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return &Error{Kind: ErrTimeout, Err: err}
	}

	return &Error{Kind: ErrUnreachable, Err: err}
}

// At names the place in an error that came from there.
func At(place string, err error) error {
	var e *Error
	if errors.As(err, &e) {
		named := *e
		named.Place = place
		return &named
	}
	return err
}

// Temporary reports whether trying again soon may go better.
func Temporary(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}

	switch e.Kind {
	case ErrUnreachable, ErrTimeout:
		return true
	case ErrRefused:
		return e.Status >= 500 || e.Status == http.StatusTooManyRequests
	}
	return false
}
