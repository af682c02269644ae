// Package client speaks HTTP to the nodes of an OpenSearch cluster.
//
// A reader lacks one fact: what may be made again is decided here, and nowhere else. A request is given to
// the nodes in turn. One that cannot be reached, or does not answer a ping while it is to answer a request,
// is left alone for a while. A request that is [Request.Safe] is then made again through another node, as
// long as its context lets it; of any other, whose answer was lost, nobody knows whether it took effect,
// and the caller is told so by a [*LostError].
//
// Nothing of a request or an answer is logged, and no error has a password, a path or a query in it.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// Options say how the cluster is reached.
type Options struct {
	Addresses []string // http://host:port or https://host:port, at least one

	Username, Password string // of HTTP Basic; empty: none

	CA               string // file of the PEM certificates that nodes are trusted by; empty: those of the system
	Certificate, Key string // PEM files of the client's own certificate; empty: none

	Log zerolog.Logger
}

// Request is one request.
type Request struct {
	Method string
	Path   string // with the query
	Body   []byte // JSON, or lines of JSON
	Lines  bool   // the body is lines of JSON

	// Safe says that it may be made again when it is not known whether it took effect.
	Safe bool

	// Except is a node that is asked only if there is no other; empty: all are as good.
	Except string

	Most int64 // bytes of the answer; 0: 512 MB
}

// Answer is what a node said.
type Answer struct {
	Status int
	Body   []byte
	Node   string // the address of the node
}

// The bounds of time.
const (
	connectTimeout = time.Second

	// A node that has not answered for so long is pinged, and given up if it does not answer that, either.
	pingAfter   = time.Second
	pingTimeout = time.Second

	// A node that could not be reached is left alone for so long, at first and at most.
	minDead = 500 * time.Millisecond
	maxDead = 15 * time.Second

	// A node that had better not be asked is asked if no other answers for so long.
	exceptFor = time.Second

	// When all nodes were tried, there is a pause, at first and at most.
	minPause = 20 * time.Millisecond
	maxPause = time.Second

	// Patience is how long a request is made again and again if its context has no end.
	Patience = 30 * time.Second
)

const mostAnswer = 512 << 20

// Client is a client of a cluster. All methods may be called concurrently.
type Client struct {
	nodes    []*node
	http     *http.Client
	username string
	password string
	log      zerolog.Logger
	next     atomic.Uint32

	pingAfter, pingTimeout time.Duration
}

// node is one address.
type node struct {
	url  string
	host string // what may be logged

	mu      sync.Mutex
	dead    time.Duration // how long it was left alone last; 0: it lives
	until   time.Time
	problem error // what was wrong with it last
}

// New returns a client. It does not ask anybody yet.
func New(o Options) (*Client, error) {
	c := &Client{
		username: o.Username, password: o.Password, log: o.Log, pingAfter: pingAfter, pingTimeout: pingTimeout,
	}
	for _, address := range o.Addresses {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
			return nil, errors.New("an address is not http://host:port or https://host:port")
		}
		c.nodes = append(c.nodes, &node{url: strings.TrimSuffix(address, "/"), host: u.Host})
	}
	if len(c.nodes) == 0 {
		return nil, errors.New("there is no address")
	}

	secure, err := o.tls()
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: connectTimeout, KeepAlive: 15 * time.Second}
	c.http = &http.Client{
		// A redirect would take the password elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:         dialer.DialContext,
			TLSClientConfig:     secure,
			TLSHandshakeTimeout: 2 * connectTimeout,
			MaxIdleConnsPerHost: 64,
			IdleConnTimeout:     time.Minute,
			DisableCompression:  true,
		},
	}
	return c, nil
}

// tls is the configuration of TLS.
func (o *Options) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CA != "" {
		pem, err := os.ReadFile(o.CA)
		if err != nil {
			return nil, fmt.Errorf("reading the certificates to trust: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s has no certificate in PEM", o.CA)
		}
	}
	if o.Certificate != "" {
		own, err := tls.LoadX509KeyPair(o.Certificate, o.Key)
		if err != nil {
			return nil, fmt.Errorf("reading the client's certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{own}
	}
	return config, nil
}

// Close closes the connections that nobody uses.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Do makes a request, again where that is safe, and returns the answer, whose status is below 300. Other
// answers are a [*StatusError]. Where no node answers, the error is an [*UnreachableError], and one of a
// request that may have taken effect a [*LostError].
func (c *Client) Do(ctx context.Context, r Request) (*Answer, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, Patience, ErrPatience)
		defer cancel()
	}

	pause := minPause
	for tries := 1; ; tries++ {
		n := c.pick(r.Except)
		answer, err := c.try(ctx, n, &r)
		if err == nil {
			return answer, nil
		}
		if ctx.Err() != nil {
			return nil, c.ended(ctx, err)
		}

		var status *StatusError
		var lost *LostError
		var unreachable *UnreachableError
		switch {
		case errors.As(err, &status):
			if !status.Temporary() || !r.Safe && !status.Refused() {
				return nil, err
			}
		case errors.As(err, &lost):
			if !r.Safe {
				return nil, err
			}
		case !errors.As(err, &unreachable):
			return nil, err
		}
		if tries%len(c.nodes) > 0 && status == nil {
			continue // another node may be better
		}

		wait := pause/2 + rand.N(pause)
		pause = min(2*pause, maxPause)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, c.ended(ctx, err)
		}
	}
}

