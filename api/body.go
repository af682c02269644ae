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

// readBody reads a whole JSON body.
func (s *Server) readBody(r *http.Request) ([]byte, error) {
	if err := checkMediaType(r.Header, jsonType); err != nil {
		return nil, err
	}
	return readWhole(r, s.o.MaxBody)
}

// readWhole reads a body of at most so many bytes. Its memory grows with what arrives, not with what a client announces.
func readWhole(r *http.Request, limit int64) ([]byte, error) {
	tooLarge := fmt.Errorf("%w; accepted are %d bytes", errBodyTooLarge, limit)
	if r.ContentLength > limit {
		return nil, tooLarge
	}

	var b bytes.Buffer
	b.Grow(int(min(max(r.ContentLength, 0), 64<<10)) + bytes.MinRead)
	_, err := b.ReadFrom(http.MaxBytesReader(nil, r.Body, limit))
	var overfull *http.MaxBytesError
	switch {
	case errors.As(err, &overfull):
		return nil, tooLarge
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, mapping.Problems{{Message: "the body ends before its Content-Length; nothing was stored"}}
	case err != nil: // too slow, or no valid transfer encoding
		return nil, mapping.Problems{{Message: "the body did not arrive as a whole; nothing was stored"}}
	}
	return b.Bytes(), nil
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
