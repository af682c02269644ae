package auth

import (
	"fmt"
	"slices"
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
	RoleOps      Role = "ops"      // OPS Admin: operations, of all contact centers or of some
	RoleAdmin    Role = "admin"    // Contact Center Admin: finds, reads and plays recordings
	RoleRecorder Role = "recorder" // a machine: it posts recordings, and nothing else
	RoleAuditor  Role = "auditor"  // reads the audit log, and nothing else
)

// Roles are all roles.
var Roles = []Role{RoleOps, RoleAdmin, RoleRecorder, RoleAuditor}

// User is who may call the API, however they sign in. Users are never changed: reading the
// configuration again makes new ones, and what a request knows of its caller stays as it was.
type User struct {
	Name         string
	PasswordHash string // see [HashPassword]; empty: they do not sign in by a password
	Role         Role

	// ContactCenters are those that the user is bound to. Only a RoleOps may have none, and then has
	// all.
	ContactCenters []string

	// AccessGroups are the teams of a RoleAdmin, such as /Sales: the user sees the recordings of these
	// and of those below them. Empty: the user is not restricted.
	AccessGroups []string

	Source string // who says so: SourceFile, SourceToken and its hash, or the fingerprint of an identity provider
}

// Whose word it is that a user is one.
const (
	SourceFile  = ""       // the users of the configuration
	SourceToken = "token:" // what the source of its tokens begins with
)

// Equal reports whether two are the same user, with the same password and rights.
func (u *User) Equal(v *User) bool {
	return u.Name == v.Name && u.PasswordHash == v.PasswordHash && u.Role == v.Role && u.Source == v.Source &&
		slices.Equal(u.ContactCenters, v.ContactCenters) && slices.Equal(u.AccessGroups, v.AccessGroups)
}

// Same reports whether two are one person, whatever they may.
func (u *User) Same(v *User) bool { return u.Name == v.Name && u.Source == v.Source }

// Bound reports whether the user has some contact centers only.
func (u *User) Bound() bool { return u.Role != RoleOps || len(u.ContactCenters) > 0 }

// Reaches reports whether a contact center is one of the user's.
func (u *User) Reaches(contactCenter string) bool {
	return !u.Bound() || slices.Contains(u.ContactCenters, contactCenter)
}

// Owner is the name under which what a user has written or saved is kept: their own, whoever says that they
// are one, in its normal form. A token may have the name of a person, who is somebody else; no name has a
// colon, and that of a token gets one: token:dialer.
func (u *User) Owner() string {
	name := Normal(u.Name)
	if strings.HasPrefix(u.Source, SourceToken) {
		return SourceToken + name
	}
	return name
}

// Normal is the form in which names and passwords are compared and hashed: NFC. Keyboards and systems
// differ in whether they compose an accent with its letter.
func Normal(text string) string { return norm.NFC.String(text) }

// Problems are all that is wrong with a user, by the names of its settings.
func (u User) Problems() (problems problem.List) {
	problems.Add("", nameProblems(u.Name))
	const how = "; make one by `recordings hash-password`, and put it in quotes"
	if problems.Check(u.PasswordHash != "", "password_hash", "is required"+how) {
		if _, err := parsePasswordHash(u.PasswordHash); err != nil {
			problems.Check(false, "password_hash", err.Error()+how)
		}
	}

	problems.Add("", u.reachProblems())
	return problems
}

// nameProblems are what is wrong with a name: Basic authentication ends it with a colon.
func nameProblems(name string) (problems problem.List) {
	bad := func(c rune) bool { return c == ':' || c < ' ' || c == 0x7f }
	problems.Check(name != "", "name", "is required")
	problems.Check(!strings.ContainsFunc(name, bad), "name", "must not have a colon or a control character")
	return problems
}

// reachProblems are what is wrong with the role, and with what it is bound to.
func (u User) reachProblems() (problems problem.List) {
	if !problems.Check(slices.Contains(Roles, u.Role), "role", "must be ops, admin, recorder or auditor") {
		return problems
	}

	const at = "contact_centers"
	problems.Check(len(u.ContactCenters) > 0 || u.Role == RoleOps, at,
		"is required: the role "+string(u.Role)+" is bound to contact centers")
	for i, id := range u.ContactCenters {
		each := fmt.Sprintf("%s[%d]", at, i)
		problems.Check(ValidContactCenter(id), each, "must be "+ContactCenterForm)
		problems.Check(problem.Trimmed(id), each, "must not begin or end with a space")
		problems.Check(!slices.Contains(u.ContactCenters[:i], id), each, "is in the list already")
	}

	const groups = "access_groups"
	problems.Check(len(u.AccessGroups) == 0 || u.Role == RoleAdmin, groups, "is for the role admin only")
	for i, group := range u.AccessGroups {
		problems.Check(ValidAccessGroup(group), fmt.Sprintf("%s[%d]", groups, i), "must be "+AccessGroupForm)
	}
	return problems
}

// AccessGroupForm says what [ValidAccessGroup] accepts, for messages.
const AccessGroupForm = "the path of a group, such as /Sales/Team1: of at most 1024 bytes, not ending with a slash"

const maxAccessGroup = 1024 // bytes

// ValidAccessGroup reports whether a text can be the access group of a user.
func ValidAccessGroup(path string) bool {
	return path != "" && len(path) <= maxAccessGroup && path[len(path)-1] != '/' && utf8.ValidString(path) &&
		!strings.ContainsFunc(path, unicode.IsControl)
}

// ContactCenterForm says what [ValidContactCenter] accepts, for messages.
const ContactCenterForm = "a non-empty text of at most 256 bytes without control characters"

const maxContactCenter = 256 // bytes

// ValidContactCenter reports whether a text can be the id of a contact center.
func ValidContactCenter(id string) bool {
	return id != "" && len(id) <= maxContactCenter && utf8.ValidString(id) &&
		!strings.ContainsFunc(id, unicode.IsControl)
}
