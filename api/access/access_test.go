package access_test

import (
	"testing"

	"recordings/api/access"
	"recordings/api/auth"
	"recordings/api/signon"
)

// newAccess returns an access with an identity provider, which nobody asks here.
func newAccess(t *testing.T, s access.Settings, before *access.Access) *access.Access {
	t.Helper()
	s.SignOn = signon.Defaults()
	s.SignOn.Issuer, s.SignOn.ClientID, s.SignOn.Audience = "http://127.0.0.1:1", "recordings", "api"
	s.SignOn.Roles.Admin = []string{"admins"}
	a, err := access.New(s, before)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestNamesAreOnes: nobody of the provider has the name of somebody of the configuration: neither when they
// sign in, nor when their session has begun before that name was configured.
func TestNamesAreOnes(t *testing.T) {
	t.Parallel()
	hash, err := auth.HashPassword("secret")
	if err != nil {
		t.Fatal(err)
	}
	_, tokenHash := auth.NewToken()
	settings := access.Settings{
		Users:  []auth.User{{Name: "ops", PasswordHash: hash, Role: auth.RoleOps}},
		Tokens: []auth.Token{{Name: "Ju\u0308rgen", Hash: tokenHash, Role: auth.RoleOps}},
	}

	before := newAccess(t, access.Settings{}, nil)
	after := newAccess(t, settings, before)
	for name, own := range map[string]bool{"ops": false, "J\u00fcrgen": false, "Ops": true, "alice": true} {
		u := &auth.User{Name: name, Role: auth.RoleAdmin, Source: before.Provider().Source()}
		if got, err := before.Own(u); got != u || err != nil {
			t.Errorf("%s, whom nobody has configured: %v", name, err)
		}
		if before.Still(u) != u {
			t.Errorf("the session of %s ends although nothing has changed", name)
		}

		if _, err := after.Own(u); (err == nil) != own {
			t.Errorf("%s signs in: %v", name, err)
		}
		if still := after.Still(u); (still != nil) != own {
			t.Errorf("the session of %s goes on: %v", name, still)
		}
	}
}
