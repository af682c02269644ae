package signon_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"recordings/api/auth"
	"recordings/api/signon"
)

func TestBearer(t *testing.T) {
	t.Parallel()
	p := newIssuer(t)
	provider := p.provider(t)
	u, err := provider.Bearer(t.Context(), p.sign(p.claims(), nil))
	if err != nil || u.Name != "alice" || u.Role != auth.RoleAdmin || !u.Reaches("cc") || u.Reaches("dd") {
		t.Fatalf("got %+v, %v", u, err)
	}

	for _, x := range []struct {
		name   string
		change map[string]any // of the claims
		header map[string]any
		reason string // of the refusal; "ok": none; a claim in brackets: that is named
	}{
		{"a list of audiences", map[string]any{"aud": []string{"other", "api"}}, nil, "ok"},
		{"an access token by its typ", map[string]any{"scope": nil}, map[string]any{"typ": "at+jwt"}, "ok"},
		{"expired within the tolerance", map[string]any{"exp": time.Now().Unix() - 30}, nil, "ok"},
		{"good soon, within the tolerance", map[string]any{"nbf": time.Now().Unix() + 30}, nil, "ok"},
		{"expired", map[string]any{"exp": time.Now().Unix() - 61}, nil, "expired"},
		{"without an end", map[string]any{"exp": nil}, nil, "no exp"},
		{"an end that is a text", map[string]any{"exp": "2099"}, nil, ""},
		{"not good yet", map[string]any{"nbf": time.Now().Unix() + 90}, nil, "not good yet"},
		{"of another issuer", map[string]any{"iss": "https://elsewhere.example.com"}, nil, "issuer"},
		{"for somebody else", map[string]any{"aud": "other"}, nil, "audience"},
		{"for nobody", map[string]any{"aud": nil}, nil, "audience"},
		{"an ID token by its nonce", map[string]any{"nonce": "x"}, nil, "ID token"},
		{"an ID token by its hash", map[string]any{"at_hash": "x"}, nil, "ID token"},
		{"an ID token of Keycloak", map[string]any{"typ": "ID"}, nil, "another kind"},
		{"a refresh token of Keycloak", map[string]any{"typ": "Refresh"}, nil, "another kind"},
		{"an ID token of Cognito", map[string]any{"token_use": "id"}, nil, "another kind"},
		{"a logout token", map[string]any{"events": map[string]any{}}, nil, "logout"},
		{"of no kind", map[string]any{"scope": nil}, nil, "nothing in it says"},
		{"typ of a logout token", nil, map[string]any{"typ": "logout+jwt"}, "typ"},
		{"a typ that is no text", nil, map[string]any{"typ": 7}, "typ"},
		{"jku", nil, map[string]any{"jku": "https://evil.example.com/keys"}, "jku"},
		{"x5u", nil, map[string]any{"x5u": "https://evil.example.com/c"}, "x5u"},
		{"x5c", nil, map[string]any{"x5c": []string{"AAAA"}}, "x5c"},
		{"jwk", nil, map[string]any{"jwk": map[string]any{"kty": "oct", "k": "AAAA"}}, "jwk"},
		{"a critical header", nil, map[string]any{"crit": []string{"x"}, "x": 1}, ""},
		{"a payload that is not encoded", nil, map[string]any{"crit": []string{"b64"}, "b64": false}, ""},
		{"an unknown kid", nil, map[string]any{"kid": "other"}, ""},
		{"a kid that is a path", nil, map[string]any{"kid": "../../dev/null"}, ""},
		{"another algorithm than the key's", nil, map[string]any{"alg": "ES384"}, ""},
		{"no role", map[string]any{"groups": []string{"staff"}}, nil, "[groups]"},
		{"no groups", map[string]any{"groups": nil}, nil, "[groups]"},
		{"groups that are no texts", map[string]any{"groups": []any{"admins", 1}}, nil, "[groups]"},
		{"no contact center", map[string]any{"contact_center": nil}, nil, "[contact_center]"},
		{"an empty contact center", map[string]any{"contact_center": ""}, nil, "[contact_center]"},
		{"several contact centers", map[string]any{"contact_center": []string{"a", "b"}}, nil, "ok"},
		{"operations", map[string]any{"contact_center": nil, "groups": "ops"}, nil, "ok"},
		{"operations of nothing", map[string]any{"contact_center": []string{}, "groups": "ops"}, nil,
			"[contact_center]"},
		{"a team", map[string]any{"access_groups": []string{"/Sales"}}, nil, "ok"},
		{"a team that is none", map[string]any{"access_groups": []any{7}}, nil, "[access_groups]"},
		{"operations of a team", map[string]any{"access_groups": []string{"/Sales"}, "groups": "ops"}, nil,
			"[access_groups]"},
	} {
		claims := p.claims()
		for name, v := range x.change {
			if claims[name] = v; v == nil {
				delete(claims, name)
			}
		}
		_, err := provider.Bearer(t.Context(), p.sign(claims, x.header))
		check(t, x.name, err, x.reason)
	}
}

