package signon

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-json-experiment/json"
	"golang.org/x/oauth2"

	"recordings/api/auth"
)

// AttemptFor is how long signing in at the provider may take.
const AttemptFor = 10 * time.Minute

// Attempt is a sign-in that has begun. The browser keeps it in a sealed cookie, so that nobody's memory
// grows by beginning many.
type Attempt struct {
	State, Nonce, Verifier string    `json:",omitzero"`
	Redirect               string    `json:",omitzero"` // where the provider sends the browser
	Return                 string    `json:",omitzero"` // where the page goes on: a path of this service
	Until                  time.Time `json:",omitzero"`
	Failed                 string    `json:",omitzero"` // why it failed, to be shown by the page
}

// Begin begins a sign-in, and returns where the browser is to go.
func (p *Provider) Begin(ctx context.Context, redirect, back string) (*Attempt, string, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return nil, "", err
	}
	a := &Attempt{
		State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(),
		Redirect: redirect, Return: back, Until: p.now().Add(AttemptFor),
	}
	c := d.oauth
	c.RedirectURL = redirect
	return a, c.AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)), nil
}

// Finish ends a sign-in by what the provider has the browser bring, and returns who has signed in, and
// the ID token, by which they are signed out.
func (p *Provider) Finish(ctx context.Context, a *Attempt, query url.Values) (*auth.User, string, error) {
	same := subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(a.State)) == 1
	if a.State == "" || !same || !p.now().Before(a.Until) {
		return nil, "", refuse(errors.New("it was not begun in this browser, or too long ago"))
	}
	if issuer := query.Get("iss"); issuer != "" && issuer != p.settings.Issuer { // RFC 9207
		return nil, "", refuse(errors.New("another provider has answered"))
	}
	if query.Get("error") != "" || query.Get("code") == "" {
		return nil, "", refuse(errors.New("the provider has refused it"))
	}

	d, err := p.discover(ctx)
	if err != nil {
		return nil, "", err
	}
	c := d.oauth
	c.RedirectURL = a.Redirect
	ctx = oidc.ClientContext(ctx, p.http)
	tokens, err := c.Exchange(ctx, query.Get("code"), oauth2.VerifierOption(a.Verifier))
	if _, answered := errors.AsType[*oauth2.RetrieveError](err); answered {
		return nil, "", refuse(errors.New("the provider did not take the code; are client_id and client_secret right?"))
	}
	if err != nil {
		return nil, "", &AwayError{fmt.Errorf("exchanging the code: %w", err)}
	}

	raw, _ := tokens.Extra("id_token").(string)
	claims, err := p.verifyID(ctx, d, raw, tokens.AccessToken, a.Nonce)
	if err != nil {
		return nil, "", err
	}
	if claim(claims, p.settings.Roles.Claim) == nil {
		p.addUserInfo(ctx, d, tokens, claims)
	}
	u, err := p.user(claims)
	return u, raw, err
}

// verifyID returns the claims of an ID token.
func (p *Provider) verifyID(ctx context.Context, d *discovery, raw, accessToken, nonce string) (map[string]any, error) {
	if len(raw) > maxToken {
		return nil, refuse(errors.New("the ID token is too long"))
	}
	if _, err := checkHeader(raw); err != nil {
		return nil, refuse(err)
	}
	token, err := d.id.Verify(ctx, raw)
	switch {
	case err != nil:
		return nil, refuse(errors.New("the signature, issuer or audience of the ID token is not right"))
	case subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(nonce)) != 1:
		return nil, refuse(errors.New("the ID token is not for this sign-in"))
	case token.AccessTokenHash != "" && token.VerifyAccessToken(accessToken) != nil:
		return nil, refuse(errors.New("the ID token is not for this access token"))
	}

	claims, err := claimsOf(token)
	if err == nil {
		_, err = times(claims, p.now())
	}
	if azp, ok := claims["azp"].(string); err == nil && ok && azp != p.settings.ClientID {
		err = errors.New("the ID token is for another client")
	}
	if err != nil {
		return nil, refuse(err)
	}
	return claims, nil
}

// addUserInfo adds what the provider tells of the user only when it is asked. Without it, the claims
// are what the ID token has.
func (p *Provider) addUserInfo(ctx context.Context, d *discovery, t *oauth2.Token, claims map[string]any) {
	info, err := d.oidc.UserInfo(ctx, oauth2.StaticTokenSource(t))
	if err != nil || info.Subject != claims["sub"] {
		return
	}
	var more map[string]any
	if info.Claims(&more) != nil {
		return
	}
	for name, value := range more {
		if _, ok := claims[name]; !ok {
			claims[name] = value
		}
	}
}

// SignOutURL is where the browser is to go so that the provider ends its session, too; empty: it
// cannot. back is where it comes back to.
func (p *Provider) SignOutURL(ctx context.Context, idToken, back string) string {
	d, err := p.discover(ctx)
	if err != nil || d.signOut == "" || idToken == "" {
		return ""
	}
	u, err := url.Parse(d.signOut)
	if err != nil {
		return ""
	}
	q := u.Query()
	q.Set("id_token_hint", idToken)
	q.Set("client_id", p.settings.ClientID)
	q.Set("post_logout_redirect_uri", back)
	u.RawQuery = q.Encode()
	return u.String()
}

// newSeal makes what attempts are sealed by.
func newSeal() (cipher.AEAD, error) {
	var key [32]byte
	rand.Read(key[:]) // never fails
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Seal makes a text of an attempt that nobody else can read or make.
func (p *Provider) Seal(a *Attempt) (string, error) {
	text, err := json.Marshal(a)
	if err != nil {
		return "", fmt.Errorf("sealing an attempt to sign in: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(p.seal.Seal(nil, nil, text, nil)), nil
}

// Open opens what Seal has made; nil: it was not made here, or before the settings changed.
func (p *Provider) Open(sealed string) *Attempt {
	text, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return nil
	}
	if text, err = p.seal.Open(nil, nil, text, nil); err != nil {
		return nil
	}
	a := new(Attempt)
	if json.Unmarshal(text, a) != nil {
		return nil
	}
	return a
}
