package client

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// maxLine bounds a line of an answer, in bytes: it is far more than a recording has.
const maxLine = 64 << 20

// lines reads the lines of an answer.
type lines struct {
	r    *bufio.Reader
	line []byte
}

// newLines returns the lines of an answer.
func newLines(r io.Reader) *lines { return &lines{r: bufio.NewReaderSize(r, 128<<10)} }

// next returns the next line with its end; it is good until next is called again. At the end of the
// answer it is [io.EOF], and [io.ErrUnexpectedEOF] where that is within a line.
func (l *lines) next() ([]byte, error) {
	l.line = l.line[:0]
	for {
		piece, err := l.r.ReadSlice('\n')
		if err == nil && len(l.line) == 0 {
			return piece, nil
		}
		l.line = append(l.line, piece...)

		switch {
		case err == nil:
			return l.line, nil
		case errors.Is(err, bufio.ErrBufferFull) && len(l.line) <= maxLine:
			continue
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("a line is longer than %d bytes", maxLine)
		case errors.Is(err, io.EOF) && len(l.line) > 0:
			return nil, io.ErrUnexpectedEOF
		}
		return nil, err
	}
}
