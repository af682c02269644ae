package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"recordings/api"
)

const formType = "application/x-www-form-urlencoded"

// signedIn signs in and returns the cookie.
func signedIn(t *testing.T, s *testServer, user string) *http.Cookie {
	t.Helper()
	a := s.do(
		t,
		"POST",
		"/api/v2/session",
		"",
		map[string]string{"Content-Type": "application/json"},
		fmt.Sprintf(`{"user":%q,"password":%q}`, user, password),
	)
	checkAnswer(t, a, 200, 0, "")
	cookies := (&http.Response{Header: a.header}).Cookies()
	if len(cookies) != 1 {
		t.Fatalf("%d cookies", len(cookies))
	}
	return cookies[0]
}

func withCookie(c *http.Cookie) map[string]string {
	return map[string]string{"Cookie": c.Name + "=" + c.Value}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{Demonstration: true, Version: "1.2.3"})
	c := signedIn(t, s, "ops")
	if c.Name != "recordings" || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Secure ||
		c.Domain != "" ||
		c.MaxAge != 12*60*60 {
		t.Errorf("the cookie is %v", c)
	}
	a := s.do(t, "GET", "/api/v2/session", "", withCookie(c), "")
	want := `{"statusCode":0,"user":{"userName":"ops","role":"ops","region":"test"},"contactCenters":["cc"],` +
		`"version":"1.2.3","demonstration":true}` + "\n"
	if a.body != want {
		t.Errorf("the session is %s, want %s", a.body, want)
	}
	checkAnswer(t, s.do(t, "GET", "/api/v2/me", "", withCookie(c), ""), 200, 0, "")
	a = s.do(t, "DELETE", "/api/v2/session", "", withCookie(c), "")
	checkAnswer(t, a, 200, 0, "")
	if gone := a.header.Get("Set-Cookie"); !strings.Contains(gone, "recordings=;") ||
		!strings.Contains(gone, "Max-Age=0") {
		t.Errorf("signing out sets %q", gone)
	}
	checkAnswer(t, s.do(t, "GET", "/api/v2/me", "", withCookie(c), ""), 401, 20, "password")
	if a := s.do(t, "GET", "/api/v2/session", "", withCookie(c), ""); a.body != `{"statusCode":0,"demonstration":true}`+
		"\n" {
		t.Errorf("nobody's session is %s", a.body)
	}
}

// TestSignOutEverywhere: a user sees the own sign-ins, those refused as well, and ends all own
// sessions, but nobody else's.
func TestSignOutEverywhere(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	here, there, other := signedIn(t, s, "alice"), signedIn(t, s, "alice"), signedIn(t, s, "ops")
	wrong := s.do(t, "POST", "/api/v2/session", "", map[string]string{"Content-Type": "application/json"},
		`{"user":"alice","password":"guessed"}`)
	checkAnswer(t, wrong, 401, 20, "")

	a := s.do(t, "GET", "/api/v2/sessions", "", withCookie(here), "")
	if n := strings.Count(a.body, `"outcome":"done"`); n != 2 ||
		!strings.HasPrefix(a.body, `{"statusCode":0,"sessions":2,`) ||
		!strings.Contains(a.body, `"address":"127.0.0.1","outcome":"refused"`) {
		t.Errorf("the sessions are %s", a.body)
	}
	checkAnswer(t, s.do(t, "GET", "/api/v2/sessions", "", nil, ""), 401, 20, "")
	checkAnswer(t, s.do(t, "DELETE", "/api/v2/sessions", "", nil, ""), 401, 20, "")

	a = s.do(t, "DELETE", "/api/v2/sessions", "", withCookie(here), "")
	if a.body != `{"statusCode":0,"ended":2}`+"\n" {
		t.Errorf("signing out everywhere answers %d %s", a.status, a.body)
	}
	for _, c := range []*http.Cookie{here, there} {
		checkAnswer(t, s.do(t, "GET", "/api/v2/me", "", withCookie(c), ""), 401, 20, "")
	}
	checkAnswer(t, s.do(t, "GET", "/api/v2/me", "", withCookie(other), ""), 200, 0, "")
}

