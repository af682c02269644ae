package batch

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// errLong says that a line is longer than is accepted.
var errLong = errors.New("the line is too long")

// lineReader reads lines of bounded length. A last line without its end counts only where the input
// ends as it should: of a recording that was cut off nothing may be taken.
type lineReader struct {
	r       *bufio.Reader
	longest int // bytes of a line
	await   func()
	number  int // of the line read last

	admit func() (share, error) // waits until the longest line may be held; nil: it may
	share share                 // what it has given, until the line is taken
}

const readAhead = 64 << 10 // bytes

// newLineReader reads lines of at most so many bytes. The function await is called before something
// is waited for; nil: nobody wants to know.
func newLineReader(r io.Reader, longest int, await func()) *lineReader {
	if await == nil {
		await = func() {}
	}
	return &lineReader{r: bufio.NewReaderSize(r, readAhead), longest: longest, await: await}
}

// hasMore reports whether the next line has arrived as a whole.
func (l *lineReader) hasMore() bool {
	arrived, _ := l.r.Peek(l.r.Buffered()) // no error: it is there
	return bytes.IndexByte(arrived, '\n') >= 0
}

// byteOrderMark is what some programs put in front of a text in UTF-8. It is no part of the first line.
const byteOrderMark = "\ufeff"

// next returns the next line that is not blank. After an errLong the reading goes on behind that
// line.
func (l *lineReader) next() (text []byte, err error) {
	for {
		if text, err = l.line(); err != nil && !(err == io.EOF && len(text) > 0) {
			return nil, err
		}
		if l.number == 1 {
			text = bytes.TrimPrefix(text, []byte(byteOrderMark))
		}
		if text = bytes.Trim(text, " \t\r\n"); len(text) > 0 {
			return text, nil
		}
	}
}

// line returns the next line, with its end.
func (l *lineReader) line() (text []byte, err error) {
	if !l.hasMore() {
		l.await()
	}
	l.number++

	unawaited := 0 // bytes since
	long := false
	for {
		piece, err := l.r.ReadSlice('\n')
		if long = long || len(text)+len(bytes.TrimRight(piece, "\r\n")) > l.longest; !long {
			text = append(text, piece...)
		}

		if unawaited += len(piece); unawaited > l.longest {
			l.await() // it is long, but it does come
			unawaited = 0
		}

		switch {
		case err == bufio.ErrBufferFull:
			if err := l.hold(); err != nil {
				return nil, err
			}
		case err != nil && err != io.EOF:
			return nil, &ReadError{err}
		case long:
			return nil, errLong
		default:
			return text, err
		}
	}
}

// hold waits until a line may be held that is longer than the buffer.
func (l *lineReader) hold() (err error) {
	if l.admit == nil || l.share.n > 0 {
		return nil
	}
	l.share, err = l.admit()
	l.await() // the wait was not the client's
	return err
}

// idOf finds the id in a line that is no recording, for its verdict: the member of that name, as
// far as the line is JSON.
func idOf(text []byte) string {
	const longest = 4096 // bytes, of an id
	d := jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return ""
	}

	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return ""
		}
		if name.String() != "id" {
			if d.SkipValue() != nil {
				return ""
			}
			continue
		}

		if t, err := d.ReadToken(); err == nil && t.Kind() == '"' && len(t.String()) <= longest {
			return t.String()
		}
		return ""
	}
	return ""
}
