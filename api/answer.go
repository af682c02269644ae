package api

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
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
		StatusCode int             `json:"statusCode"`
		Recordings []recordingView `json:"recordings"`
		PrevURI    string          `json:"prevUri,omitzero"`
		NextURI    string          `json:"nextUri,omitzero"`
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
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	w.Write(body) // an error means that the client has gone
}