// TestSameRights: what a user may do does not depend on how they signed in.
func TestSameRights(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	cookies := map[string]map[string]string{
		"ops":   withCookie(signedIn(t, s, "ops")),
		"alice": withCookie(signedIn(t, s, "alice")),
	}
	for _, target := range []string{
		"GET /api/v2/recordings?startTime=0", "GET /api/v2/recordings", "GET /api/v2/recordings/r1",
		"GET /api/v2/ops/contact-centers/cc/recordings?startTime=0",
		"GET /api/v2/ops/contact-centers/other/recordings?startTime=0",
		"DELETE /api/v2/ops/contact-centers/cc/recordings/r1", "GET /api/v2/ops/contact-centers/cc/media-left-behind",
		"POST /api/v2/ops/contact-centers/cc/recordings", "GET /api/v2/me", "PUT /api/v2/me", "GET /api/v2/nothing",
	} {
		method, path, _ := strings.Cut(target, " ")
		for user, cookie := range cookies {
			basic, session := s.do(t, method, path, user, nil, ""), s.do(t, method, path, "", cookie, "")
			if basic.status != session.status || basic.body != session.body {
				t.Errorf(
					"%s as %s: %d %s, by session %d %s",
					target,
					user,
					basic.status,
					basic.body,
					session.status,
					session.body,
				)
			}
		}
	}
}

func TestSignInRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	for name, x := range map[string]struct {
		contentType, body string
		status, code      int
		message           string
	}{
		"a wrong password": {formType, "user=ops&password=wrong", 401, 20, "password"},
		"an unknown user":  {formType, "user=nobody&password=wrong", 401, 20, "password"},
		"no password":      {formType, "user=ops", 400, 1, "password is missing"},
		"nothing":          {"application/json", "{}", 400, 1, "user is missing"},
		"no JSON":          {"application/json", "user=ops", 400, 2, `{"user":"…","password":"…"}`},
		"something unknown": {"application/json", `{"user":"ops","password":"x","admin":true}`, 400, 2,
			"not of the form"},
		"no form":            {formType, "user=%zz", 400, 2, "not a form"},
		"another media type": {"text/plain", "user=ops&password=x", 415, 2, "media type"},
		"no media type":      {"", "user=ops&password=x", 415, 2, "media type"},
		"too much":           {formType, "user=ops&password=" + strings.Repeat("x", 10_000), 413, 2, "too large"},
		"invalid UTF-8":      {formType, "user=ops&password=%ff", 400, 2, "UTF-8"},
		"what API clients do": {formType, url.Values{"user": {"ops"}, "password": {password}, "x": {"y"}}.Encode(), 200,
			0, ""},
	} {
		a := s.do(t, "POST", "/api/v2/session", "", map[string]string{"Content-Type": x.contentType}, x.body)
		if checkAnswer(t, a, x.status, x.code, x.message); t.Failed() {
			t.Fatalf("%s: %s", name, a.body)
		}
		if (a.header.Get("Set-Cookie") != "") != (x.status == 200) {
			t.Errorf("%s sets the cookie %q", name, a.header.Get("Set-Cookie"))
		}
	}
}

// TestOtherSites: a page of another origin can neither sign somebody in nor use their session.
func TestOtherSites(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	c := signedIn(t, s, "ops")
	for _, method := range []string{"POST", "DELETE"} {
		h := withCookie(c)
		h["Sec-Fetch-Site"], h["Content-Type"] = "cross-site", formType
		checkAnswer(
			t,
			s.do(t, method, "/api/v2/session", "", h, "user=ops&password="+url.QueryEscape(password)),
			403,
			3,
			"another origin",
		)
		checkAnswer(t, s.do(t, "DELETE", opsPath+"/r1", "", h, ""), 403, 3, "another origin")
	}
	checkAnswer(t, s.do(t, "GET", "/api/v2/me", "", withCookie(c), ""), 200, 0, "")
}

