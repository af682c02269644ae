package importer

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/go-json-experiment/json"

	"recordings/internal/durable"
)

// state is how far an import is: all lines up to Line have a verdict.
type state struct {
	Identity string `json:"identity"` // what is imported to where
	Line     int64  `json:"line"`
	Offset   int64  `json:"offset"`  // of the byte behind the line
	Bytes    int64  `json:"bytes"`   // of the line
	SHA256   []byte `json:"sha256"`  // of the line: the input is the same as before
	Rejects  int64  `json:"rejects"` // size of the file of rejected lines
	Totals   `json:"totals"`
	last     []byte // the line itself, whose sum is taken only when the state is written
}

// took notes that a line has its verdict.
func (s *state) took(l line) {
	s.Line, s.Offset, s.last = l.number, l.end, l.text[:l.size]
}

// readState reads a state file. Its name and content come from a user's own disk, but nothing in it is
// believed before valid and seek have compared it with the input.
func readState(path string) (*state, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is nothing to resume: %w; leave out --resume", err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading how far the import was: %w", err)
	}

	s := new(state)
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("reading how far the import was, in %s: %w", path, err)
	}
	if !s.valid() {
		return nil, fmt.Errorf("%s is damaged; leave out --resume to begin anew", path)
	}
	return s, nil
}

// valid reports whether the state is one that write has written: the last line is known wherever there
// is one, and lies within what has a verdict.
func (s *state) valid() bool {
	begun := s.Line > 0 && s.Bytes > 0 && s.Bytes <= min(s.Offset, maxLine)
	nothing := s.Line == 0 && s.Bytes == 0 && s.Offset == 0
	return (begun || nothing) && s.Rejects >= 0
}

// seek goes to where the state ends in the input.
func (s *state) seek(input io.ReadSeeker) error {
	text := make([]byte, s.Bytes)
	if _, err := input.Seek(s.Offset-int64(len(text)), io.SeekStart); err != nil {
		return fmt.Errorf("going to where the import was: %w", err)
	}

	// The last line stands for all before it: whoever edits a file rarely leaves its length as it was.
	_, err := io.ReadFull(input, text)
	if sum := sha256.Sum256(text); err != nil || s.Bytes > 0 && !bytes.Equal(sum[:], s.SHA256) {
		return errors.New("the file is not the one whose import was interrupted; leave out --resume to begin anew")
	}

	s.last = text
	return nil
}

// write replaces the state file, durably.
func (s *state) write(path string) error {
	sum := sha256.Sum256(s.last)
	s.Bytes, s.SHA256 = int64(len(s.last)), sum[:]
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("noting how far the import is: %w", err)
	}

	err = durable.ReplaceBy(path, func(w io.Writer) error {
		_, err := w.Write(append(data, '\n'))
		return err
	})

	if err != nil {
		return fmt.Errorf("noting how far the import is: %w", err)
	}

	return nil
}

// removeState removes the state file of an import that is done.
func removeState(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing the note of how far the import was: %w", err)
	}
	return nil
}
