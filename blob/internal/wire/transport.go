// Package wire is the HTTP underneath the storage drivers: a transport that a hostile or broken
// storage server cannot lead astray. It contacts nobody but the configured host, follows no
// redirect, uses no proxy, decodes nothing, lets no answer through that was not asked for, and
// gives up when nothing comes.
//
// The checks sit in the [http.RoundTripper], because that is the one place where both client
// libraries (gowebdav, the AWS SDK) can be kept from doing what they do by themselves.
package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"recordings/blob/internal/driver"
)

// Timeouts bound how long a storage may be silent. All are required.
type Timeouts struct {
	Connect time.Duration // to connect; the TLS handshake has as long again
	Answer  time.Duration // from the request to the end of the answer's header
	Stall   time.Duration // until the next bytes of a body; also for the whole body of an answer that is no media
}

// Options are those of a transport to one host.
type Options struct {
	Host     string        // a name or address, without port: the only one that may be contacted
	Resolver *net.Resolver // nil: the system's
	Timeouts Timeouts
	Observe  func(http.RoundTripper) http.RoundTripper // sees what really goes over the wire; may be nil

	// Redirected says what a redirect, which is never followed, tells about the configuration; may be nil.
	Redirected func(http.Header) string
}

// maxIdle is how many connections to a storage are kept for the next requests.
const maxIdle = 64

// maxTrouble is how much of an answer that is no media is read, in bytes.
const maxTrouble = 64 << 10

// Transport is the http.RoundTripper to one host.
type Transport struct {
	base  *http.Transport
	next  http.RoundTripper // base, observed
	stall time.Duration

	redirected func(http.Header) string
}

// New makes a transport. It opens no connection yet.
func New(o Options) *Transport {
	dialer := &net.Dialer{
		Timeout:        o.Timeouts.Connect,
		KeepAlive:      30 * time.Second,
		Resolver:       o.Resolver,
		ControlContext: newGuard(o.Host).control,
	}

	t := &Transport{stall: o.Timeouts.Stall, redirected: o.Redirected, base: &http.Transport{
		Proxy:                  nil,
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    o.Timeouts.Connect,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		ResponseHeaderTimeout:  o.Timeouts.Answer,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        90 * time.Second,
	}}

	t.next = t.base
	if o.Observe != nil {
		t.next = o.Observe(t.base)
	}

	return t
}

// Close closes the connections that nothing uses.
func (t *Transport) Close() { t.base.CloseIdleConnections() }

// RoundTrip sends the request and judges the answer. The body that it returns must be closed, and
// ends with an error when nothing comes for too long.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	req = req.Clone(ctx)
	req.Header.Set("Accept-Encoding", "identity")
	// Not sent: it tells net/http that DELETE and PROPFIND, too, may be sent again if a kept
	// connection was just being closed.
	req.Header["Idempotency-Key"] = []string{}
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		cancel(nil)
		return nil, err
	}

	resp.Body = newBody(resp.Body, ctx, cancel, t.stall, isMedia(req, resp))
	if err := t.judge(req, resp); err != nil {
		resp.Body.Close()
		return nil, err
	}

	return resp, nil
}

// isMedia reports whether the body may be as long as it likes.
func isMedia(req *http.Request, resp *http.Response) bool {
	return req.Method == http.MethodGet && resp.StatusCode < 300
}

// good says which answers mean success; all other statuses below 400 are refused. 202 to a DELETE
// is only a promise, and 207 to a DELETE says that something was not deleted.
var good = map[string][]int{
	http.MethodGet:    {http.StatusOK, http.StatusPartialContent},
	http.MethodHead:   {http.StatusOK},
	http.MethodDelete: {http.StatusOK, http.StatusNoContent},
	"PROPFIND":        {http.StatusMultiStatus},
}

// judge refuses answers that the client libraries would misunderstand.
func (t *Transport) judge(req *http.Request, resp *http.Response) error {
	status := resp.StatusCode
	if status >= 400 {
		return nil // every driver knows these
	}
	if status >= 300 {
		why := "redirects are not followed"
		if t.redirected != nil {
			why += t.redirected(resp.Header)
		}
		return &driver.Error{Kind: driver.ErrRefused, Status: status, Err: errors.New(why)}
	}
	if !slices.Contains(good[req.Method], status) {
		return &driver.Error{Kind: driver.ErrRefused, Status: status, Err: errors.New("not an answer to " + req.Method)}
	}
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		return nil
	}

	if err := plain(resp); err != nil {
		return err
	}
	if err := notPage(req, resp); err != nil {
		return err
	}

	return rightRange(req, resp)
}

