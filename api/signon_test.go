package api_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/rs/zerolog"

	"recordings/api"
	"recordings/api/access"
	"recordings/api/auth"
	"recordings/api/signon"
)

// safeBuffer takes a log that several write.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements [io.Writer].
func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// signOnSettings are those of a provider at a URL.
func signOnSettings(issuer string) signon.Settings {
	s := signon.Defaults()
	s.Issuer, s.ClientID, s.Audience, s.Roles.Admin = issuer, "recordings", "api", []string{"admins"}
	s.Button = "Sign in with Example"
	return s
}

// issuer is an identity provider that signs access tokens, and signs nobody in.
type issuer struct {
	*httptest.Server
	signer jose.Signer
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private := jose.JSONWebKey{Key: key, KeyID: "one", Algorithm: "ES256", Use: "sig"}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: private}, nil)
	if err != nil {
		t.Fatal(err)
	}

	mux := http.NewServeMux()
	p := &issuer{httptest.NewServer(mux), signer}
	t.Cleanup(p.Close)
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{
			"issuer": p.URL, "authorization_endpoint": p.URL, "token_endpoint": p.URL, "jwks_uri": p.URL + "/keys",
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{private.Public()}})
	})
	return p
}

// token is an access token of olga, of operations, which expires.
func (p *issuer) token(t *testing.T, expires time.Time) string {
	t.Helper()
	claims, err := json.Marshal(map[string]any{
		"iss": p.URL, "sub": "4711", "aud": "api", "exp": expires.Unix(), "scope": "openid",
		"preferred_username": "olga", "groups": []string{"operations"},
	})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := p.signer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// TestSignOn goes as far as a browser goes without a provider that signs: the way there, and what the
// page shows when it fails. The rest is proven in signon, and by a real provider.
func TestSignOn(t *testing.T) {
	t.Parallel()
	provider := httptest.NewUnstartedServer(nil)
	mux := http.NewServeMux()
	provider.Config.Handler = mux
	provider.Start()
	defer provider.Close()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{
			"issuer": provider.URL, "authorization_endpoint": provider.URL + "/authorize",
			"token_endpoint": provider.URL + "/token", "jwks_uri": provider.URL + "/keys",
		})
	})
	s := newServer(t, api.Options{SignOn: signOnSettings(provider.URL)})

	a := s.do(t, "GET", "/api/v2/session", "", nil, "")
	want := `{"statusCode":0,"signOn":{"button":"Sign in with Example","path":"/api/v2/session/sign-on"}}` + "\n"
	if a.body != want {
		t.Errorf("the session is %s", a.body)
	}

	a = s.do(t, "GET", "/api/v2/session/sign-on?return=/%3FstartTime=0", "", nil, "")
	u, err := url.Parse(a.header.Get("Location"))
	if a.status != 303 || err != nil || !strings.HasPrefix(u.String(), provider.URL+"/authorize?") ||
		u.Query().Get("redirect_uri") != s.URL+"/api/v2/session/sign-on/callback" {
		t.Fatalf("%d, the browser is sent to %s", a.status, u)
	}
	cookie := (&http.Response{Header: a.header}).Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode {
		t.Errorf("the cookie is %v", cookie)
	}

	for _, to := range []string{"https://evil.example.com/", "//evil.example.com", "/\\evil.example.com", "x"} {
		a := s.do(t, "GET", "/api/v2/session/sign-on?return="+url.QueryEscape(to), "", nil, "")
		checkAnswer(t, a, 400, 2, "not a path of this service")
	}

	// The state is that of another browser.
	a = s.do(t, "GET", "/api/v2/session/sign-on/callback?code=x&state=y", "", withCookie(cookie), "")
	if a.status != 303 || a.header.Get("Location") != s.URL+"/" {
		t.Fatalf("%d, %v", a.status, a.header)
	}
	cookie = (&http.Response{Header: a.header}).Cookies()[0]
	a = s.do(t, "GET", "/api/v2/session", "", withCookie(cookie), "")
	if !strings.Contains(a.body, `"problem":"signing in at the identity provider did not succeed; try again"`) ||
		!strings.Contains(a.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("the page gets %s %v", a.body, a.header)
	}

	checkAnswer(t, newServer(t, api.Options{}).do(t, "GET", "/api/v2/session/sign-on", "", nil, ""), 404, 6, "")
}

