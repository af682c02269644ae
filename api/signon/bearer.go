package signon

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"

	"recordings/api/auth"
)

const (
	tolerance = time.Minute // by which clocks may differ
	maxToken  = 16 << 10    // bytes
	maxCached = 10_000      // tokens, some 1 KB each
)

// Bearer returns whose access token this is: a [*auth.RefusedError] if nobody's, a [*ClaimError] if
// the user may do nothing here, an [*AwayError] if it cannot be said at the moment.
func (p *Provider) Bearer(ctx context.Context, token string) (*auth.User, error) {
	if len(token) > maxToken || strings.Count(token, ".") != 2 {
		return nil, refuse(errors.New("it is neither a token of this service nor a JWT"))
	}

	key := sha256.Sum256([]byte(token))
	d, err := p.discover(ctx)
	if err != nil {
		return nil, err
	}
	generation := d.keys.generation()
	if u := p.cache.get(key, p.now(), generation); u != nil {
		return u, nil
	}

	claims, until, err := p.verify(ctx, d, token)
	if err != nil {
		return nil, err
	}
	u, err := p.user(claims)
	if err != nil {
		return nil, err
	}
	now := p.now()
	if soon := now.Add(fresh); soon.Before(until) { // its key may be withdrawn meanwhile
		until = soon
	}
	p.cache.put(key, u, until, now, generation)
	return u, nil
}

// refuse is a token that is not good, and why. Of the token itself the reason has nothing: of errors
// only what is known to be of one kind.
func refuse(err error) error { return &auth.RefusedError{Reason: err.Error()} }

// verify returns the claims of an access token, and when it ends.
func (p *Provider) verify(ctx context.Context, d *discovery, token string) (
	claims map[string]any, until time.Time, err error,
) {
	typ, err := checkHeader(token)
	if err != nil {
		return nil, until, refuse(err)
	}
	verified, err := d.access.Verify(ctx, token)
	if err != nil {
		if d.keys.none() {
			return nil, until, &AwayError{err}
		}
		return nil, until, refuse(errors.New("its signature, issuer or audience is not right"))
	}

	if claims, err = claimsOf(verified); err != nil {
		return nil, until, refuse(err)
	}
	if until, err = times(claims, p.now()); err != nil {
		return nil, until, refuse(err)
	}
	if err := isAccess(claims, typ); err != nil {
		return nil, until, refuse(err)
	}
	return claims, until, nil
}

// claimsOf are the claims of a token that is verified.
func claimsOf(token *oidc.IDToken) (claims map[string]any, err error) {
	var text rawJSON
	if err := token.Claims(&text); err != nil {
		return nil, errors.New("its claims cannot be read")
	}
	if err := json.Unmarshal(text, &claims); err != nil { // which refuses what is there twice
		return nil, errors.New("its claims are no JSON object without duplicates")
	}
	return claims, nil
}

// rawJSON is JSON as it was sent.
type rawJSON []byte

// UnmarshalJSON keeps the text.
func (r *rawJSON) UnmarshalJSON(text []byte) error {
	*r = slices.Clone(text)
	return nil
}

// keyHeaders are names of the header by which a token brings, or points to, a key of its own.
var keyHeaders = []string{"jku", "jwk", "x5u", "x5c"}

// checkHeader refuses a token by its header, before anything else is done with it, and returns its
// typ.
func checkHeader(token string) (typ string, err error) {
	head, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	var header map[string]any
	if err != nil || json.Unmarshal(text, &header) != nil {
		return "", errors.New("its header is no JSON object without duplicates")
	}
	for _, name := range keyHeaders {
		if _, ok := header[name]; ok {
			return "", fmt.Errorf("its header has %s, a key of its own", name)
		}
	}
	if algorithm, _ := header["alg"].(string); !slices.Contains(algorithms, jose.SignatureAlgorithm(algorithm)) {
		return "", errors.New("it is not signed by an algorithm with a public key")
	}

	typ, _ = header["typ"].(string)
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	if typ != "" && typ != "jwt" && typ != "at+jwt" || header["typ"] != nil && typ == "" {
		return "", errors.New("its typ is not that of an access token")
	}
	return typ, nil
}

// times checks when a token is good, and returns when it ends.
func times(claims map[string]any, now time.Time) (until time.Time, err error) {
	exp, ok := moment(claims["exp"])
	if !ok {
		return until, errors.New("it has no exp")
	}
	if until = exp.Add(tolerance); !now.Before(until) {
		return until, errors.New("it has expired")
	}
	if claims["nbf"] != nil {
		if nbf, ok := moment(claims["nbf"]); !ok || now.Add(tolerance).Before(nbf) {
			return until, errors.New("it is not good yet")
		}
	}
	return until, nil
}

// moment is a time as a JWT has it: seconds since 1970.
func moment(v any) (time.Time, bool) {
	seconds, ok := v.(float64)
	if !ok || math.IsNaN(seconds) || seconds < 0 || seconds > 1<<40 {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}

// isAccess refuses what is no access token, by its claims: an ID token says to the client who has
// signed in, and lets nobody in elsewhere. typ is that of the header, as checkHeader
// returns it.
func isAccess(claims map[string]any, typ string) error {
	for _, name := range []string{"nonce", "at_hash", "c_hash", "s_hash"} {
		if claims[name] != nil {
			return errors.New("it is an ID token")
		}
	}
	if claims["events"] != nil {
		return errors.New("it is a logout token")
	}

	kind, _ := claims["typ"].(string) // Keycloak's
	use, _ := claims["token_use"].(string)
	if kind != "" && !strings.EqualFold(kind, "Bearer") || use != "" && use != "access" {
		return errors.New("it says that it is of another kind")
	}
	for _, name := range []string{"scope", "scp", "client_id", "cid"} {
		if claims[name] != nil {
			return nil
		}
	}
	if kind != "" || use != "" || typ == "at+jwt" {
		return nil
	}
	return errors.New("nothing in it says that it is an access token")
}

// cache remembers tokens that were verified, for a time.
type cache struct {
	mu  sync.Mutex
	all map[[sha256.Size]byte]cached
}

type cached struct {
	user       *auth.User
	until      time.Time
	generation int
}

// get returns the user of a token; nil: not known, over, or verified by keys of which one is gone.
func (c *cache) get(key [sha256.Size]byte, now time.Time, generation int) *auth.User {
	c.mu.Lock()
	defer c.mu.Unlock()
	x, ok := c.all[key]
	if !ok {
		return nil
	}
	if !now.Before(x.until) || x.generation != generation {
		delete(c.all, key)
		return nil
	}
	return x.user
}

// put remembers a token. If there are too many, those that are over go, and then any.
func (c *cache) put(key [sha256.Size]byte, u *auth.User, until, now time.Time, generation int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = make(map[[sha256.Size]byte]cached)
	}
	if len(c.all) >= maxCached {
		for k, x := range c.all {
			if !now.Before(x.until) {
				delete(c.all, k)
			}
		}
		for k := range c.all {
			if len(c.all) < maxCached*9/10 {
				break
			}
			delete(c.all, k)
		}
	}
	c.all[key] = cached{u, until, generation}
}
