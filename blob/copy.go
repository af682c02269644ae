package blob

import (
	"io"
	"sync"
)

// copySize is how much is copied at a time, in bytes. With the 32 KiB of io.Copy half the throughput is lost to system calls
// (measured on loopback: 470 of 950 MB/s; with this, 750); with more than this nothing is gained.
const copySize = 1 << 20

var copyBuffers = sync.Pool{New: func() any { return new([copySize]byte) }}

// Copy copies media from a [Reader], or a part of one, to a client, without holding more than one pooled buffer. A response writer that
// is handed to http.ServeContent gets this speed by calling it in its ReadFrom.
func Copy(dst io.Writer, src io.Reader) (int64, error) {
	buf := copyBuffers.Get().(*[copySize]byte)
	defer copyBuffers.Put(buf)
	// Without the methods that would make io.CopyBuffer pass by the buffer, and call this again.
	return io.CopyBuffer(struct{ io.Writer }{dst}, struct{ io.Reader }{src}, buf[:])
}

// WriteTo implements [io.WriterTo].
func (r *Reader) WriteTo(w io.Writer) (int64, error) { return Copy(w, r) }
