package auth

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
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

// Validate returns everything that is wrong with a user.
func (u User) Validate() error {
	var errs []error
	if u.Name == "" || strings.ContainsFunc(u.Name, func(r rune) bool { return r == ':' || r < ' ' || r == 0x7f }) {
		errs = append(
			errs,
			errors.New("the name of a user must not be empty and has neither colons nor control characters"),
		)
	}

	if err := CheckPasswordHash(u.PasswordHash); err != nil {
		errs = append(errs, err)
	}

	switch u.Role {
	case RoleAdmin:
		if !ValidContactCenter(u.ContactCenter) {
			errs = append(errs, fmt.Errorf("the role %s needs a contact center, %s", RoleAdmin, ContactCenterForm))
		}
	case RoleOps:
		if u.ContactCenter != "" {
			errs = append(
				errs,
				fmt.Errorf("the role %s serves every contact center and cannot be bound to one", RoleOps),
			)
		}
	default:
		errs = append(
			errs,
			fmt.Errorf("the role %q is unknown; accepted are %s and %s", string(u.Role), RoleOps, RoleAdmin),
		)
	}

	return errors.Join(errs...)
}

// ContactCenterForm says what [ValidContactCenter] accepts, for messages.
const ContactCenterForm = "a non-empty text of at most 256 bytes without control characters"

const maxContactCenter = 256 // bytes

// ValidContactCenter reports whether a text can be the id of a contact center.
func ValidContactCenter(id string) bool {
	return id != "" && len(id) <= maxContactCenter && utf8.ValidString(id) &&
		!strings.ContainsFunc(id, unicode.IsControl)
}
