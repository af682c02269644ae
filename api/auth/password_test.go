package auth_test

import (
	"strings"
	"testing"

	"recordings/api/auth"
)

func TestHashPassword(t *testing.T) {
	t.Parallel()
	one, err := auth.HashPassword("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	other, err := auth.HashPassword("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if one == other {
		t.Error("two hashes have the same salt")
	}
	if !strings.HasPrefix(one, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("the hash is %s", one)
	}
	if err := auth.CheckPasswordHash(one); err != nil {
		t.Error(err)
	}
	if hash, err := auth.HashPassword(""); err == nil {
		t.Errorf("the empty password has the hash %s", hash)
	}
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
		if err := auth.CheckPasswordHash(hash); err != nil {
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
		if err := auth.CheckPasswordHash(hash); err == nil {
			t.Errorf("%q is accepted", hash)
		}
	}
}

func FuzzCheckPasswordHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY")
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY")
	f.Fuzz(func(t *testing.T, hash string) {
		if auth.CheckPasswordHash(hash) != nil {
			return
		}
		if u := (auth.User{Name: "u", PasswordHash: hash, Role: auth.RoleOps}); u.Problems() != nil {
			t.Errorf("a user with the hash %q is refused", hash)
		}
	})
}
