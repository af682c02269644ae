// Package signon lets an identity provider say who calls: by OpenID Connect, for the page and for bearer
// tokens.
//
// The one fact that a reader lacks: the provider is not always there, and nothing here waits for it for
// long. Its keys are kept when it is away, what was verified is remembered for ten minutes, and asking
// it is bounded: whoever sends tokens with made-up keys cannot have it asked more often.
//
// Signatures, discovery and the exchange of codes are the business of go-oidc, go-jose and oauth2.
// go-oidc was chosen over zitadel/oidc: it has what a relying party needs and two dependencies in place
// of some thirty, among them a router and a tracer of its own.
package signon

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"net/url"
	"strings"

	"recordings/api/auth"
	"recordings/internal/problem"
)

// Settings say which provider is believed, and what of its claims means what.
type Settings struct {
	Issuer        string // exactly as the provider calls itself; empty: there is none
	ClientID      string
	ClientSecret  string // empty: a public client
	Audience      string // what a bearer token must be for
	Roles         Roles
	ContactCenter string // the claim with the contact center of a user, or a list of them
	AccessGroups  string // the claim with their teams; empty: nobody has any
	UserName      string // the claim with their name
	Button        string // what the page calls signing in so
}

// Roles are the values of a claim that stand for roles.
type Roles struct {
	Claim                         string
	Ops, Admin, Recorder, Auditor []string
}

// Defaults are the settings where nothing else is said.
func Defaults() Settings {
	return Settings{
		Roles: Roles{Claim: "groups"}, ContactCenter: "contact_center", UserName: "preferred_username",
		Button: "Sign in with your organization",
	}
}

// Enabled reports whether there is a provider.
func (s *Settings) Enabled() bool { return s.Issuer != "" }

// Problems are all that is wrong with the settings, by their names.
func (s *Settings) Problems() (problems problem.List) {
	if !s.Enabled() {
		begun := s.ClientID != "" || s.ClientSecret != "" || s.Audience != "" || s.Roles.some()
		problems.Check(!begun, "issuer", "is required: exactly as the provider calls itself")
		return problems
	}

	if problems.CheckURL("issuer", s.Issuer) {
		u, err := url.Parse(s.Issuer)
		problems.Check(err == nil && secure(u), "issuer",
			"must begin with https://: http is for a provider on this machine only, such as http://127.0.0.1:8081")
	}
	problems.Check(s.ClientID != "", "client_id", "is required: what the provider calls this service")
	problems.Check(s.Audience != "", "audience", "is required: what a bearer token must be for")
	problems.Check(s.Roles.Claim != "", "roles.claim", "is required: the claim that has the roles of a user")
	problems.Check(s.ContactCenter != "", "contact_center.claim",
		"is required: the claim that has the contact center of a user")
	problems.Check(s.UserName != "", "user_name.claim", "is required: the claim that has the name of a user")
	problems.Check(s.Roles.some(), "roles",
		"must say which values of the claim stand for ops, admin, recorder or auditor")
	return problems
}

// secure reports whether what is sent to a URL stays secret: by TLS, or on this machine.
func secure(u *url.URL) bool {
	if u.Scheme == "https" {
		return true
	}
	host := u.Hostname()
	a, err := netip.ParseAddr(host)
	return u.Scheme == "http" && (host == "localhost" || err == nil && a.IsLoopback())
}

// fingerprint is the same for the same settings only. Users who have signed in by others are no
// longer known.
func (s *Settings) fingerprint() string {
	text, err := json.Marshal(s)
	if err != nil { // strings and lists of them can be encoded
		return ""
	}
	sum := sha256.Sum256(text)
	return "oidc:" + hex.EncodeToString(sum[:])
}

// some reports whether any value stands for a role.
func (r *Roles) some() bool { return len(r.Ops)+len(r.Admin)+len(r.Recorder)+len(r.Auditor) > 0 }

// roleOf is the role that the values of the claim stand for, the one of most rights if several do.
func (r *Roles) roleOf(values []string) (auth.Role, bool) {
	has := func(wanted []string) bool {
		for _, v := range values {
			for _, w := range wanted {
				if v == w {
					return true
				}
			}
		}
		return false
	}
	for _, x := range []struct {
		role   auth.Role
		values []string
	}{
		{auth.RoleOps, r.Ops}, {auth.RoleAdmin, r.Admin}, {auth.RoleAuditor, r.Auditor},
		{auth.RoleRecorder, r.Recorder},
	} {
		if has(x.values) {
			return x.role, true
		}
	}
	return "", false
}

// claim is the value of a claim by its name, or if there is none of this name, by its path: Keycloak
// has realm_access.roles.
func claim(claims map[string]any, name string) any {
	if v, ok := claims[name]; ok {
		return v
	}
	var v any = claims
	for part := range strings.SplitSeq(name, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[part]
	}
	return v
}

// texts are the texts of a claim: one, or a list. What is neither has none.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		if v != "" {
			return []string{v}
		}
	case []any:
		var all []string
		for _, x := range v {
			text, ok := x.(string)
			if !ok || text == "" {
				return nil
			}
			all = append(all, text)
		}
		return all
	}
	return nil
}
