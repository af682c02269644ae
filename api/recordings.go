package api

import (
	"context"
	"net/http"
	"time"

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
	media   *mediaStore
	timeout time.Duration // of a search
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

	r, err := h.index.Get(ctx, in.contactCenter, h.region, in.id)
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
	in.recording, err = h.bodies.decode(r.Context(), body)
	return in, err
}

// post stores a recording, or merges it into what is stored. It is durable when this returns.
func (h *recordings) post(ctx context.Context, in postRequest) (doneAnswer, error) {
	_, err := h.index.Put(ctx, in.contactCenter, in.recording)
	return doneAnswer{Notice: h.media.postNotices(in.recording)}, err
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
	if in.media {
		return h.media.deleteRecording(ctx, in.key)
	}
	return deletedAnswer{Notice: in.notice}, h.index.Delete(ctx, in.contactCenter, in.id)
}
