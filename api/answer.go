package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/klauspost/compress/gzip"
	"golang.org/x/sync/semaphore"

	"recordings/api/static"
)

// The bodies of answers that several routes have, or that are short. A success has the statusCode
// 0.
type (
	errorAnswer struct {
		StatusCode    int           `json:"statusCode"`
		StatusMessage string        `json:"statusMessage"`
		Problems      []problemView `json:"problems,omitempty"` // each thing that was wrong with what was sent
		RequestID     string        `json:"requestId"`          // of X-Request-Id, by which the log knows the request
	}
	// problemView is one thing that was wrong.
	problemView struct {
		Path    string `json:"path"`    // the parameter, or the attribute of the body; empty: the whole
		Message string `json:"message"` // completes a sentence that begins with the path
	}
	doneAnswer struct {
		StatusCode int     `json:"statusCode"`
		Notice     notices `json:"notice,omitzero"`
	}
	recordingAnswer struct {
		StatusCode int           `json:"statusCode"`
		Recording  recordingView `json:"recording"`
	}
	listAnswer struct {
		StatusCode int           `json:"statusCode"`
		Recordings jsonList      `json:"-"` // stands behind the statusCode; see pieces
		Total      *int          `json:"total,omitzero"`
		PrevURI    string        `json:"prevUri,omitzero"`
		NextURI    string        `json:"nextUri,omitzero"`
		Explain    []explanation `json:"explain,omitzero"`
		Notice     notices       `json:"notice,omitzero"`
	}
)

// notices are sentences about what was probably not meant. They are never a reason to fail; clients
// that do not know them ignore them.
type notices []string

// jsonList is a JSON array that is written element by element, so that a recording is not held in
// any other form. It has no brackets, and a comma in front of each element.
type jsonList []byte

// inside is what stands between the brackets.
func (l jsonList) inside() []byte { return l[min(1, len(l)):] }

// pieces is the JSON of the answer. The list is JSON already, and too long for the library to look
// through it again.
func (a listAnswer) pieces() (net.Buffers, error) {
	head, tail, err := a.around()
	return net.Buffers{head, a.Recordings.inside(), tail}, err
}

// around is the JSON in front of the list and behind it.
func (a listAnswer) around() (head, tail []byte, err error) {
	members, err := json.Marshal(a)
	if err != nil {
		return nil, nil, err
	}
	head = fmt.Appendf(nil, `{"statusCode":%d`, a.StatusCode)
	tail = append([]byte("]"), members[len(head):]...)
	return append(head, `,"recordings":[`...), tail, nil
}

// inPieces is an answer that is encoded in a way of its own.
type inPieces interface {
	pieces() (net.Buffers, error)
}

// encode is the JSON of an answer.
func encode(answer any) (net.Buffers, error) {
	if a, ok := answer.(inPieces); ok {
		return a.pieces()
	}
	body, err := json.Marshal(answer)
	return net.Buffers{body}, err
}

// send answers with one line of compact JSON: a real client reads only the first line.
func (p *pipeline) send(w http.ResponseWriter, r *http.Request, status int, answer any) {
	body, err := encode(answer)
	if err != nil {
		err = fmt.Errorf("encoding the answer: %w", err)
		infoOf(r).err = err
		f := classify(err, infoOf(r).id)
		message := fmt.Appendf(nil, `{"statusCode":%d,"statusMessage":%q,"requestId":%q}`, f.code, f.message,
			infoOf(r).id)
		status, body = f.status, net.Buffers{message}
	}

	body = append(body, []byte("\n"))
	length := 0
	for _, b := range body {
		length += len(b)
	}

	held := length
	long := length >= compressedFrom
	if long {
		held += length // at most, where it is compressed
	}
	if err := p.reserveAnswer(r.Context(), int64(held)); err != nil {
		p.fail(w, r, err) // which is short, and so needs no memory
		return
	}
	p.endTrail(infoOf(r), outcomeOf(status))

	h, tag := w.Header(), ""
	setHeader(h, jsonType)
	if _, ok := answer.(versioned); ok && status == http.StatusOK {
		tag = versionOf(body)
		h.Set("ETag", tag)
		if isOneOf(tag, r.Header.Values("If-None-Match")) {
			h.Del("Content-Type")
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	if long {
		h.Add("Vary", "Accept-Encoding")
		if static.AcceptsGzip(r.Header.Get("Accept-Encoding")) {
			h.Set("Content-Encoding", "gzip")
			if tag != "" {
				h.Set("ETag", strings.TrimSuffix(tag, `"`)+gzipSuffix+`"`)
			}
			short := compressed(body)
			length, body = len(short), net.Buffers{short}
		}
	}
	h.Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(status)
	_, _ = body.WriteTo(w) // an error means that the client has gone
}

// Answers of so many bytes are compressed for clients that take that; less is sent in a few packets anyway. The
// entity tag of one that is has gzipSuffix at its end.
const (
	compressedFrom = 4 << 10
	gzipSuffix     = "-gzip"
)

// compressed compresses a body. For a page of 100 recordings, which has a seventh of its size then, that takes some
// tenths of a millisecond, which pays on every network of less than some Gbit/s.
func compressed(body net.Buffers) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.StatelessCompression) // needs no memory but while it compresses
	for _, piece := range body {
		if err == nil {
			_, err = z.Write(piece)
		}
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("compressing into memory: %v", err)) // which takes everything
	}
	return b.Bytes()
}

// versioned is an answer to GET of which clients may have a version: they are told whether it is still that.
type versioned interface{ versioned() }

func (recordingAnswer) versioned() {}

