package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"recordings/audit"
	"recordings/mapping"
)

// Layout is the version of the keys and values of the log. It is stored with them.
const Layout = 1

// The keys. A sequence has 8 bytes, big endian.
//
//	e/ sequence        an entry: see appendValue
//	d/ sequence        its detail: the salt, 16 bytes, and the canonical JSON
//	u/ sequence        that it is still to be looked whether details have to be erased; no value
//	r/ hash, sequence  that the entry is about a recording: 8 bytes of the SHA-256 of its id; no value
//	s/ hash, outcome,  that the entry is a sign-in: 8 bytes of the SHA-256 of the user's name, and 0 if it
//	   sequence        was done, 1 if it was refused; no value. Entries of before these keys have none
//	m/format           Layout, as one byte
//	m/secret           32 random bytes, of which the salts of entries are made
//	m/first            where the old end was cut off: the sequence of the first entry that is kept, and
//	                   the hash of the one before, 32 bytes
const (
	entryPrefix     = "e/"
	detailPrefix    = "d/"
	unerasedPrefix  = "u/"
	recordingPrefix = "r/"
	signInPrefix    = "s/"
	formatKey       = "m/format"
	secretKey       = "m/secret"
	firstKey        = "m/first"
)

// sequenceKey is the key of an entry, or of its detail.
func sequenceKey(prefix string, sequence uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(prefix), sequence)
}

// recordingKey is the key by which an entry is found that is about a recording. A hash suffices, as
// the entry itself is looked at.
func recordingKey(id string, sequence uint64) []byte {
	sum := sha256.Sum256([]byte(id))
	return binary.BigEndian.AppendUint64(append([]byte(recordingPrefix), sum[:8]...), sequence)
}

// signInPrefixOf is what the keys begin with by which sign-ins of a user are found that had an outcome; nil:
// sign-ins with that outcome are not found so.
func signInPrefixOf(user string, o audit.Outcome) []byte {
	outcomes := []audit.Outcome{audit.Done, audit.Refused}
	i := slices.Index(outcomes, o)
	if user == "" || i < 0 {
		return nil
	}
	sum := sha256.Sum256([]byte(user))
	return append(append([]byte(signInPrefix), sum[:8]...), byte(i))
}

// signInKey is the key by which an entry is found that is a sign-in of a user; nil: it is none.
func signInKey(l *audit.Line) []byte {
	if l.Action != audit.SignIn {
		return nil
	}
	prefix := signInPrefixOf(l.User, l.Outcome)
	if prefix == nil {
		return nil
	}
	return binary.BigEndian.AppendUint64(prefix, l.Sequence)
}

// sequenceOf is the sequence at the end of a key.
func sequenceOf(key []byte) uint64 {
	if len(key) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(key[len(key)-8:])
}

// hasDetail marks entries with a detail, whose hash follows.
const hasDetail = 1

// appendValue appends what is stored of an entry: flags, the hash, that of the detail, the time, and
// the texts with their lengths.
func appendValue(b []byte, l *audit.Line) ([]byte, error) {
	flags := byte(0)
	if l.DetailHash != "" {
		flags = hasDetail
	}
	b = append(b, flags)

	b, err := hex.AppendDecode(b, []byte(l.Hash+l.DetailHash))
	if err != nil {
		return b, fmt.Errorf("writing an entry: %w", err)
	}
	b = binary.AppendUvarint(b, uint64(l.Time))
	for _, text := range []string{
		string(l.Action), string(l.Outcome), l.User, l.Role, l.Address, l.ContactCenter, l.Recording, string(l.Facts),
	} {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	return b, nil
}

var errValue = errors.New("an entry is damaged")

// readValue reads what appendValue wrote. What is not stored with the entry, Previous, Salt and
// Detail, is the caller's business.
func readValue(key, value []byte) (*audit.Line, error) {
	l := &audit.Line{Sequence: sequenceOf(key)}
	if len(value) < 1+sha256.Size || value[0]&^hasDetail != 0 {
		return nil, errValue
	}
	flags := value[0]
	l.Hash, value = hex.EncodeToString(value[1:1+sha256.Size]), value[1+sha256.Size:]
	if flags == hasDetail {
		if len(value) < sha256.Size {
			return nil, errValue
		}
		l.DetailHash, value = hex.EncodeToString(value[:sha256.Size]), value[sha256.Size:]
	}

	t, n := binary.Uvarint(value)
	if n <= 0 {
		return nil, errValue
	}
	l.Time, value = mapping.Time(t), value[n:]
	var texts [8]string
	for i := range texts {
		size, n := binary.Uvarint(value)
		if n <= 0 || size > uint64(len(value)-n) {
			return nil, errValue
		}
		texts[i], value = string(value[n:n+int(size)]), value[n+int(size):]
	}
	if len(value) > 0 {
		return nil, errValue
	}

	l.Action, l.Outcome, l.User, l.Role = audit.Action(texts[0]), audit.Outcome(texts[1]), texts[2], texts[3]
	l.Address, l.ContactCenter, l.Recording = texts[4], texts[5], texts[6]
	if texts[7] != "" {
		l.Facts = jsontext.Value(texts[7])
	}
	return l, nil
}

// saltOf is the salt of an entry. It is not stored with the entry: whoever has the secret has them
// all. That of a detail is another, which is erased with it.
func saltOf(secret []byte, sequence uint64) string {
	m := hmac.New(sha256.New, secret)
	_, _ = m.Write(binary.BigEndian.AppendUint64(nil, sequence)) // never fails
	return hex.EncodeToString(m.Sum(nil)[:saltBytes])
}

// saltBytes is how long salts are.
const saltBytes = 16
