package importer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/go-json-experiment/json/jsontext"
)

// Input reads a file as one JSON object a line, whatever of these it is: such lines, or a JSON array,
// plain or compressed by gzip, with a byte order mark or without. Offsets are those of the lines. It
// looks at the file only when it is read, as that may have to wait.
type Input struct {
	file      io.Reader
	lines     io.Reader   // nil: the file has not been looked at
	skipped   int64       // bytes of the file in front of the first line, where it is not converted
	converted atomic.Bool // the lines are not bytes of the file
}

// NewInput returns the lines of a file, which has to be at its beginning.
func NewInput(file io.Reader) *Input { return &Input{file: file} }

// Converted reports whether the offsets of lines are not those of the file, as far as it was read.
func (i *Input) Converted() bool { return i.converted.Load() }

// Read implements [io.Reader].
func (i *Input) Read(p []byte) (int, error) {
	if i.lines == nil {
		if err := i.open(); err != nil {
			return 0, err
		}
	}
	return i.lines.Read(p)
}

// Seek implements [io.Seeker], from the beginning only. What has to be converted is read up to there
// once more.
func (i *Input) Seek(offset int64, whence int) (int64, error) {
	file, ok := i.file.(io.Seeker)
	if !ok || whence != io.SeekStart {
		return 0, errors.ErrUnsupported
	}

	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	if err := i.open(); err != nil {
		return 0, err
	}

	if i.Converted() {
		n, err := io.CopyN(io.Discard, i.lines, offset)
		if err == io.EOF { // as in a plain file, where this is found out by reading
			err = nil
		}
		return n, err
	}

	i.lines = i.file
	if _, err := file.Seek(i.skipped+offset, io.SeekStart); err != nil {
		return 0, err
	}
	return offset, nil
}

// open finds out what the file is.
func (i *Input) open() error {
	const beginning = 64 << 10
	r := bufio.NewReaderSize(i.file, beginning)
	if magic, _ := r.Peek(2); bytes.Equal(magic, []byte("\x1f\x8b")) {
		unzipped, err := gzip.NewReader(r)
		if err != nil {
			return fmt.Errorf("the file looks compressed by gzip, but is damaged: %w", err)
		}
		i.converted.Store(true)
		r = bufio.NewReaderSize(gzipped{unzipped}, beginning)
	}

	start, _ := r.Peek(3) // why there are fewer is told by reading them
	if bytes.Equal(start, []byte("\ufeff")) {
		_, _ = r.Discard(len(start)) // they are there
		i.skipped = int64(len(start))
	} else if encoding := utf16(start); encoding != "" {
		return fmt.Errorf("it is UTF-16; accepted is UTF-8, into which `iconv -f %s -t UTF-8` changes it", encoding)
	}

	first, err := firstLine(r)
	if err != nil {
		return err
	}

	i.lines = io.MultiReader(bytes.NewReader(first), r)
	if bytes.HasPrefix(bytes.TrimLeft(first, blanks), []byte("[")) {
		i.converted.Store(true)
		i.lines = &array{decoder: jsontext.NewDecoder(i.lines, lenient...)}
	}
	return nil
}

// blanks are what may stand around JSON.
const blanks = " \t\r\n"

// utf16 is the name that iconv has for the encoding of a text that begins as UTF-16: with its byte
// order mark, or with a character of ASCII in two bytes. Without the mark the name has to tell the
// order, or iconv takes that of the machine. It is empty for other texts.
func utf16(start []byte) string {
	switch {
	case len(start) < 2:
		return ""
	case start[0] == 0xff && start[1] == 0xfe, start[0] == 0xfe && start[1] == 0xff:
		return "UTF-16"
	case start[0] == 0 && start[1] != 0:
		return "UTF-16BE"
	case start[0] != 0 && start[1] == 0:
		return "UTF-16LE"
	default:
		return ""
	}
}

// firstLine reads the first line that is not blank, and all before it, as far as the buffer holds
// them. Where an object goes on in the next line it is refused: each line would be rejected for a
// reason of its own, none of which is the true one.
func firstLine(r *bufio.Reader) (text []byte, err error) {
	for len(bytes.Trim(text, blanks)) == 0 && err == nil {
		var line []byte
		line, err = r.ReadSlice('\n')
		text = append(text, line...)
	}
	if err == io.EOF || err == bufio.ErrBufferFull || err == nil && !cutOff(text) {
		return text, nil
	} else if err != nil {
		return nil, err
	}

	next, err := r.ReadSlice('\n')
	all := append(text, next...)
	if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
		return nil, err
	}
	if next = bytes.TrimLeft(next, blanks); len(next) > 0 && next[0] != '{' {
		return nil, errors.New("it is pretty-printed JSON, an object in several lines; accepted are one object " +
			"a line, into which `jq -c .` changes it, and a JSON array")
	}
	return all, nil
}

// cutOff reports whether a line is the beginning of an object whose end it lacks.
func cutOff(line []byte) bool {
	line = bytes.Trim(line, blanks)
	if len(line) == 0 || line[0] != '{' {
		return false
	}
	_, err := jsontext.NewDecoder(bytes.NewReader(line), lenient...).ReadValue()
	return errors.Is(err, io.ErrUnexpectedEOF)
}

// lenient lets through what is wrong with one recording: its verdict says that.
var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// array reads the elements of a JSON array as lines.
type array struct {
	decoder *jsontext.Decoder
	rest    []byte // of the present line
	begun   bool
	err     error
}

// Read implements [io.Reader].
func (a *array) Read(p []byte) (int, error) {
	if len(a.rest) == 0 && a.err == nil {
		a.rest, a.err = a.next()
	}
	if len(a.rest) == 0 {
		return 0, a.err
	}

	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// next returns the next element as a line.
func (a *array) next() ([]byte, error) {
	if !a.begun {
		a.begun = true
		if _, err := a.decoder.ReadToken(); err != nil {
			return nil, fmt.Errorf("reading a JSON array: %w", err)
		}
	}

	if a.decoder.PeekKind() != ']' {
		value, err := a.decoder.ReadValue()
		if err == nil {
			value = value.Clone()
			err = value.Compact(lenient...)
		}
		if err != nil {
			return nil, fmt.Errorf("reading a JSON array: %w", err)
		}
		return append(value, '\n'), nil
	}

	if _, err := a.decoder.ReadToken(); err != nil {
		return nil, fmt.Errorf("reading a JSON array: %w", err)
	}
	if _, err := a.decoder.ReadToken(); err == io.EOF {
		return nil, io.EOF
	} else if err != nil {
		return nil, fmt.Errorf("behind the JSON array: %w", err)
	}
	return nil, errors.New("there is something behind the JSON array; accepted is one array, or one object a line")
}

// gzipped says of what an error is.
type gzipped struct{ r io.Reader }

// Read implements [io.Reader].
func (g gzipped) Read(p []byte) (int, error) {
	n, err := g.r.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("the gzip file is cut off or damaged: %w", err)
	}
	return n, err
}
