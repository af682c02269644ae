package auth_test

import (
	"testing"

	"recordings/api/auth"
)

// TestOwner: a token is not the person of its name, and how an accent was typed makes no other person.
func TestOwner(t *testing.T) {
	for _, c := range []struct {
		user auth.User
		want string
	}{
		{auth.User{Name: "zoe"}, "zoe"},
		{auth.User{Name: "zoe", Source: "a provider"}, "zoe"},
		{auth.User{Name: "zoe", Source: auth.SourceToken + "hash"}, "token:zoe"},
		{auth.User{Name: "zoe\u0308"}, "zo\u00eb"},
	} {
		if got := c.user.Owner(); got != c.want {
			t.Errorf("%+v: %q, want %q", c.user, got, c.want)
		}
	}
}
