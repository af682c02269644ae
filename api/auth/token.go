package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strings"
	"time"

	"recordings/internal/problem"
)

// A token is tokenPrefix, and in base64url 32 random bytes with their CRC-32. The checksum lets who
// finds such a text, here or in a repository, know a token from a password that only looks like one.
const (
	tokenPrefix = "rec_"
	tokenRandom = 32 // bytes
	tokenLength = len(tokenPrefix) + 48
)

// hashPrefix begins the hash of a token in the configuration: it says what follows, and makes sure
// that YAML takes it for a text.
const hashPrefix = "sha256:"

// dateForm is that of the day on which a token expires.
const dateForm = time.DateOnly

// Token is what a machine calls the API with, as configured. Only the hash is known here, and since
// a token is random, a fast hash is as good as a slow one.
type Token struct {
	Name           string // of the machine; also the user where the token is sent as a password
	Hash           string // see [NewToken]
	Role           Role
	ContactCenters []string
	AccessGroups   []string
	Expires        string // the last day on which it is good, in UTC, such as 2027-12-31; empty: none
}

// NewToken makes a token, and the hash that the configuration has in its place.
func NewToken() (token, hash string) {
	raw := make([]byte, tokenRandom, tokenRandom+crc32.Size)
	rand.Read(raw) // never fails
	raw = binary.BigEndian.AppendUint32(raw, crc32.ChecksumIEEE(raw))
	token = tokenPrefix + base64.RawURLEncoding.EncodeToString(raw)

	sum := sha256.Sum256([]byte(token))
	return token, hashPrefix + hex.EncodeToString(sum[:])
}

// IsToken reports whether a text has the form of a token, its checksum included.
func IsToken(text string) bool {
	var raw [tokenRandom + crc32.Size]byte
	if len(text) != tokenLength || !strings.HasPrefix(text, tokenPrefix) {
		return false
	}
	n, err := base64.RawURLEncoding.Decode(raw[:], []byte(text[len(tokenPrefix):]))
	return err == nil && n == len(raw) &&
		crc32.ChecksumIEEE(raw[:tokenRandom]) == binary.BigEndian.Uint32(raw[tokenRandom:])
}

// user is who calls with the token.
func (t *Token) user() User {
	return User{
		Name: Normal(t.Name), Role: t.Role, ContactCenters: t.ContactCenters, AccessGroups: t.AccessGroups,
		Source: SourceToken + t.Hash,
	}
}

// Problems are all that is wrong with a token, by the names of its settings.
func (t Token) Problems() (problems problem.List) {
	problems.Add("", nameProblems(t.Name))
	_, err := parseTokenHash(t.Hash)
	problems.Check(err == nil, "hash",
		"must be sha256: and 64 hexadecimal digits; make one by `recordings create-token`")
	problems.Add("", t.user().reachProblems())
	_, err = parseExpiry(t.Expires)
	problems.Check(err == nil, "expires", "must be the last day on which it is good, such as 2027-12-31")
	return problems
}

// parseTokenHash reads the hash of a token.
func parseTokenHash(text string) (sum [sha256.Size]byte, err error) {
	digits, ok := strings.CutPrefix(text, hashPrefix)
	if !ok || len(digits) != hex.EncodedLen(len(sum)) {
		return sum, fmt.Errorf("the hash of a token is not of the form %s…", hashPrefix)
	}
	_, err = hex.Decode(sum[:], []byte(digits))
	return sum, err
}

// parseExpiry is the moment from which a token is no longer good; the zero time: it always is.
func parseExpiry(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	last, err := time.Parse(dateForm, text)
	if err != nil {
		return last, err
	}
	return last.AddDate(0, 0, 1), nil
}

// Expired reports whether a token is no longer good.
func (t *Token) Expired(now time.Time) bool {
	until, err := parseExpiry(t.Expires)
	return err == nil && !until.IsZero() && !now.Before(until)
}

// Tokens are those that the service takes. They are never changed, and may be asked concurrently.
type Tokens struct {
	all   map[[sha256.Size]byte]*tokenUser
	names map[string]*tokenUser
	now   func() time.Time
}

// tokenUser is who calls with a token.
type tokenUser struct {
	user  User
	hash  [sha256.Size]byte
	until time.Time // zero: without an end
}

// NewTokens returns the tokens of a configuration, which are valid and have different hashes.
func NewTokens(all []Token) (*Tokens, error) {
	t := &Tokens{
		all: make(map[[sha256.Size]byte]*tokenUser, len(all)), names: make(map[string]*tokenUser, len(all)),
		now: time.Now,
	}
	for i := range all {
		hash, err := parseTokenHash(all[i].Hash)
		if err != nil {
			return nil, fmt.Errorf("token %q: %w", all[i].Name, err)
		}
		until, err := parseExpiry(all[i].Expires)
		if err != nil {
			return nil, fmt.Errorf("token %q: %w", all[i].Name, err)
		}
		x := &tokenUser{user: all[i].user(), hash: hash, until: until}
		t.all[hash], t.names[x.user.Name] = x, x
	}
	return t, nil
}

// Check returns who calls with a token, or a [*RefusedError]. name is that of the machine where it was
// sent, too; nil: it was not.
//
// The token is looked up by its hash: how long that takes says nothing of any other token, since
// whoever guesses cannot choose the hash.
func (t *Tokens) Check(token string, name *string) (*User, error) {
	hash := sha256.Sum256([]byte(token))
	x := t.all[hash]
	switch {
	case x == nil || subtle.ConstantTimeCompare(x.hash[:], hash[:]) != 1:
		return nil, &RefusedError{Reason: "no such token is configured"}
	case name != nil && subtle.ConstantTimeCompare([]byte(Normal(*name)), []byte(x.user.Name)) != 1:
		return nil, &RefusedError{Reason: "the token is that of another name", Name: x.user.Name}
	case x.expired(t.now()):
		return nil, &RefusedError{Reason: "the token has expired", Name: x.user.Name}
	}
	return &x.user, nil
}

func (x *tokenUser) expired(now time.Time) bool { return !x.until.IsZero() && !now.Before(x.until) }

// Knows reports whether there is a token of this name.
func (t *Tokens) Knows(name string) bool { return t.names[Normal(name)] != nil }

// Still returns the user of a token, as these tokens know them; nil: it is no longer good, or has other rights.
func (t *Tokens) Still(u *User) *User {
	x := t.names[u.Name]
	if x == nil || x.expired(t.now()) || !x.user.Equal(u) {
		return nil
	}
	return &x.user
}

// RefusedError says why a token was refused. It is an [ErrUnauthenticated]: only the log tells more.
type RefusedError struct {
	Reason string // without anything of the token
	Name   string // of the machine or the user, where it is known for sure; for the log
}

// Error implements error.
func (e *RefusedError) Error() string { return "a valid token is required" }

// Unwrap makes it an [ErrUnauthenticated].
func (e *RefusedError) Unwrap() error { return ErrUnauthenticated }
