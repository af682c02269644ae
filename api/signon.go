package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"recordings/api/auth"
	"recordings/api/signon"
	"recordings/mapping"
)

// signOnPath is where signing in by the identity provider begins, and callbackPath where the provider
// sends the browser back to.
const (
	signOnPath   = apiRoot + "/session/sign-on"
	callbackPath = signOnPath + "/callback"
)

// paramReturn says where the page goes on after signing in.
const paramReturn = "return"

// signOnView is what the page needs to know of the identity provider.
type signOnView struct {
	Button  string `json:"button"`           // the text of it
	Path    string `json:"path"`             // where it leads
	Problem string `json:"problem,omitzero"` // why signing in so has failed, or would
}

// signOnView shows the identity provider; nil: there is none.
func (h *sessions) signOnView(ctx context.Context) *signOnView {
	p := infoFrom(ctx).access.Provider()
	if p == nil {
		return nil
	}
	return &signOnView{Button: p.Settings().Button, Path: signOnPath, Problem: p.Problem(ctx)}
}

// beginSignOn sends the browser to the identity provider. What it comes back with is worth something
// only in this browser: the cookie has the other half.
func (h *sessions) beginSignOn(w http.ResponseWriter, r *http.Request) {
	p, back, err := h.decodeSignOn(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	attempt, target, err := p.Begin(r.Context(), h.base(r)+callbackPath, back)
	if err != nil {
		infoOf(r).err = err
		h.failSignOn(w, r, p, err)
		return
	}
	h.keepAttempt(w, r, p, attempt, target)
}

// decodeSignOn reads where the page goes on: a path of this service, and nowhere else.
func (h *sessions) decodeSignOn(r *http.Request) (p *signon.Provider, back string, err error) {
	params, problems := parseQuery(r.URL.RawQuery, []string{paramReturn})
	back = "/"
	if len(params) > 0 {
		back = params[0].value
	}
	odd := func(c rune) bool { return c == '\\' || unicode.IsControl(c) }
	if !strings.HasPrefix(back, "/") || strings.HasPrefix(back, "//") || strings.ContainsFunc(back, odd) {
		message := "is not a path of this service, which is accepted, such as /?startTime=0"
		problems = append(problems, mapping.Problem{Path: paramReturn, Message: message})
	}
	if len(problems) > 0 {
		return nil, "", problems
	}
	if p = infoOf(r).access.Provider(); p == nil {
		return nil, "", errNoPath
	}
	return p, back, nil
}

// finishSignOn begins a session of whom the identity provider has signed in.
func (h *sessions) finishSignOn(w http.ResponseWriter, r *http.Request) {
	info := infoOf(r)
	p := info.access.Provider()
	if p == nil {
		h.fail(w, r, errNoPath)
		return
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		h.fail(w, r, errNoPath)
		return
	}

	attempt := h.attempt(r, p)
	if attempt == nil {
		attempt = new(signon.Attempt)
	}
	user, idToken, err := p.Finish(r.Context(), attempt, query)
	if err == nil {
		user, err = info.access.Own(user)
	}
	if err = h.counted(r, "", err); err != nil {
		h.failSignOn(w, r, p, err)
		return
	}

	info.user = user
	info.trail.Caller(user.Name, string(user.Role))
	h.endAll(r)
	http.SetCookie(w, h.cookie(r, h.open.Begin(user, idToken)))
	http.SetCookie(w, h.attemptCookie(r, "", -1))
	h.redirect(w, h.base(r)+attempt.Return)
}

// failSignOn sends the browser back to the page, which then shows why: in an address bar nobody would
// understand an answer of the API.
func (h *sessions) failSignOn(w http.ResponseWriter, r *http.Request, p *signon.Provider, err error) {
	why := classify(err, infoOf(r).id)
	infoOf(r).trail.Outcome(outcomeOf(why.status)) // the answer itself only sends the browser elsewhere

	message := "signing in at the identity provider did not succeed; try again"
	if !errors.Is(err, auth.ErrUnauthenticated) {
		message = why.message
	}
	failed := &signon.Attempt{Failed: message, Until: time.Now().Add(time.Minute)}
	h.keepAttempt(w, r, p, failed, h.base(r)+"/")
}

// keepAttempt has the browser keep an attempt, and go on.
func (h *sessions) keepAttempt(
	w http.ResponseWriter, r *http.Request, p *signon.Provider, a *signon.Attempt, target string,
) {
	sealed, err := p.Seal(a)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	http.SetCookie(w, h.attemptCookie(r, sealed, int(signon.AttemptFor.Seconds())))
	h.redirect(w, target)
}

// redirect sends the browser elsewhere. The answer is not for anybody to keep.
func (h *sessions) redirect(w http.ResponseWriter, target string) {
	w.Header().Set("Location", target)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusSeeOther)
}

// attempt is the sign-in that the browser has begun; nil: none.
func (h *sessions) attempt(r *http.Request, p *signon.Provider) *signon.Attempt {
	for _, c := range r.CookiesNamed(h.cookieName(r) + "-signon") {
		if a := p.Open(c.Value); a != nil {
			return a
		}
	}
	return nil
}

// attemptCookie is the cookie of a sign-in. It is sent when the provider, which is another site, leads
// back here; that of a session is not.
func (h *sessions) attemptCookie(r *http.Request, sealed string, age int) *http.Cookie {
	return &http.Cookie{
		Name: h.cookieName(r) + "-signon", Value: sealed, Path: "/", MaxAge: age,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: h.overTLS(r),
	}
}

// takeFailure returns why the last sign-in by the provider failed, once; empty: it did not.
func (h *sessions) takeFailure(w http.ResponseWriter, r *http.Request) string {
	p := infoOf(r).access.Provider()
	if p == nil {
		return ""
	}
	a := h.attempt(r, p)
	if a == nil || a.Failed == "" || !time.Now().Before(a.Until) {
		return ""
	}
	http.SetCookie(w, h.attemptCookie(r, "", -1))
	return a.Failed
}
