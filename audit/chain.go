package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"recordings/mapping"
)

// Line is an entry as it is shown, one line of canonical JSON each. Whoever proves a chain recomputes
// three hashes of it, all SHA-256 in lower-case hexadecimal over canonical JSON:
//
//	detailHash  of {"detail":…,"salt":…}, with the detail and its salt
//	content     of the line without content, detail, detailSalt, hash and previous
//	hash        of {"content":…,"previous":…,"sequence":…}
//
// previous is the hash of the entry before, of 64 zeros for the first. A line that its reader may not
// see has only content, hash, previous and sequence: that it is there, and unchanged, is proven all
// the same. The salt is secret to the log, lest what is hidden be guessed from its hash.
//
// The members stand in the order of canonical JSON.
type Line struct {
	Action        Action         `json:"action,omitzero"`
	Address       string         `json:"address,omitzero"`
	ContactCenter string         `json:"contactCenter,omitzero"`
	Content       string         `json:"content,omitzero"` // of a hidden line only
	Detail        jsontext.Value `json:"detail,omitzero"`  // absent: there was none, or it was erased
	DetailHash    string         `json:"detailHash,omitzero"`
	DetailSalt    string         `json:"detailSalt,omitzero"`
	Facts         jsontext.Value `json:"facts,omitzero"`
	Hash          string         `json:"hash,omitzero"`
	Outcome       Outcome        `json:"outcome,omitzero"`
	Previous      string         `json:"previous,omitzero"`
	Recording     string         `json:"recording,omitzero"`
	Role          string         `json:"role,omitzero"`
	Salt          string         `json:"salt,omitzero"`
	Sequence      uint64         `json:"sequence"`
	Time          mapping.Time   `json:"time,omitzero"`
	User          string         `json:"user,omitzero"`
}

// Hidden reports whether a line only shows that there is an entry.
func (l *Line) Hidden() bool { return l.Content != "" }

// Hide returns what may be shown of a line to those who may not see it.
func (l *Line) Hide() (Line, error) {
	content, err := l.contentHash()
	return Line{Content: content, Hash: l.Hash, Previous: l.Previous, Sequence: l.Sequence}, err
}

// contentHash is the hash of what an entry says.
func (l *Line) contentHash() (string, error) {
	if l.Hidden() {
		return l.Content, nil
	}
	c := *l
	c.Detail, c.DetailSalt, c.Hash, c.Previous = nil, "", "", ""
	b, err := json.Marshal(&c)
	if err != nil {
		return "", fmt.Errorf("writing an entry: %w", err)
	}
	return hashOf(b), nil
}

// ChainHash is the hash of an entry, and of all before it.
func (l *Line) ChainHash() (string, error) {
	content, err := l.contentHash()
	if err != nil {
		return "", err
	}
	const form = `{"content":"%s","previous":"%s","sequence":%d}`
	return hashOf(fmt.Appendf(nil, form, content, l.Previous, l.Sequence)), nil
}

// DetailHash is the salted hash of a detail, which is canonical.
func DetailHash(detail []byte, salt string) string {
	return hashOf(fmt.Appendf(nil, `{"detail":%s,"salt":"%s"}`, detail, salt))
}

// hashOf is a SHA-256 in hexadecimal.
func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Genesis is the hash before the first entry.
var Genesis = strings.Repeat("0", 2*sha256.Size)

// Valid makes a text UTF-8, as JSON must be.
func Valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// Canonical writes a value as canonical JSON; nil if it is empty.
func Canonical(v map[string]any) (jsontext.Value, error) {
	if len(v) == 0 {
		return nil, nil
	}
	b, err := json.Marshal(v, jsontext.AllowInvalidUTF8(true)) // what is no UTF-8 becomes U+FFFD
	if err != nil {
		return nil, fmt.Errorf("writing an entry: %w", err)
	}
	out := jsontext.Value(b)
	if err := out.Canonicalize(); err != nil {
		return nil, fmt.Errorf("writing an entry: %w", err)
	}
	return out, nil
}

// parseLine reads a line, which must be canonical to the byte: so no change of it goes unnoticed, not
// even one that means nothing.
func parseLine(text []byte) (*Line, error) {
	var l Line
	if err := json.Unmarshal(text, &l, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("it is no entry: %w", err)
	}

	same := jsontext.Value(bytes.Clone(text))
	if err := same.Canonicalize(); err != nil || !bytes.Equal(same, text) {
		return nil, fmt.Errorf("it is not canonical JSON")
	}
	again, err := json.Marshal(&l)
	if err != nil || !bytes.Equal(again, text) { // a member that is there and empty
		return nil, fmt.Errorf("it is not as the log writes it")
	}
	return &l, nil
}

// JustifiesErasing reports whether an entry says that a recording was deleted, or may have been, or that
// there was none when details about it were erased.
func (l *Line) JustifiesErasing() bool {
	return l.Action == Delete && l.Outcome != Refused && l.Outcome != Invalid || l.Action == Erase && l.Recording != ""
}
