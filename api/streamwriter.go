package api

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

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