// TestNoDialogOfTheBrowser: the page has a form; API clients are asked as ever.
func TestNoDialogOfTheBrowser(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	for name, x := range map[string]struct {
		header map[string]string
		asked  bool
	}{
		"an API client":       {nil, true},
		"a fetch of the page": {map[string]string{"X-Requested-With": "recordings"}, false},
		"an audio of the page": {map[string]string{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "no-cors"},
			false},
		"somebody's address bar": {map[string]string{"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, true},
		"a link within this site": {map[string]string{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"},
			true},
	} {
		a := s.do(t, "GET", "/api/v2/me", "", x.header, "")
		checkAnswer(t, a, 401, 20, "password")
		if asked := a.header.Get("WWW-Authenticate") != ""; asked != x.asked {
			t.Errorf("%s is asked for a password: %t", name, asked)
		}
	}
}

func TestSecureCookie(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{PublicURL: &url.URL{Scheme: "https", Host: "calls.example.com"}})
	if c := signedIn(t, s, "ops"); !c.Secure || c.Name != "__Host-recordings" {
		t.Errorf("behind a proxy that speaks TLS the cookie is %v", c)
	}
}

// TestGuessing: Retry-After says when to come back, by either way of signing in.
func TestGuessing(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	form := map[string]string{"Content-Type": formType}
	var a, right reply
	for i := 0; i < 200 && (a.status != 429 || right.status != 429); i++ { // the wait may pass in between
		a = s.do(t, "POST", "/api/v2/session", "", form, fmt.Sprintf("user=ops&password=guess%d", i))
		if a.status == 429 {
			right = s.do(t, "GET", "/api/v2/me", "ops", nil, "")
		}
	}
	checkAnswer(t, a, 429, 20, "too many wrong passwords")
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	checkAnswer(t, right, 429, 20, "too many wrong passwords")
	checkAnswer(t, s.do(t, "GET", "/api/v2/me", "alice", nil, ""), 200, 0, "")
}

// TestSeveralCookies of our name: any good one counts, wherever it stands, and signing out ends all.
func TestSeveralCookies(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	first, second := signedIn(t, s, "ops"), signedIn(t, s, "alice")
	cookies := func(values ...string) map[string]string {
		for i := range values {
			values[i] = "recordings=" + values[i]
		}
		return map[string]string{"Cookie": strings.Join(values, "; ")}
	}

	for name, x := range map[string]struct {
		cookies map[string]string
		status  int
	}{
		"a planted one in front":  {cookies("planted", first.Value), 200},
		"a planted one behind":    {cookies(first.Value, "planted"), 200},
		"an empty one in front":   {cookies("", first.Value), 200},
		"among many":              {cookies("a", "b", "c", "d", second.Value, "e"), 200},
		"of another name":         {map[string]string{"Cookie": "other=x; recordings=" + first.Value}, 200},
		"no good one":             {cookies("planted", "other"), 401},
		"the name in other cases": {map[string]string{"Cookie": "Recordings=" + first.Value}, 401},
		"the name behind a prefix that is for TLS": {
			map[string]string{"Cookie": "__Host-recordings=" + first.Value}, 401,
		},
	} {
		if a := s.do(t, "GET", "/api/v2/me", "", x.cookies, ""); a.status != x.status {
			t.Errorf("%s: %d", name, a.status)
		}
	}

	a := s.do(t, "DELETE", "/api/v2/session", "", cookies("planted", first.Value, second.Value), "")
	checkAnswer(t, a, 200, 0, "")
	for _, c := range []*http.Cookie{first, second} {
		checkAnswer(t, s.do(t, "GET", "/api/v2/me", "", withCookie(c), ""), 401, 20, "password")
	}
}
