package auth_test

import (
	"errors"
	"net/netip"
	"testing"

	"recordings/api/auth"
)

// TestNormal: whether an accent is composed with its letter makes no difference, neither where a
// password is hashed nor where it is compared, nor in names.
func TestNormal(t *testing.T) {
	for _, c := range []struct{ item, composed, decomposed string }{
		{"an umlaut", "M\u00fcller", "Mu\u0308ller"},
		{"two marks", "\u1ec7", "e\u0323\u0302"},
		{"marks in another order", "e\u0323\u0302", "e\u0302\u0323"},
		{"Hangul", "\ubbfc\uc218", "\u1106\u1175\u11ab\u1109\u116e"},
		{"the sign of \u00c5ngstr\u00f6m", "\u00c5", "\u212b"},
		{"kana", "\u304c", "\u304b\u3099"},
	} {
		for _, configured := range []string{c.decomposed, c.composed} {
			if testing.Short() && configured == c.composed { // each hash takes its time
				continue
			}
			hash, err := auth.HashPassword(configured)
			if err != nil {
				t.Fatal(err)
			}
			a, err := auth.New([]auth.User{{Name: configured, PasswordHash: hash, Role: auth.RoleOps}})
			if err != nil {
				t.Fatal(err)
			}
			for _, typed := range []string{c.composed, c.decomposed} {
				u, err := a.Check(t.Context(), netip.Prefix{}, typed, typed)
				if err != nil || u.Name != auth.Normal(c.composed) {
					t.Errorf("%s: configured as %+q, typed as %+q: %v, %v", c.item, configured, typed, u, err)
				}
			}
			_, err = a.Check(t.Context(), netip.Prefix{}, configured, configured+"x")
			if !errors.Is(err, auth.ErrUnauthenticated) {
				t.Errorf("%s: another password: %v", c.item, err)
			}
		}
	}
}
