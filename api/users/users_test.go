package users_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/api/access"
	"recordings/api/auth"
	"recordings/api/signon"
	"recordings/api/users"
)

var (
	now     = time.Date(2026, 5, 17, 12, 0, 0, 0, time.UTC)
	minutes = func(n int) time.Time { return now.Add(time.Duration(n) * time.Minute) }
)

// never is of a service that keeps nothing of those who called before.
func never(context.Context, string, bool) (at time.Time, err error) { return at, nil }

// shown are users in short: the name, the kind, and the minutes since now, or "-" of who was not seen.
func shown(all []users.KnownUser) string {
	var lines []string
	for _, u := range all {
		seen := "-"
		if u.LastSeen != 0 {
			seen = fmt.Sprint((int64(u.LastSeen) - now.UnixMilli()) / time.Minute.Milliseconds())
		}
		lines = append(lines, fmt.Sprintf("%s %s %s", u.UserName, u.Kind, seen))
	}
	return strings.Join(lines, ", ")
}

// hash is that of a password which takes no time to be compared.
var hash = "$argon2id$v=19$m=8,t=1,p=1$" + base64.RawStdEncoding.EncodeToString([]byte("0123456789abcdef")) + "$" +
	base64.RawStdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))

// newAccess is one of two users and three tokens, of which one has the name of a user of the provider.
func newAccess(t *testing.T) (a *access.Access, settings access.Settings) {
	t.Helper()
	settings.Users = []auth.User{
		{Name: "ops", PasswordHash: hash, Role: auth.RoleOps, ContactCenters: []string{}}, // as a file may have it
		{Name: "Ju\u0308rgen", PasswordHash: hash, Role: auth.RoleAdmin, ContactCenters: []string{"cc"},
			AccessGroups: []string{"/Sales"}},
	}
	for name, expires := range map[string]string{"old": "2026-05-16", "last-day": "2026-05-17", "endless": ""} {
		_, hash := auth.NewToken()
		settings.Tokens = append(settings.Tokens, auth.Token{
			Name: name, Hash: hash, Role: auth.RoleRecorder, ContactCenters: []string{"cc"}, Expires: expires,
		})
	}
	settings.SignOn = signon.Defaults()
	settings.SignOn.Issuer, settings.SignOn.ClientID, settings.SignOn.Audience = "http://127.0.0.1:1", "r", "api"
	settings.SignOn.Roles.Admin = []string{"admins"}
	a, err := access.New(settings, nil)
	if err != nil {
		t.Fatal(err)
	}
	return a, settings
}

// TestList: all of the configuration are there, whether they have called or not, and of the provider who has;
// nothing of a password or a token is told.
func TestList(t *testing.T) {
	t.Parallel()
	a, settings := newAccess(t)
	seen := new(users.Seen)
	list := func(earlier users.Earlier) []users.KnownUser {
		t.Helper()
		all, err := seen.List(t.Context(), a, now, earlier)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}

	const nobody = "J\u00fcrgen password -, endless token -, last-day token -, old token -, ops password -"
	if got := shown(list(never)); got != nobody {
		t.Errorf("before anybody has called: %s", got)
	}

	admin := func(name, source string) *auth.User {
		return &auth.User{Name: name, Role: auth.RoleAdmin, ContactCenters: []string{"dd"}, Source: source}
	}
	provider := a.Provider().Source()
	seen.Note(&auth.User{Name: "ops", Role: auth.RoleOps}, minutes(-3))
	seen.Note(&auth.User{Name: "ops", Role: auth.RoleOps}, minutes(-2))
	seen.Note(admin("old", auth.SourceToken+"x"), minutes(-9))
	seen.Note(admin("zoe", provider), minutes(-1))
	seen.Note(admin("amy", "a provider of before"), minutes(-1))
	seen.Note(admin("Ju\u0308rgen", auth.SourceFile), minutes(-1)) // as another keyboard writes it

	// What is kept longer tells of those who have not called since the start.
	earlier := func(_ context.Context, name string, token bool) (at time.Time, err error) {
		switch {
		case name == "ops" || name == "old":
			t.Errorf("%s has called, and it was asked for when they did so before", name)
		case name == "endless" && token:
			return minutes(-60), nil
		}
		return at, nil
	}
	const want = "J\u00fcrgen password -1, endless token -60, last-day token -, old token -9, ops password -2, " +
		"zoe provider -1"
	all := list(earlier)
	if got := shown(all); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, u := range all {
		all, team := u.UserName == "ops", u.UserName == "J\u00fcrgen"
		if (u.ContactCenters == nil) != all || (u.AccessGroups != nil) != team {
			t.Errorf("%s has %q and %q", u.UserName, u.ContactCenters, u.AccessGroups)
		}
		if u.Expired != (u.UserName == "old") {
			t.Errorf("%s has expired: %t", u.UserName, u.Expired)
		}
	}

	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range settings.Users {
		for _, part := range strings.Split(u.PasswordHash, "$")[1:] {
			if strings.Contains(string(text), part) && len(part) > 8 {
				t.Errorf("the list has %q of the password of %s", part, u.Name)
			}
		}
	}
	for _, x := range settings.Tokens {
		if strings.Contains(string(text), strings.TrimPrefix(x.Hash, "sha256:")) {
			t.Errorf("the list has the hash of the token %s", x.Name)
		}
	}
	for _, word := range []string{"argon2", "sha256", "secret", "rec_", "token:"} {
		if strings.Contains(string(text), word) {
			t.Errorf("the list has %q: %s", word, text)
		}
	}

	broken := errors.New("broken")
	_, err = seen.List(t.Context(), a, now, func(context.Context, string, bool) (time.Time, error) {
		return time.Time{}, broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("what could not be read: %v", err)
	}
}

// TestSeenIsBounded: of any number of users some thousands are remembered, those who called last.
func TestSeenIsBounded(t *testing.T) {
	t.Parallel()
	a, _ := newAccess(t)
	seen := new(users.Seen)
	note := func(i int) {
		seen.Note(&auth.User{Name: fmt.Sprint("user-", i), Role: auth.RoleAdmin, ContactCenters: []string{"cc"},
			Source: a.Provider().Source()}, now.Add(time.Duration(i)*time.Second))
	}
	const callers = 25_000
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := worker; i < callers; i += 4 {
				note(i)
			}
		})
	}
	wg.Wait()
	note(callers)

	all, err := seen.List(t.Context(), a, now, never)
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, u := range all {
		names[u.UserName] = true
	}
	if len(all) < 2_000 || len(all) > 10_010 || !names[fmt.Sprint("user-", callers)] || names["user-0"] {
		t.Errorf("%d users are remembered", len(all))
	}
}
