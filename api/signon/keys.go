package signon

import (
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
)

// algorithms are those that a token may be signed by, whatever its header says: with a public key to
// verify it. What a secret signs, or nothing, is never believed.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512,
	jose.EdDSA,
}

// The times of the keys.
const (
	fresh      = 10 * time.Minute // keys are not asked for again sooner, unless one is missing
	retryAfter = 10 * time.Second // nor is the provider, whatever tokens come, but for
	spare      = 5                // a few times in a row: keys that were rotated are to be known at once

	minRSA  = 2048 // bits
	maxKeys = 64
)

var errUnknownKey = errors.New("the token is signed by a key that the provider does not have")

// keys are those that the provider signs by. They go on to be used when it is away.
type keys struct {
	url  string
	http *http.Client
	now  func() time.Time

	flight singleflight.Group

	mu      sync.Mutex
	known   []jose.JSONWebKey
	version int // counts when a key is gone
	fetched time.Time
	asked   time.Time
	left    int // how often the keys may be asked for at once
}

// VerifySignature implements oidc.KeySet.
func (k *keys) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return nil, fmt.Errorf("parsing: %w", err)
	}
	return k.verify(ctx, jws)
}

// verify returns the payload of a token that one of the keys has signed. Keys that are old, or have none that
// did, are asked for again.
func (k *keys) verify(ctx context.Context, jws *jose.JSONWebSignature) ([]byte, error) {
	id := jws.Signatures[0].Header.KeyID
	candidates, stale := k.of(id)
	if !stale {
		if payload, err := verifyBy(jws, candidates); err == nil {
			return payload, nil
		}
	}
	if k.refresh(ctx) { // there may be another one, of the same name even
		candidates, _ = k.of(id)
	}
	return verifyBy(jws, candidates)
}

// verifyBy tries the keys that a token may be signed by.
func verifyBy(jws *jose.JSONWebSignature, candidates []jose.JSONWebKey) ([]byte, error) {
	algorithm := jws.Signatures[0].Header.Algorithm
	err := errUnknownKey
	for _, key := range candidates {
		if key.Algorithm != "" && key.Algorithm != algorithm {
			continue
		}
		var payload []byte
		if payload, err = jws.Verify(key.Key); err == nil {
			return payload, nil
		}
	}
	return nil, fmt.Errorf("verifying the signature: %w", err)
}

// of returns the keys of an id, all if a token names none, and whether they are old.
func (k *keys) of(id string) (candidates []jose.JSONWebKey, stale bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range k.known {
		if id == "" || key.KeyID == id {
			candidates = append(candidates, key)
		}
	}
	return candidates, k.now().Sub(k.fetched) > fresh
}

// refresh asks for the keys, unless that was done too often just now, and reports whether it has them.
func (k *keys) refresh(ctx context.Context) bool {
	_, err, _ := k.flight.Do("", func() (any, error) {
		now, ok := k.mayAsk()
		if !ok {
			return nil, errUnknownKey
		}

		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		read, err := k.read(ctx)
		if err == nil {
			k.take(read, now)
		}
		return nil, err
	})
	return err == nil
}

// mayAsk reports whether the provider may be asked now, and counts that.
func (k *keys) mayAsk() (now time.Time, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now = k.now()
	if earned := int(min(now.Sub(k.asked)/retryAfter, spare)); earned > 0 {
		k.left, k.asked = min(k.left+earned, spare), now
	}
	if k.left == 0 {
		return now, false
	}
	k.left--
	return now, true
}

// take puts keys into the place of those that were known.
func (k *keys) take(read []jose.JSONWebKey, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, old := range k.known {
		same := func(key jose.JSONWebKey) bool { return key.KeyID == old.KeyID && sameKey(key.Key, old.Key) }
		if !slices.ContainsFunc(read, same) {
			k.version++
		}
	}
	k.known, k.fetched = read, now
}

// sameKey reports whether two public keys are one.
func sameKey(a, b any) bool {
	x, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && x.Equal(b)
}

// none reports whether no keys are known at all.
func (k *keys) none() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.known) == 0
}

// generation differs from an earlier one if a key is gone since then.
func (k *keys) generation() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.version
}

// read asks the provider for its keys. One that cannot be used does not spoil the others.
func (k *keys) read(ctx context.Context) ([]jose.JSONWebKey, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return nil, fmt.Errorf("asking for keys: %w", err)
	}
	resp, err := k.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("asking for keys: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("asking for keys: the provider answered %d", resp.StatusCode)
	}

	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&set); err != nil {
		return nil, fmt.Errorf("reading keys: %w", err)
	}
	var all []jose.JSONWebKey
	for _, text := range set.Keys[:min(len(set.Keys), maxKeys)] {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(text) == nil && usable(&key) {
			all = append(all, key)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("reading keys: the provider has none that can be used")
	}
	return all, nil
}

// usable reports whether a key is a public one for signatures that is long enough.
func usable(key *jose.JSONWebKey) bool {
	if rsaKey, ok := key.Key.(*rsa.PublicKey); ok && rsaKey.N.BitLen() < minRSA {
		return false
	}
	return key.Valid() && key.IsPublic() && key.Use != "enc"
}
