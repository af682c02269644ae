// Package access knows who calls the service: by a password, by a machine's token, by the word of an
// identity provider, or by the session of the page.
//
// The one fact that a reader lacks: an [Access] is never changed. What is read again from the
// configuration makes a new one, which takes the place of the old at one moment; a request that has
// begun with one goes on with it to its end, but for batches, which may have none. So nothing here needs
// a lock, and nobody ever sees the users of one configuration with the contact centers of another.
package access

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"recordings/api/auth"
	"recordings/api/signon"
)

// Settings are what an Access is made of.
type Settings struct {
	Users          []auth.User
	Tokens         []auth.Token
	ContactCenters []string // those that exist; empty: any
	SignOn         signon.Settings
}

// Access is who may call, and what there is for them.
type Access struct {
	passwords *auth.Authenticator
	tokens    *auth.Tokens
	provider  *signon.Provider // nil: there is none
	centers   []string         // that exist; empty: any
	named     []string         // see Named
	known     []Known
}

// Known is somebody whom the configuration knows, without what it knows them by.
type Known struct {
	Name           string // in its normal form
	Token          bool   // it is a machine
	Role           auth.Role
	ContactCenters []string // empty: all
	AccessGroups   []string
	Expires        string // the last day on which a token is good, such as 2027-12-31; empty: none
}

// Owner is [auth.User.Owner] of who calls so.
func (k *Known) Owner() string {
	if k.Token {
		return auth.SourceToken + k.Name
	}
	return k.Name
}

// Expired reports whether it is a token that is no longer good.
func (k *Known) Expired(now time.Time) bool {
	t := auth.Token{Expires: k.Expires}
	return k.Token && t.Expired(now)
}

// New returns the access of these settings. What before knows of guesses and right passwords is
// taken over; nil: there is nothing before.
func New(s Settings, before *Access) (a *Access, err error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}

	a = &Access{centers: s.ContactCenters, named: s.named(), known: s.known()}
	if before == nil {
		a.passwords, err = auth.New(s.Users)
	} else {
		a.passwords, err = before.passwords.With(s.Users)
	}
	if err != nil {
		return nil, err
	}
	if a.tokens, err = auth.NewTokens(s.Tokens); err != nil || !s.SignOn.Enabled() {
		return a, err
	}

	if before != nil && before.provider != nil && reflect.DeepEqual(before.provider.Settings(), s.SignOn) {
		a.provider = before.provider // with the keys that it knows
		return a, nil
	}
	a.provider, err = signon.New(s.SignOn)
	return a, err
}

// Validate returns everything that is wrong with the settings.
func (s *Settings) Validate() error {
	var errs []error
	seen := make(map[string]bool)
	check := func(kind, name string, problems error, centers []string) {
		if problems != nil {
			errs = append(errs, fmt.Errorf("%s %q: %w", kind, name, problems))
		}
		if seen[auth.Normal(name)] {
			errs = append(errs, fmt.Errorf("%s %q is configured twice", kind, name))
		}
		seen[auth.Normal(name)] = true
		for _, id := range centers {
			if !s.exists(id) {
				errs = append(errs, fmt.Errorf("%s %q: there is no contact center %q", kind, name, id))
			}
		}
	}

	for _, u := range s.Users {
		check("user", u.Name, u.Problems().Err(), u.ContactCenters)
	}
	for _, t := range s.Tokens {
		check("token", t.Name, t.Problems().Err(), t.ContactCenters)
	}
	if err := s.SignOn.Problems().Err(); err != nil {
		errs = append(errs, fmt.Errorf("oidc: %w", err))
	}
	return errors.Join(errs...)
}

// exists reports whether a contact center is one of those that there are.
func (s *Settings) exists(id string) bool {
	return len(s.ContactCenters) == 0 || slices.Contains(s.ContactCenters, id)
}

