package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// What HashPassword uses: the recommendation of OWASP's password storage sheet for argon2id.
const (
	hashMemory  = 19456 // KiB
	hashTime    = 2     // passes
	hashThreads = 1
	saltSize    = 16 // bytes
	keySize     = 32 // bytes
)

// What a configured hash may ask for. A login must cost neither the memory nor the time of the
// whole machine.
const (
	maxHashMemory  = 256 << 10 // KiB
	maxHashTime    = 16
	maxHashThreads = 16
	minSaltSize    = 8
	maxSaltSize    = 64
	minKeySize     = 16
	maxKeySize     = 64
)

// passwordHash is an argon2id hash: what it was made with, and the outcome.
type passwordHash struct {
	memory  uint32 // KiB
	time    uint32 // passes
	threads uint8
	salt    []byte
	key     []byte
}

// HashPassword returns the argon2id hash of a password in PHC string form
// ($argon2id$v=19$m=…,t=…,p=…$salt$hash), as it stands in the configuration.
func HashPassword(password string) (string, error) {
	if password == "" {
		return "", errors.New("the password is empty")
	}

	h := passwordHash{memory: hashMemory, time: hashTime, threads: hashThreads, salt: make([]byte, saltSize)}
	rand.Read(h.salt) // never fails

	h.key = h.derive(password, keySize)
	return h.String(), nil
}

// CheckPasswordHash returns an error unless a hash has the form that [HashPassword] makes, with
// parameters that a login can afford.
func CheckPasswordHash(hash string) error {
	_, err := parsePasswordHash(hash)
	return err
}

// derive is what costs: memory and time as the hash asks for them.
func (h *passwordHash) derive(password string, size uint32) []byte {
	return argon2.IDKey([]byte(Normal(password)), h.salt, h.time, h.memory, h.threads, size)
}

// matches reports whether this is the hash of password. It costs what the hash asks for.
func (h *passwordHash) matches(password string) bool {
	return subtle.ConstantTimeCompare(h.key, h.derive(password, uint32(len(h.key)))) == 1
}

// String returns the PHC string form.
func (h *passwordHash) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.threads,
		b64.EncodeToString(h.salt), b64.EncodeToString(h.key))
}

var errHashForm = errors.New("the password hash is not of the form $argon2id$v=19$m=…,t=…,p=…$salt$hash")

// parsePasswordHash reads the PHC string form. It is strict, as a hash that is read wrongly would
// lock its user out: the numbers have no signs and no zeros in front, and base64 has no padding.
func parsePasswordHash(s string) (*passwordHash, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" ||
		parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return nil, errHashForm
	}

	h := new(passwordHash)
	_, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads)
	if err != nil || parts[3] != fmt.Sprintf("m=%d,t=%d,p=%d", h.memory, h.time, h.threads) {
		return nil, errHashForm
	}

	b64 := base64.RawStdEncoding.Strict()
	if h.salt, err = b64.DecodeString(parts[4]); err != nil {
		return nil, errHashForm
	}
	if h.key, err = b64.DecodeString(parts[5]); err != nil {
		return nil, errHashForm
	}

	return h, h.checkBounds()
}

// checkBounds refuses what a login cannot afford, and what is too weak to be worth anything.
func (h *passwordHash) checkBounds() error {
	switch {
	case h.threads < 1 || h.threads > maxHashThreads:
		return fmt.Errorf("the password hash has p=%d; accepted is 1 to %d", h.threads, maxHashThreads)
	case h.time < 1 || h.time > maxHashTime:
		return fmt.Errorf("the password hash has t=%d; accepted is 1 to %d", h.time, maxHashTime)
	case h.memory < 8*uint32(h.threads) || h.memory > maxHashMemory:
		return fmt.Errorf("the password hash has m=%d; accepted is 8 times p to %d (KiB)", h.memory, maxHashMemory)
	case len(h.salt) < minSaltSize || len(h.salt) > maxSaltSize:
		return fmt.Errorf("the password hash has a salt of %d bytes; accepted is %d to %d",
			len(h.salt), minSaltSize, maxSaltSize)
	case len(h.key) < minKeySize || len(h.key) > maxKeySize:
		return fmt.Errorf(
			"the password hash is %d bytes long; accepted is %d to %d",
			len(h.key),
			minKeySize,
			maxKeySize,
		)
	}
	return nil
}
