// Package webdav is the driver for media on WebDAV servers.
//
// Media is read with net/http alone, because ranges, validators and sizes are all in headers that
// gowebdav does not show. PROPFIND and DELETE go through gowebdav, over a transport that binds them
// to the caller's context and to the configured origin, and that lets gowebdav see only answers
// which it understands.
package webdav

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/studio-b12/gowebdav"

	"recordings/blob/internal/address"
	"recordings/blob/internal/driver"
	"recordings/blob/internal/wire"
)

// origin implements driver.Place. Its keys are whole paths, unescaped, below the prefix of the
// origin.
type origin struct {
	address.Address // Path is the prefix
	username        string
	password        string
	wire            *wire.Transport
}

// do sends a request to the origin, whatever host the request names, and signs it.
func (o *origin) do(req *http.Request) (*http.Response, error) {
	u := *req.URL
	u.Scheme, u.Host = o.Scheme, o.Authority()
	req = req.Clone(req.Context())
	req.URL, req.Host = &u, ""
	if o.username != "" {
		req.SetBasicAuth(o.username, o.password)
	}

	resp, err := o.wire.RoundTrip(req)
	return resp, o.fail(req.Context(), err)
}

// fail names the origin in an error.
func (o *origin) fail(ctx context.Context, err error) error {
	return driver.At("WebDAV origin "+o.Origin(), driver.Classify(ctx, err))
}

// request sends a request for an object and returns the answer if it means success.
func (o *origin) request(ctx context.Context, method, key string, header http.Header) (*http.Response, error) {
	target := o.Address
	target.Path = key
	req := (&http.Request{Method: method, URL: target.URL(), Header: header}).WithContext(ctx)
	resp, err := o.do(req)
	if err != nil {
		return nil, err
	}

	if resp.StatusCode >= 400 {
		resp.Body.Close()
		return nil, o.fail(ctx, driver.StatusError(resp.StatusCode))
	}
	return resp, nil
}

// Stat implements [driver.Place].
func (o *origin) Stat(ctx context.Context, key string) (driver.Info, error) {
	// What a cache between here and the storage remembers is of no use, least of all after a
	// DELETE.
	resp, err := o.request(ctx, http.MethodHead, key, http.Header{"Cache-Control": {"no-cache"}})
	if err == nil {
		resp.Body.Close()
		if i := info(resp); i.Size >= 0 {
			return i, nil
		}
	} else if !unknownMethod(err) {
		return driver.Info{}, err
	}

	// Apache leaves the Content-Length of an empty file out of the answer to HEAD, and only there;
	// others know no HEAD.
	body, err := o.Get(ctx, key, driver.Whole, driver.Info{})
	if err != nil {
		return driver.Info{}, err
	}

	return body.Info, body.Close()
}

// unknownMethod reports whether the server does not know the method.
func unknownMethod(err error) bool {
	var e *driver.Error
	return errors.As(err, &e) && (e.Status == http.StatusMethodNotAllowed || e.Status == http.StatusNotImplemented)
}

// Get implements [driver.Place].
func (o *origin) Get(ctx context.Context, key string, r driver.Range, only driver.Info) (*driver.Body, error) {
	header := http.Header{}
	if h := r.Header(); h != "" {
		header.Set("Range", h)
	}

	if tag := only.StrongETag(); tag != "" {
		header.Set("If-Match", tag)
	}

	resp, err := o.request(ctx, http.MethodGet, key, header)
	if err != nil {
		return nil, err
	}

	body := &driver.Body{
		ReadCloser: resp.Body, Info: info(resp), End: resp.ContentLength, Framed: wire.Framed(resp),
	}
	if resp.StatusCode == http.StatusPartialContent {
		cr, err := driver.ParseContentRange(resp.Header.Get("Content-Range"))
		if err != nil {
			resp.Body.Close()
			return nil, o.fail(ctx, err)
		}
		body.Start, body.End, body.Info.Size = cr.Start, cr.End, cr.Size
	}

	return body, nil
}

// info reads the headers of an answer.
func info(resp *http.Response) driver.Info {
	i := driver.Info{Size: resp.ContentLength, ETag: driver.ValidETag(resp.Header.Get("ETag"))}
	if t, err := http.ParseTime(resp.Header.Get("Last-Modified")); err == nil {
		i.ModTime = t
	}
	return i
}

