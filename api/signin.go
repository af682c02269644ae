package api

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"recordings/api/auth"
	"recordings/mapping"
)

// The page signs in with a form and is then known by a cookie. What a request may do is the same as for API clients, which send
// name and password with each one.

// pageHeader marks the requests of the page.
const pageHeader = "X-Requested-With"

// fromPage tells whether a request was made by the page: it says so itself, or the browser does.
func fromPage(r *http.Request) bool {
	return r.Header.Get(pageHeader) == "recordings" || r.Header.Get("Sec-Fetch-Site") == "same-origin" && r.Header.Get("Sec-Fetch-Mode") != "navigate"
}

// maxCredentials bounds the body of a sign-in, in bytes.
const maxCredentials = 8 << 10

// credentials are what the form asks for.
type credentials struct {
	User     string `json:"user"`
	Password string `json:"password"`
}

// sessionView is what the page wants to know before it shows anything.
type sessionView struct {
	StatusCode     int       `json:"statusCode"`
	User           *userView `json:"user,omitzero"`           // absent: nobody is signed in
	ContactCenters []string  `json:"contactCenters,omitzero"` // to operations: those that the configuration names
	Version        string    `json:"version,omitzero"`        // to who is signed in
	Demonstration  bool      `json:"demonstration,omitzero"`
}

// signIn answers POST /api/v2/session.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	in, err := readCredentials(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	user, err := s.logins.Check(r.Context(), auth.AddressOf(r.RemoteAddr), in.User, in.Password)
	s.metrics.login(err)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	exchangeOf(r).user = user
	s.sessions.End(s.sessionToken(r)) // who signs in again leaves no session behind
	http.SetCookie(w, s.sessionCookie(r, s.sessions.Begin(user)))
	s.send(w, r, http.StatusOK, s.sessionOf(user))
}

// signOut answers DELETE /api/v2/session. It always succeeds: afterwards nobody is signed in.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	s.sessions.End(s.sessionToken(r))
	c := s.sessionCookie(r, "")
	c.MaxAge = -1
	http.SetCookie(w, c)
	s.send(w, r, http.StatusOK, doneAnswer{})
}

// decodeSession reads who asks GET /api/v2/session. Nobody is an answer, too: the page then shows the form.
func (s *Server) decodeSession(r *http.Request) (*auth.User, error) {
	if err := refuseParams(r.URL.RawQuery); err != nil {
		return nil, err
	}
	err := s.authenticate(r)
	if errors.Is(err, auth.ErrUnauthenticated) && r.Header.Get("Authorization") == "" {
		err = nil
	}
	return exchangeOf(r).user, err
}

func (s *Server) session(_ context.Context, u *auth.User) (sessionView, error) {
	return s.sessionOf(u), nil
}

func (s *Server) sessionOf(u *auth.User) sessionView {
	v := sessionView{Demonstration: s.o.Demonstration}
	if u == nil {
		return v
	}
	v.User = &userView{UserName: u.Name, Role: u.Role, ContactCenter: u.ContactCenter, Region: s.o.Region}
	v.Version = s.o.Version
	if u.Role == auth.RoleOps {
		v.ContactCenters = s.contactCenters()
	}
	return v
}

// contactCenters are those that the configuration names, whether as such or as that of an administrator. There may be others.
func (s *Server) contactCenters() []string {
	all := slices.Clone(s.o.ContactCenters)
	for _, u := range s.o.Users {
		if u.ContactCenter != "" {
			all = append(all, u.ContactCenter)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// readCredentials reads a sign-in, as a form or as JSON.
func readCredentials(r *http.Request) (in credentials, err error) {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || t != "application/json" && t != "application/x-www-form-urlencoded" {
		return in, fmt.Errorf("%w; accepted are application/json and application/x-www-form-urlencoded", errMediaType)
	}
	body, err := readWhole(r, maxCredentials)
	if err != nil {
		return in, err
	}
	if t == "application/json" {
		if json.Unmarshal(body, &in, json.RejectUnknownMembers(true)) != nil {
			return in, mapping.Problems{{Message: `the body is not of the form {"user":"…","password":"…"}`}}
		}
	} else {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return in, mapping.Problems{{Message: "the body is not a form with user and password"}}
		}
		in = credentials{form.Get("user"), form.Get("password")}
	}
	return in, in.validate()
}

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

// sessionCookie is the cookie of a token. Scripts cannot read it, and no other site can have it sent.
func (s *Server) sessionCookie(r *http.Request, token string) *http.Cookie {
	return &http.Cookie{
		Name: s.cookieName(r), Value: token, Path: "/", MaxAge: int(s.o.SessionMax.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: s.overTLS(r),
	}
}

// cookieName has the prefix by which browsers make sure that no other host, and nobody without TLS, has set the cookie.
func (s *Server) cookieName(r *http.Request) string {
	if s.overTLS(r) {
		return "__Host-recordings"
	}
	return "recordings"
}

func (s *Server) overTLS(r *http.Request) bool {
	return r.TLS != nil || s.o.PublicURL != nil && s.o.PublicURL.Scheme == "https"
}

// sessionToken is that of the request's cookie; empty if it has none.
func (s *Server) sessionToken(r *http.Request) string {
	c, err := r.Cookie(s.cookieName(r))
	if err != nil {
		return ""
	}
	return c.Value
}
