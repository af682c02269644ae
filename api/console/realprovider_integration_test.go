//go:build integration

package console_test

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// realProvider is zitadel's identity provider, as a process of its own; see .ci/provider.
type realProvider struct {
	binary, address, redirect string
	cmd                       *exec.Cmd
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func newRealProvider(t *testing.T, service string) *realProvider {
	t.Helper()
	p := &realProvider{
		binary: filepath.Join(t.TempDir(), "provider"), address: freeAddress(t),
		redirect: "http://" + service + "/api/v2/session/sign-on/callback",
	}
	build := exec.Command("go", "build", "-C", "../../.ci/provider", "-o", p.binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the provider: %v\n%s", err, out)
	}
	p.start(t)
	t.Cleanup(p.stop)
	return p
}

// start starts it, with a new key, and waits until it answers.
func (p *realProvider) start(t *testing.T) {
	t.Helper()
	p.cmd = exec.Command(p.binary, p.address, p.redirect)
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", p.address); err == nil {
			conn.Close()
			return
		}
	}
	t.Fatal("the provider does not answer")
}

func (p *realProvider) stop() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// askFor sends a request and decodes the answer, if that is JSON.
func askFor(t *testing.T, r *http.Request) (status int, answer map[string]any) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_ = json.UnmarshalRead(resp.Body, &answer)
	return resp.StatusCode, answer
}

// rotate has the provider sign by another key.
func (p *realProvider) rotate(t *testing.T) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+p.address+"/rotate", nil)
	if err != nil {
		t.Fatal(err)
	}
	askFor(t, r)
}

// token is an access token of a machine.
func (p *realProvider) token(t *testing.T) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"openid"}}.Encode()
	target := "http://" + p.address + "/oauth/token"
	r, err := http.NewRequestWithContext(t.Context(), "POST", target, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("sid1", "verysecret")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	_, answer := askFor(t, r)
	token, ok := answer["access_token"].(string)
	if !ok {
		t.Fatalf("the provider gives no token: %v", answer)
	}
	return token
}

// serveFor is the service behind an address, which believes the provider.
func serveFor(t *testing.T, address string, p *realProvider) *service {
	t.Helper()
	const hash = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$+H4vXYFWoXb2B34RuwJIpQ"
	dir := t.TempDir()
	text := fmt.Sprintf(`listen: %s
region: us-west
data: %s
users: [{name: ops, role: ops, password_hash: "%s"}]
oidc:
  issuer: http://%s/
  client_id: web
  client_secret: secret
  audience: sid1
  roles: {admin: [recordings-admins]}
  button: Sign in with Example
`, address, filepath.Join(dir, "data"), hash, p.address)

	file := filepath.Join(dir, "recordings.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	served := serve(t, build(t), "--config", file)
	served.password = "secret"
	return served
}

// me is what the service answers to an access token.
func (s *service) me(t *testing.T, token string) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.url+"/api/v2/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return askFor(t, r)
}

// signInAtProvider goes to the provider from the form of the page, and comes back.
func (p *tab) signInAtProvider() {
	p.t.Helper()
	p.clickText("Sign in with Example")
	p.wait("document.querySelector('#username')")
	p.fill("#username", "test-user@127.0.0.1")
	p.fill("#password", "verysecure")
	p.click("button[type=submit]")
	p.wait("document.querySelector('header') && location.pathname === '/'")
}

// TestRealProvider signs in at a real identity provider in a real browser, and calls the API by its access
// tokens, while its keys are rotated and it is stopped and started.
func TestRealProvider(t *testing.T) {
	address := freeAddress(t)
	provider := newRealProvider(t, address)
	s := serveFor(t, address, provider)
	p := newBrowser(t).open(t, s, laptop)
	p.expect("/favicon.ico")           // which the provider does not have
	p.expect("/api/v2/saved-searches") // which are asked for when the test has ended the session behind the page's back

	first := provider.token(t)
	status, answer := s.me(t, first)
	if user, _ := answer["user"].(map[string]any); status != 200 || user["role"] != "admin" ||
		user["contactCenter"] != "berlin" {
		t.Fatalf("by an access token: %d %v", status, answer)
	}

	p.visit("/?startTime=0")
	p.signInAtProvider()
	who := evaluate[string](p, `fetch('api/v2/session').then((r) => r.text())`)
	if !strings.Contains(who, `"userName":"test-user@127.0.0.1","role":"admin","contactCenter":"berlin"`) {
		t.Fatalf("who is signed in is %s", who)
	}

	provider.rotate(t)
	second := provider.token(t)
	if status, _ = s.me(t, second); status != 200 {
		t.Errorf("after the keys were rotated: %d", status)
	}
	if status, _ := s.me(t, first); status != 401 {
		t.Errorf("a token by a key that is gone: %d", status)
	}

	provider.stop()
	if status, _ := s.me(t, second); status != 200 {
		t.Errorf("a token by a known key, while the provider is away: %d", status)
	}
	if status, _ := s.me(t, second+"x"); status != 401 {
		t.Errorf("a token that is not good, while the provider is away: %d", status)
	}
	s.call(t, "ops", "GET", "/api/v2/me", "")
	if who := evaluate[string](p, `fetch('api/v2/session').then((r) => r.text())`); !strings.Contains(who, "berlin") {
		t.Errorf("the session ended with the provider: %s", who)
	}

	// The example storage forgets its keys when it stops, so that nobody can be signed out by an ID token of
	// before.
	provider.start(t)
	p.signOut()
	p.visit("/")
	p.signInAtProvider()
	gone := p.signOut()
	if !strings.HasPrefix(gone, "http://"+provider.address+"/end_session?") {
		t.Fatalf("signing out leads to %s", gone)
	}
	evaluate[bool](p, fmt.Sprintf("(location.assign(%q), true)", gone))
	p.wait("document.querySelector('.sign-in-form') && location.pathname === '/'")
}

// signOut ends the session of the page, and returns where the provider ends its own.
func (p *tab) signOut() string {
	p.t.Helper()
	return evaluate[string](p, `fetch('api/v2/session', { method: 'DELETE' }).then((r) => r.json())
		.then((a) => a.signOutUri)`)
}
