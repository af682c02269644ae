package api

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"recordings/api/access"
	"recordings/api/auth"
	"recordings/api/signon"
	"recordings/api/trail"
	"recordings/audit"
	"recordings/mapping"
)

// sessions find out who calls, and are the handlers of signing in and out. The page signs in with a
// form and is then known by a cookie; API clients send name and password with each request. What a
// user may do is the same either way.
type sessions struct {
	*pipeline
	*scope
	open    *auth.Sessions
	uses    auth.Uses
	longest time.Duration // of a session

	version       string
	demonstration bool
}

// userView is a user as clients see one.
type userView struct {
	UserName       string    `json:"userName"`
	Role           auth.Role `json:"role"`
	ContactCenter  string    `json:"contactCenter,omitzero"`  // if they are bound to one only
	ContactCenters []string  `json:"contactCenters,omitzero"` // if they are bound to several
	AccessGroups   []string  `json:"accessGroups,omitzero"`   // of a team
	Region         string    `json:"region"`                  // of the server
}

type (
	userAnswer struct {
		StatusCode int      `json:"statusCode"`
		User       userView `json:"user"`
	}
	// sessionView is what the page wants to know before it shows anything.
	sessionView struct {
		StatusCode     int       `json:"statusCode"`
		User           *userView `json:"user,omitzero"`           // absent: nobody is signed in
		ContactCenters []string  `json:"contactCenters,omitzero"` // to choose from: see [access.Access.Named]
		Version        string    `json:"version,omitzero"`        // for who is signed in
		Demonstration  bool      `json:"demonstration,omitzero"`

		SignOn *signOnView `json:"signOn,omitzero"` // for who is not signed in; absent: there is no identity provider
	}
)

// pageHeader marks the requests of the page.
const pageHeader = "X-Requested-With"

// fromPage reports whether a request was made by the page: it says so itself, or the browser does.
func fromPage(r *http.Request) bool {
	fetched := r.Header.Get("Sec-Fetch-Site") == "same-origin" && r.Header.Get("Sec-Fetch-Mode") != "navigate"
	return fetched || r.Header.Get(pageHeader) == "recordings"
}

// caller decodes a request that says no more than who calls: nil if it was not asked.
func caller(r *http.Request) (*auth.User, error) { return infoOf(r).user, nil }

// decodeUser is caller for routes that take no parameters.
func decodeUser(r *http.Request) (*auth.User, error) {
	return infoOf(r).user, refuseParams(r.URL.RawQuery)
}

// authenticate finds out who calls: by name and password, by a token, or by the session of the page.
func (h *sessions) authenticate(r *http.Request) (err error) {
	info := infoOf(r)
	var name string
	switch scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); {
	case scheme == "":
		if info.user = h.signedIn(r); info.user == nil {
			return auth.ErrUnauthenticated
		}
		return nil
	case strings.EqualFold(scheme, "Bearer"):
		info.user, err = info.access.Bearer(r.Context(), strings.TrimLeft(token, " "))
	default:
		user, password, ok := r.BasicAuth()
		if !ok {
			return auth.ErrUnauthenticated
		}
		name = user
		info.user, err = info.access.Password(r.Context(), auth.NetworkOf(info.sender.Addr), name, password)
	}
	if err == nil {
		h.noteUse(r)
	}
	return h.counted(r, name, err)
}

// counted returns err, if credentials were refused, or not looked at after too many wrong ones; it counts
// that, and notes it for the log and for the audit log. name is the one that was sent with them. A name that
// nobody has is left out: it may be a password, typed where the name belongs.
func (h *sessions) counted(r *http.Request, name string, err error) error {
	infoOf(r).refused = err
	h.metrics.login(err)

	var (
		refused   *auth.RefusedError
		claim     *signon.ClaimError
		throttled *auth.ThrottledError
	)
	switch {
	case errors.As(err, &refused):
		name = refused.Name
	case errors.As(err, &claim):
		name = claim.Name
	case !errors.Is(err, auth.ErrUnauthenticated) && !errors.As(err, &throttled):
		return err
	case !infoOf(r).access.Knows(name):
		name = ""
	}
	h.refusedSignIn(r, name)
	return err
}

