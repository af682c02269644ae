package api

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
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

	if err := p.reserveAnswer(r.Context(), int64(length)); err != nil {
		p.fail(w, r, err) // which is short, and so needs no memory
		return
	}
	p.endTrail(infoOf(r), outcomeOf(status))
	h := w.Header()
	setHeader(h, jsonType)
	h.Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(status)
	_, _ = body.WriteTo(w) // an error means that the client has gone
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
