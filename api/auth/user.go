package auth

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"recordings/internal/problem"
)

// Role is what a user may do. A role that is not one of these is refused, never taken for less.
type Role string

// The roles of users.
const (
	RoleOps   Role = "ops"   // OPS Admin: the recorder and operations, every contact center
	RoleAdmin Role = "admin" // Contact Center Admin: bound to one contact center
)

// User is somebody who may call the API, as configured. Users are never changed: a new password
// needs a restart.
type User struct {
	Name          string
	PasswordHash  string // see [HashPassword]
	Role          Role
	ContactCenter string // of a RoleAdmin; empty for a RoleOps
}

// Normal is the form in which names and passwords are compared and hashed: NFC. Keyboards and systems
// differ in whether they compose an accent with its letter.
func Normal(text string) string { return norm.NFC.String(text) }

// Problems are all that is wrong with a user, by the names of its settings.
func (u User) Problems() (problems problem.List) {
	bad := func(c rune) bool { return c == ':' || c < ' ' || c == 0x7f }
	problems.Check(u.Name != "", "name", "is required")
	problems.Check(!strings.ContainsFunc(u.Name, bad), "name", "must not have a colon or a control character")

	const how = "; make one by `recordings hash-password`, and put it in quotes"
	if problems.Check(u.PasswordHash != "", "password_hash", "is required"+how) {
		if _, err := parsePasswordHash(u.PasswordHash); err != nil {
			problems.Check(false, "password_hash", err.Error()+how)
		}
	}

	const at = "contact_center"
	switch u.Role {
	case RoleOps:
		problems.Check(u.ContactCenter == "", at, "must not be given: the role ops has all contact centers")
	case RoleAdmin:
		if problems.Check(u.ContactCenter != "", at, "is required: the role admin has one contact center") {
			problems.Check(ValidContactCenter(u.ContactCenter), at, "must be "+ContactCenterForm)
			problems.Check(problem.Trimmed(u.ContactCenter), at, "must not begin or end with a space")
		}
	default:
		problems.Check(false, "role", "must be ops or admin")
	}
	return problems
}

// ContactCenterForm says what [ValidContactCenter] accepts, for messages.
const ContactCenterForm = "a non-empty text of at most 256 bytes without control characters"

const maxContactCenter = 256 // bytes

// ValidContactCenter reports whether a text can be the id of a contact center.
func ValidContactCenter(id string) bool {
	return id != "" && len(id) <= maxContactCenter && utf8.ValidString(id) &&
		!strings.ContainsFunc(id, unicode.IsControl)
}
