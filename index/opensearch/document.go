package opensearch

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"recordings/mapping"
)

// key is by which the cluster knows a recording: the id of its document, and what decides on its shard.
// Ids and contact centers may be longer than the cluster takes, and empty, so it has sums of them.
type key struct {
	contactCenter, id string
	doc, routing      string
}

// keyOf is the key of a recording. No two recordings have been seen to share one, and who reads a document
// compares what is in it.
func keyOf(contactCenter, id string) key {
	const size = 15 // bytes
	sum := sha256.Sum256([]byte(strconv.Itoa(len(contactCenter)) + ":" + contactCenter + id))
	return key{contactCenter, id, base64.RawURLEncoding.EncodeToString(sum[:size]), routingOf(contactCenter)}
}

// routingOf is the routing of a contact center.
func routingOf(contactCenter string) string {
	const size = 6 // bytes
	sum := sha256.Sum256([]byte(contactCenter))
	return base64.RawURLEncoding.EncodeToString(sum[:size])
}

// path is that of the document of a recording, or of what is done with it.
func (k *key) path(index, kind string) string {
	return "/" + index + "/" + kind + "/" + k.doc + "?routing=" + url.QueryEscape(k.routing)
}

// maxValue is how long a value may be, in bytes, to be searched for in the cluster, which takes no terms
// of more than 32,766 bytes and counts characters of up to four. A recording that has a longer one is
// flagged (see fieldLong), and looked at by this program.
const maxValue = 8191

// The fields of a document beside those of package schema, whose names are those of the queries.
const (
	fieldID     = "id"
	fieldLong   = "long"          // true: a value is longer than maxValue, and not in its field
	fieldByKey  = "userDataByKey" // [mapping.Searchable.UserDataByKey]
	fieldRecord = "record"        // the stored form of the recording, as a string: as JSON it would be written anew
)

// document is what the cluster stores of a recording.
type document struct {
	ContactCenter string   `json:"contactCenter"`
	Region        string   `json:"region"`
	ID            string   `json:"id"`
	Caller        []string `json:"callerPhoneNumber"`
	Dialed        []string `json:"dialedPhoneNumber"`
	Phone         []string `json:"phoneNumber,omitempty"`
	Start         int64    `json:"startTime"`
	Stop          int64    `json:"stopTime"`
	Changed       int64    `json:"changedTime"`
	Duration      int64    `json:"duration"`
	CallUUID      []string `json:"callUUID,omitempty"`
	MediaID       []string `json:"mediaId,omitempty"`
	Media         []string `json:"media,omitempty"`
	UserName      []string `json:"userName,omitempty"`
	UserData      []string `json:"userData,omitempty"`
	UserDataByKey []string `json:"userDataByKey,omitempty"`
	Label         []string `json:"label,omitempty"`
	Comment       []string `json:"comment,omitempty"`
	CallType      []string `json:"callType,omitempty"`
	NonDelete     bool     `json:"nonDelete"`
	AccessGroup   []string `json:"accessGroup,omitempty"`
	Long          bool     `json:"long,omitzero"`
	Record        string   `json:"record"`
}

// source is what the cluster gives back of a document; see indexMapping.
type source struct {
	ContactCenter string `json:"contactCenter"`
	Long          bool   `json:"long"`
	Record        string `json:"record"`
}

// newDocument is the document of a recording, whose stored form is data.
func newDocument(contactCenter string, r *mapping.Recording, data []byte) *document {
	s := r.Searchable()
	d := &document{
		ContactCenter: contactCenter,
		Region:        r.Region,
		ID:            r.ID,
		Start:         int64(s.StartTime),
		Stop:          int64(s.StopTime),
		Changed:       int64(r.ChangedTime),
		Duration:      mapping.Seconds(s.StartTime, s.StopTime),
		CallUUID:      valid(s.CallUUIDs),
		MediaID:       valid(s.MediaIDs),
		NonDelete:     s.Held,
		AccessGroup:   s.AccessGroups,
		Record:        string(data),
	}
	for _, m := range s.Media {
		d.Media = append(d.Media, mediaTerm(m))
	}

	d.Caller = d.searched(s.CallerNumbers)
	d.Dialed = d.searched(s.DialedNumbers)
	d.Phone = d.searched(s.ContactNumbers)
	d.UserName = d.searched(s.Names)
	d.UserData = d.searched(s.UserData)
	d.UserDataByKey = d.searched(s.UserDataByKey)
	d.Label = d.searched(s.Labels)
	d.Comment = d.searched(s.Comments)
	d.CallType = d.searched(s.CallTypes)
	return d
}

// searched are the values of a field that patterns are compared with.
func (d *document) searched(values []string) []string {
	kept := make([]string, 0, len(values))
	for _, v := range values {
		if len(v) > maxValue {
			d.Long = true
			continue
		}
		kept = append(kept, withoutNUL(v))
	}
	return kept
}

// noCharacter stands for NUL, which the cluster's patterns cannot look behind. No text has it, by the
// Unicode Standard; of patterns that have it all the same, this program compares what is found.
const noCharacter = "\uffff"

func withoutNUL(s string) string { return strings.ReplaceAll(s, "\x00", noCharacter) }

// valid makes text of identifiers. Package mapping has cut them off behind what a search can ask for,
// perhaps within a character; what takes its place is no shorter, so that nothing else is found by it.
func valid(identifiers []string) []string {
	all := make([]string, len(identifiers))
	for i, id := range identifiers {
		all[i] = strings.ToValidUTF8(id, "\ufffd")
	}
	return all
}

// mediaTerm is the term of the hash of a media file.
func mediaTerm(hash string) string { return base64.RawURLEncoding.EncodeToString([]byte(hash)) }

// appendLine appends a value as a line of JSON.
func appendLine(b *bytes.Buffer, value any) error {
	if err := json.MarshalWrite(b, value, json.Deterministic(true)); err != nil {
		return fmt.Errorf("encoding for the cluster: %w", err)
	}
	return b.WriteByte('\n')
}

// object is a JSON object of the cluster's interface.
type object = map[string]any
