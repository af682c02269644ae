package client

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/go-json-experiment/json"
)

// ServerError says that what was given is not the URL of a service.
type ServerError struct{ Server string }

// Error implements [error].
func (e *ServerError) Error() string {
	return fmt.Sprintf("%q is not the URL of a service, such as %s", e.Server, DefaultServer)
}

// UnreachableError says that no service answers.
type UnreachableError struct {
	Server string
	Err    error // why
}

// Error implements [error].
func (e *UnreachableError) Error() string {
	return "no service answers at " + e.Server + e.why()
}

// Unwrap returns why.
func (e *UnreachableError) Unwrap() error { return e.Err }

// why is the reason in words for who has typed the address, with what to do.
func (e *UnreachableError) why() string {
	if name, ok := errors.AsType[*net.DNSError](e.Err); ok && name.IsNotFound {
		return fmt.Sprintf(": there is no host %s", name.Name)
	}
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](e.Err); ok {
		return ": its certificate is not trusted: " + certificate.Err.Error()
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](e.Err); ok || errors.Is(e.Err, http.ErrSchemeMismatch) {
		return ": it does not speak TLS; try http:// in place of https://"
	}
	if timeout, ok := errors.AsType[net.Error](e.Err); ok && timeout.Timeout() {
		return " in time; is the address right, and is there a firewall in between?"
	}

	switch {
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		return "; is it running?"
	case errors.Is(e.Err, syscall.EHOSTUNREACH), errors.Is(e.Err, syscall.ENETUNREACH):
		return ": its network cannot be reached from here"
	case errors.Is(e.Err, io.EOF), errors.Is(e.Err, syscall.ECONNRESET), errors.Is(e.Err, syscall.EPIPE):
		return ": it closed the connection"
	}
	return ": " + e.Err.Error()
}

// InterruptedError says that an answer broke off, so that a part of it is missing. What was asked for
// may have been done.
type InterruptedError struct {
	Server string
	Err    error // why
}

// Error implements [error].
func (e *InterruptedError) Error() string {
	reason := e.Err.Error()
	switch {
	case errors.Is(e.Err, io.ErrUnexpectedEOF), errors.Is(e.Err, io.EOF):
		reason = "it closed the connection"
	case errors.Is(e.Err, syscall.ECONNRESET):
		reason = "the connection was reset"
	}
	return "the answer of " + e.Server + " broke off: " + reason
}

// Unwrap returns why.
func (e *InterruptedError) Unwrap() error { return e.Err }

// RefusedError is an answer that says what was wrong.
type RefusedError struct {
	Status    int       // of HTTP
	Code      int       // the statusCode of the API; 0: there was none, as of a proxy in between
	Message   string    // the service's own words, its statusMessage
	Problems  []Problem // each of them, where the service tells them apart
	RequestID string    // by which the log of the service knows it
}

// Problem is one thing that was wrong with what was sent.
type Problem struct {
	Path    string `json:"path"`    // the parameter, or the attribute, such as mediaFiles[0].startTime
	Message string `json:"message"` // completes a sentence that begins with the path
}

// The statusCode of answers, as the API has them.
const (
	CodeMissing         = 1  // a required parameter or attribute is missing
	CodeInvalid         = 2  // a parameter or attribute is not valid
	CodeForbidden       = 3  // forbidden in this state
	CodeInternal        = 4  // the reason lies in the service, or behind it
	CodeRole            = 5  // the caller lacks the role
	CodeNotFound        = 6  // no such resource
	CodePartly          = 7  // partly done
	CodeUnauthenticated = 20 // not authenticated
)

// Error implements [error].
func (e *RefusedError) Error() string {
	return fmt.Sprintf("the service answered %d: %s", e.Status, e.Message)
}

// Passes reports whether trying again later may help, with nothing changed.
func (e *RefusedError) Passes() bool {
	return e.Status == http.StatusTooManyRequests || e.Status > http.StatusInternalServerError
}

// refusal is the error of an answer that is no success. What is no JSON, or has no message, was not
// sent by this service.
func refusal(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal)) // what did not arrive cannot be told

	var answer struct {
		StatusCode    int       `json:"statusCode"`
		StatusMessage string    `json:"statusMessage"`
		Problems      []Problem `json:"problems"`
	}
	e := &RefusedError{Status: resp.StatusCode, RequestID: resp.Header.Get("X-Request-Id")}

	if json.Unmarshal(bytes.TrimSpace(text), &answer) != nil || answer.StatusMessage == "" {
		e.Message = "is this the recordings service?"
		if strings.Contains(string(text), "HTTP request to an HTTPS server") {
			e.Message = "it speaks TLS; write https:// in place of http://"
		}
		return e
	}
	e.Code, e.Message, e.Problems = answer.StatusCode, answer.StatusMessage, answer.Problems
	return e
}
