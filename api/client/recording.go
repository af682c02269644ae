package client

import (
	"github.com/go-json-experiment/json/jsontext"

	"recordings/mapping"
)

// Recording is a recording as the service shows it, and as it can be posted: what the service adds
// is not looked at when it is posted back.
type Recording struct {
	ID                string            `json:"id"`
	CallerPhoneNumber string            `json:"callerPhoneNumber"`
	DialedPhoneNumber string            `json:"dialedPhoneNumber"`
	StartTime         mapping.Time      `json:"startTime,omitzero"`   // the least of the media files
	StopTime          mapping.Time      `json:"stopTime,omitzero"`    // the greatest of the media files
	ChangedTime       mapping.Time      `json:"changedTime,omitzero"` // of the last change; 0: not known
	NonDelete         *mapping.Hold     `json:"nonDelete,omitzero"`   // nil: under no hold
	Labels            []mapping.Label   `json:"labels,omitempty"`
	Comments          []mapping.Comment `json:"comments,omitempty"` // in the order in which they were written
	MediaFiles        []MediaFile       `json:"mediaFiles"`
	EventHistory      []mapping.Event   `json:"eventHistory"`
	Region            string            `json:"region"`
	Extra             jsontext.Value    `json:",embed"` // attributes that the service does not know: an object
}

// Seconds is how long the recording lasts from its startTime to its stopTime, in whole seconds.
func (r *Recording) Seconds() int64 { return mapping.Seconds(r.StartTime, r.StopTime) }

// MediaFile is a media file of a recording. One that is posted has a Descriptor; one that is shown has
// a URI in its place, and for operations the Original.
type MediaFile struct {
	URI        string                   `json:"mediaUri,omitzero"` // where its bytes are; see [Client.Play]
	Descriptor *mapping.MediaDescriptor `json:"mediaDescriptor,omitzero"`
	Original   *mapping.MediaDescriptor `json:"originalMediaDescriptor,omitzero"` // as posted, without secrets
	State      string                   `json:"mediaState,omitzero"`              // missing, otherSize; empty: well

	CallUUID     string         `json:"callUUID"`
	StartTime    mapping.Time   `json:"startTime"`
	StopTime     mapping.Time   `json:"stopTime"`
	MediaID      string         `json:"mediaId,omitzero"`
	Type         string         `json:"type,omitzero"`     // MIME type
	Duration     string         `json:"duration,omitzero"` // as it was posted
	Size         string         `json:"size,omitzero"`     // as it was posted
	Tenant       string         `json:"tenant,omitzero"`
	IVRProfile   string         `json:"ivrprofile,omitzero"`
	Parameters   jsontext.Value `json:"parameters,omitzero"` // a JSON object
	Masks        jsontext.Value `json:"masks,omitzero"`      // a JSON array of objects
	PKCS7        string         `json:"pkcs7,omitzero"`      // not empty: the media is encrypted
	CertAlias    []string       `json:"certAlias,omitzero"`
	Partitions   []string       `json:"partitions,omitzero"`
	AccessGroups []string       `json:"accessgroups,omitzero"`
	Extra        jsontext.Value `json:",embed"` // attributes that the service does not know: an object
}
