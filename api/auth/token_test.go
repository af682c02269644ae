package auth_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"recordings/api/auth"
)

func TestTokens(t *testing.T) {
	token, hash := auth.NewToken()
	other, otherHash := auth.NewToken()
	old, oldHash := auth.NewToken()
	today := time.Now().UTC().Format(time.DateOnly)
	yesterday := time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)
	all, err := auth.NewTokens([]auth.Token{
		{Name: "Jos\u00e9", Hash: hash, Role: auth.RoleRecorder, ContactCenters: []string{"cc"}},
		{Name: "other", Hash: otherHash, Role: auth.RoleOps, Expires: today},
		{Name: "old", Hash: oldHash, Role: auth.RoleOps, Expires: yesterday},
	})
	if err != nil {
		t.Fatal(err)
	}

	u, err := all.Check(token, nil)
	if err != nil || u.Name != "Jos\u00e9" || u.Role != auth.RoleRecorder || !u.Reaches("cc") || u.Reaches("dd") {
		t.Errorf("got %+v, %v", u, err)
	}
	if u, err := all.Check(other, nil); err != nil || u.Bound() {
		t.Errorf("on its last day: %+v, %v", u, err)
	}

	decomposed, wrong := "Jose\u0301", "other"
	if _, err := all.Check(token, &decomposed); err != nil {
		t.Errorf("by its name as another system writes it: %v", err)
	}
	unknown, _ := auth.NewToken()
	for reason, check := range map[string]func() (*auth.User, error){
		"no such token": func() (*auth.User, error) { return all.Check(unknown, nil) },
		"another name":  func() (*auth.User, error) { return all.Check(token, &wrong) },
		"has expired":   func() (*auth.User, error) { return all.Check(old, nil) },
	} {
		_, err := check()
		refused, ok := errors.AsType[*auth.RefusedError](err)
		if !ok || !errors.Is(err, auth.ErrUnauthenticated) || !strings.Contains(refused.Reason, reason) {
			t.Errorf("%s: %v", reason, err)
		}
		if err != nil && err.Error() != "a valid token is required" {
			t.Errorf("%s is told: %v", reason, err)
		}
	}
}

// TestIsToken: a text with one character changed, added or left out is no token.
func TestIsToken(t *testing.T) {
	token, _ := auth.NewToken()
	if !auth.IsToken(token) || len(token) != 52 {
		t.Errorf("%d characters", len(token))
	}
	for i := range token {
		changed := []byte(token)
		changed[i] = 'A'
		if token[i] == 'A' {
			changed[i] = 'B'
		}
		for _, text := range []string{string(changed), token[:i] + token[i+1:], token[:i] + "x" + token[i:]} {
			if auth.IsToken(text) {
				t.Errorf("changed at %d it is still one", i)
			}
		}
	}
}

// BenchmarkToken is what a machine's token costs with each request: 5 µs at most.
func BenchmarkToken(b *testing.B) {
	var all []auth.Token
	var token string
	for range 1000 {
		one, hash := auth.NewToken()
		token = one
		all = append(all, auth.Token{Name: one, Hash: hash, Role: auth.RoleOps})
	}
	tokens, err := auth.NewTokens(all)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if !auth.IsToken(token) {
			b.Fatal("it is none")
		}
		if _, err := tokens.Check(token, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzIsToken(f *testing.F) {
	token, _ := auth.NewToken()
	f.Add(token)
	f.Add("rec_")
	tokens, err := auth.NewTokens(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		auth.IsToken(text)
		if _, err := tokens.Check(text, &text); err == nil {
			t.Error("a token that nobody has is taken")
		}
	})
}
