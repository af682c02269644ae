package signon_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"recordings/api/signon"
)

// issuer is a small identity provider over real HTTP, of which the tests know the keys.
type issuer struct {
	*httptest.Server

	mu     sync.Mutex
	keys   []jose.JSONWebKey // private; all are published, the last one signs
	codes  map[string]url.Values
	asked  int // for keys
	broken bool
}

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	p := &issuer{codes: make(map[string]url.Values)}
	mux := http.NewServeMux()
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		broken := p.broken
		p.mu.Unlock()
		if broken {
			panic(http.ErrAbortHandler)
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.publish)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	p.rotate(t, "one")
	return p
}

// rotate makes a new key, and forgets the others.
func (p *issuer) rotate(t testing.TB, id string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = []jose.JSONWebKey{{Key: key, KeyID: id, Algorithm: "ES256", Use: "sig"}}
}

func (p *issuer) away(yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = yes
}

func (p *issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	_ = json.NewEncoder(w).Encode(map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
		"jwks_uri": p.URL + "/keys", "end_session_endpoint": p.URL + "/logout",
		"id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"},
	})
}

func (p *issuer) publish(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	set := jose.JSONWebKeySet{}
	for _, k := range p.keys {
		set.Keys = append(set.Keys, k.Public())
	}
	_ = json.NewEncoder(w).Encode(set)
}

// authorize signs everybody in at once.
func (p *issuer) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p.mu.Lock()
	code := rand.Text()
	p.codes[code] = q
	p.mu.Unlock()
	http.Redirect(w, r, q.Get("redirect_uri")+"?code="+code+"&state="+url.QueryEscape(q.Get("state")), http.StatusFound)
}

// token gives an ID token for a code, once, if the verifier is that of its challenge.
func (p *issuer) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	q := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if q == nil || q.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) ||
		q.Get("code_challenge_method") != "S256" {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	claims := p.claims()
	claims["aud"], claims["nonce"] = "recordings", q.Get("nonce")
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"access_token": "opaque", "token_type": "Bearer", "id_token": p.sign(claims, nil),
	})
}

// claims are those of a good access token of alice.
func (p *issuer) claims() map[string]any {
	now := time.Now().Unix()
	return map[string]any{
		"iss": p.URL, "sub": "4711", "aud": []string{"api"}, "exp": now + 300, "nbf": now, "iat": now,
		"scope": "openid", "preferred_username": "alice", "groups": []string{"staff", "admins"},
		"contact_center": "cc",
	}
}

// sign signs claims by the newest key, with more in the header.
func (p *issuer) sign(claims map[string]any, header map[string]any) string {
	p.mu.Lock()
	key := p.keys[len(p.keys)-1]
	p.mu.Unlock()
	return signBy(claims, header, "ES256", key.KeyID, func(input []byte) []byte {
		sum := sha256.Sum256(input)
		r, s, err := ecdsa.Sign(rand.Reader, key.Key.(*ecdsa.PrivateKey), sum[:])
		if err != nil {
			panic(err)
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	})
}

// signBy makes a JWT of any kind, good or not.
func signBy(claims, header map[string]any, algorithm, kid string, sign func([]byte) []byte) string {
	h := map[string]any{"alg": algorithm, "typ": "JWT"}
	if kid != "" {
		h["kid"] = kid
	}
	for name, v := range header {
		h[name] = v
	}
	encode := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	input := encode(h) + "." + encode(claims)
	return input + "." + base64.RawURLEncoding.EncodeToString(sign([]byte(input)))
}

// public is the newest key as anybody can read it.
func (p *issuer) public() crypto.PublicKey {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.keys[len(p.keys)-1].Public().Key
}

func (p *issuer) settings() signon.Settings {
	s := signon.Defaults()
	s.Issuer, s.ClientID, s.Audience, s.AccessGroups = p.URL, "recordings", "api", "access_groups"
	s.Roles.Ops, s.Roles.Admin, s.Roles.Recorder = []string{"ops"}, []string{"admins"}, []string{"recorders"}
	s.Roles.Auditor = []string{"auditors"}
	return s
}

func (p *issuer) provider(t testing.TB) *signon.Provider {
	t.Helper()
	provider, err := signon.New(p.settings())
	if err != nil {
		t.Fatal(err)
	}
	return provider
}