// check compares an error with what is wanted.
func check(t *testing.T, name string, err error, want string) {
	t.Helper()
	refused, isRefused := errors.AsType[*auth.RefusedError](err)
	lacking, isLacking := errors.AsType[*signon.ClaimError](err)
	switch {
	case want == "ok":
		if err != nil {
			t.Errorf("%s: %v (%+v)", name, err, refused)
		}
	case strings.HasPrefix(want, "["):
		if !isLacking || "["+lacking.Claim+"]" != want {
			t.Errorf("%s: %v, want that the claim %s is named", name, err, want)
		}
	case !isRefused || !strings.Contains(refused.Reason, want) || err.Error() != "a valid token is required":
		t.Errorf("%s: %v %+v, want %q", name, err, refused, want)
	}
}

// TestForged: what the provider has not signed by a private key is no token, whatever its header says.
func TestForged(t *testing.T) {
	t.Parallel()
	p := newIssuer(t)
	provider := p.provider(t)
	good := p.sign(p.claims(), nil)
	if _, err := provider.Bearer(t.Context(), good); err != nil {
		t.Fatal(err)
	}

	der, err := x509.MarshalPKIXPublicKey(p.public())
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := json.Marshal(jose.JSONWebKey{Key: p.public()})
	if err != nil {
		t.Fatal(err)
	}
	pemKey := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	by := func(secret []byte) func([]byte) []byte {
		return func(input []byte) []byte {
			h := hmac.New(sha256.New, secret)
			h.Write(input)
			return h.Sum(nil)
		}
	}
	zeros := func([]byte) []byte { return make([]byte, 64) }
	nothing := func([]byte) []byte { return nil }
	other := newIssuer(t)
	claims := other.claims()
	claims["iss"] = p.URL

	forged := map[string]string{
		"alg none":                    signBy(p.claims(), nil, "none", "one", nothing),
		"alg None":                    signBy(p.claims(), nil, "None", "one", nothing),
		"alg nOnE":                    signBy(p.claims(), nil, "nOnE", "", nothing),
		"no alg":                      signBy(p.claims(), nil, "", "one", nothing),
		"ES256 without a signature":   signBy(p.claims(), nil, "ES256", "one", nothing),
		"ES256 of zeros":              signBy(p.claims(), nil, "ES256", "one", zeros),
		"HS256 with the key as PEM":   signBy(p.claims(), nil, "HS256", "one", by(pemKey)),
		"HS256 with the key as DER":   signBy(p.claims(), nil, "HS256", "one", by(der)),
		"HS256 with the key as JWK":   signBy(p.claims(), nil, "HS256", "one", by(jwk)),
		"HS256 with an empty key":     signBy(p.claims(), nil, "HS256", "", by(nil)),
		"another key of the same kid": other.sign(claims, nil),
		"another issuer's":            other.sign(other.claims(), nil),
	}
	for i := range strings.Split(good, ".") {
		parts := strings.Split(good, ".")
		parts[i] = flip(parts[i])
		forged["changed in part "+string(rune('1'+i))] = strings.Join(parts, ".")
	}
	for name, token := range forged {
		_, err := provider.Bearer(t.Context(), token)
		check(t, name, err, "")
	}
}

// flip changes a character in the middle.
func flip(text string) string {
	b := []byte(text)
	if i := len(b) / 2; b[i] == 'A' {
		b[i] = 'B'
	} else {
		b[i] = 'A'
	}
	return string(b)
}

// TestMalformed: 200 texts that are no tokens; {HEAD}, {BODY} and {SIG} are the parts of a good one.
func TestMalformed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/malformed.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	if err := json.Unmarshal(text, &all); err != nil || len(all) < 200 {
		t.Fatalf("%d cases, %v", len(all), err)
	}

	p := newIssuer(t)
	provider := p.provider(t)
	parts := strings.Split(p.sign(p.claims(), nil), ".")
	fill := strings.NewReplacer("{HEAD}", parts[0], "{BODY}", parts[1], "{SIG}", parts[2])
	for i, x := range all {
		if rest, ok := strings.CutPrefix(x, "{HEADER}"); ok { // JSON, to be encoded
			x = base64.RawURLEncoding.EncodeToString([]byte(rest)) + ".{BODY}.{SIG}"
		}
		_, err := provider.Bearer(t.Context(), fill.Replace(x))
		if !errors.Is(err, auth.ErrUnauthenticated) {
			t.Errorf("%d: %.60q: %v", i, x, err)
		}
	}
}

