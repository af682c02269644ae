package api_test

import (
	"strings"
	"sync"
	"testing"

	"recordings/api"
)

func TestHashPassword(t *testing.T) {
	t.Parallel()
	one, err := api.HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	other, err := api.HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	if one == other {
		t.Error("two hashes have the same salt")
	}
	if !strings.HasPrefix(one, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("the hash is %s", one)
	}
	if err := api.CheckPasswordHash(one); err != nil {
		t.Error(err)
	}
	if hash, err := api.HashPassword(""); err == nil {
		t.Errorf("the empty password has the hash %s", hash)
	}
	s := newServer(t, api.Options{Users: []api.User{{Name: "ops", PasswordHash: one, Role: api.RoleOps}}})
	checkAnswer(t, s.do(t, "GET", "/api/v2/me", "ops", nil, ""), 200, 0, "")
}

func TestCheckPasswordHash(t *testing.T) {
	t.Parallel()
	const salt, key = "MDEyMzQ1Njc4OWFiY2RlZg", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
	good := []string{
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=47104,t=1,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=262144,t=16,p=16$" + salt + "$" + key,
		"$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + salt,
	}
	for _, hash := range good {
		if err := api.CheckPasswordHash(hash); err != nil {
			t.Errorf("%s: %v", hash, err)
		}
	}
	bad := []string{
		"", "secret", "$", "$$$$$", "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
		"$argon2i$v=19$m=19456,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=16$m=19456,t=2,p=1$" + salt + "$" + key,
		"$argon2id$m=19456,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=19456,t=2$" + salt + "$" + key,
		"$argon2id$v=19$t=2,m=19456,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=19456,t=2,p=1,x=1$" + salt + "$" + key,
		"$argon2id$v=19$m=+19456,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=019456,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=-1,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=100000000,t=2,p=1$" + salt + "$" + key, // 100 GB
		"$argon2id$v=19$m=99999999999,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=19456,t=1000000,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=19456,t=0,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=19456,t=2,p=0$" + salt + "$" + key,
		"$argon2id$v=19$m=19456,t=2,p=255$" + salt + "$" + key,
		"$argon2id$v=19$m=19456,t=2,p=256$" + salt + "$" + key,
		"$argon2id$v=19$m=7,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=31,t=2,p=4$" + salt + "$" + key,
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "==$" + key,
		"$argon2id$v=19$m=19456,t=2,p=1$ab$" + key,
		"$argon2id$v=19$m=19456,t=2,p=1$" + strings.Repeat("A", 100) + "$" + key,
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$",
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + strings.Repeat("A", 100),
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + key + "$",
		" $argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + key,
	}
	for _, hash := range bad {
		if err := api.CheckPasswordHash(hash); err == nil {
			t.Errorf("%q is accepted", hash)
		}
	}
}

func FuzzCheckPasswordHash(f *testing.F) {
	f.Add(cheapHash)
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY")
	f.Fuzz(func(t *testing.T, hash string) {
		if api.CheckPasswordHash(hash) != nil {
			return
		}
		if u := (api.User{Name: "u", PasswordHash: hash, Role: api.RoleOps}); u.Validate() != nil {
			t.Errorf("a user with the hash %q is refused", hash)
		}
	})
}

func TestOptions(t *testing.T) {
	t.Parallel()
	x := &faulty{}
	admin := func(change func(*api.User)) api.Options {
		u := adminUser
		change(&u)
		return api.Options{Index: x, Region: "test", Users: []api.User{u}}
	}
	bad := map[string]api.Options{
		"an index is required":     {Region: "test"},
		"region of the server":     {Index: x},
		"cannot be negative":       {Index: x, Region: "test", MaxBody: -1},
		"configured twice":         {Index: x, Region: "test", Users: []api.User{opsUser, opsUser}},
		"no contact center \"cc\"": {Index: x, Region: "test", Users: []api.User{adminUser}, ContactCenters: []string{"other"}},
		"the name of a user":       admin(func(u *api.User) { u.Name = "" }),
		"neither colons":           admin(func(u *api.User) { u.Name = "a:b" }),
		"password hash":            admin(func(u *api.User) { u.PasswordHash = "secret" }),
		"role \"root\"":            admin(func(u *api.User) { u.Role = "root" }),
		"role \"\"":                admin(func(u *api.User) { u.Role = "" }),
		"needs a contact center":   admin(func(u *api.User) { u.ContactCenter = "" }),
		"cannot be bound":          admin(func(u *api.User) { u.Role = api.RoleOps }),
	}
	for message, o := range bad {
		if _, err := api.New(o); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("the error is %v, want one with %q", err, message)
		}
	}
	_, err := api.New(api.Options{Users: []api.User{{Name: "a:b", PasswordHash: "x"}}})
	if err == nil || strings.Count(err.Error(), "\n") < 4 {
		t.Errorf("not everything is told at once: %v", err)
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("a hash is told: %v", err)
	}
}

// TestConcurrentLogins logs in with right and wrong passwords at a time: each gets the answer that is its own.
func TestConcurrentLogins(t *testing.T) {
	t.Parallel()
	hash, err := api.HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, api.Options{Users: []api.User{{Name: "ops", PasswordHash: hash, Role: api.RoleOps}}})
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() { checkAnswer(t, s.do(t, "GET", "/api/v2/me", "ops", nil, ""), 200, 0, "") })
		wg.Go(func() { checkAnswer(t, s.do(t, "GET", "/api/v2/me", "nobody", nil, ""), 401, 20, "password") })
		wg.Go(func() {
			wrong := map[string]string{"Authorization": "Basic b3BzOndyb25n"} // ops:wrong
			checkAnswer(t, s.do(t, "GET", "/api/v2/me", "", wrong, ""), 401, 20, "password")
		})
	}
	wg.Wait()
}
