package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"recordings/audit"
	"recordings/blob"
	"recordings/erase"
	"recordings/index"
	"recordings/mapping"
)

// paramSubresources of a DELETE asks for the media to be deleted too.
const paramSubresources = "subresources"

// recordings are the handlers of recordings: post, read, search and delete.
type recordings struct {
	*pipeline
	*scope
	bodies  *bodies
	index   index.Index
	eraser  *erase.Eraser
	poster  poster
	timeout time.Duration // of a search

	histograms index.Histograms
}

// readRequest asks for one recording.
type readRequest struct {
	key
	viewer viewer
}

// decodeRead reads which recording is asked for, and by whom.
func (h *recordings) decodeRead(r *http.Request) (in readRequest, err error) {
	if err := refuseParams(r.URL.RawQuery); err != nil {
		return in, err
	}
	in.key, err = h.key(r)
	in.viewer = h.viewer(r, in.contactCenter)
	return in, err
}

// read answers with one recording. One of another region is not found.
func (h *recordings) read(ctx context.Context, in readRequest) (recordingAnswer, error) {
	if err := h.reserve(ctx, h.memory.read); err != nil {
		return recordingAnswer{}, err
	}

	r, err := h.find(ctx, h.index, in.key)
	if err != nil {
		return recordingAnswer{}, err
	}
	return recordingAnswer{Recording: in.viewer.recording(r)}, nil
}

// postRequest is a recording to store.
type postRequest struct {
	contactCenter string
	recording     *mapping.Recording
}

// decodePost reads a recording to store. The path is looked at before the body is read.
func (h *recordings) decodePost(r *http.Request) (in postRequest, err error) {
	if in.contactCenter, err = h.postedContactCenter(r); err != nil {
		return in, err
	}
	if err := refuseParams(r.URL.RawQuery); err != nil {
		return in, err
	}

	body, err := h.bodies.read(r)
	if err != nil {
		return in, err
	}
	if in.recording, err = h.bodies.decode(r.Context(), body); err == nil {
		infoOf(r).trail.Recording(in.recording.ID)
	}
	return in, err
}

// post stores a recording, or merges it into what is stored. It is durable when this returns.
func (h *recordings) post(ctx context.Context, in postRequest) (doneAnswer, error) {
	_, err := h.index.Put(ctx, in.contactCenter, in.recording)
	return doneAnswer{Notice: h.poster.notices(in.recording)}, err
}

// deleteRequest is a recording to delete.
type deleteRequest struct {
	key
	media  bool    // delete its media files, too
	notice notices // what was probably not meant
}

// decodeDelete reads which recording is to be deleted, and whether with its media.
func (h *recordings) decodeDelete(r *http.Request) (in deleteRequest, err error) {
	params, problems := parseQuery(r.URL.RawQuery, []string{paramSubresources})
	if len(problems) > 0 {
		return in, problems
	}

	in.media = len(params) > 0 && params[0].value == "*"
	if len(params) > 0 && !in.media {
		in.notice = notices{paramSubresources + " is not *, so the media was kept: only the metadata is deleted"}
	}
	in.key, err = h.key(r)
	return in, err
}

// delete deletes a recording of any region.
func (h *recordings) delete(ctx context.Context, in deleteRequest) (deletedAnswer, error) {
	v, err := h.eraser.Recording(ctx, in.contactCenter, in.id, in.media)
	if err != nil {
		return deletedAnswer{}, err
	}

	// The recording is gone: that what was personal about it cannot be erased must not hide that.
	info := infoFrom(ctx)
	if h.audit != nil {
		erasing, cancel := erase.Finish(ctx)
		defer cancel()
		info.err = h.audit.EraseDetails(erasing, in.contactCenter, in.id)
	}
	if len(v.Orphaned) > 0 {
		info.trail.Outcome(audit.Partly)
	}
	answer := deleted(v)
	answer.Notice = append(answer.Notice, in.notice...)
	return answer, nil
}

// mediaFailure is a media file that could not be deleted.
type mediaFailure struct {
	ID            string                  `json:"id"`
	Descriptor    mapping.MediaDescriptor `json:"mediaDescriptor"`
	StatusCode    int                     `json:"statusCode"`
	StatusMessage string                  `json:"statusMessage"`
}

// deletedAnswer says how deleting a recording with its media went.
type deletedAnswer struct {
	StatusCode int            `json:"statusCode"`
	Failed     []mediaFailure `json:"failed,omitzero"`
	Notice     notices        `json:"notice,omitzero"`
}

// deleted says which media files could not be deleted.
func deleted(v erase.Verdict) deletedAnswer {
	var a deletedAnswer
	for _, d := range v.Kept {
		a.Notice = append(a.Notice, "the media "+d.Path+" was kept: another recording names it, too")
	}
	for _, o := range v.Orphaned {
		a.StatusCode = codePartly
		a.Failed = append(a.Failed, mediaFailure{
			ID: o.ID, Descriptor: o.Descriptor, StatusCode: codeInternal,
			StatusMessage: "Fail to send request deleting " + o.Descriptor.Path + ": " + o.Message,
		})
	}
	return a
}

// poster knows what was probably not meant in a recording that was posted.
type poster struct{ media *blob.Store }

// notices returns what was probably not meant. Paths from which nothing can ever be fetched are
// among it: at play it would be too late.
func (p poster) notices(r *mapping.Recording) []string {
	all := mapping.PostNotices(r)
	for i := range r.MediaFiles {
		if err := p.media.Check(r.MediaFiles[i].Descriptor); errors.Is(err, blob.ErrInvalid) {
			const never = "mediaFiles[%d].mediaDescriptor: this media can never be fetched: %v"
			all = append(all, fmt.Sprintf(never, i, err))
		}
	}
	return all
}
