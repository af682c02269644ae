package signon

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"
)

// The bounds of asking a provider.
const (
	patience  = 5 * time.Second
	maxAnswer = 1 << 20 // bytes
)

// AwayError says that the provider could not be asked. Trying again later is safe.
type AwayError struct{ Err error }

// Error implements error. It is what clients see.
func (e *AwayError) Error() string {
	return "the identity provider cannot be reached; trying again later is safe"
}

// Unwrap returns why.
func (e *AwayError) Unwrap() error { return e.Err }

// Provider is an identity provider. Its methods may be called concurrently.
type Provider struct {
	settings Settings
	source   string // see [auth.User]
	http     *http.Client
	seal     cipher.AEAD // of this process alone
	cache    cache
	now      func() time.Time

	flight singleflight.Group
	mu     sync.Mutex
	asked  time.Time  // when it was last asked what it has
	found  *discovery // nil: not known yet
	away   error      // why not
}

// discovery is what the provider says of itself.
type discovery struct {
	oauth   oauth2.Config
	keys    *keys
	access  *oidc.IDTokenVerifier // of bearer tokens: the library's checks are the same
	id      *oidc.IDTokenVerifier
	oidc    *oidc.Provider
	signOut string // end_session_endpoint; empty: it has none
}

// New returns a provider with settings that are valid. It is not asked for anything yet.
func New(s Settings) (*Provider, error) {
	seal, err := newSeal()
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true // it is asked rarely, and nobody closes idle connections
	return &Provider{
		settings: s, source: s.fingerprint(), seal: seal, now: time.Now,
		http: &http.Client{
			Transport:     bounded{transport},
			Timeout:       patience,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Settings are what it was made of.
func (p *Provider) Settings() Settings { return p.settings }

// Source is what [auth.User.Source] is of its users.
func (p *Provider) Source() string { return p.source }

// bounded bounds the answers of a provider.
type bounded struct{ http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	}
	return resp, err
}

// Problem is why the provider cannot be used at the moment; empty: all is well. It is asked for that,
// but not all the time.
func (p *Provider) Problem(ctx context.Context) string {
	_, err := p.discover(ctx)
	if err == nil {
		err = p.look(ctx)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// look finds out whether a provider that was there is there still.
func (p *Provider) look(ctx context.Context) error {
	_, _, _ = p.flight.Do("look", func() (any, error) {
		p.mu.Lock()
		soon := p.now().Sub(p.asked) < retryAfter
		p.mu.Unlock()
		if soon {
			return nil, nil
		}

		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		_, err := oidc.NewProvider(oidc.ClientContext(ctx, p.http), p.settings.Issuer)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.away, p.asked = err, p.now()
		return nil, nil
	})

	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away != nil {
		return &AwayError{p.away}
	}
	return nil
}

// discover returns what the provider says of itself. It is asked once, and if it is away, again, but
// not all the time.
func (p *Provider) discover(ctx context.Context) (*discovery, error) {
	if d, err := p.known(); d != nil || err != nil {
		return d, err
	}
	_, _, _ = p.flight.Do("", func() (any, error) {
		if d, err := p.known(); d != nil || err != nil {
			return nil, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		d, err := p.ask(ctx)

		p.mu.Lock()
		defer p.mu.Unlock()
		p.found, p.away, p.asked = d, err, p.now()
		return nil, nil
	})
	d, err := p.known()
	if d == nil && err == nil {
		err = &AwayError{errors.New("it was not asked")}
	}
	return d, err
}

// known is what was found, or why not, if that is new; neither: it is to be asked.
func (p *Provider) known() (*discovery, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found == nil && p.away != nil && p.now().Sub(p.asked) < retryAfter {
		return nil, &AwayError{p.away}
	}
	return p.found, nil
}

// ask asks the provider what it has.
func (p *Provider) ask(ctx context.Context) (*discovery, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, p.http), p.settings.Issuer)
	if err != nil {
		return nil, fmt.Errorf("asking the provider what it has: %w", err)
	}
	var more struct {
		Keys    string   `json:"jwks_uri"`
		SignOut string   `json:"end_session_endpoint"`
		Methods []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := provider.Claims(&more); err != nil {
		return nil, fmt.Errorf("understanding what the provider has: %w", err)
	}

	endpoint := provider.Endpoint()
	for _, address := range []string{endpoint.AuthURL, endpoint.TokenURL, more.Keys, more.SignOut} {
		u, err := url.Parse(address)
		if err != nil || address != "" && !secure(u) {
			return nil, errors.New("an address that the provider names is not one of https")
		}
	}

	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	basic := len(more.Methods) == 0 || slices.Contains(more.Methods, "client_secret_basic")
	if p.settings.ClientSecret == "" || !basic {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}

	k := &keys{url: more.Keys, http: p.http, now: p.now}
	names := make([]string, len(algorithms))
	for i, a := range algorithms {
		names[i] = string(a)
	}
	verifier := func(audience string) *oidc.IDTokenVerifier { // which leaves the times to us: they have a tolerance
		return oidc.NewVerifier(p.settings.Issuer, k, &oidc.Config{
			ClientID: audience, SupportedSigningAlgs: names, SkipExpiryCheck: true,
		})
	}
	return &discovery{
		oauth: oauth2.Config{
			ClientID: p.settings.ClientID, ClientSecret: p.settings.ClientSecret, Endpoint: endpoint,
			Scopes: []string{oidc.ScopeOpenID, "profile"},
		},
		keys: k, access: verifier(p.settings.Audience), id: verifier(p.settings.ClientID),
		oidc: provider, signOut: more.SignOut,
	}, nil
}