// refusedSignIn notes in the audit log who was refused.
func (h *sessions) refusedSignIn(r *http.Request, name string) {
	info := infoOf(r)
	if info.trail.Is(audit.SignIn) {
		info.trail.Caller(auth.Normal(name), "")
		return
	}

	t := h.trailOf(info, audit.SignIn)
	t.Caller(auth.Normal(name), "")
	t.Fact(trail.By, credentialOf(r))
	h.strangers.Bound(t, auth.NetworkOf(info.sender.Addr))
	t.End(audit.Refused)
}

// me answers who calls.
func (h *sessions) me(_ context.Context, u *auth.User) (userAnswer, error) {
	return userAnswer{User: h.userView(u)}, nil
}

// userView shows a user.
func (h *sessions) userView(u *auth.User) userView {
	v := userView{UserName: u.Name, Role: u.Role, AccessGroups: u.AccessGroups, Region: h.region}
	if len(u.ContactCenters) == 1 {
		v.ContactCenter = u.ContactCenters[0]
	} else {
		v.ContactCenters = u.ContactCenters
	}
	return v
}

// decode reads who asks for the session. Nobody is an answer, too: the page then shows the form.
func (h *sessions) decode(r *http.Request) (*auth.User, error) {
	if err := refuseParams(r.URL.RawQuery); err != nil {
		return nil, err
	}
	err := h.authenticate(r)
	if errors.Is(err, auth.ErrUnauthenticated) && r.Header.Get("Authorization") == "" {
		err = nil
	}
	return infoOf(r).user, err
}

