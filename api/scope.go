package api

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"recordings/api/auth"
	"recordings/index"
	"recordings/mapping"
)

// scope says whose recordings a request is about, and where its client finds them.
type scope struct {
	region         string
	contactCenters []string // those that exist; empty: any
	named          []string // by the configuration: see namedContactCenters
	publicURL      *url.URL // nil: taken from the request

	// later: clients of services after that of 2013 are served, too. They ask with parameters that
	// these ignore, read paths beside the URIs, and wait for a cookie.
	later bool
}

// roots are what the paths of the service begin with, and names are paths of their own.
var (
	roots = []string{"api/v2/", "internal-api/", "assets/"}
	names = []string{"", "metrics", "healthz", "readyz"}
)

// address makes a request one for the paths of the router: without that of the public URL in front
// of it, which a proxy may have left there, and without what later services ignore. A path that only
// happens to begin like that of the public URL, such as /api, stays.
func (s *scope) address(r *http.Request) {
	u := *r.URL
	if s.publicURL != nil {
		below := strings.TrimRight(s.publicURL.EscapedPath(), "/") + "/"
		rest, ok := strings.CutPrefix(u.EscapedPath(), below)
		begins := func(root string) bool { return strings.HasPrefix(rest, root) }
		path, err := url.PathUnescape("/" + rest)
		if ok && err == nil && (slices.Contains(names, rest) || slices.ContainsFunc(roots, begins)) {
			u.Path, u.RawPath = path, "/"+rest
		}
	}

	if s.later && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		u.RawQuery = withoutIgnored(u.RawQuery)
	}
	r.URL = &u
}

// contactCenter is whose recordings a request is about: for an administrator their own, for
// operations the one in the path.
func (s *scope) contactCenter(r *http.Request) (string, error) {
	if user := infoOf(r).user; user.Role == auth.RoleAdmin {
		return user.ContactCenter, nil
	}

	id, err := pathValue(r, "ccid")
	if err != nil {
		return "", err
	}
	exists := len(s.contactCenters) == 0 || slices.Contains(s.contactCenters, id)
	if !exists || !auth.ValidContactCenter(id) {
		return "", errNoContactCenter
	}
	return id, nil
}

// postedContactCenter is the one to post to: what cannot be its id is refused as such, rather than
// not found.
func (s *scope) postedContactCenter(r *http.Request) (string, error) {
	if id, err := pathValue(r, "ccid"); err == nil && !auth.ValidContactCenter(id) {
		message := "is not " + auth.ContactCenterForm
		return "", mapping.Problems{{Path: "the contact center of the path", Message: message}}
	}
	return s.contactCenter(r)
}

// key is the address of one recording, or of one orphaned media file.
type key struct{ contactCenter, id string }

// key reads which recording, or orphaned media file, a request is about.
func (s *scope) key(r *http.Request) (k key, err error) {
	if k.contactCenter, err = s.contactCenter(r); err != nil {
		return k, err
	}
	if k.id, err = pathValue(r, "id"); err != nil {
		return k, err
	}
	if !utf8.ValidString(k.id) || strings.ContainsRune(k.id, 0) { // no recording has such an id
		return k, index.ErrNotFound
	}
	return k, nil
}

// viewer is for whom recordings of a contact center are shown.
func (s *scope) viewer(r *http.Request, contactCenter string) viewer {
	isOps := infoOf(r).user.Role == auth.RoleOps
	return viewer{base: s.base(r), contactCenter: contactCenter, ops: isOps, paths: s.later}
}

// base is what URIs begin with: the configured public URL, or what the client itself calls this
// server, of which trusted proxies may know more.
func (s *scope) base(r *http.Request) string {
	if u := s.publicURL; u != nil {
		return strings.TrimRight(u.Scheme+"://"+u.Host+u.EscapedPath(), "/")
	}

	sender := infoOf(r).sender
	host := sender.Host
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && host == "" { // HTTP/1.0
		host = local.String()
	}
	return sender.Scheme + "://" + host + sender.Prefix
}

// overTLS reports whether a client speaks TLS, be it with this server or with a proxy in front.
func (s *scope) overTLS(r *http.Request) bool {
	return infoOf(r).sender.Scheme == "https" || s.publicURL != nil && s.publicURL.Scheme == "https"
}
