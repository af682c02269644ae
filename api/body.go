package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"recordings/mapping"
)

// readBody reads a whole JSON body. Its memory grows with what arrives, not with what a client announces.
func (s *Server) readBody(r *http.Request) ([]byte, error) {
	if err := checkMediaType(r.Header, jsonType); err != nil {
		return nil, err
	}
	tooLarge := fmt.Errorf("%w; accepted are %d bytes", errBodyTooLarge, s.o.MaxBody)
	if r.ContentLength > s.o.MaxBody {
		return nil, tooLarge
	}
	var b bytes.Buffer
	b.Grow(int(min(max(r.ContentLength, 0), 64<<10)) + bytes.MinRead)
	_, err := b.ReadFrom(http.MaxBytesReader(nil, r.Body, s.o.MaxBody))
	var max *http.MaxBytesError
	switch {
	case errors.As(err, &max):
		return nil, tooLarge
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, mapping.Problems{{Message: "the body ends before its Content-Length; nothing was stored"}}
	case err != nil: // too slow, or no valid transfer encoding
		return nil, mapping.Problems{{Message: "the body did not arrive as a whole; nothing was stored"}}
	}
	return b.Bytes(), nil
}

// maxDrained is how much of a body that is too large is read, in bytes.
const maxDrained = 64 << 20

// drain sends what was answered, and then reads what the client still sends: if the connection were closed in the middle of it,
// the client might never read the answer, take that for a fault of the network, and send it all again. One that waits to be asked
// for its body (Expect) is not asked.
func drain(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Expect") == "" && http.NewResponseController(w).Flush() == nil {
		_, _ = io.CopyN(io.Discard, r.Body, maxDrained) // an error ends it just as well
	}
}

// jsonType is the media type of one recording.
const jsonType = "application/json"

// checkMediaType refuses what is not of the one media type, in plain UTF-8. No Content-Type at all is taken for it: uploaders
// leave it out. Some write the charset as utf8.
func checkMediaType(h http.Header, mediaType string) error {
	if e := strings.Join(h.Values("Content-Encoding"), ","); e != "" && !strings.EqualFold(e, "identity") {
		return fmt.Errorf("%w: it has a Content-Encoding; accepted is none", errMediaType)
	}
	values := h.Values("Content-Type")
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return nil
	}
	t, params, err := mime.ParseMediaType(values[0])
	charset, named := params["charset"]
	if err != nil || len(values) > 1 || t != mediaType || named && !strings.EqualFold(strings.ReplaceAll(charset, "-", ""), "utf8") {
		return fmt.Errorf("%w; accepted is Content-Type: %s, in UTF-8", errMediaType, mediaType)
	}
	return nil
}

// decodeBody reads a posted recording. Not more bodies are decoded at a time than there are processors, which bounds
// the memory that hostile ones can take.
func (s *Server) decodeBody(ctx context.Context, body []byte) (*mapping.Recording, error) {
	select {
	case s.decoding <- struct{}{}:
		defer func() { <-s.decoding }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return mapping.Decode(body, mapping.DecodeOptions{AcceptEmptyHistory: s.o.AcceptEmptyHistory})
}
