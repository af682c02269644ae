package config_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"recordings/cmd/recordings/internal/config"
)

// TestWhoGetsIn: users, tokens or an identity provider are each enough, and what is odd about who gets in is
// noted.
func TestWhoGetsIn(t *testing.T) {
	const (
		tokenHash = "sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"
		ops       = "tokens: [{name: nightly, hash: '" + tokenHash + "', role: ops, expires: 2027-12-31}]\n"
		recorder  = "tokens: [{name: r7, hash: '" + tokenHash + "', role: recorder, contact_center: cc}]\n"
		provider  = "oidc: {issuer: 'https://id.example.com', client_id: r, audience: r, roles: "
		admin     = "users: [{name: a, role: admin, contact_center: cc, password_hash: '" + hash + "'}]\n"
	)
	const (
		expired   = `the token "nightly" has expired on 2027-12-31`
		nobody    = "nobody can call the API"
		page      = "nobody can sign in on the page: there"
		away      = "nobody can sign in on the page while"
		looksAway = "nobody can look after the service"
	)
	for name, c := range map[string]struct {
		yaml  string
		year  int
		notes []string // what they begin with
	}{
		"users":                    {minimal[len("region: us-west\n"):], 2026, nil},
		"only an administrator":    {admin, 2026, []string{looksAway}},
		"tokens":                   {ops, 2026, []string{page}},
		"tokens that have expired": {ops, 2028, []string{expired, nobody}},
		"a recorder alone":         {recorder, 2026, []string{page, looksAway}},
		"a provider":               {provider + "{ops: [o]}}\n", 2026, []string{away}},
		"a provider without ops":   {provider + "{admin: [a]}}\n", 2026, []string{away, looksAway}},
		"a provider and a user":    {provider + "{ops: [o]}}\n" + admin, 2026, nil},
		"a token has just expired": {ops + admin, 2028, []string{expired}},
	} {
		now := time.Date(c.year, 1, 1, 0, 0, 0, 0, time.UTC)
		got := parse(t, "region: us-west\n"+c.yaml, config.Sources{}).Notes(now)
		if !slices.EqualFunc(got, c.notes, strings.HasPrefix) {
			t.Errorf("%s: %q, want %q", name, got, c.notes)
		}
	}
}
