package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"recordings/api/auth"
	"recordings/blob"
	"recordings/index"
	"recordings/mapping"
)

// playback are the handlers of the sound.
type playback struct {
	*pipeline
	*scope
	index index.Index
	media *blob.Store
}

// playRequest asks for the bytes of one media file.
type playRequest struct {
	key
	name string // of the media file, see mapping.MediaFile.MediaName
}

// play sends the bytes of a media file as its storage gives them: whole or in ranges, and never
// more of them held in memory than one buffer. If the storage breaks off, so does the answer: it
// must not look like a shorter recording.
func (h *playback) play(w http.ResponseWriter, r *http.Request) {
	in, err := h.decode(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}

	if !sensibleRange(r.Header.Get("Range")) {
		r.Header.Del("Range")
	}
	n, m, err := h.find(r.Context(), in)
	if err != nil {
		h.fail(w, r, err)
		return
	}

	start := time.Now()
	reader, err := h.media.Open(r.Context(), m.Descriptor, wanted(r))
	h.metrics.storage(&m.Descriptor, mediaOpen, start, err)
	if err != nil {
		h.fail(w, r, mediaErrorOf(r, err))
		return
	}
	defer reader.Close()

	setMediaHeader(w.Header(), contentType(m.Type, in.name), fileName(in.id, n, in.name), reader.ETag())
	c := &contentWriter{ResponseWriter: w}
	http.ServeContent(c, r, "", reader.ModTime(), reader)
	switch err := reader.Err(); {
	case c.refused != 0:
		// These are of the media, not of the error.
		for _, name := range []string{"Accept-Ranges", "Content-Disposition", "ETag", "Last-Modified"} {
			w.Header().Del(name)
		}
		h.fail(w, r, &contentError{c.refused, reader.Size()})
	case err != nil:
		h.metrics.storageFailed(&m.Descriptor, mediaRead, err)
		infoOf(r).err = mediaErrorOf(r, err)
		panic(http.ErrAbortHandler)
	}
}

// decode reads which media file is asked for.
func (h *playback) decode(r *http.Request) (in playRequest, err error) {
	if err := refuseParams(r.URL.RawQuery); err != nil {
		return in, err
	}
	if in.key, err = h.key(r); err != nil {
		return in, err
	}
	in.name, err = pathValue(r, "media")
	return in, err
}

// find returns the media file of this name, and its place among those of the recording. A media
// file that is not there looks like a recording that is not, or is of another region.
func (h *playback) find(ctx context.Context, in playRequest) (int, *mapping.MediaFile, error) {
	if err := h.reserve(ctx, h.memory.read); err != nil {
		return 0, nil, err
	}
	defer func() { infoFrom(ctx).reserved.shrink(smallAnswer) }() // the sound passes through a buffer of that size

	rec, err := h.index.Get(ctx, in.contactCenter, h.region, in.id)
	if err != nil {
		return 0, nil, err
	}
	for i := range rec.MediaFiles {
		m := rec.MediaFiles[i] // a copy, so that the others are not held while it is played
		if m.Descriptor.MediaName(in.contactCenter, in.id) == in.name {
			return i, &m, nil
		}
	}
	return 0, nil, index.ErrNotFound
}

// maxRanges is how many ranges one answer has at most: each is a request to the storage.
const maxRanges = 16

// sensibleRange reports whether a Range header is to be heeded. HTTP lets a server ignore any, and
// wants it to ignore those of another unit.
func sensibleRange(header string) bool {
	return strings.HasPrefix(header, "bytes=") && strings.Count(header, ",") < maxRanges
}

// wanted tells the storage what the answer will need of the media.
func wanted(r *http.Request) blob.Want {
	conditional := r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Modified-Since") != ""
	return blob.Want{Stat: r.Method == http.MethodHead || conditional, Range: r.Header.Get("Range")}
}

// setMediaHeader says what is sent, and what a browser saves it as.
func setMediaHeader(h http.Header, mediaType, name, etag string) {
	h.Set("Content-Type", mediaType)
	h.Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": name}))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "private, no-cache") // to be asked again: it may be deleted, or the user lose the role
	if etag != "" {
		h.Set("ETag", etag)
	}
}

