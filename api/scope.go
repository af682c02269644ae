package api

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"recordings/api/auth"
	"recordings/api/front"
	"recordings/erase/reconcile"
	"recordings/index"
	"recordings/mapping"
)

// scope says whose recordings a request is about, and where its client finds them.
type scope struct {
	region    string
	publicURL *url.URL // nil: taken from the request
	media     *reconcile.Reconciliations

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

// centerHeader chooses one of several contact centers of an administrator. Where a browser follows a
// link and cannot send a header, a parameter does the same.
const (
	centerHeader = front.CenterHeader
	paramCenter  = "contactCenterId"
)

// within refuses a request that is about what is not the caller's. Whether a contact center exists
// makes no difference, so that nobody learns of others.
func (s *scope) within(r *http.Request, reach reach) error {
	info := infoOf(r)
	switch reach {
	case callers:
		id, err := s.chosen(r)
		info.contactCenter = id
		return err
	case named:
		id, err := pathValue(r, "ccid")
		if err == nil && !info.user.Reaches(id) {
			return errNotTheirs
		}
		info.contactCenter = id
		return err
	case service:
		if info.user.Bound() {
			return errBound
		}
	}
	return nil
}

// chosen is the contact center of the caller that a request is about: the only one, or the one that
// it names.
func (s *scope) chosen(r *http.Request) (string, error) {
	if len(r.Header.Values(centerHeader)) > 1 { // a proxy may have looked at another one
		return "", &front.RequestError{Header: centerHeader, Message: "is there twice; send it once"}
	}
	id, linked := r.Header.Get(centerHeader), ""
	if r.Method == http.MethodGet || r.Method == http.MethodHead { // only these are links
		var given bool
		linked, r.URL.RawQuery, given = withoutParam(r.URL.RawQuery, paramCenter)
		if given && linked == "" {
			return "", mapping.Problems{{Path: paramCenter, Message: "is empty; accepted is a value, or leave it out"}}
		}
	}

	mine := infoOf(r).user.ContactCenters
	theirs := func(id string) bool { return id != "" && !slices.Contains(mine, id) }
	switch {
	case theirs(id) || theirs(linked):
		return "", errNotTheirs
	case id != "" && linked != "" && id != linked:
		message := "is another one than the header " + centerHeader + " chooses; give one of the two, or the same"
		return "", mapping.Problems{{Path: paramCenter, Message: message}}
	case id != "" || linked != "":
		return cmp.Or(id, linked), nil
	case len(mine) == 1:
		return mine[0], nil
	}
	message := "is missing: choose one of your contact centers, " + strings.Join(mine, ", ")
	return "", mapping.Problems{{Path: "the header " + centerHeader, Message: message, Missing: true}}
}

// contactCenter is whose recordings a request is about, once it was let in; see within.
func (s *scope) contactCenter(r *http.Request) (string, error) {
	info := infoOf(r)
	if !info.access.Exists(info.contactCenter) {
		return "", errNoContactCenter
	}
	return info.contactCenter, nil
}

// postedContactCenter is the one to post to: what cannot be its id is refused as such, rather than
// not found.
func (s *scope) postedContactCenter(r *http.Request) (string, error) {
	if !auth.ValidContactCenter(infoOf(r).contactCenter) {
		message := "is not " + auth.ContactCenterForm
		return "", mapping.Problems{{Path: "the contact center of the path", Message: message}}
	}
	return s.contactCenter(r)
}

// of is what the caller of a request sees of a contact center.
func (s *scope) of(ctx context.Context, contactCenter string) index.Scope {
	return s.seenBy(infoFrom(ctx).user, contactCenter)
}

// seenBy is what a user sees of a contact center that is theirs: the recordings of this server's
// region, and of those of their teams if they have any.
func (s *scope) seenBy(u *auth.User, contactCenter string) index.Scope {
	of := index.Scope{ContactCenter: contactCenter, Region: s.region}
	for _, group := range u.AccessGroups {
		of.Groups = append(of.Groups, mapping.NormalAccessGroup(group))
	}
	return of
}

// notFoundEach is what is added to that for each of many recordings that somebody of a team names at once.
const notFoundEach = 200 * time.Microsecond

// notFoundAfter is how long it takes at least to tell somebody of a team that there is no such
// recording: longer than it takes to read one and see that it is another team's. Timers round up to
// whole milliseconds from when they begin, which would show the few microseconds between the two again:
// so the last part is waited for without one.
const (
	notFoundAfter = 5 * time.Millisecond
	notFoundExact = 1500 * time.Microsecond
)

// find returns a recording that the caller of a request sees. What is another team's takes as long as
// what is not there.
func (s *scope) find(ctx context.Context, x index.Index, k key) (*mapping.Recording, error) {
	began, of := time.Now(), s.of(ctx, k.contactCenter)
	r, err := x.Get(ctx, of, k.id)
	if errors.Is(err, index.ErrNotFound) && of.Groups != nil {
		waitFrom(ctx, began, notFoundAfter)
	}
	return r, err
}

// waitFrom waits until a time has gone by since something began, or the context ends.
func waitFrom(ctx context.Context, began time.Time, d time.Duration) {
	select {
	case <-time.After(d - notFoundExact - time.Since(began)):
	case <-ctx.Done():
	}
	for time.Since(began) < d && ctx.Err() == nil {
		runtime.Gosched()
	}
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
	return viewer{
		base: s.base(r), contactCenter: contactCenter, ops: isOps, paths: s.later,
		states: s.media.States(contactCenter),
	}
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