// Delete deletes a file. A DELETE of a collection takes everything in it along, so the server is
// first asked what the object is. Of one that does not know the question, what has a length is a
// file (no key ends in a slash); if not even that is told, nothing is deleted.
func (o *origin) Delete(ctx context.Context, key string) error {
	isDir, err := o.isCollection(ctx, key)
	if unknownMethod(err) {
		isDir, err = false, o.hasLength(ctx, key)
	}

	switch {
	case errors.Is(err, driver.ErrNotFound):
		return o.gone(ctx, key)
	case err != nil:
		return fmt.Errorf("asking what the object is before it is deleted: %w", err)
	case isDir:
		return o.fail(ctx, driver.Newf(driver.ErrInvalid, "the object is a collection, and only files are deleted"))
	}

	c := &call{origin: o, ctx: ctx}
	err = c.result(c.client().Remove(key))
	if errors.Is(err, driver.ErrNotFound) {
		return o.gone(ctx, key)
	}

	return err
}

// gone returns ErrNotFound if a plain HEAD says so as well: a server without WebDAV may answer 404
// to every PROPFIND.
func (o *origin) gone(ctx context.Context, key string) error {
	_, err := o.Stat(ctx, key)
	if err == nil {
		return o.fail(ctx, driver.Newf(driver.ErrRefused, "the object is there for HEAD, but not for WebDAV's methods"))
	}
	return err
}

// hasLength returns nil if a HEAD of the object tells its length, as it does of files.
func (o *origin) hasLength(ctx context.Context, key string) error {
	resp, err := o.request(ctx, http.MethodHead, key, http.Header{"Cache-Control": {"no-cache"}})
	if err != nil {
		return err
	}

	resp.Body.Close()
	if resp.ContentLength < 0 {
		return o.fail(ctx, driver.Newf(driver.ErrRefused,
			"the server knows no PROPFIND, and HEAD tells no length: the object may be a collection"))
	}
	return nil
}

func (o *origin) isCollection(ctx context.Context, key string) (bool, error) {
	c := &call{origin: o, ctx: ctx}
	fi, err := c.client().Stat(key)
	if err := c.result(err); err != nil {
		return false, err
	}

	if f, ok := fi.(*gowebdav.File); !ok || f == nil {
		return false, o.fail(ctx, driver.Newf(driver.ErrRefused, "PROPFIND tells no properties"))
	}
	return fi.IsDir(), nil
}

// call is one use of gowebdav: an http.RoundTripper that keeps what really happened, which gowebdav
// partly hides.
type call struct {
	origin *origin
	ctx    context.Context
	err    error // nil if the last answer meant success
}

// client is a gowebdav client whose host is replaced by that of the origin when the request is
// sent.
func (c *call) client() *gowebdav.Client {
	client := gowebdav.NewAuthClient("http://origin", gowebdav.NewPreemptiveAuth(noAuth{}))
	client.SetTransport(c)
	return client
}

// result prefers what was seen on the wire to what gowebdav says about it.
func (c *call) result(err error) error {
	if c.err != nil {
		return c.err
	}
	if err != nil {
		return c.origin.fail(c.ctx, driver.Newf(driver.ErrRefused, "not an answer of a WebDAV server"))
	}
	return nil
}

// RoundTrip implements http.RoundTripper.
func (c *call) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.origin.do(req.WithContext(c.ctx))
	if err == nil && resp.StatusCode >= 400 {
		c.err = c.origin.fail(c.ctx, driver.StatusError(resp.StatusCode))
		return resp, nil
	}
	if err == nil && resp.StatusCode == http.StatusMultiStatus {
		err = c.origin.fail(c.ctx, complete(resp))
	}

	c.err = err
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// complete reads the XML of an answer to its end: gowebdav takes what it can parse for all there
// is. What the decoder says about it is left out: it repeats what the server sent.
func complete(resp *http.Response) error {
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}

	resp.Body = io.NopCloser(bytes.NewReader(data))
	for d := xml.NewDecoder(bytes.NewReader(data)); ; {
		_, err := d.Token() // fails at the end of input while an element is open
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return driver.Newf(driver.ErrRefused, "the answer to PROPFIND is not well-formed XML, or not complete")
		}
	}
}

// noAuth keeps gowebdav from authenticating: the origin does.
type noAuth struct{}

// Authorize implements [gowebdav.Authenticator].
func (noAuth) Authorize(*http.Client, *http.Request, string) error { return nil }

// Verify implements [gowebdav.Authenticator].
func (noAuth) Verify(*http.Client, *http.Response, string) (redo bool, _ error) { return false, nil }

// Clone implements [gowebdav.Authenticator].
func (noAuth) Clone() gowebdav.Authenticator { return noAuth{} }

// Close implements [gowebdav.Authenticator].
func (noAuth) Close() error { return nil }
