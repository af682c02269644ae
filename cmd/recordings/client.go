package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
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

// defaultServer is where a service on this machine is reached.
const defaultServer = "http://127.0.0.1:8080"

// maxAnswer bounds an answer of the service, in bytes: a page of results has a hundred resources.
const maxAnswer = 256 << 20

// client calls the API of a running service.
type client struct {
	server         *url.URL
	user, password string
	http           *http.Client
}

// clientFlags declares the flags of commands that call a service, and returns how to make their client.
func (p *program) clientFlags(flags *flag.FlagSet) func() (*client, error) {
	server := flags.String("server", defaultServer, "the `URL` of the service")
	return func() (*client, error) { return p.newClient(*server) }
}

const clientHelp = `The user is that of the environment variables RECORDINGS_USER and RECORDINGS_PASSWORD, or the one of the service's host in the
netrc file (~/.netrc, or what NETRC names).`

func (p *program) newClient(server string) (*client, error) {
	u, err := url.Parse(strings.TrimRight(server, "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, usage("--server is not the URL of a service, such as %s", defaultServer)
	}
	c := &client{server: u, http: &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // it has none
	}}
	if c.user, c.password = p.getenv("RECORDINGS_USER"), p.getenv("RECORDINGS_PASSWORD"); c.user != "" {
		return c, nil
	}
	return c, c.readNetrc(p)
}

func (c *client) readNetrc(p *program) error {
	file := p.getenv("NETRC")
	if file == "" {
		file = filepath.Join(p.getenv("HOME"), ".netrc")
	}
	n, err := netrc.Parse(file)
	if errors.Is(err, os.ErrNotExist) {
		return usage("no user: set RECORDINGS_USER and RECORDINGS_PASSWORD, or name %s in a netrc file", c.server.Hostname())
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	m := n.Machine(c.server.Hostname())
	if m == nil {
		return usage("%s does not name %s; set RECORDINGS_USER and RECORDINGS_PASSWORD instead, or add it", file, c.server.Hostname())
	}
	c.user, c.password = m.Get("login"), m.Get("password")
	return nil
}

// getenv is the value of an environment variable, the last one if it is there twice.
func (p *program) getenv(name string) (value string) {
	for _, v := range p.environ {
		if n, x, ok := strings.Cut(v, "="); ok && n == name {
			value = x
		}
	}
	return value
}

// call sends a request without a body to a path, which is escaped already, and decodes the answer. What the service refused is
// an error with its message.
func (c *client) call(ctx context.Context, method, path string, query url.Values, answer any) error {
	target := c.server.String() + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, target, nil)
	if err != nil {
		return fmt.Errorf("calling the service: %w", err)
	}
	return c.send(r, answer)
}

// open sends a GET and returns the body of the answer, which the caller closes.
func (c *client) open(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.server.String()+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("calling the service: %w", err)
	}
	r.SetBasicAuth(c.user, c.password)
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("calling the service: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("reading the answer of the service: %w", err)
	}
	return nil, refusal(resp.StatusCode, body)
}

// post sends a POST with a JSON body to a path, and decodes the answer as call does.
func (c *client) post(ctx context.Context, path string, body, answer any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("calling the service: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.server.String()+path, bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("calling the service: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	return c.send(r, answer)
}

func (c *client) send(r *http.Request, answer any) error {
	r.SetBasicAuth(c.user, c.password)
	resp, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("calling the service: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("reading the answer of the service: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return refusal(resp.StatusCode, body)
	}
	if err := json.Unmarshal(bytes.TrimSpace(body), answer); err != nil {
		return fmt.Errorf("understanding the answer of the service: %w", err)
	}
	return nil
}

func refusal(status int, body []byte) error {
	var answer struct {
		StatusMessage string `json:"statusMessage"`
	}
	if json.Unmarshal(bytes.TrimSpace(body), &answer) != nil || answer.StatusMessage == "" {
		answer.StatusMessage = "is this the recordings service?"
	}
	return fmt.Errorf("the service answered %d: %s", status, answer.StatusMessage)
}

func (c *client) close() { c.http.CloseIdleConnections() }
