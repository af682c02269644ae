package api

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"recordings/api/auth"
	"recordings/mapping"
)

// recordingView is a recording as clients see it.
type recordingView struct {
	ID                string          `json:"id"`
	CallerPhoneNumber string          `json:"callerPhoneNumber"`
	DialedPhoneNumber string          `json:"dialedPhoneNumber"`
	StartTime         mapping.Time    `json:"startTime"`
	StopTime          mapping.Time    `json:"stopTime"`
	MediaFiles        []mediaFileView `json:"mediaFiles"`
	EventHistory      []mapping.Event `json:"eventHistory"`
	Region            string          `json:"region"`
	Extra             jsontext.Value  `json:",embed"`
}

// mediaFileView is a media file as clients see it: with the URI to fetch it by in place of where it lies. Operations
// see also what was posted, without its secrets.
type mediaFileView struct {
	MediaURI string                   `json:"mediaUri"`
	Original *mapping.MediaDescriptor `json:"originalMediaDescriptor,omitzero"`
	Hidden   hidden                   `json:"mediaDescriptor,omitzero"` // takes the place of the embedded one
	mapping.MediaFile
}

// hidden is always left out of the JSON.
type hidden struct{}

// viewer is whom recordings are shown to.
type viewer struct {
	base          string // what URIs begin with: scheme, host and the path in front of /api
	contactCenter string
	ops           bool
}

func (s *Server) viewer(r *http.Request, contactCenter string) viewer {
	return viewer{base: s.base(r), contactCenter: contactCenter, ops: exchangeOf(r).user.Role == auth.RoleOps}
}

// base is the configured public URL, or what the client itself calls this server. Forwarding headers are not
// believed: whoever can send one could plant links to another host.
func (s *Server) base(r *http.Request) string {
	if u := s.o.PublicURL; u != nil {
		return strings.TrimRight(u.Scheme+"://"+u.Host+u.EscapedPath(), "/")
	}
	scheme, host := "http", r.Host
	if r.TLS != nil {
		scheme = "https"
	}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && host == "" { // HTTP/1.0
		host = local.String()
	}
	return scheme + "://" + host
}

func (v viewer) recording(r *mapping.Recording) recordingView {
	files := make([]mediaFileView, len(r.MediaFiles))
	for i := range r.MediaFiles {
		files[i] = v.mediaFile(r.ID, &r.MediaFiles[i])
	}
	events := r.EventHistory
	if events == nil {
		events = []mapping.Event{} // [] rather than null
	}
	return recordingView{
		ID: r.ID, CallerPhoneNumber: r.CallerPhoneNumber, DialedPhoneNumber: r.DialedPhoneNumber,
		StartTime: r.StartTime(), StopTime: r.StopTime(), MediaFiles: files, EventHistory: events, Region: r.Region, Extra: r.Extra,
	}
}

func (v viewer) mediaFile(id string, m *mapping.MediaFile) mediaFileView {
	view := mediaFileView{MediaFile: *m, MediaURI: v.mediaURI(id, &m.Descriptor)}
	if v.ops {
		public := m.Descriptor.Public()
		view.Original = &public
	}
	return view
}

// mediaURI is where the bytes of a media file of the recording with this id are.
func (v viewer) mediaURI(id string, d *mapping.MediaDescriptor) string {
	return v.base + v.recordings() + "/" + escapeSegment(id) + "/play/" + d.MediaName(v.contactCenter, id)
}

// recordings is the path of the viewer's collection.
func (v viewer) recordings() string {
	if v.ops {
		return "/api/v2/ops/contact-centers/" + escapeSegment(v.contactCenter) + "/recordings"
	}
	return "/api/v2/recordings"
}

// escapeSegment writes any text as one segment of a path. Dots alone are escaped too, since clients would take them for
// steps in the tree.
func escapeSegment(s string) string {
	if s == "." || s == ".." {
		return strings.ReplaceAll(s, ".", "%2E")
	}
	return url.PathEscape(s)
}
