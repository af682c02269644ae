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
	"strings"
	"time"

	"recordings/api/auth"
	"recordings/api/filename"
	"recordings/api/trail"
	"recordings/audit"
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

// paramDownload asks for a file to be saved, with a name that tells what it is.
const paramDownload = "download"

// paramPreview says that the bytes are to be drawn, and not to be heard. Whoever gets them could hear
// them all the same, so the audit log has them, too, and under a name of their own.
const paramPreview = "preview"

// playRequest asks for the bytes of one media file.
type playRequest struct {
	key
	name     string // of the media file, see mapping.MediaFile.MediaName
	download bool
	preview  bool
}

// playFile is the media file that is played, and what it is saved as.
type playFile struct {
	*mapping.MediaFile
	contentType string
	disposition string
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

	setRange(r.Header)
	if in.preview {
		infoOf(r).trail.Action(audit.Preview)
	}
	m, err := h.find(r.Context(), in)
	if err != nil {
		h.fail(w, r, err)
		return
	}

	var listening *trail.Start
	if r.Method != http.MethodHead && !in.download {
		listening = infoOf(r).trail.Listen(r.Context(), in.name)
		defer listening.Done()
	}
	start := time.Now()
	reader, err := h.media.Open(r.Context(), m.Descriptor, wanted(r))
	h.metrics.storage(&m.Descriptor, mediaOpen, start, err)
	if err != nil {
		h.fail(w, r, mediaErrorOf(r, err))
		return
	}
	defer reader.Close()

	if err := reader.Measure(measureLimit(r.Header)); err != nil {
		h.metrics.storageFailed(&m.Descriptor, mediaRead, err)
		h.fail(w, r, mediaErrorOf(r, err))
		return
	}

	setMediaHeader(w.Header(), m, reader.ETag())
	heard, c := &heard{Reader: reader}, &contentWriter{ResponseWriter: w}
	c.begin = func() error { return h.beginPlay(r, in, listening, heard) }
	serveMedia(c, r, heard)
	switch err := reader.Err(); {
	case c.failed != nil:
		for _, name := range mediaHeaders {
			w.Header().Del(name)
		}
		h.fail(w, r, c.failed)
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

// mediaHeaders are those of an answer that has media.
var mediaHeaders = []string{
	"Accept-Ranges", "Content-Disposition", "Content-Encoding", "Content-Length", "Content-Range", "ETag",
	"Last-Modified",
}

// beginPlay writes down that somebody is about to get media, before its first byte. Who is told that
// nothing has changed plays what they have.
func (h *playback) beginPlay(r *http.Request, in playRequest, listening *trail.Start, heard *heard) (err error) {
	left := infoOf(r).trail
	switch {
	case r.Method == http.MethodHead:
		left.Skip()
	case in.download:
		left.Action(audit.Download)
		left.Fact("media", in.name)
		err = left.Begin(r.Context())
	default:
		if heard.listening, err = listening.Wait(); err == nil {
			left.Skip() // the listening has its own entries
		}
	}
	return err
}

// heard is media whose bytes are noted that were read to be sent.
type heard struct {
	*blob.Reader
	listening audit.Listening // nil: nothing is noted
	at        int64
}

// Seek implements [io.Seeker].
func (h *heard) Seek(offset int64, whence int) (int64, error) {
	at, err := h.Reader.Seek(offset, whence)
	if err == nil {
		h.at = at
	}
	return at, err
}

// Read implements [io.Reader].
func (h *heard) Read(b []byte) (int, error) {
	n, err := h.Reader.Read(b)
	if h.listening != nil {
		h.listening.Heard(h.at, int64(n))
	}
	h.at += int64(n)
	return n, err
}

// WriteTo implements [io.WriterTo].
func (h *heard) WriteTo(w io.Writer) (int64, error) { return blob.Copy(w, h) }

// decode reads which media file is asked for.
func (h *playback) decode(r *http.Request) (in playRequest, err error) {
	params, problems := parseQuery(r.URL.RawQuery, []string{paramDownload, paramPreview})
	for _, p := range params {
		if p.value != "1" {
			message := "is not 1, which is the only value that is accepted"
			problems = append(problems, mapping.Problem{Path: p.name, Message: message})
		}
		in.download = in.download || p.name == paramDownload
		in.preview = in.preview || p.name == paramPreview
	}
	if in.download && in.preview {
		message := "cannot be asked for with " + paramDownload + ": what is saved is not only drawn"
		problems = append(problems, mapping.Problem{Path: paramPreview, Message: message})
	}
	if len(problems) > 0 {
		return in, problems
	}

	if in.key, err = h.key(r); err != nil {
		return in, err
	}
	in.name, err = pathValue(r, "media")
	return in, err
}

// find returns the media file of this name. One that is not there looks like a recording that is not,
// or is of another region.
func (h *playback) find(ctx context.Context, in playRequest) (*playFile, error) {
	if err := h.reserve(ctx, h.memory.read); err != nil {
		return nil, err
	}
	defer func() { infoFrom(ctx).reserved.shrink(smallAnswer) }() // the sound passes through a buffer of that size

	rec, err := h.scope.find(ctx, h.index, in.key)
	if err != nil {
		return nil, err
	}
	for i := range rec.MediaFiles {
		m := rec.MediaFiles[i] // a copy, so that the others are not held while it is played
		encrypted := m.PKCS7 != ""
		name := m.Descriptor.MediaName(in.contactCenter, in.id, encrypted)
		before := m.Descriptor.MediaName(in.contactCenter, in.id, false) // of links that were made by earlier versions
		if in.name == name || in.name == before {
			mediaType := contentType(m.Type, in.name)
			return &playFile{&m, mediaType, disposition(rec, i, in, mediaType)}, nil
		}
	}
	return nil, index.ErrNotFound
}

// disposition says what a browser is to do with the n-th media file of a recording, and what it saves
// it as. What is neither sound nor pictures is never shown within the origin of the service.
func disposition(rec *mapping.Recording, n int, in playRequest, mediaType string) string {
	extension := filename.Extension(in.name, mediaType)
	if !in.download {
		kind := "inline"
		if mediaType == unknownType {
			kind = "attachment"
		}
		return filename.Disposition(kind, filename.OfID(in.id, n+1, extension))
	}

	return filename.Disposition("attachment", filename.Of(callOf(rec, n), extension))
}

// callOf is what the name of the n-th media file of a recording tells.
func callOf(rec *mapping.Recording, n int) filename.Call {
	call := filename.Call{
		Start: time.UnixMilli(int64(rec.MediaFiles[n].StartTime)), Caller: rec.CallerPhoneNumber, Agent: agentOf(rec),
	}
	if len(rec.MediaFiles) > 1 {
		call.Number = n + 1
	}
	return call
}

// agentOf is the name of the first user in a recording, empty if there is none.
func agentOf(rec *mapping.Recording) string {
	for i := range rec.EventHistory {
		if c := rec.EventHistory[i].Contact; c != nil && c.Type == mapping.ContactUser {
			return cmp.Or(strings.TrimSpace(c.FirstName+" "+c.LastName), c.UserName)
		}
	}
	return ""
}

// maxRanges is how many ranges one answer has at most: each is a request to the storage.
const maxRanges = 16

// nowhere is a range that no media has. net/http answers it by 416.
const nowhere = "9223372036854775807-"

// setRange leaves of a Range header what is to be heeded: HTTP lets a server ignore any, and wants it
// to ignore those of another unit. The last 0 bytes are none, which net/http does not know.
func setRange(h http.Header) {
	list, ok := strings.CutPrefix(h.Get("Range"), "bytes=")
	if !ok || strings.Count(list, ",") >= maxRanges {
		h.Del("Range")
		return
	}

	specs := strings.Split(list, ",")
	for i, spec := range specs {
		zeros, suffix := strings.CutPrefix(strings.TrimSpace(spec), "-")
		if suffix && zeros != "" && strings.Trim(zeros, "0") == "" {
			specs[i] = nowhere
		}
	}
	h.Set("Range", "bytes="+strings.Join(specs, ","))
}

// serveMedia sends the media, or the ranges of it that are asked for; all of it if its size is not
// known.
func serveMedia(w *contentWriter, r *http.Request, reader *heard) {
	if reader.Size() == 0 {
		r.Header.Del("Range") // nothing has no parts, not even a last one
	}
	if reader.Size() >= 0 {
		http.ServeContent(w, r, "", reader.ModTime(), reader)
		return
	}

	w.Header().Set("Accept-Ranges", "bytes")
	if t := reader.ModTime(); !t.IsZero() {
		w.Header().Set("Last-Modified", t.UTC().Format(http.TimeFormat))
	}
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.ReadFrom(reader) // its errors are the reader's, or those of a client that has gone
	}
}

// measureLimit is how many bytes may be read to learn the size of media, if the storage does not tell.
// All of it is sent without. Players ask for all as a range, and can only seek in an answer that is
// one: for that, or to answer that nothing has changed, it is worth reading what is short twice.
func measureLimit(h http.Header) int64 {
	const short, long = 64 << 20, 1 << 30
	if r := h.Get("Range"); r != "" && r != "bytes=0-" {
		return long
	}

	for _, name := range []string{"Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"} {
		if h.Get(name) != "" {
			return short
		}
	}
	return 0
}

// wanted tells the storage what the answer will need of the media.
func wanted(r *http.Request) blob.Want {
	conditional := r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Modified-Since") != ""
	header := r.Header.Get("Range")
	stat := r.Method == http.MethodHead || conditional || header == "bytes="+nowhere
	return blob.Want{Stat: stat, Range: header}
}

// unknownType is that of media of which nothing is known, and of all that is no media.
const unknownType = "application/octet-stream"

// setMediaHeader says what is sent, and what a browser may do with it.
func setMediaHeader(h http.Header, m *playFile, etag string) {
	h.Set("Content-Type", m.contentType)
	h.Set("Content-Disposition", m.disposition)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if m.contentType == unknownType {
		h.Set("Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'")
	}
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
	return cmp.Or(mediaTypes[strings.ToLower(path.Ext(name))], unknownType)
}

// contentWriter keeps back what http.ServeContent says when it refuses, which is no JSON.
type contentWriter struct {
	http.ResponseWriter
	refused int // the status of the refusal, 0: there was none

	begin  func() error // is called before anything is sent
	failed error        // what it returned
}

// WriteHeader implements [http.ResponseWriter].
func (w *contentWriter) WriteHeader(status int) {
	if status >= http.StatusBadRequest {
		w.refused = status
		return
	}
	if w.failed = w.begin(); w.failed != nil {
		w.refused = http.StatusServiceUnavailable // nothing is sent but the error
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