// versionOf is the entity tag of a body: of what this caller sees at this address, and so no more than the
// body tells of what others see.
func versionOf(body net.Buffers) string {
	sum := sha256.New()
	for _, b := range body {
		sum.Write(b)
	}
	return `"` + hex.EncodeToString(sum.Sum(nil)[:12]) + `"`
}

// isOneOf reports whether an entity tag is among those of If-None-Match headers; * is any. Those of a compressed
// answer, and those that a proxy has made weak, as when it compresses, are the same for that.
func isOneOf(tag string, headers []string) bool {
	for _, header := range headers {
		for one := range strings.SplitSeq(header, ",") {
			one = strings.Replace(strings.TrimSpace(one), gzipSuffix+`"`, `"`, 1)
			if one == "*" || strings.TrimPrefix(one, "W/") == tag {
				return true
			}
		}
	}
	return false
}

// setHeader sets what all answers that hold data have in common: they are neither sniffed, nor
// cached, nor shown as a page.
func setHeader(h http.Header, mediaType string) {
	h.Set("Content-Type", mediaType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// An answer that is sent while it is made waits for its client this long in all, and a second more
// for every so many bytes that the client has taken: one that has all but stopped reading must not
// hold on to an old state of the index, and to memory, for days.
const (
	streamPatience = time.Minute
	streamRate     = 64 << 10
)

// streamWriter sends an answer while it is made. Its errors say that the client does not take it,
// and are [context.Canceled].
type streamWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	bytes   int64
	waited  time.Duration // for the client to take them
}

func newStreamWriter(w http.ResponseWriter) *streamWriter {
	return &streamWriter{w: w, control: http.NewResponseController(w)}
}

// Write implements [io.Writer].
func (s *streamWriter) Write(b []byte) (int, error) {
	if err := s.write(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// write returns when the client, or the network on the way to it, has taken the bytes.
func (s *streamWriter) write(b []byte) error {
	start := time.Now()
	_, err := s.w.Write(b)
	if err == nil {
		err = s.control.Flush()
	}
	if err != nil {
		return fmt.Errorf("%w: the client is gone: %w", context.Canceled, err)
	}

	s.bytes += int64(len(b))
	s.waited += time.Since(start)
	if s.waited > streamPatience+time.Duration(s.bytes/streamRate)*time.Second {
		return fmt.Errorf("%w: the client is too slow", context.Canceled)
	}
	return nil
}

// What answers hold is bounded by one budget in bytes. Whoever asks for something reserves what
// making the answer may hold at most, and gives back, once it is made, all but what waits for the
// client to take it. Nobody who has a reservation waits for another one, so that requests cannot
// wait for each other.
const (
	leastAnswerMemory = 128 << 20
	answerPatience    = 5 * time.Second // to wait for a reservation

	pageBuffer  = 1 << 20 // of a page that is sent as a whole; what is longer is sent while it is made
	searchAhead = 1 << 20 // of what an index reads ahead for a page, and as much encoded
	exportAhead = 4 << 20 // likewise for an export
	smallAnswer = 64 << 10

	archiveAhead = 2 << 20 // of media, while it is sent
	archiveEach  = 1 << 10 // what an archive knows at its end of each media file
)

var errBusy = errors.New("as much as may be answered at a time is being answered; try again later")

// answerMemory is the budget of all answers.
type answerMemory struct {
	free   *semaphore.Weighted
	size   int64 // bytes
	page   int64 // of these, what a page may hold
	read   int64 // and a recording
	export int64 // and an export
	media  int64 // and an archive of media
}

// newAnswerMemory returns a budget of a size; 0 stands for what four exports, all archives and, for
// each processor, four pages need. A recording has at most so many bytes.
func newAnswerMemory(size, recording int64) *answerMemory {
	processors := int64(runtime.GOMAXPROCS(0))
	m := &answerMemory{
		page:   pageBuffer + 2*(searchAhead+recording), // as stored, and encoded
		read:   8 * recording,                          // decoded, a recording takes several times its text
		export: 2*max(exportAhead, processors<<20) + 2*(processors+1)*recording,
	}
	m.media = archiveAhead + maxArchiveFiles*archiveEach + m.read + 2*recording // the next one, and what is written
	if size == 0 {
		size = max(leastAnswerMemory, maxExports*m.export+4*processors*m.page) + maxArchives*m.media
	}
	m.size, m.free = size, semaphore.NewWeighted(size)
	return m
}

// reservation is what one request has of the budget.
type reservation struct {
	memory *answerMemory
	n      int64 // bytes
}

// reserve waits for n bytes, or as many as there are in all.
func (m *answerMemory) reserve(ctx context.Context, n int64) (*reservation, error) {
	n = min(n, m.size)
	if m.free.TryAcquire(n) {
		return &reservation{m, n}, nil
	}

	patient, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	switch err := m.free.Acquire(patient, n); {
	case err == nil:
		return &reservation{m, n}, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("waiting for memory: %w", ctx.Err())
	}
	return nil, errBusy
}

// shrink gives back all but n bytes. A nil reservation has none.
func (r *reservation) shrink(n int64) {
	if r != nil && n < r.n {
		r.memory.free.Release(r.n - n)
		r.n = n
	}
}

// reserve reserves what answering a request may hold, until it is answered.
func (p *pipeline) reserve(ctx context.Context, n int64) (err error) {
	info := infoFrom(ctx)
	info.reserved, err = p.memory.reserve(ctx, n)
	return err
}

// reserveAnswer sees to it that an answer of n bytes is reserved, and nothing else any more: making
// it is over, and the client may take its time.
func (p *pipeline) reserveAnswer(ctx context.Context, n int64) error {
	info := infoFrom(ctx)
	if info.reserved == nil && n > smallAnswer {
		return p.reserve(ctx, n)
	}
	info.reserved.shrink(n)
	return nil
}
