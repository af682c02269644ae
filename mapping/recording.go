package mapping

import (
	"bytes"
	"cmp"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Recording is the metadata of one recorded call. Its key is (contact center, ID); the contact
// center is not an attribute but part of the address that it is posted to.
//
// The JSON form of these types is the stored form. It differs from what clients see only in what
// the API puts in place of media descriptors.
type Recording struct {
	ID                string         `json:"id"`
	CallerPhoneNumber string         `json:"callerPhoneNumber"`
	DialedPhoneNumber string         `json:"dialedPhoneNumber"`
	Region            string         `json:"region"`
	MediaFiles        []MediaFile    `json:"mediaFiles"`
	EventHistory      []Event        `json:"eventHistory"`
	Extra             jsontext.Value `json:",embed"` // attributes this service does not know: one JSON object, as sent

	// ChangedTime is when the index made the last change durable; 0: it was stored by a version that
	// did not note it, or is not stored. It is no attribute that is posted; see [WithChangedTime].
	ChangedTime Time `json:"-"`

	// NonDelete, Labels and Comments belong to the service, not to who posts recordings: nil, unless it
	// was told so by those who may. They are stored apart from the attributes; see withMarks.
	NonDelete *Hold     `json:"-"`
	Labels    []Label   `json:"-"`
	Comments  []Comment `json:"-"`
}

// MediaFile describes one media file of a recording and where its bytes lie.
type MediaFile struct {
	Descriptor MediaDescriptor `json:"mediaDescriptor"`
	CallUUID   string          `json:"callUUID"`
	StartTime  Time            `json:"startTime"`
	StopTime   Time            `json:"stopTime"`

	MediaID      string         `json:"mediaId,omitzero"`
	Type         string         `json:"type,omitzero"`     // MIME type
	Duration     string         `json:"duration,omitzero"` // verbatim, also when it arrived as a number
	Size         string         `json:"size,omitzero"`     // verbatim, also when it arrived as a number
	Tenant       string         `json:"tenant,omitzero"`
	IVRProfile   string         `json:"ivrprofile,omitzero"`
	Parameters   jsontext.Value `json:"parameters,omitzero"` // a JSON object
	Masks        jsontext.Value `json:"masks,omitzero"`      // a JSON array of objects
	PKCS7        string         `json:"pkcs7,omitzero"`      // not empty: the media is encrypted
	CertAlias    []string       `json:"certAlias,omitzero"`
	Partitions   []string       `json:"partitions,omitzero"`
	AccessGroups []string       `json:"accessgroups,omitzero"`
	AccessGroup  []string       `json:"accessgroup,omitzero"` // the same again, if it was posted by this name
	Extra        jsontext.Value `json:",embed"`
}

// The storages that a media descriptor can name.
const (
	StorageS3     = "awsS3"
	StorageWebDAV = "webDAV"
)

// MediaDescriptor says where a media file lies. It was posted by a client and is not to be trusted:
// that a descriptor names a host or a bucket is no permission to contact it.
type MediaDescriptor struct {
	Storage        string         `json:"storage"` // StorageS3 or StorageWebDAV
	StorageVersion string         `json:"storage_version,omitzero"`
	Path           string         `json:"path"`
	Auth           jsontext.Value `json:"auth,omitzero"` // may hold secrets; see Public
	Data           jsontext.Value `json:"data,omitzero"` // a JSON object; for awsS3 it has the member "bucket"
	Extra          jsontext.Value `json:",embed"`
}

// Bucket is the Amazon S3 bucket of the media, empty for other storages.
func (d *MediaDescriptor) Bucket() string {
	if d.Storage != StorageS3 {
		return ""
	}

	// Almost always it is the only member. Each media URI is made of it.
	if rest, ok := bytes.CutPrefix(d.Data, []byte(`{"bucket":"`)); ok {
		if end := bytes.IndexAny(rest, `"\`); end >= 0 && string(rest[end:]) == `"}` {
			return string(rest[:end])
		}
	}

	var data struct {
		Bucket string `json:"bucket"`
	}

	if json.Unmarshal(d.Data, &data) != nil {
		return ""
	}

	return data.Bucket
}

// Public is the descriptor without its secrets, which are its auth, and a user and password within
// a URL: what operations may be shown.
func (d MediaDescriptor) Public() MediaDescriptor {
	d.Auth = nil
	if d.Storage == StorageWebDAV {
		d.Path = withoutUser(d.Path)
	}
	return d
}

// withoutUser removes the user and password from a URL.
func withoutUser(uri string) string {
	scheme, rest, ok := strings.Cut(uri, "://")
	if !ok {
		return uri
	}

	end := strings.IndexAny(rest, "/?#\\")
	if end < 0 {
		end = len(rest)
	}

	at := strings.LastIndexByte(rest[:end], '@')
	return scheme + "://" + rest[at+1:]
}

// The events of a call.
const (
	EventJoined = "Joined"
	EventLeft   = "Left"
	EventData   = "data"
)

// Event is something that happened during the call.
type Event struct {
	OccurredAt Time `json:"occurredAt"`
	// OccurredNanos is what the milliseconds of OccurredAt leave out of what was posted, in
	// nanoseconds. It tells events apart, and is not shown. As a name that differs in letter case
	// only from another is refused, no client can have posted an attribute of its name.
	OccurredNanos int32 `json:"OccurredAt,omitzero"`

	Event   string         `json:"event"`            // EventJoined, EventLeft or EventData
	Contact *Contact       `json:"contact,omitzero"` // who; may be nil in an EventData only
	Data    jsontext.Value `json:"data,omitzero"`    // a JSON object of user data, if any
	Extra   jsontext.Value `json:",embed"`
}

// The types of a contact.
const (
	ContactExternal = "External"
	ContactUser     = "User"
)

// Contact is a party of the call: an agent of the contact center (a User) or somebody outside (an
// External).
type Contact struct {
	Type        string         `json:"type"` // ContactExternal or ContactUser
	PhoneNumber string         `json:"phoneNumber"`
	UserName    string         `json:"userName"`
	FirstName   string         `json:"firstName"`
	LastName    string         `json:"lastName"`
	Extra       jsontext.Value `json:",embed"`
}

// StartTime is the least startTime of the media files.
func (r *Recording) StartTime() Time {
	t := MaxTime
	for i := range r.MediaFiles {
		t = min(t, r.MediaFiles[i].StartTime)
	}
	return t
}

// StopTime is the greatest stopTime of the media files.
func (r *Recording) StopTime() Time {
	var t Time
	for i := range r.MediaFiles {
		t = max(t, r.MediaFiles[i].StopTime)
	}
	return t
}

// Seconds is how long a recording lasts from its startTime to its stopTime, in whole seconds: what is
// begun of a further one is cut off, so that "up to 59" and "from 60 on" are all recordings, none of
// them twice. One that stops before it starts, as clocks that disagree make it, lasts 0 seconds.
func Seconds(startTime, stopTime Time) int64 { return int64(max(0, stopTime-startTime)) / 1000 }

// CompareNewestFirst is the order of search results: startTime descending, then id ascending.
func CompareNewestFirst(aStart Time, aID string, bStart Time, bID string) int {
	return cmp.Or(cmp.Compare(bStart, aStart), strings.Compare(aID, bID))
}

// CompareOldestFirst is the order of search results by when they start, the reverse of
// [CompareNewestFirst]: startTime ascending, then id descending.
func CompareOldestFirst(aStart Time, aID string, bStart Time, bID string) int {
	return CompareNewestFirst(bStart, bID, aStart, aID)
}

// CompareOldestChange is the order of results by their last change: changedTime ascending, and of
// those that are equal the newest first.
func CompareOldestChange(
	aChanged, aStart Time, aID string, bChanged, bStart Time, bID string,
) int {
	return cmp.Or(cmp.Compare(aChanged, bChanged), CompareNewestFirst(aStart, aID, bStart, bID))
}

// Encode returns the stored form of a recording: one line of JSON, the same bytes for equal
// recordings.
func Encode(r *Recording) ([]byte, error) {
	data, err := json.Marshal(r, json.Deterministic(true))
	if err == nil && (r.NonDelete != nil || len(r.Labels) > 0 || len(r.Comments) > 0) {
		data, err = withMarks(data, r)
	}
	if err == nil && r.ChangedTime > 0 {
		data = WithChangedTime(nil, data, r.ChangedTime)
	}
	return data, err
}
