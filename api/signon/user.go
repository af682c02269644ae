package signon

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"recordings/api/auth"
)

// ClaimError says that a user is known, and that a claim lacks what would let them in.
type ClaimError struct {
	Claim string // that was looked for
	Lacks string // what it does not say
	Name  string // of the user; empty: that is what the claims lack
}

// Error implements error. It is what the user sees.
func (e *ClaimError) Error() string {
	return fmt.Sprintf("your account has no %s here: the claim %s was looked for", e.Lacks, e.Claim)
}

const maxName = 256 // bytes

// user makes a user of claims that are known to be true.
func (p *Provider) user(claims map[string]any) (*auth.User, error) {
	s := &p.settings
	name := nameOf(claims, s.UserName)
	role, ok := s.Roles.roleOf(texts(claim(claims, s.Roles.Claim)))
	if !ok {
		return nil, &ClaimError{s.Roles.Claim, "role", name}
	}

	u := &auth.User{Name: name, Role: role, Source: p.source}
	if u.Name == "" {
		return nil, &ClaimError{s.UserName, "name", ""}
	}

	value := claim(claims, s.ContactCenter)
	u.ContactCenters = texts(value)
	slices.Sort(u.ContactCenters)
	u.ContactCenters = slices.Compact(u.ContactCenters)
	valid := !slices.ContainsFunc(u.ContactCenters, func(id string) bool { return !auth.ValidContactCenter(id) })
	none := len(u.ContactCenters) == 0 && (role != auth.RoleOps || value != nil)
	if none || !valid {
		return nil, &ClaimError{s.ContactCenter, "contact center", name}
	}

	if s.AccessGroups == "" || role == auth.RoleRecorder {
		return u, nil
	}
	value = claim(claims, s.AccessGroups)
	u.AccessGroups = texts(value)
	valid = !slices.ContainsFunc(u.AccessGroups, func(g string) bool { return !auth.ValidAccessGroup(g) })
	unread := value != nil && len(u.AccessGroups) == 0 && !isEmptyList(value)
	others := len(u.AccessGroups) > 0 && role != auth.RoleAdmin // whom a team would not restrict
	if !valid || unread || others {
		return nil, &ClaimError{s.AccessGroups, "access groups that can be used with the role " + string(role), name}
	}
	return u, nil
}

func isEmptyList(v any) bool {
	list, ok := v.([]any)
	return ok && len(list) == 0
}

// nameOf is the name of a user: that of the claim, or what the provider itself knows them by.
func nameOf(claims map[string]any, name string) string {
	for _, c := range []string{name, "sub"} {
		text, _ := claim(claims, c).(string)
		if text != "" && len(text) <= maxName && !strings.ContainsFunc(text, unicode.IsControl) {
			return auth.Normal(text)
		}
	}
	return ""
}
