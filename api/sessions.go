package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"recordings/api/auth"
	"recordings/mapping"
)

// sessions find out who calls, and are the handlers of signing in and out. The page signs in with a
// form and is then known by a cookie; API clients send name and password with each request. What a
// user may do is the same either way.
type sessions struct {
	*pipeline
	*scope
	users   *auth.Authenticator
	open    *auth.Sessions
	longest time.Duration // of a session

	version       string
	demonstration bool
}

// userView is a user as clients see one.
type userView struct {
	UserName      string    `json:"userName"`
	Role          auth.Role `json:"role"`
	ContactCenter string    `json:"contactCenter,omitzero"` // of an administrator
	Region        string    `json:"region"`                 // of the server
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
		ContactCenters []string  `json:"contactCenters,omitzero"` // for operations: see namedContactCenters
		Version        string    `json:"version,omitzero"`        // for who is signed in
		Demonstration  bool      `json:"demonstration,omitzero"`
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

// authenticate finds out who calls: by name and password, or by the session of the page.
func (h *sessions) authenticate(r *http.Request) (err error) {
	info := infoOf(r)
	if name, password, ok := r.BasicAuth(); ok {
		info.user, err = h.check(r, name, password)
		return err
	}

	if r.Header.Get("Authorization") == "" {
		info.user = h.signedIn(r)
	}
	if info.user == nil {
		return auth.ErrUnauthenticated
	}
	return nil
}

// check checks a name and a password, and counts what is refused.
func (h *sessions) check(r *http.Request, name, password string) (*auth.User, error) {
	user, err := h.users.Check(r.Context(), auth.NetworkOf(infoOf(r).sender.Addr), name, password)
	h.metrics.login(err)
	return user, err
}

// me answers who calls.
func (h *sessions) me(_ context.Context, u *auth.User) (userAnswer, error) {
	return userAnswer{User: h.userView(u)}, nil
}

// userView shows a user.
func (h *sessions) userView(u *auth.User) userView {
	return userView{UserName: u.Name, Role: u.Role, ContactCenter: u.ContactCenter, Region: h.region}
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
func (h *sessions) read(_ context.Context, u *auth.User) (sessionView, error) { return h.view(u), nil }

// view is what the page gets to know of a user; nil: nobody is signed in.
func (h *sessions) view(u *auth.User) sessionView {
	v := sessionView{Demonstration: h.demonstration}
	if u == nil {
		return v
	}

	user := h.userView(u)
	v.User = &user
	v.Version = h.version
	if u.Role == auth.RoleOps {
		v.ContactCenters = h.named
	}
	return v
}

// namedContactCenters are those that the configuration names, whether as such or as that of an
// administrator. There may be others.
func namedContactCenters(o *Options) []string {
	all := slices.Clone(o.ContactCenters)
	for _, u := range o.Users {
		if u.ContactCenter != "" {
			all = append(all, u.ContactCenter)
		}
	}

	slices.Sort(all)
	return slices.Compact(all)
}

// signIn begins a session.
func (h *sessions) signIn(w http.ResponseWriter, r *http.Request) {
	in, err := readCredentials(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	user, err := h.check(r, in.User, in.Password)
	if err != nil {
		h.fail(w, r, err)
		return
	}

	infoOf(r).user = user
	h.endAll(r) // who signs in again leaves no session behind
	http.SetCookie(w, h.cookie(r, h.open.Begin(user)))
	h.send(w, r, http.StatusOK, h.view(user))
}

// signOut ends a session. It always succeeds: afterwards nobody is signed in.
func (h *sessions) signOut(w http.ResponseWriter, r *http.Request) {
	h.endAll(r)
	c := h.cookie(r, "")
	c.MaxAge = -1 // the browser forgets it
	http.SetCookie(w, c)
	h.send(w, r, http.StatusOK, doneAnswer{})
}

// withCookie sends a cookie with the answers of next where clients of later services are served: one
// of them does not go on before it has one. It means nothing here.
func (h *sessions) withCookie(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if h.later {
			http.SetCookie(w, &http.Cookie{
				Name: "JSESSIONID", Value: rand.Text(), Path: "/",
				HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: h.overTLS(r),
			})
		}
		next(w, r)
	}
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
		if u := h.open.User(token); u != nil {
			return u
		}
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

// readCredentials reads a sign-in, as a form or as JSON.
func readCredentials(r *http.Request) (in credentials, err error) {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || t != jsonType && t != "application/x-www-form-urlencoded" {
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