// ended is the error of a request whose time is up, or that is not wanted any more.
func (c *Client) ended(ctx context.Context, last error) error {
	var lost *LostError
	if errors.Is(context.Cause(ctx), ErrPatience) {
		var unreachable *UnreachableError
		if errors.As(last, &lost) || errors.As(last, &unreachable) {
			return &UnreachableError{Nodes: c.problems(), Lost: errors.As(last, &lost)}
		}
		return last
	}
	return fmt.Errorf("%w (%w)", context.Cause(ctx), last)
}

// pick returns the next node that is not left alone at present, or the one whose time is up first.
func (c *Client) pick(except string) *node {
	now, first := time.Now(), int(c.next.Add(1))
	var best *node
	var soonest time.Time
	for i := range c.nodes {
		n := c.nodes[(first+i)%len(c.nodes)]
		until := n.deadUntil()
		if n.url == except {
			until = now.Add(exceptFor)
		}
		if !until.After(now) {
			return n
		}
		if best == nil || until.Before(soonest) {
			best, soonest = n, until
		}
	}
	return best
}

func (n *node) deadUntil() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.until
}

// lives notes that a node has answered.
func (c *Client) lives(n *node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.dead > 0 {
		c.log.Info().Str("node", n.host).Msg("the node of the cluster answers again")
	}
	n.dead, n.until, n.problem = 0, time.Time{}, nil
}

// fails notes that a node could not be reached.
func (c *Client) fails(n *node, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	if n.dead == 0 {
		c.log.Warn().Str("node", n.host).AnErr("problem", err).Msg("a node of the cluster does not answer")
	}
	if !n.until.After(now) { // several requests may have failed at once
		n.dead = min(max(2*n.dead, minDead), maxDead)
		n.until = now.Add(n.dead)
	}
	n.problem = err
}

// try makes a request once.
func (c *Client) try(ctx context.Context, n *node, r *Request) (*Answer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go c.watch(ctx, cancel, n)

	var sent atomic.Bool
	answer, err := c.once(ctx, n, r, &sent)
	var status *StatusError
	switch {
	case err == nil, errors.As(err, &status):
		c.lives(n)
		return answer, err
	case errors.Is(err, errTooLong):
		return nil, err
	case errors.Is(context.Cause(ctx), errHangs):
		err = errHangs
	case ctx.Err() != nil: // the caller's own end says nothing of the node
		return nil, &LostError{Node: n.host, Err: context.Cause(ctx)}
	}
	c.fails(n, err)
	if !sent.Load() {
		return nil, &UnreachableError{Nodes: []error{fmt.Errorf("%s: %w", n.host, err)}}
	}
	return nil, &LostError{Node: n.host, Err: err}
}

// watch pings a node that takes long, and gives it up if it does not answer. It ends with the context.
func (c *Client) watch(ctx context.Context, giveUp context.CancelCauseFunc, n *node) {
	tick := time.NewTicker(c.pingAfter)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}

		ping, cancel := context.WithTimeout(ctx, c.pingTimeout)
		err := c.ping(ping, n)
		cancel()
		if err != nil && ctx.Err() == nil {
			giveUp(errHangs)
			return
		}
	}
}

// ping asks a node for its name.
func (c *Client) ping(ctx context.Context, n *node) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, n.url+"/", nil)
	if err != nil {
		return err
	}
	c.authorize(req)
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func (c *Client) authorize(req *http.Request) {
	if c.username != "" {
		req.SetBasicAuth(c.username, c.password)
	}
}

// once makes a request and reads the answer. It notes whether there was a connection to send it on.
func (c *Client) once(ctx context.Context, n *node, r *Request, sent *atomic.Bool) (*Answer, error) {
	req, err := http.NewRequestWithContext(traced(ctx, sent), r.Method, n.url+r.Path, bytes.NewReader(r.Body))
	if err != nil {
		return nil, errors.New("the request has no valid path")
	}
	if len(r.Body) > 0 {
		req.Header.Set("Content-Type", "application/json")
		if r.Lines {
			req.Header.Set("Content-Type", "application/x-ndjson")
		}
	}
	c.authorize(req)

	resp, err := c.http.Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer func() { _ = resp.Body.Close() }() // what went wrong, reading has told

	most := r.Most
	if most <= 0 {
		most = mostAnswer
	}
	body := bytes.NewBuffer(make([]byte, 0, min(max(resp.ContentLength, 0)+bytes.MinRead, most)))
	if _, err := body.ReadFrom(io.LimitReader(resp.Body, most+1)); err != nil {
		return nil, withoutURL(err)
	}
	if int64(body.Len()) > most {
		return nil, errTooLong
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return nil, newStatusError(n.host, resp.StatusCode, body.Bytes())
	}
	return &Answer{Status: resp.StatusCode, Body: body.Bytes(), Node: n.url}, nil
}

// problems says of every node what was wrong with it last.
func (c *Client) problems() (all []error) {
	for _, n := range c.nodes {
		n.mu.Lock()
		if n.problem != nil {
			all = append(all, fmt.Errorf("%s: %w", n.host, n.problem))
		}
		n.mu.Unlock()
	}
	return all
}
