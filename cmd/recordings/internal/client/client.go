// Package client calls the API of a running service for the commands.
//
// A request that the service refuses is an error with the service's own words, a [*RefusedError]:
// the service says what was wrong better than a client can. No redirect is followed, as the service
// sends none: the credentials go to the server that was named, and to no other.
package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jdx/go-netrc"
)

// DefaultServer is where a service on this machine is reached.
const DefaultServer = "http://127.0.0.1:8080"

// maxAnswer bounds an answer of the service, in bytes: a page of results has a hundred recordings.
const maxAnswer = 256 << 20

// handshakeTimeout is how long connecting by TLS may take.
const handshakeTimeout = 10 * time.Second

// Client calls the API of one service as one user. It may be used concurrently.
type Client struct {
	server         *url.URL
	user, password string
	http           *http.Client
}

// SetupError says that no client can be made out of what the user has given.
type SetupError struct{ Message string }

// Error implements [error].
func (e *SetupError) Error() string { return e.Message }

// RefusedError is an answer other than 200.
type RefusedError struct {
	Status  int    // of HTTP
	Message string // the service's own, its statusMessage
}

// Error implements [error].
func (e *RefusedError) Error() string {
	return fmt.Sprintf("the service answered %d: %s", e.Status, e.Message)
}

// New makes a client of the service at a URL. The user is that of the environment variables
// RECORDINGS_USER and RECORDINGS_PASSWORD, or the one of the service's host in the netrc file
// (~/.netrc, or the file that NETRC names). Nothing is sent yet.
func New(server string, getenv func(name string) string) (*Client, error) {
	u, err := url.Parse(strings.TrimRight(server, "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, &SetupError{"--server is not the URL of a service, such as " + DefaultServer}
	}

	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: handshakeTimeout}
	c := &Client{server: u, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}

	if c.user, c.password = getenv("RECORDINGS_USER"), getenv("RECORDINGS_PASSWORD"); c.user != "" {
		return c, nil
	}

	return c, c.readNetrc(getenv)
}

// readNetrc takes the user of the host from the netrc file, as curl does.
func (c *Client) readNetrc(getenv func(string) string) error {
	file := getenv("NETRC")
	if file == "" {
		file = filepath.Join(getenv("HOME"), ".netrc")
	}

	host := c.server.Hostname()

	n, err := netrc.Parse(file)
	if errors.Is(err, os.ErrNotExist) {
		return &SetupError{fmt.Sprintf(
			"no user: set RECORDINGS_USER and RECORDINGS_PASSWORD, or name %s in a netrc file", host)}
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}

	m := n.Machine(host)
	if m == nil {
		return &SetupError{fmt.Sprintf(
			"%s does not name %s; set RECORDINGS_USER and RECORDINGS_PASSWORD instead, or add it", file, host)}
	}

	c.user, c.password = m.Get("login"), m.Get("password")
	return nil
}

// Server is the URL of the service.
func (c *Client) Server() string { return c.server.String() }

// Close closes the connections that are kept for the next call.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Call sends a request without a body to a path, which is escaped already, and decodes the answer.
func (c *Client) Call(ctx context.Context, method, path string, query url.Values, answer any) error {
	return c.exchange(ctx, method, path, query, nil, "", answer)
}

// Post sends a POST with a JSON body to a path, and decodes the answer.
func (c *Client) Post(ctx context.Context, path string, body, answer any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("calling the service: %w", err)
	}
	return c.exchange(ctx, http.MethodPost, path, nil, bytes.NewReader(data), "application/json", answer)
}

// Open sends a GET and returns the body of the answer, which the caller closes.
func (c *Client) Open(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	return c.send(ctx, http.MethodGet, path, query, nil, "")
}

// Stream sends a POST whose body is NDJSON, and returns the body of the answer, which the caller
// closes. The service answers while it reads.
func (c *Client) Stream(ctx context.Context, path string, query url.Values, lines io.Reader) (io.ReadCloser, error) {
	return c.send(ctx, http.MethodPost, path, query, lines, "application/x-ndjson")
}

// exchange sends a request and decodes the whole answer.
func (c *Client) exchange(ctx context.Context, method, path string, query url.Values,
	body io.Reader, contentType string, answer any) error {

	got, err := c.send(ctx, method, path, query, body, contentType)
	if err != nil {
		return err
	}
	defer got.Close()

	text, err := io.ReadAll(io.LimitReader(got, maxAnswer))
	if err != nil {
		return fmt.Errorf("reading the answer of the service: %w", err)
	}

	if err := json.Unmarshal(bytes.TrimSpace(text), answer); err != nil {
		return fmt.Errorf("understanding the answer of the service: %w", err)
	}

	return nil
}

// send sends a request and returns the body of an answer with the status 200.
func (c *Client) send(ctx context.Context, method, path string, query url.Values,
	body io.Reader, contentType string) (io.ReadCloser, error) {

	target := c.server.String() + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}

	r, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, fmt.Errorf("calling the service: %w", err)
	}

	r.SetBasicAuth(c.user, c.password)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}

	resp, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("calling the service: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	return nil, refusal(resp)
}

// maxRefusal bounds an answer that only says what was wrong, in bytes.
const maxRefusal = 1 << 20

// refusal is the error of an answer other than 200. What is no JSON, or has no message, was not sent
// by this service.
func refusal(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal)) // what did not arrive cannot be told

	var answer struct {
		StatusMessage string `json:"statusMessage"`
	}

	if json.Unmarshal(bytes.TrimSpace(text), &answer) != nil || answer.StatusMessage == "" {
		answer.StatusMessage = "is this the recordings service?"
	}
	return &RefusedError{Status: resp.StatusCode, Message: answer.StatusMessage}
}
