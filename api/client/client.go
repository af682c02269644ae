// Package client calls the API of a running service.
//
// A [Client] is one user at one service. A [Center] is a contact center as that user sees it, and has
// what there is to do with recordings: search them page by page or all of them, count them over time,
// complete what is typed, read, post, export, play and delete them. What has no method here is reached by
// [Client.Call] and its siblings.
//
// The one fact that a reader lacks: credentials go to the server that was named, and to no other. No
// redirect is followed, as the service sends none; and of the URIs in answers (nextUri, mediaUri), which
// may name the service as others reach it, only path and query are used.
//
// What the service refuses is a [*RefusedError] with the service's own words, which say what was wrong
// better than a client can. Where no service answers, it is an [*UnreachableError]; where one stopped
// in the middle of an answer, an [*InterruptedError].
package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/mapping"
)

// DefaultServer is where a service on this machine is reached.
const DefaultServer = "http://127.0.0.1:8080"

const (
	// maxAnswer bounds an answer that is read as a whole, in bytes: a page has a hundred recordings.
	maxAnswer = 256 << 20

	// maxRefusal bounds an answer that only says what was wrong, in bytes.
	maxRefusal = 1 << 20

	// connectTimeout is how long connecting may take, and again the handshake of TLS.
	connectTimeout = 10 * time.Second
)

// Options say who calls.
type Options struct {
	User, Password string
	Token          string // of a machine, or of an identity provider; it goes before User and Password

	// Transport sends the requests; nil: one of the client's own, which [Client.Close] ends.
	Transport http.RoundTripper
}

// Client calls the API of one service as one user. It may be used concurrently.
type Client struct {
	server  *url.URL
	options Options
	http    *http.Client
	own     *http.Transport // nil: the caller's own is used
}

// New returns a client of the service at a URL, such as https://recordings.example.com; of host:port
// alone, http is assumed. Nothing is sent yet. The error is a [*ServerError].
func New(server string, o Options) (*Client, error) {
	u, err := parseServer(server)
	if err != nil {
		return nil, err
	}

	c := &Client{server: u, options: o}
	if o.Transport == nil {
		c.own = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: connectTimeout}).DialContext,
			TLSHandshakeTimeout: connectTimeout,
			ForceAttemptHTTP2:   true, // for a proxy in front of the service
		}
		o.Transport = c.own
	}
	c.http = &http.Client{
		Transport:     o.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// parseServer reads the URL of a service.
func parseServer(server string) (*url.URL, error) {
	text := server
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}

	u, err := url.Parse(strings.TrimRight(text, "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, &ServerError{Server: server}
	}
	return u, nil
}

// Server is the URL of the service.
func (c *Client) Server() string { return c.server.String() }

// Close closes the connections that are kept for the next call.
func (c *Client) Close() {
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
}

// User is who calls, as the service knows them.
type User struct {
	UserName       string   `json:"userName"`
	Role           string   `json:"role"`                    // admin, ops, recorder or auditor
	ContactCenter  string   `json:"contactCenter,omitzero"`  // if they are bound to one only
	ContactCenters []string `json:"contactCenters,omitzero"` // if they are bound to several
	AccessGroups   []string `json:"accessGroups,omitzero"`   // of a team
	Region         string   `json:"region"`                  // of the server
}

// Me asks the service who calls.
func (c *Client) Me(ctx context.Context) (*User, error) {
	var answer struct {
		User User `json:"user"`
	}
	if err := c.Call(ctx, http.MethodGet, "/api/v2/me", nil, &answer); err != nil {
		return nil, err
	}
	return &answer.User, nil
}

// Caller is somebody who may call the service.
type Caller struct {
	UserName       string       `json:"userName"`
	Kind           string       `json:"kind"`                    // password, token or provider: how they sign in
	Role           string       `json:"role"`                    // admin, ops, recorder or auditor
	ContactCenters []string     `json:"contactCenters,omitzero"` // none: all
	AccessGroups   []string     `json:"accessGroups,omitzero"`   // of a team
	Expires        string       `json:"expires,omitzero"`        // the last day on which a token is good, in UTC
	Expired        bool         `json:"expired,omitzero"`        // that day is over
	LastSeen       mapping.Time `json:"lastSeen,omitzero"`       // zero: not known
}

// Users asks who may call the service, by their names, and when it was started, since when it knows who of them
// has called. Only operations who are bound to no contact center may.
func (c *Client) Users(ctx context.Context) (all []Caller, since mapping.Time, err error) {
	var answer struct {
		Since mapping.Time `json:"since"`
		Users []Caller     `json:"users"`
	}
	err = c.Call(ctx, http.MethodGet, "/api/v2/ops/users", nil, &answer)
	return answer.Users, answer.Since, err
}

// Call sends a request without a body to a path, which is escaped already, and decodes the answer.
func (c *Client) Call(ctx context.Context, method, path string, query url.Values, answer any) error {
	return c.exchange(ctx, &request{method: method, path: path, query: query}, answer)
}

// Post sends a POST with a JSON body to a path, and decodes the answer.
func (c *Client) Post(ctx context.Context, path string, body, answer any) error {
	r, err := posting(path, body)
	if err != nil {
		return err
	}
	return c.exchange(ctx, r, answer)
}

// Open sends a GET and returns the body of the answer, which the caller closes.
func (c *Client) Open(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	resp, err := c.send(ctx, &request{method: http.MethodGet, path: path, query: query})
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// request is what is sent.
type request struct {
	method, path string // the path is escaped already
	query        url.Values
	header       http.Header
	body         io.Reader
}

// posting is a POST with a JSON body.
func posting(path string, body any) (*request, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encoding what is posted: %w", err)
	}

	header := http.Header{"Content-Type": {"application/json"}}
	return &request{method: http.MethodPost, path: path, header: header, body: bytes.NewReader(data)}, nil
}

// exchange sends a request and decodes the whole answer.
func (c *Client) exchange(ctx context.Context, r *request, answer any) error {
	resp, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()

	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return c.interrupted(ctx, err)
	}
	if err := json.Unmarshal(bytes.TrimSpace(text), answer); err != nil {
		return fmt.Errorf("%s has answered what is not understood; is it the recordings service? %w", c.Server(), err)
	}
	return nil
}

// send sends a request, and returns an answer with the status 200, 201 or 206.
func (c *Client) send(ctx context.Context, r *request) (*http.Response, error) {
	target := c.server.String() + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}

	req, err := http.NewRequestWithContext(ctx, r.method, target, r.body)
	if err != nil {
		return nil, fmt.Errorf("the path %q cannot be asked for: %w", r.path, err)
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	if c.options.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.options.Token)
	} else if c.options.User != "" {
		req.SetBasicAuth(c.options.User, c.options.Password)
	}

	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}

	switch resp.StatusCode {
	case http.StatusOK, http.StatusCreated, http.StatusPartialContent:
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, refusal(resp)
}

// unreachable is the error of a request that got no answer.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}

	// The library puts the method and the URL in front, which are of no help to who sees them.
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return &UnreachableError{Server: c.Server(), Err: err}
}

// interrupted is the error of an answer that broke off.
func (c *Client) interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &InterruptedError{Server: c.Server(), Err: err}
}
