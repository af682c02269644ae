//go:build integration

package console_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
)

// identityProvider is one that asks nobody for a password, and signs everybody in as an administrator
// of the contact center; or refuses.
type identityProvider struct {
	*httptest.Server
	key jose.JSONWebKey

	mu        sync.Mutex
	refuses   bool
	nonce     string
	signedOut bool
}

func newIdentityProvider(t *testing.T) *identityProvider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &identityProvider{key: jose.JSONWebKey{Key: key, KeyID: "one", Algorithm: "ES256", Use: "sig"}}
	mux := http.NewServeMux()
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	send := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.MarshalWrite(w, v)
	}

	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		send(w, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
			"jwks_uri": p.URL + "/keys", "end_session_endpoint": p.URL + "/logout",
			"id_token_signing_alg_values_supported": []string{"ES256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		send(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{p.key.Public()}})
	})
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		send(w, map[string]any{"access_token": "opaque", "token_type": "Bearer", "id_token": p.idToken(t)})
	})
	mux.HandleFunc("GET /logout", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.signedOut = true
		p.mu.Unlock()
		http.Redirect(w, r, r.URL.Query().Get("post_logout_redirect_uri"), http.StatusFound)
	})
	return p
}

func (p *identityProvider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.nonce = q.Get("nonce")
	answer := url.Values{"state": {q.Get("state")}, "code": {"code"}}
	if p.refuses {
		answer = url.Values{"state": {q.Get("state")}, "error": {"access_denied"}}
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+answer.Encode(), http.StatusFound)
}

func (p *identityProvider) idToken(t *testing.T) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: p.key}, nil)
	if err != nil {
		t.Error(err)
		return ""
	}
	now := time.Now().Unix()
	claims, err := json.Marshal(map[string]any{
		"iss": p.URL, "sub": "4711", "aud": "recordings", "exp": now + 300, "iat": now, "nonce": p.nonce,
		"preferred_username": "carla", "groups": []string{"admins"}, "contact_center": contactCenter,
	})
	if err != nil {
		t.Error(err)
		return ""
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		t.Error(err)
		return ""
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Error(err)
	}
	return token
}

// TestProvider signs in by the button of an identity provider, and out there, too.
func TestProvider(t *testing.T) {
	provider := newIdentityProvider(t)
	s := serveWith(t, build(t), newStorage(t), "oidc: {issuer: '"+provider.URL+"', client_id: recordings, "+
		"audience: recordings, roles: {claim: groups, admin: [admins]}, button: Sign in with Example}")
	s.call(t, "ops", "POST", opsPath, recording("here", time.Now().Add(-time.Hour), nil))

	p := newBrowser(t).open(t, s, laptop)
	inspect := p.inspector()
	for name, how := range map[string]look{"light": laptop, "dark": night, "phone": phone} {
		p.look(how)
		p.visit("/?callerPhoneNumber=*0101*&period=")
		p.wait("document.querySelector('.provider a')?.textContent === 'Sign in with Example'")
		inspect("provider-" + name)
	}
	p.look(laptop)

	provider.mu.Lock()
	provider.refuses = true
	provider.mu.Unlock()
	p.clickText("Sign in with Example")
	p.wait("document.querySelector('.problem')?.textContent.includes('did not succeed')")
	inspect("provider-refused")
	provider.mu.Lock()
	provider.refuses = false
	provider.mu.Unlock()

	p.visit("/?callerPhoneNumber=*0101*&period=")
	p.clickText("Sign in with Example")
	p.wait("document.querySelector('.who')?.innerText.includes('carla') && " +
		"document.querySelector('.row-link')?.href.includes('recording=here')")
	p.wait("document.querySelector('#callerPhoneNumber').value === '0101'") // what the address asked for
	p.wait(drawn)
	p.expect("/api/v2/saved-searches") // which may still be on their way when the session ends
	p.click("[aria-label='Sign out']")
	p.wait("document.querySelector('#user')")
	provider.mu.Lock()
	defer provider.mu.Unlock()
	if !provider.signedOut {
		t.Error("the session at the provider goes on")
	}
}