// TestSameKeyID: a key that takes the place of another under the same name, or without any, is known at once, and
// what the one before has signed is over.
func TestSameKeyID(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"one", ""} {
		p := newIssuer(t)
		p.rotate(t, id)
		clock := signon.NewClock()
		provider := p.provider(t)
		provider.SetNow(clock.Now)
		old := p.sign(p.claims(), nil)
		if _, err := provider.Bearer(t.Context(), old); err != nil {
			t.Fatal(err)
		}

		clock.Add(time.Minute)
		p.rotate(t, id)
		if _, err := provider.Bearer(t.Context(), p.sign(p.claims(), nil)); err != nil {
			t.Errorf("after the key %q was rotated: %v", id, err)
		}
		_, err := provider.Bearer(t.Context(), old)
		check(t, "a key that is gone, although the token was good before", err, "")
	}
}

// TestKeyWithdrawn: a token is not good for long without its key, though nobody comes with any other.
func TestKeyWithdrawn(t *testing.T) {
	t.Parallel()
	p := newIssuer(t)
	clock := signon.NewClock()
	provider := p.provider(t)
	provider.SetNow(clock.Now)
	claims := p.claims()
	claims["exp"] = clock.Now().Unix() + 24*3600
	token := p.sign(claims, nil)
	if _, err := provider.Bearer(t.Context(), token); err != nil {
		t.Fatal(err)
	}

	p.away(true)
	clock.Add(11 * time.Minute)
	if _, err := provider.Bearer(t.Context(), token); err != nil {
		t.Errorf("while the provider is away: %v", err)
	}
	p.away(false)
	p.rotate(t, "two")
	clock.Add(11 * time.Minute)
	_, err := provider.Bearer(t.Context(), token)
	check(t, "a key that was withdrawn", err, "")
}

// TestKeys: keys are rotated while the service runs; a provider that is away changes nothing for keys
// that are known; made-up keys do not have it asked all the time.
func TestKeys(t *testing.T) {
	t.Parallel()
	p := newIssuer(t)
	clock := signon.NewClock()
	provider := p.provider(t)
	provider.SetNow(clock.Now)
	old := p.sign(p.claims(), nil)
	if _, err := provider.Bearer(t.Context(), old); err != nil {
		t.Fatal(err)
	}

	clock.Add(time.Minute)
	p.rotate(t, "two")
	if _, err := provider.Bearer(t.Context(), p.sign(p.claims(), nil)); err != nil {
		t.Errorf("after the keys were rotated: %v", err)
	}
	_, err := provider.Bearer(t.Context(), old)
	check(t, "a key that is gone, although the token was good before", err, "")

	p.mu.Lock()
	p.asked = 0
	p.mu.Unlock()
	for range 100 {
		_, err := provider.Bearer(t.Context(), p.sign(p.claims(), map[string]any{"kid": "made up"}))
		check(t, "made up", err, "")
	}
	p.mu.Lock()
	if p.asked > 5 {
		t.Errorf("the provider was asked for keys %d times", p.asked)
	}
	p.mu.Unlock()

	p.away(true)
	clock.Add(time.Hour)
	claims := p.claims()
	claims["exp"] = clock.Now().Unix() + 300
	if _, err := provider.Bearer(t.Context(), p.sign(claims, nil)); err != nil {
		t.Errorf("while the provider is away: %v", err)
	}
	if problem := provider.Problem(t.Context()); !strings.Contains(problem, "cannot be reached") {
		t.Errorf("the problem is %q", problem)
	}

	fresh := p.provider(t)
	_, err = fresh.Bearer(t.Context(), p.sign(p.claims(), nil))
	if _, ok := errors.AsType[*signon.AwayError](err); !ok {
		t.Errorf("where the provider was never there: %v", err)
	}
	p.away(false)
	clock.Add(time.Minute)
	if problem := provider.Problem(t.Context()); problem != "" {
		t.Errorf("the provider is back, and the problem is %q", problem)
	}
}

// BenchmarkBearer is what a token costs after its first use: 60 µs at most.
func BenchmarkBearer(b *testing.B) {
	p := newIssuer(b)
	provider := p.provider(b)
	token := p.sign(p.claims(), nil)
	for b.Loop() {
		if _, err := provider.Bearer(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzBearer: no text that the provider has not signed lets anybody in.
func FuzzBearer(f *testing.F) {
	p := newIssuer(f)
	provider := p.provider(f)
	good := p.sign(p.claims(), nil)
	parts := strings.Split(good, ".")
	f.Add(parts[0] + "." + parts[1] + ".")
	f.Add(flip(good))
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		_, err := provider.Bearer(t.Context(), token)
		if err == nil && token != good {
			claims := strings.Split(token, ".")
			if claims[0] != parts[0] || claims[1] != parts[1] { // base64 may have spare bits in the signature
				t.Errorf("%q lets somebody in", token)
			}
		}
	})
}
