package conns

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"sync"
)

// framing is what net/http does not tell of a request's header, as it has mended it already.
type framing struct {
	folded bool // a line goes on in the next one (RFC 9112 5.2)
	length bool // there is a Content-Length
	coding bool // there is a Transfer-Encoding
}

// requestReader hands out what arrives on a connection, and looks at the headers of requests as
// they pass. It never hands out the end of one header or body together with what follows, so that
// whoever reads from it is exactly at the end of a header when its handler begins. Where a body
// ends, the handler tells: there is no second opinion about that.
type requestReader struct {
	mu     sync.Mutex
	rest   []byte  // has arrived, and is not handed out
	left   int64   // bytes of a body, as far as its length is known
	chunks *chunks // of a body without a known length; nil: there is none
	header header  // else a header is next
	last   framing // of the last whole header
}

// read is the Read of the connection. Only one goroutine at a time may call it.
func (r *requestReader) read(from io.Reader, p []byte) (n int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()

	if len(r.rest) > 0 {
		n = r.take(p[:copy(p, r.rest)])
		if r.rest = r.rest[n:]; len(r.rest) == 0 {
			r.rest = nil
		}
		return n, nil
	}

	r.mu.Unlock() // the handler of the last header may begin meanwhile
	arrived, err := from.Read(p)
	r.mu.Lock()
	n = r.take(p[:arrived])
	if n < arrived {
		r.rest, err = slices.Clone(p[n:arrived]), nil // an error comes again
	}
	return n, err
}

// begin says how long the body is whose header has just been read, as net/http has it: -1 stands
// for chunks. It returns the framing of that header.
func (r *requestReader) begin(length int64) framing {
	r.mu.Lock()
	defer r.mu.Unlock()
	if length >= 0 {
		r.left = length
	} else {
		r.chunks = &chunks{}
	}
	return r.last
}

// take returns how many of these bytes belong to the same header or body.
func (r *requestReader) take(p []byte) (n int) {
	switch {
	case r.left > 0:
		n = int(min(int64(len(p)), r.left))
		r.left -= int64(n)
	case r.chunks != nil:
		var ended bool
		if n, ended = r.chunks.take(p); ended {
			r.chunks = nil
		}
	default:
		var ended bool
		if n, ended = r.header.take(p); ended {
			r.last, r.header = r.header.framing, header{}
		}
	}
	return n
}

// lines counts the bytes of lines, whose ends may be CRLF or, as net/http has it, LF alone.
type lines struct {
	begin  []byte // of the line, no more than the longest name that matters
	length int    // of the line so far
}

// longestName is that of Transfer-Encoding and its colon.
const longestName = len("transfer-encoding:")

// take takes bytes to the end of a line. The line that has ended is valid until the next call.
func (l *lines) take(p []byte) (n int, ended bool) {
	if l.length < 0 {
		l.length, l.begin = 0, l.begin[:0]
	}
	n = bytes.IndexByte(p, '\n') + 1
	if ended = n > 0; !ended {
		n = len(p)
	}
	l.begin = append(l.begin, p[:min(n, longestName-len(l.begin))]...)
	l.length += n
	return n, ended
}

// next ends a line, and reports whether it was empty.
func (l *lines) next() (empty bool) {
	empty = l.length == 1 || l.length == 2 && l.begin[0] == '\r'
	l.length = -1
	return empty
}

// header is how far a header has been read.
type header struct {
	framing
	lines lines
	count int // of lines that are not empty, the request's own included
}

// take takes bytes to the end of the header.
func (h *header) take(p []byte) (n int, ended bool) {
	for n < len(p) {
		some, whole := h.lines.take(p[n:])
		n += some
		if !whole {
			break
		}

		begin := string(h.lines.begin)
		if h.lines.next() {
			if h.count > 0 {
				return n, true
			}
			continue // net/http skips empty lines in front of a request
		}
		if h.count++; h.count > 1 {
			h.note(begin)
		}
	}
	return n, false
}

// note looks at a line, of which this is the begin.
func (h *header) note(begin string) {
	name, _, _ := strings.Cut(begin, ":")
	switch name := strings.TrimRight(name, " \t"); {
	case begin[0] == ' ' || begin[0] == '\t':
		h.folded = true
	case strings.EqualFold(name, "Content-Length"):
		h.length = true
	case strings.EqualFold(name, "Transfer-Encoding"):
		h.coding = true
	}
}

// chunks is how far a body in chunks has been read. What is no chunk ends the request in net/http,
// and the connection with it.
type chunks struct {
	lines lines
	left  int64 // of a chunk and its CRLF
	last  bool  // the last chunk has begun: what follows are trailers
}

// take takes bytes to the end of the body.
func (c *chunks) take(p []byte) (n int, ended bool) {
	for n < len(p) {
		if c.left > 0 {
			some := min(int64(len(p)-n), c.left)
			c.left -= some
			n += int(some)
			continue
		}

		some, whole := c.lines.take(p[n:])
		n += some
		if !whole {
			break
		}
		size := chunkSize(c.lines.begin)
		switch empty := c.lines.next(); {
		case c.last && empty:
			return n, true
		case c.last:
		case size == 0:
			c.last = true
		default:
			c.left = size + int64(len("\r\n"))
		}
	}
	return n, false
}

// chunkSize reads the hexadecimal digits at the begin of a line.
func chunkSize(line []byte) (size int64) {
	const digits = "0123456789abcdef"
	for _, c := range bytes.ToLower(line) {
		digit := strings.IndexByte(digits, c)
		if digit < 0 || size >= 1<<58 {
			break
		}
		size = size<<4 + int64(digit)
	}
	return size
}