// read answers GET of the session.
func (h *sessions) read(w http.ResponseWriter, r *http.Request) {
	user, err := h.decode(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	v := h.view(r.Context(), user)
	if failed := h.takeFailure(w, r); failed != "" && v.SignOn != nil {
		v.SignOn.Problem = failed
	}
	h.send(w, r, http.StatusOK, v)
}

// view is what the page gets to know of a user; nil: nobody is signed in.
func (h *sessions) view(ctx context.Context, u *auth.User) sessionView {
	v := sessionView{Demonstration: h.demonstration}
	if u == nil {
		v.SignOn = h.signOnView(ctx)
		return v
	}

	user := h.userView(u)
	v.User = &user
	v.Version = h.version
	switch {
	case !u.Bound():
		v.ContactCenters = infoFrom(ctx).access.Named()
	case len(u.ContactCenters) > 1 || u.Role == auth.RoleOps:
		v.ContactCenters = u.ContactCenters
	}
	return v
}

// signIn begins a session.
func (h *sessions) signIn(w http.ResponseWriter, r *http.Request) {
	in, err := readCredentials(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	info := infoOf(r)
	user, err := info.access.SignIn(r.Context(), auth.NetworkOf(info.sender.Addr), in.User, in.Password)
	if err = h.counted(r, in.User, err); err != nil {
		h.fail(w, r, err)
		return
	}

	info.user = user
	info.trail.Caller(user.Name, string(user.Role))
	h.endAll(r) // who signs in again leaves no session behind
	http.SetCookie(w, h.cookie(r, h.open.Begin(user, "")))
	h.send(w, r, http.StatusOK, h.view(r.Context(), user))
}

// signedOutAnswer says where the browser is to go so that the identity provider ends its session, too.
type signedOutAnswer struct {
	StatusCode int    `json:"statusCode"`
	SignOutURI string `json:"signOutUri,omitzero"`
}

// signOut ends a session. It always succeeds: afterwards nobody is signed in.
func (h *sessions) signOut(w http.ResponseWriter, r *http.Request) {
	info := infoOf(r)
	if info.user = h.signedIn(r); info.user != nil {
		info.trail.Caller(info.user.Name, string(info.user.Role))
	} else {
		info.trail.Skip()
	}
	answer := signedOutAnswer{SignOutURI: h.end(r)}
	c := h.cookie(r, "")
	c.MaxAge = -1 // the browser forgets it
	http.SetCookie(w, c)
	h.send(w, r, http.StatusOK, answer)
}

// end ends the sessions of a request's cookies, and returns where the browser is to go then; empty:
// nowhere else.
func (h *sessions) end(r *http.Request) (uri string) {
	for _, token := range h.tokens(r) {
		if x, p := h.open.End(token), infoOf(r).access.Provider(); x != nil && p != nil {
			uri = p.SignOutURL(r.Context(), x.IDToken, h.base(r)+"/")
		}
	}
	return uri
}

// credentialOf is by which credentials a request is made that has some.
func credentialOf(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	bearer := strings.EqualFold(scheme, "Bearer")
	if !bearer {
		_, token, _ = r.BasicAuth()
	}
	switch {
	case auth.IsToken(strings.TrimLeft(token, " ")):
		return trail.ByToken
	case bearer:
		return trail.ByBearer
	}
	return trail.ByPassword
}

// noteUse notes in the audit log that the caller has used a password or a token, which is sent with every
// request: the first time in a while that they do so from where they are. Nobody waits for the disk.
func (h *sessions) noteUse(r *http.Request) {
	info := infoOf(r)
	if h.audit == nil || !h.uses.First(info.user, auth.NetworkOf(info.sender.Addr), time.Now()) {
		return
	}
	t := h.trailOf(info, audit.SignIn)
	t.Fact(trail.By, credentialOf(r))
	t.End(audit.Done)
}

type (
	// sessionsAnswer has where else a user is signed in, and their last sign-ins, the newest first.
	sessionsAnswer struct {
		StatusCode int          `json:"statusCode"`
		Sessions   int          `json:"sessions"` // that go on
		SignIns    []signInView `json:"signIns"`
	}
	// signInView is one attempt to sign in.
	signInView struct {
		Time    mapping.Time  `json:"time"`
		Address string        `json:"address,omitzero"`
		Outcome audit.Outcome `json:"outcome"` // done or refused
		By      string        `json:"by"`      // page, password, token or bearer
	}
	// endedAnswer says how many sessions were ended.
	endedAnswer struct {
		StatusCode int    `json:"statusCode"`
		Ended      int    `json:"ended"`
		SignOutURI string `json:"signOutUri,omitzero"` // see signedOutAnswer
	}
)

// shownSignIns is how many sign-ins are shown of those that were done, and of those that were refused: whoever
// guesses passwords cannot push out the sign-in of somebody who knows one.
const shownSignIns = 10

// list answers with the sessions and the last sign-ins of the caller.
func (h *sessions) list(ctx context.Context, u *auth.User) (a sessionsAnswer, err error) {
	a = sessionsAnswer{Sessions: h.open.Count(u.Name), SignIns: []signInView{}}
	var all []trail.SignIn
	name, token := strings.CutPrefix(u.Owner(), auth.SourceToken)
	for _, o := range []audit.Outcome{audit.Done, audit.Refused} {
		some, err := trail.SignIns(ctx, h.audit, name, token, o, shownSignIns)
		if err != nil {
			return a, err
		}
		all = append(all, some...)
	}

	slices.SortFunc(all, func(x, y trail.SignIn) int { return cmp.Compare(y.Sequence, x.Sequence) })
	for _, x := range all {
		v := signInView{mapping.Time(x.Time.UnixMilli()), x.Address, x.Outcome, x.By}
		a.SignIns = append(a.SignIns, v)
	}
	return a, nil
}

// earlier is when somebody has signed in last, as the audit log has it; see [users.Earlier].
func (h *sessions) earlier(ctx context.Context, name string, token bool) (at time.Time, err error) {
	newest, err := trail.SignIns(ctx, h.audit, name, token, audit.Done, 1)
	if err != nil || len(newest) == 0 {
		return at, err
	}
	return newest[0].Time, nil
}

// signOutEverywhere ends all sessions of the caller, also that of this request.
func (h *sessions) signOutEverywhere(w http.ResponseWriter, r *http.Request) {
	if err := refuseParams(r.URL.RawQuery); err != nil {
		h.fail(w, r, err)
		return
	}
	name := infoOf(r).user.Name
	answer := endedAnswer{Ended: h.open.Count(name), SignOutURI: h.end(r)}
	h.open.EndOf(name)
	h.send(w, r, http.StatusOK, answer)
}

// withCookie sends a cookie with the answers of next where clients of later services are served: one
// of them does not go on before it has one. It means nothing here.
func (h *sessions) withCookie(next handling) handling {
	do := next.do
	next.do = func(w http.ResponseWriter, r *http.Request) {
		if h.later {
			http.SetCookie(w, &http.Cookie{
				Name: "JSESSIONID", Value: rand.Text(), Path: "/",
				HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: h.overTLS(r),
			})
		}
		do(w, r)
	}
	return next
}

// cookie is the cookie of a token. Scripts cannot read it, and no other site can have it sent.
func (h *sessions) cookie(r *http.Request, token string) *http.Cookie {
	return &http.Cookie{
		Name: h.cookieName(r), Value: token, Path: "/", MaxAge: int(h.longest.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: h.overTLS(r),
	}
}

// cookieName has the prefix by which browsers make sure that no other host, and nobody without TLS,
// has set the cookie.
func (h *sessions) cookieName(r *http.Request) string {
	if h.overTLS(r) {
		return "__Host-recordings"
	}
	return "recordings"
}

// tokens are those of the request's cookies. There may be several of our name: an old one for another
// path, or one that somebody else has planted, which must not hide the good one.
func (h *sessions) tokens(r *http.Request) (all []string) {
	for _, c := range r.CookiesNamed(h.cookieName(r)) {
		all = append(all, c.Value)
	}
	return all[:min(len(all), maxCookies)]
}

// maxCookies is how many cookies of our name are looked at.
const maxCookies = 16

// signedIn returns whose session one of the cookies is of; nil: nobody's.
func (h *sessions) signedIn(r *http.Request) *auth.User {
	for _, token := range h.tokens(r) {
		u := h.open.User(token)
		if u == nil {
			continue
		}
		if u = infoOf(r).access.Still(u); u != nil {
			infoOf(r).session = token
			return u
		}
		h.open.End(token) // it began with users of before
	}
	return nil
}

// still returns why a new request of a caller would be refused now, as who may call is known by now: for
// requests that take long, and do something new all the time. The token of an identity provider is verified
// again, and its end and its keys with it; a session must go on, and is used by that; a password must be
// the one that it was.
func (h *sessions) still(ctx context.Context, r *http.Request, now *access.Access) error {
	info := infoOf(r)
	if info.session != "" && h.open.User(info.session) == nil {
		return &auth.RefusedError{Reason: "the session has ended meanwhile", Name: info.user.Name}
	}

	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		u, err := now.Bearer(ctx, strings.TrimLeft(token, " "))
		if err == nil && !u.Equal(info.user) {
			err = &auth.RefusedError{Reason: "the token has other rights now", Name: info.user.Name}
		}
		return err
	}
	if now.Still(info.user) == nil {
		return &auth.RefusedError{Reason: "the user is gone, or has other rights now", Name: info.user.Name}
	}
	return nil
}

// endAll ends the sessions of all cookies.
func (h *sessions) endAll(r *http.Request) {
	for _, token := range h.tokens(r) {
		h.open.End(token)
	}
}

// maxCredentials bounds the body of a sign-in, in bytes.
const maxCredentials = 8 << 10

// credentials are what the form asks for.
type credentials struct {
	User     string `json:"user"`
	Password string `json:"password"`
}

// formType is the media type of what a form of a web page sends.
const formType = "application/x-www-form-urlencoded"

// readCredentials reads a sign-in, as a form or as JSON.
func readCredentials(r *http.Request) (in credentials, err error) {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || t != jsonType && t != formType {
		return in, fmt.Errorf("%w; accepted are application/json and application/x-www-form-urlencoded", errMediaType)
	}
	body, err := readWhole(r, maxCredentials)
	if err != nil {
		return in, err
	}

	if t == jsonType {
		if json.Unmarshal(body, &in, json.RejectUnknownMembers(true)) != nil {
			return in, mapping.Problems{{Message: `the body is not of the form {"user":"…","password":"…"}`}}
		}
		return in, in.validate()
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return in, mapping.Problems{{Message: "the body is not a form with user and password"}}
	}
	in = credentials{form.Get("user"), form.Get("password")}
	return in, in.validate()
}

// validate refuses what nobody can have as a name or password.
func (c *credentials) validate() error {
	var problems mapping.Problems
	for _, f := range []struct{ name, value string }{{"user", c.User}, {"password", c.Password}} {
		if f.value == "" {
			problems = append(problems, mapping.Problem{Path: f.name, Message: "is missing", Missing: true})
		} else if !utf8.ValidString(f.value) {
			problems = append(problems, mapping.Problem{Path: f.name, Message: "is not text in UTF-8"})
		}
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}
