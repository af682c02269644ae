package signon_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"recordings/api/auth"
	"recordings/api/signon"
)

// follow goes where the provider sends a browser, and returns what it brings back.
func follow(t *testing.T, target string) url.Values {
	t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(target)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	client.CloseIdleConnections()
	u, err := resp.Location()
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func TestPage(t *testing.T) {
	t.Parallel()
	p := newIssuer(t)
	provider := p.provider(t)
	begin := func() (*signon.Attempt, url.Values) {
		a, target, err := provider.Begin(t.Context(), "http://127.0.0.1:1/callback", "/?startTime=0")
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(target)
		q := u.Query()
		if err != nil || q.Get("code_challenge_method") != "S256" || q.Get("scope") != "openid profile" ||
			q.Get("nonce") == "" || strings.Contains(target, a.Verifier) {
			t.Errorf("the browser is sent to %s, %v", target, err)
		}
		sealed, err := provider.Seal(a)
		if err != nil || strings.Contains(sealed, a.State) {
			t.Errorf("sealed it is %s, %v", sealed, err)
		}
		return provider.Open(sealed), follow(t, target)
	}

	a, query := begin()
	u, idToken, err := provider.Finish(t.Context(), a, query)
	if err != nil || u.Name != "alice" || a.Return != "/?startTime=0" || strings.Count(idToken, ".") != 2 {
		t.Fatalf("%+v, %+v, %v", u, a, err)
	}
	out := provider.SignOutURL(t.Context(), idToken, "http://127.0.0.1:1/")
	if !strings.HasPrefix(out, p.URL+"/logout?") || !strings.Contains(out, "id_token_hint="+idToken) {
		t.Errorf("signing out leads to %s", out)
	}

	for name, finish := range map[string]func() error{
		"the same code again": func() error { _, _, err := provider.Finish(t.Context(), a, query); return err },
		"the state of another browser": func() error {
			mine, _ := begin()
			_, theirs := begin()
			_, _, err := provider.Finish(t.Context(), mine, theirs)
			return err
		},
		"no state": func() error {
			_, q := begin()
			q.Del("state")
			_, _, err := provider.Finish(t.Context(), new(signon.Attempt), q)
			return err
		},
		"another verifier": func() error {
			a, q := begin()
			a.Verifier = "other"
			_, _, err := provider.Finish(t.Context(), a, q)
			return err
		},
		"another nonce": func() error {
			a, q := begin()
			a.Nonce = "other"
			_, _, err := provider.Finish(t.Context(), a, q)
			return err
		},
		"another issuer": func() error {
			a, q := begin()
			q.Set("iss", "https://evil.example.com")
			_, _, err := provider.Finish(t.Context(), a, q)
			return err
		},
		"refused by the provider": func() error {
			a, q := begin()
			q.Set("error", "access_denied")
			_, _, err := provider.Finish(t.Context(), a, q)
			return err
		},
	} {
		if err := finish(); !errors.Is(err, auth.ErrUnauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if provider.Open("x") != nil || p.provider(t).Open(idToken) != nil {
		t.Error("what nobody has sealed is opened")
	}

	p.away(true)
	a, query = &signon.Attempt{State: "s", Until: a.Until}, url.Values{"state": {"s"}, "code": {"c"}}
	_, _, err = provider.Finish(t.Context(), a, query)
	if _, ok := errors.AsType[*signon.AwayError](err); !ok {
		t.Errorf("while the provider is away: %v", err)
	}
}
