package api

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The bodies of answers. A success has the statusCode 0.
type (
	errorAnswer struct {
		StatusCode    int    `json:"statusCode"`
		StatusMessage string `json:"statusMessage"`
	}
	doneAnswer struct {
		StatusCode int `json:"statusCode"`
	}
	recordingAnswer struct {
		StatusCode int           `json:"statusCode"`
		Recording  recordingView `json:"recording"`
	}
	listAnswer struct {
		StatusCode int            `json:"statusCode"`
		Recordings jsontext.Value `json:"recordings"` // see jsonList
		Total      *int           `json:"total,omitzero"`
		PrevURI    string         `json:"prevUri,omitzero"`
		NextURI    string         `json:"nextUri,omitzero"`
		Explain    []explanation  `json:"explain,omitzero"`
	}
	userAnswer struct {
		StatusCode int      `json:"statusCode"`
		User       userView `json:"user"`
	}
	versionAnswer struct {
		StatusCode int    `json:"statusCode"`
		Version    string `json:"version"`
	}
)

// jsonList is a JSON array that is written element by element, so that only one of a page of large recordings is held in
// any other form.
type jsonList struct{ b bytes.Buffer }

func newJSONList() *jsonList {
	l := new(jsonList)
	l.b.WriteByte('[')
	return l
}

func (l *jsonList) add(element any) error {
	if l.b.Len() > 1 {
		l.b.WriteByte(',')
	}
	return json.MarshalWrite(&l.b, element)
}

// end returns the array; the list is of no use afterwards.
func (l *jsonList) end() jsontext.Value {
	l.b.WriteByte(']')
	return l.b.Bytes()
}

// send answers with one line of compact JSON: a real client reads only the first line.
func (s *Server) send(w http.ResponseWriter, r *http.Request, status int, answer any) {
	body, err := json.Marshal(answer)
	if err != nil {
		err = fmt.Errorf("encoding the answer: %w", err)
		exchangeOf(r).err = err
		f := classify(err, exchangeOf(r).id)
		status, body = f.status, fmt.Appendf(nil, `{"statusCode":%d,"statusMessage":%q}`, f.code, f.message)
	}
	body = append(body, '\n')
	h := w.Header()
	setHeader(h, jsonType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body) // an error means that the client has gone
}

// setHeader sets what all answers of JSON have in common.
func setHeader(h http.Header, mediaType string) {
	h.Set("Content-Type", mediaType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
}
