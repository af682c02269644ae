package api

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"recordings/erase/reconcile"
	"recordings/mapping"
)

// recordingView is a recording as clients see it.
type recordingView struct {
	ID                string            `json:"id"`
	CallerPhoneNumber string            `json:"callerPhoneNumber"`
	DialedPhoneNumber string            `json:"dialedPhoneNumber"`
	StartTime         mapping.Time      `json:"startTime"`
	StopTime          mapping.Time      `json:"stopTime"`
	ChangedTime       mapping.Time      `json:"changedTime,omitzero"` // not known of recordings of before it was noted
	NonDelete         *mapping.Hold     `json:"nonDelete,omitzero"`
	Labels            []mapping.Label   `json:"labels,omitempty"`
	Comments          []mapping.Comment `json:"comments,omitempty"`
	MediaFiles        []mediaFileView   `json:"mediaFiles"`
	EventHistory      []mapping.Event   `json:"eventHistory"`
	Region            string            `json:"region"`
	Extra             jsontext.Value    `json:",embed"`
}

// mediaFileView is a media file as clients see it: with the URI to fetch it by in place of where it
// lies. Operations see also what was posted, without its secrets.
type mediaFileView struct {
	MediaURI string `json:"mediaUri"`
	paths
	Original   *mapping.MediaDescriptor `json:"originalMediaDescriptor,omitzero"`
	MediaState reconcile.Kind           `json:"mediaState,omitzero"`
	Hidden     hidden                   `json:"mediaDescriptor,omitzero"` // takes the place of the embedded one
	mapping.MediaFile
}

// hidden is always left out of the JSON.
type hidden struct{}

// viewer is whom recordings are shown to.
type viewer struct {
	base          string // what URIs begin with: scheme, host and the path in front of /api
	contactCenter string
	ops           bool
	paths         bool                      // shows mediaPath and playPath, too, as later services do
	states        map[string]reconcile.Kind // of media files, as they were found last; most are as they should be
}

// paths are those of a media file below /api/v2; empty: not shown.
type paths struct {
	MediaPath string `json:"mediaPath,omitzero"`
	PlayPath  string `json:"playPath,omitzero"`
}

// recording shows a recording that is decoded. [viewer.appendStored] shows the same of one that is
// not.
func (v viewer) recording(r *mapping.Recording) recordingView {
	files := make([]mediaFileView, len(r.MediaFiles))
	for i := range r.MediaFiles {
		files[i] = v.mediaFile(r.ID, &r.MediaFiles[i])
	}

	events := append([]mapping.Event{}, r.EventHistory...) // [] rather than null
	for i := range events {
		events[i].OccurredNanos = 0 // answers are in milliseconds
	}

	return recordingView{
		ID: r.ID, CallerPhoneNumber: r.CallerPhoneNumber, DialedPhoneNumber: r.DialedPhoneNumber,
		StartTime: r.StartTime(), StopTime: r.StopTime(), ChangedTime: r.ChangedTime,
		NonDelete: r.NonDelete, Labels: r.Labels, Comments: r.Comments,
		MediaFiles: files, EventHistory: events, Region: r.Region, Extra: r.Extra,
	}
}

// mediaFile shows a media file of the recording with this id.
func (v viewer) mediaFile(id string, m *mapping.MediaFile) mediaFileView {
	encrypted := m.PKCS7 != ""
	name := m.Descriptor.MediaName(v.contactCenter, id, encrypted)
	view := mediaFileView{MediaFile: m.Public(), MediaURI: v.mediaURI(id, name)}
	view.MediaState = v.state(id, &m.Descriptor)
	if v.paths {
		path := view.MediaURI[len(v.base+apiRoot):]
		view.paths = paths{path, path}
	}
	if v.ops {
		public := m.Descriptor.Public()
		view.Original = &public
	}
	return view
}

// state is what is wrong with a media file; empty: nothing, or it was not looked at.
func (v viewer) state(id string, d *mapping.MediaDescriptor) reconcile.Kind {
	if len(v.states) == 0 {
		return ""
	}
	return v.states[d.UUID(v.contactCenter, id)]
}

// mediaURI is where the bytes of a media file of this name, of the recording with this id, are.
func (v viewer) mediaURI(id, name string) string { return string(v.appendMediaURI(nil, id, name)) }

