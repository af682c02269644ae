package importer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

// reject is a line of the file of rejected lines.
type reject struct {
	Line          int64  `json:"line"` // in the input, from 1
	ID            string `json:"id,omitzero"`
	StatusCode    int    `json:"statusCode,omitzero"`
	StatusMessage string `json:"statusMessage"`
	Text          string `json:"text"`           // the line itself
	Bytes         []byte `json:"bytes,omitzero"` // the same where it is not UTF-8, which text is made of then
}

// newReject is the line of a verdict. A line that is not UTF-8 cannot be told as text alone.
func newReject(l line, v Verdict) reject {
	text := bytes.TrimRight(l.text, "\r\n")
	r := reject{Line: l.number, ID: v.ID, StatusCode: v.StatusCode, StatusMessage: v.StatusMessage, Text: string(text)}
	if !utf8.Valid(text) {
		r.Text, r.Bytes = strings.ToValidUTF8(r.Text, "\ufffd"), text
	}
	return r
}

// rejects is the file of rejected lines. It is made when there is one.
type rejects struct {
	path  string
	file  *os.File
	out   *bufio.Writer
	size  int64 // bytes, with those that are still in out
	dirty bool  // something was written since the last sync
}

// resume goes on with a file that had this size: what is behind was told again since.
func (r *rejects) resume(size int64) error {
	if size == 0 {
		return nil
	}
	return r.open(os.O_WRONLY, size)
}

// open opens the file and cuts it off at a size.
func (r *rejects) open(mode int, size int64) error {
	f, err := os.OpenFile(r.path, mode, 0o600)
	if err != nil {
		return fmt.Errorf("opening the file for rejected lines: %w", err)
	}

	err = f.Truncate(size)
	if err == nil {
		_, err = f.Seek(size, io.SeekStart)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("opening the file for rejected lines: %w", err), f.Close())
	}

	r.file, r.out, r.size = f, bufio.NewWriter(f), size
	return nil
}

// write appends a reject. It is durable only after a sync.
func (r *rejects) write(x reject) error {
	if r.file == nil {
		if err := r.open(os.O_WRONLY|os.O_CREATE, 0); err != nil {
			return err
		}
	}

	text, err := json.Marshal(x)
	if err == nil {
		_, err = r.out.Write(append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("writing rejected lines: %w", err)
	}

	r.size += int64(len(text)) + 1
	r.dirty = true
	return nil
}

// sync makes durable what was written, and returns the size of the file.
func (r *rejects) sync() (size int64, err error) {
	if !r.dirty {
		return r.size, nil
	}
	if err := errors.Join(r.out.Flush(), r.file.Sync()); err != nil {
		return 0, fmt.Errorf("writing rejected lines: %w", err)
	}
	r.dirty = false
	return r.size, nil
}

// close closes the file, if there is one. Whoever wants its content calls sync before.
func (r *rejects) close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}
