// Provider is an identity provider for the integration tests of single sign-on: zitadel's own, certified
// one with the example storage that comes with it, and what that lacks: claims of users, access tokens
// that are JWTs, and keys that are rotated.
//
//	provider ADDRESS REDIRECT-URI
//
// The client is web / secret, its user test-user@127.0.0.1 / verysecure; a machine is sid1 / verysecret.
// A POST to /rotate makes a new key and forgets the old one.
package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"sync"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: provider ADDRESS REDIRECT-URI")
		os.Exit(2)
	}
	issuer := "http://" + os.Args[1] + "/"
	storage.RegisterClients(storage.WebClient("web", "secret", os.Args[2]))

	s := &store{Storage: storage.NewStorage(storage.NewUserStore(issuer))}
	s.rotate()
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	provider := exampleop.SetupServer(issuer, s, logger, false)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /rotate", func(http.ResponseWriter, *http.Request) { s.rotate() })
	mux.Handle("/", provider)
	if err := http.ListenAndServe(os.Args[1], mux); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// store is the example storage with what the tests want beside it.
type store struct {
	*storage.Storage

	mu  sync.Mutex
	key *key
}

// key is the key that signs, and its public half.
type key struct {
	id      string
	private *rsa.PrivateKey
}

type public struct{ *key }

// SignatureAlgorithm implements op.SigningKey.
func (k *key) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }

// Algorithm implements op.Key.
func (k *key) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }

// ID implements both.
func (k *key) ID() string { return k.id }

// Use implements op.Key.
func (k *key) Use() string { return "sig" }

// Key implements op.SigningKey.
func (k *key) Key() any { return k.private }

// Key implements op.Key.
func (k public) Key() any { return &k.private.PublicKey }

// rotate makes a new key.
func (s *store) rotate() {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = &key{id: rand.Text(), private: private}
}

func (s *store) current() *key {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.key
}

// SigningKey implements op.Storage.
func (s *store) SigningKey(context.Context) (op.SigningKey, error) { return s.current(), nil }

// KeySet implements op.Storage.
func (s *store) KeySet(context.Context) ([]op.Key, error) { return []op.Key{public{s.current()}}, nil }

// jwtClient is a client whose access tokens are JWTs, and that comes back to its first page after signing
// out.
type jwtClient struct{ op.Client }

// PostLogoutRedirectURIs implements op.Client.
func (c jwtClient) PostLogoutRedirectURIs() (all []string) {
	for _, text := range c.RedirectURIs() {
		if u, err := url.Parse(text); err == nil {
			all = append(all, u.Scheme+"://"+u.Host+"/")
		}
	}
	return all
}

// AccessTokenType implements op.Client.
func (jwtClient) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }

// GetClientByClientID implements op.Storage.
func (s *store) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	c, err := s.Storage.GetClientByClientID(ctx, id)
	if err != nil {
		return nil, err
	}
	return jwtClient{c}, nil
}

// ClientCredentials implements op.ClientCredentialsStorage.
func (s *store) ClientCredentials(ctx context.Context, id, secret string) (op.Client, error) {
	c, err := s.Storage.ClientCredentials(ctx, id, secret)
	if err != nil {
		return nil, err
	}
	return jwtClient{c}, nil
}

// The claims of everybody.
var claims = map[string]any{
	"groups": []string{"everybody", "recordings-admins"}, "contact_center": "berlin",
}

// GetPrivateClaimsFromScopes implements op.Storage: claims of access tokens.
func (s *store) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	all := map[string]any{}
	for name, v := range claims {
		all[name] = v
	}
	return all, nil
}

// SetUserinfoFromToken implements op.Storage: what the provider tells of a user when it is asked.
func (s *store) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, token, subject, origin string) error {
	if err := s.Storage.SetUserinfoFromToken(ctx, info, token, subject, origin); err != nil {
		return err
	}
	for name, v := range claims {
		info.AppendClaims(name, v)
	}
	return nil
}
