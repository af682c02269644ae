package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"

	"github.com/go-json-experiment/json"
)

// The methods of requests.
const (
	Get    = http.MethodGet
	Post   = http.MethodPost
	Put    = http.MethodPut
	Delete = http.MethodDelete
)

// The statuses of answers, and of what is in them, that decide on what is done.
const (
	StatusMultipleChoices     = http.StatusMultipleChoices // from here on, nothing was done
	StatusForbidden           = http.StatusForbidden
	StatusNotFound            = http.StatusNotFound
	StatusRequestTimeout      = http.StatusRequestTimeout
	StatusConflict            = http.StatusConflict
	StatusTooManyRequests     = http.StatusTooManyRequests
	StatusInternalServerError = http.StatusInternalServerError
)

// StatusError is an answer of 300 or more.
type StatusError struct {
	Node   string
	Status int
	Type   string // as OpenSearch calls it, such as index_not_found_exception
	Reason string // may hold what was searched for: not to be logged
	Body   []byte // likewise
}

// newStatusError reads what the node says, if it says it as OpenSearch does.
func newStatusError(node string, status int, body []byte) *StatusError {
	e := &StatusError{Node: node, Status: status, Body: body}
	var said struct {
		Error Cause `json:"error"`
	}
	if json.Unmarshal(body, &said) == nil {
		root := said.Error.Root()
		e.Type, e.Reason = root.Type, root.Reason
	}
	return e
}

// Cause is an error as OpenSearch describes it.
type Cause struct {
	Type   string  `json:"type"`
	Reason string  `json:"reason"`
	Causes []Cause `json:"root_cause"`
	By     *Cause  `json:"caused_by"`
}

// Root is what is at the bottom of it.
func (c *Cause) Root() *Cause {
	switch {
	case len(c.Causes) > 0 && c.Causes[0].Type != "":
		return c.Causes[0].Root()
	case c.By != nil && c.By.Type != "":
		return c.By.Root()
	}
	return c
}

// Error implements [error]. It does not say the reason, which may hold what was searched for.
func (e *StatusError) Error() string {
	return fmt.Sprintf("%s answered %d %s %s", e.Node, e.Status, http.StatusText(e.Status), e.Type)
}

// Temporary reports whether the same request may succeed later.
func (e *StatusError) Temporary() bool {
	switch e.Status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return !e.DiskFull()
	}
	return false
}

// Refused reports whether the request certainly took no effect.
func (e *StatusError) Refused() bool { return e.Status == http.StatusTooManyRequests }

// DiskFull reports whether nothing can be written as the disks of nodes are full.
func (e *StatusError) DiskFull() bool { return IsDiskFull(e.Status, e.Type) }

// IsDiskFull reports whether an error of this status and type says that the disks of nodes are full.
func IsDiskFull(status int, kind string) bool {
	return kind == "cluster_block_exception" && status == http.StatusTooManyRequests
}

// UnreachableError says that no node has answered.
type UnreachableError struct {
	Nodes []error // what is wrong with which
	Lost  bool    // the request may have taken effect
}

// Error implements [error].
func (e *UnreachableError) Error() string {
	text := "no node of the cluster answers"
	for i, err := range e.Nodes {
		text += []string{": ", "; "}[min(i, 1)] + err.Error()
	}
	return text
}

// Unwrap implements the interface of [errors.Is].
func (e *UnreachableError) Unwrap() []error { return e.Nodes }

// LostError says that the answer to a request was lost: nobody knows whether it took effect.
type LostError struct {
	Node string
	Err  error
}

// Error implements [error].
func (e *LostError) Error() string {
	return fmt.Sprintf("the answer of %s was lost: %v", e.Node, e.Err)
}

// Unwrap implements the interface of [errors.Is].
func (e *LostError) Unwrap() error { return e.Err }

var (
	errHangs   = errors.New("it does not answer a ping")
	errTooLong = errors.New("the answer is longer than wanted")
)

// ErrPatience is the cause with which the context of a request ends that has no end of its own.
var ErrPatience = errors.New("the cluster did not answer in time")

// IsTooLong reports whether an answer was longer than [Request.Most].
func IsTooLong(err error) bool { return errors.Is(err, errTooLong) }

// withoutURL leaves out of an error what was asked for.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// traced is a context of a request that notes when it has got a connection.
func traced(ctx context.Context, sent *atomic.Bool) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
	})
}

// Problem says of every node that could not be reached what was wrong with it last.
func (c *Client) Problem() error { return &UnreachableError{Nodes: c.problems()} }