// TestSignOnAway: while the provider is away, users of the configuration sign in, and the page is told.
func TestSignOnAway(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{SignOn: signOnSettings("http://127.0.0.1:1")})
	a := s.do(t, "GET", "/api/v2/session", "", nil, "")
	if !strings.Contains(a.body, `"problem":"the identity provider cannot be reached`) {
		t.Errorf("the session is %s", a.body)
	}
	signedIn(t, s, "ops")
	checkAnswer(t, s.do(t, "GET", "/api/v2/me", "", bearer("a.b.c"), ""), 503, 4, "identity provider cannot be reached")
	a = s.do(t, "GET", "/api/v2/session/sign-on", "", nil, "")
	if a.status != 303 || a.header.Get("Location") != s.URL+"/" {
		t.Errorf("%d %v", a.status, a.header)
	}
	if err := s.api.Reload(access.Settings{Users: []auth.User{opsUser}}); err != nil {
		t.Fatal(err)
	}
	checkAnswer(t, s.do(t, "GET", "/api/v2/me", "", bearer("a.b.c"), ""), 401, 20, "a valid token is required")
}

// TestCanaries: nothing of credentials is in the log, in the metrics or in answers, whatever becomes of
// them.
func TestCanaries(t *testing.T) {
	t.Parallel()
	log := new(safeBuffer)
	token, hash := auth.NewToken()
	unknown, _ := auth.NewToken()
	settings := signOnSettings("http://127.0.0.1:1")
	settings.ClientSecret = "canary-client-secret"
	s := newServer(t, api.Options{
		Log: zerolog.New(log), SignOn: settings,
		Tokens: []auth.Token{{Name: "machine", Hash: hash, Role: auth.RoleOps}},
	})
	canaries := []string{token, unknown, "canary-password", "canary-client-secret", "canary-code", "canary-state", hash,
		"eyJjYW5hcnki", "canary.jwt", password}

	var seen strings.Builder
	for _, authorization := range []string{
		"Bearer " + token, "Bearer " + unknown, "Bearer eyJjYW5hcnki.canary.jwt", "Bearer canary-password",
		"Basic " + basic("machine", token), "Basic " + basic("ops", token), "Basic " + basic("ops", unknown),
		"Basic " + basic("ops", "canary-password"), "Basic " + basic("canary-password", "x"), "canary-password",
		"Digest canary-password", "Basic canary-password", "Bearer", "Bearer  ",
	} {
		for _, path := range []string{"/api/v2/me", "/api/v2/nothing", "/api/v2/ops/status", opsPath + "/x"} {
			a := s.do(t, "GET", path, "", map[string]string{"Authorization": authorization}, "")
			seen.WriteString(a.body)
			for name, values := range a.header {
				seen.WriteString(name + strings.Join(values, " "))
			}
		}
	}
	const callback = "/api/v2/session/sign-on/callback?code=canary-code&state=canary-state"
	seen.WriteString(s.do(t, "GET", callback, "", nil, "").body)
	in := `{"user":"canary-password","password":"canary-password"}`
	json := map[string]string{"Content-Type": "application/json"}
	seen.WriteString(s.do(t, "POST", "/api/v2/session", "", json, in).body)
	seen.WriteString(s.do(t, "GET", "/metrics", "ops", nil, "").body)

	all := seen.String() + log.String()
	if !strings.Contains(log.String(), `"refused":"no such token is configured"`) ||
		!strings.Contains(log.String(), `"refused":"the token is that of another name","name":"machine"`) {
		t.Errorf("the log does not tell why tokens were refused:\n%s", log)
	}
	for _, canary := range canaries {
		if strings.Contains(all, canary) {
			t.Errorf("%s is told", canary)
		}
	}
}

// FuzzAuthorization: no header lets anybody in who has no credentials, or is answered by anything but a
// refusal.
func FuzzAuthorization(f *testing.F) {
	h := newHandler(f, api.Options{})
	for _, seed := range []string{"", "Basic", "Basic eA==", "Bearer a.b.c", "Bearer rec_", "\x00", "basic  x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, authorization string) {
		r := httptest.NewRequest("GET", "/api/v2/me", nil)
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 401 && w.Code != 429 {
			t.Errorf("%q: %d %s", authorization, w.Code, w.Body)
		}
	})
}