// appendMediaURI appends it. Behind base and apiRoot it is the path of the media file.
func (v viewer) appendMediaURI(b []byte, id, name string) []byte {
	b = append(append(b, v.base...), apiRoot...)
	if v.ops {
		b = append(append(b, "/ops/contact-centers/"...), escapeSegment(v.contactCenter)...)
	}
	b = append(append(b, "/recordings/"...), escapeSegment(id)...)
	return append(append(b, "/play/"...), name...)
}

const apiRoot = "/api/v2"

// escapeSegment writes any text as one segment of a path. Dots alone are escaped too, since clients
// would take them for steps in the tree.
func escapeSegment(s string) string {
	if s == "." || s == ".." {
		return strings.ReplaceAll(s, ".", "%2E")
	}
	return url.PathEscape(s)
}

// appendElement appends a comma and a stored recording: an element of a jsonList.
func (v viewer) appendElement(b []byte, s *mapping.Stored) ([]byte, error) {
	return v.appendStored(append(b, ','), s)
}

// appendStored appends a stored recording as clients see it: the same JSON as that of
// [viewer.recording], made of the text that is stored without decoding most of it.
func (v viewer) appendStored(b []byte, s *mapping.Stored) ([]byte, error) {
	o := s.Outline()
	if o == nil || v.hides(o) {
		return v.appendDecoded(b, s)
	}

	b = append(append(b, '{'), o.Numbers...)
	b, _ = o.StartTime().AppendText(append(b, `,"startTime":"`...)) // never fails
	b, _ = o.StopTime().AppendText(append(b, `","stopTime":"`...))
	if o.ChangedTime > 0 {
		b, _ = o.ChangedTime.AppendText(append(b, `","changedTime":"`...))
	}
	b = append(append(append(b, `",`...), o.Marks...), `"mediaFiles":[`...)
	for i := range o.MediaFiles {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = v.appendMediaFile(b, o.ID, &o.MediaFiles[i]); err != nil {
			return b, err
		}
	}

	b = append(append(b, `],"eventHistory":`...), o.Events...)
	b, err := jsontext.AppendQuote(append(b, `,"region":`...), o.Region)
	if err != nil {
		return b, fmt.Errorf("encoding a region: %w", err)
	}
	return append(append(b, o.Extra...), '}'), nil
}

// hides reports whether what is stored may hold what is not shown, so that it has to be decoded.
func (v viewer) hides(o *mapping.Outline) bool {
	return o.Fine || slices.ContainsFunc(o.MediaFiles, func(m mapping.OutlinedMedia) bool { return m.Private })
}

// appendMediaFile appends what mediaFile shows. What was posted is copied as it is, unless it holds
// secrets.
func (v viewer) appendMediaFile(b []byte, id string, m *mapping.OutlinedMedia) ([]byte, error) {
	name := m.Name
	if name == "" {
		name = m.Descriptor.MediaName(v.contactCenter, id, m.Encrypted)
	}
	var room [256]byte // enough for most
	uri := v.appendMediaURI(room[:0], id, name)
	b, err := jsontext.AppendQuote(append(b, `{"mediaUri":`...), uri)
	if err != nil {
		return b, fmt.Errorf("encoding the URI of a media file: %w", err)
	}
	if v.paths {
		path, err := jsontext.AppendQuote(nil, uri[len(v.base+apiRoot):])
		if err != nil {
			return b, fmt.Errorf("encoding the path of a media file: %w", err)
		}
		b = append(append(append(append(b, `,"mediaPath":`...), path...), `,"playPath":`...), path...)
	}
	if v.ops {
		original := []byte(m.Place)
		if public := m.Descriptor.Public(); m.Descriptor.Auth != nil || public.Path != m.Descriptor.Path {
			if original, err = json.Marshal(public); err != nil {
				return b, fmt.Errorf("encoding a media descriptor: %w", err)
			}
		}
		b = append(append(b, `,"originalMediaDescriptor":`...), original...)
	}

	if state := v.state(id, &m.Descriptor); state != "" {
		b = append(append(append(b, `,"mediaState":"`...), state...), '"')
	}
	b = append(append(b, ','), m.Rest...)
	return append(b, '}'), nil
}

// appendDecoded is appendStored for a text of any form.
func (v viewer) appendDecoded(b []byte, s *mapping.Stored) ([]byte, error) {
	r, err := s.Recording()
	if err != nil {
		return b, err
	}

	data, err := json.Marshal(v.recording(r))
	if err != nil {
		return b, fmt.Errorf("encoding a recording: %w", err)
	}
	return append(b, data...), nil
}