// mediaTypes are those of the extensions that recorders use. The table of the machine is not asked:
// it differs from one to the next.
var mediaTypes = map[string]string{
	".aac":  "audio/aac",
	".aif":  "audio/aiff",
	".aiff": "audio/aiff",
	".amr":  "audio/amr",
	".au":   "audio/basic",
	".flac": "audio/flac",
	".m4a":  "audio/mp4",
	".m4v":  "video/mp4",
	".mka":  "audio/x-matroska",
	".mkv":  "video/x-matroska",
	".mov":  "video/quicktime",
	".mp3":  "audio/mpeg",
	".mp4":  "video/mp4",
	".mpeg": "video/mpeg",
	".mpg":  "video/mpeg",
	".oga":  "audio/ogg",
	".ogg":  "audio/ogg",
	".ogv":  "video/ogg",
	".opus": "audio/ogg",
	".wav":  "audio/wav",
	".weba": "audio/webm",
	".webm": "video/webm",
	".wma":  "audio/x-ms-wma",
}

// contentType is the posted type if it is one of audio or video, else that of the extension.
// Anything else a browser might run is sent as bytes that it does not look into.
func contentType(posted, name string) string {
	t, params, err := mime.ParseMediaType(posted)
	if err == nil && (strings.HasPrefix(t, "audio/") || strings.HasPrefix(t, "video/")) {
		if formatted := mime.FormatMediaType(t, params); formatted != "" {
			return formatted
		}
	}
	return cmp.Or(mediaTypes[strings.ToLower(path.Ext(name))], "application/octet-stream")
}

// fileName is what a browser saves the n-th media file of a recording as: the id, where it is fit
// for a file name.
func fileName(id string, n int, mediaName string) string {
	const longest = 100 // bytes
	name := strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || strings.ContainsRune(`/\:*?"<>|`, c) {
			return '_'
		}
		return c
	}, id)

	if len(name) > longest {
		name = strings.ToValidUTF8(name[:longest], "")
	}
	return strings.TrimLeft(name, ".") + "-" + strconv.Itoa(n+1) + path.Ext(mediaName)
}

// contentWriter keeps back what http.ServeContent says when it refuses, which is no JSON.
type contentWriter struct {
	http.ResponseWriter
	refused int // the status of the refusal, 0: there was none
}

// WriteHeader implements [http.ResponseWriter].
func (w *contentWriter) WriteHeader(status int) {
	if status >= http.StatusBadRequest {
		w.refused = status
		return
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [io.Writer].
func (w *contentWriter) Write(b []byte) (int, error) {
	if w.refused != 0 {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

// ReadFrom makes http.ServeContent copy in large steps.
func (w *contentWriter) ReadFrom(src io.Reader) (int64, error) {
	return blob.Copy(struct{ io.Writer }{w}, src)
}

// contentError is a request for ranges, or under conditions, that the media does not fulfil.
type contentError struct {
	status int
	size   int64 // of the media, in bytes
}

// Error implements error.
func (e *contentError) Error() string {
	switch e.status {
	case http.StatusRequestedRangeNotSatisfiable:
		return fmt.Sprintf("Range asks for nothing of the media, which has %d bytes", e.size)
	case http.StatusPreconditionFailed:
		return "the media is not, or not any more, what If-Match or If-Unmodified-Since asks for"
	}
	return "the media cannot be served"
}

// failure implements failer.
func (e *contentError) failure() failure {
	switch e.status {
	case http.StatusRequestedRangeNotSatisfiable:
		header := http.Header{"Content-Range": {fmt.Sprintf("bytes */%d", e.size)}}
		return failure{status: e.status, code: codeInvalid, message: e.Error(), header: header}
	case http.StatusPreconditionFailed:
		return failure{status: e.status, code: codeForbiddenNow, message: e.Error()}
	}
	return failure{status: http.StatusInternalServerError, code: codeInternal, message: e.Error()}
}

// mediaError is an error of a storage. Operations see which bucket or origin, others nothing of it.
type mediaError struct {
	err error
	ops bool
}

// mediaErrorOf is an error of a storage as the caller of a request may see it.
func mediaErrorOf(r *http.Request, err error) error {
	return &mediaError{err: err, ops: infoOf(r).user.Role == auth.RoleOps}
}

// Error implements error.
func (e *mediaError) Error() string { return e.err.Error() }

// Unwrap returns the error of the storage.
func (e *mediaError) Unwrap() error { return e.err }

// failure says what went wrong. What the storage itself said is for operations only.
func (e *mediaError) failure() failure {
	f := failure{status: http.StatusBadGateway, code: codeInternal, message: blob.PublicMessage(e.err)}
	switch {
	case errors.Is(e.err, blob.ErrNotFound):
		f.status, f.code = http.StatusNotFound, codeNotFound
	case errors.Is(e.err, blob.ErrTimeout), errors.Is(e.err, context.DeadlineExceeded):
		f.status = http.StatusGatewayTimeout
	}
	if e.ops {
		f.message = e.err.Error()
	}
	return f
}