// plain refuses encoded bodies. Nobody asked for one, and the offsets of ranges would be those of
// other bytes.
func plain(resp *http.Response) error {
	switch enc := resp.Header.Get("Content-Encoding"); enc {
	case "", "identity", "aws-chunked": // some S3 servers keep the latter from the upload: it means nothing here
		return nil
	default:
		return driver.Newf(driver.ErrRefused, "the answer has Content-Encoding %.40q, which was not asked for", enc)
	}
}

// pages are the types of what people look at, and what of a collection some servers show, by the
// extensions of files that are rightly of such a type.
var pages = map[string][]string{
	"text/html":             {".html", ".htm", ".xhtml"},
	"application/xhtml+xml": {".xhtml", ".xht", ".html", ".htm"},
	"httpd/unix-directory":  {},
}

// notPage refuses a page in place of media: a form to sign in, an error with status 200, or what a
// collection holds.
func notPage(req *http.Request, resp *http.Response) error {
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	extensions, ok := pages[mediaType]
	if !ok || slices.Contains(extensions, strings.ToLower(path.Ext(req.URL.Path))) {
		return nil
	}
	return driver.Newf(driver.ErrRefused, "the answer is of type %s, which is a page or a collection and no media",
		mediaType)
}

// Framed reports whether the end of a body can be told from a connection that broke. That of one
// that lasts as long as its connection cannot.
func Framed(resp *http.Response) bool {
	return resp.ContentLength >= 0 || slices.Contains(resp.TransferEncoding, "chunked")
}

// rightRange makes sure that a partial answer is the part that was asked for.
func rightRange(req *http.Request, resp *http.Response) error {
	if resp.StatusCode != http.StatusPartialContent {
		return nil
	}

	asked := req.Header.Get("Range")
	if len(asked) < len("bytes=") {
		return &driver.Error{Kind: driver.ErrRefused, Status: resp.StatusCode,
			Err: errors.New("no range was asked for")}
	}

	r, ok := driver.ParseRange(asked[len("bytes="):])
	got, err := driver.ParseContentRange(resp.Header.Get("Content-Range"))
	if err != nil {
		return err
	}
	if !ok || !got.Answers(r) {
		return driver.Newf(driver.ErrRefused, "asked for %s, the answer has bytes %d-%d", asked, got.Start, got.End-1)
	}

	if n := resp.ContentLength; n >= 0 && n != got.End-got.Start {
		return driver.Newf(driver.ErrRefused, "the answer has %d bytes for the range %d-%d", n, got.Start, got.End-1)
	}

	return nil
}

// errStalled cancels a request whose body does not come.
var errStalled = errors.New("nothing came for too long")

// body ends with an error when nothing comes for too long. While nobody reads, no time runs: a
// listener who pauses is no storage that stalls. The body of an answer that is no media is cut, and
// has the time of one stall altogether.
type body struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	stall  time.Duration
	media  bool
	left   int64 // how much may be read yet, unless it is media
}

func newBody(rc io.ReadCloser, ctx context.Context, cancel context.CancelCauseFunc, stall time.Duration,
	media bool) *body {

	b := &body{ReadCloser: rc, ctx: ctx, cancel: cancel, stall: stall, media: media, left: maxTrouble}
	b.timer = time.AfterFunc(stall, func() { cancel(errStalled) })
	if media {
		b.timer.Stop()
	}
	return b
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	if b.media {
		b.timer.Reset(b.stall)
		defer b.timer.Stop()
	} else {
		if b.left == 0 {
			return 0, io.EOF
		}
		p = p[:min(int64(len(p)), b.left)]
	}

	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case context.Cause(b.ctx) == errStalled:
		return n, &driver.Error{Kind: driver.ErrTimeout, Err: errStalled}
	}

	return n, driver.Classify(b.ctx, err)
}

// Close implements [io.Closer].
func (b *body) Close() error {
	b.timer.Stop()
	b.cancel(nil)
	return b.ReadCloser.Close()
}