// named are the contact centers that the settings name, whether as such or as somebody's.
func (s *Settings) named() []string {
	all := slices.Clone(s.ContactCenters)
	for _, u := range s.Users {
		all = append(all, u.ContactCenters...)
	}
	for _, t := range s.Tokens {
		all = append(all, t.ContactCenters...)
	}

	slices.Sort(all)
	return slices.Compact(all)
}

// known are the users and the tokens, in that order.
func (s *Settings) known() []Known {
	all := make([]Known, 0, len(s.Users)+len(s.Tokens))
	for _, u := range s.Users {
		all = append(all, Known{
			Name: auth.Normal(u.Name), Role: u.Role, ContactCenters: u.ContactCenters, AccessGroups: u.AccessGroups,
		})
	}
	for _, t := range s.Tokens {
		all = append(all, Known{
			Name: auth.Normal(t.Name), Token: true, Role: t.Role, ContactCenters: t.ContactCenters,
			AccessGroups: t.AccessGroups, Expires: t.Expires,
		})
	}
	return all
}

// Known are the users and the tokens of the configuration.
func (a *Access) Known() []Known { return a.known }

// Password returns who has this name and password; see [auth.Authenticator.Check]. Machines that know
// nothing else send their token so.
func (a *Access) Password(ctx context.Context, from netip.Prefix, name, password string) (*auth.User, error) {
	if auth.IsToken(password) {
		return a.tokens.Check(password, &name)
	}
	return a.passwords.Check(ctx, from, name, password)
}

// SignIn is Password for who signs in on the page, where machines have no business.
func (a *Access) SignIn(ctx context.Context, from netip.Prefix, name, password string) (*auth.User, error) {
	return a.passwords.Check(ctx, from, name, password)
}

// Knows reports whether there is a user of this name who signs in by a password.
func (a *Access) Knows(name string) bool { return a.passwords.Knows(name) }

// Own refuses a user of the identity provider who has the name of a user, or of a machine, of the
// configuration: in logs, and where sessions are ended by name, nobody could tell them apart.
func (a *Access) Own(u *auth.User) (*auth.User, error) {
	if a.names(u.Name) {
		claim := a.provider.Settings().UserName
		return nil, &signon.ClaimError{Claim: claim, Lacks: "name that nobody of the configuration has", Name: u.Name}
	}
	return u, nil
}

// names reports whether the configuration has a user or a token of this name.
func (a *Access) names(name string) bool { return a.passwords.Knows(name) || a.tokens.Knows(name) }

// Provider is the identity provider; nil: there is none.
func (a *Access) Provider() *signon.Provider { return a.provider }

// Bearer returns whose bearer token this is, or a [*auth.RefusedError]; see [signon.Provider.Bearer].
func (a *Access) Bearer(ctx context.Context, token string) (*auth.User, error) {
	if auth.IsToken(token) {
		return a.tokens.Check(token, nil)
	}
	if a.provider != nil {
		u, err := a.provider.Bearer(ctx, token)
		if err != nil {
			return nil, err
		}
		return a.Own(u)
	}
	return nil, &auth.RefusedError{Reason: "it is not a token of this service"}
}

// Still returns a user who was let in before, as this access knows them; nil: there is nobody like that any
// more, or with another password, token or other rights.
func (a *Access) Still(u *auth.User) *auth.User {
	if strings.HasPrefix(u.Source, auth.SourceToken) {
		return a.tokens.Still(u)
	}
	if u.Source != auth.SourceFile {
		if a.provider == nil || a.provider.Source() != u.Source || a.names(u.Name) {
			return nil
		}
		return u
	}
	now := a.passwords.User(u.Name)
	if now == nil || now != u && !now.Equal(u) {
		return nil
	}
	return now
}

// Exists reports whether a contact center is one of those that there are.
func (a *Access) Exists(contactCenter string) bool {
	exists := len(a.centers) == 0 || slices.Contains(a.centers, contactCenter)
	return exists && auth.ValidContactCenter(contactCenter)
}

// Named are the contact centers that the configuration names, whether as such or as somebody's. There
// may be others.
func (a *Access) Named() []string { return a.named }
