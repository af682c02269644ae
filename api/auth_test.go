package api_test

import (
	"strings"
	"sync"
	"testing"

	"recordings/api"
	"recordings/api/auth"
	"recordings/index/indextest"
)

// TestRealHash signs in with a hash that has the parameters of real ones.
func TestRealHash(t *testing.T) {
	t.Parallel()
	hash, err := auth.HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, api.Options{Users: []auth.User{{Name: "ops", PasswordHash: hash, Role: auth.RoleOps}}})
	checkAnswer(t, s.do(t, "GET", "/api/v2/me", "ops", nil, ""), 200, 0, "")
}

func TestOptions(t *testing.T) {
	t.Parallel()
	x := &faulty{}
	admin := func(change func(*auth.User)) api.Options {
		u := adminUser
		change(&u)
		return api.Options{Index: x, Region: "test", Users: []auth.User{u}}
	}
	bad := map[string]api.Options{
		"an index is required": {Region: "test"},
		"region of the server": {Index: x},
		"cannot be negative":   {Index: x, Region: "test", MaxBody: -1},
		"configured twice":     {Index: x, Region: "test", Users: []auth.User{opsUser, opsUser}},
		"no contact center \"cc\"": {
			Index:          x,
			Region:         "test",
			Users:          []auth.User{adminUser},
			ContactCenters: []string{"other"},
		},
		"name is required":            admin(func(u *auth.User) { u.Name = "" }),
		"must not have a colon":       admin(func(u *auth.User) { u.Name = "a:b" }),
		"password hash":               admin(func(u *auth.User) { u.PasswordHash = "secret" }),
		"role must be ops, ":          admin(func(u *auth.User) { u.Role = "root" }),
		"role must be":                admin(func(u *auth.User) { u.Role = "" }),
		"is bound to contact centers": admin(func(u *auth.User) { u.ContactCenters = nil }),
		"for the role admin only": admin(func(u *auth.User) {
			u.Role, u.AccessGroups = auth.RoleOps, []string{"/Sales"}
		}),
	}
	for message, o := range bad {
		if _, err := api.New(o); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("the error is %v, want one with %q", err, message)
		}
	}
	_, err := api.New(api.Options{Users: []auth.User{{Name: "a:b", PasswordHash: "x"}}})
	if err == nil || strings.Count(err.Error(), "\n") < 4 {
		t.Errorf("not everything is told at once: %v", err)
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("a hash is told: %v", err)
	}
}

// TestConcurrentLogins logs in with right and wrong passwords at a time: each gets the answer that
// is its own.
func TestConcurrentLogins(t *testing.T) {
	t.Parallel()
	hash, err := auth.HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, api.Options{Users: []auth.User{{Name: "ops", PasswordHash: hash, Role: auth.RoleOps}}})
	var wg sync.WaitGroup
	for range indextest.Sized(10, 4) { // each hashes at full cost
		wg.Go(func() { checkAnswer(t, s.do(t, "GET", "/api/v2/me", "ops", nil, ""), 200, 0, "") })
		wg.Go(func() { checkAnswer(t, s.do(t, "GET", "/api/v2/me", "nobody", nil, ""), 401, 20, "password") })
		wg.Go(func() {
			wrong := map[string]string{"Authorization": "Basic b3BzOndyb25n"} // ops:wrong
			checkAnswer(t, s.do(t, "GET", "/api/v2/me", "", wrong, ""), 401, 20, "password")
		})
	}
	wg.Wait()
}
