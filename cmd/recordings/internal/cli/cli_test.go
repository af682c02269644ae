package cli_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"recordings/cmd/recordings/internal/cli"
)

// TestFolded: lines break between words, and nothing of a text is lost.
func TestFolded(t *testing.T) {
	const text = "recordings: one two three four five six\n  indented one two three four five\nshort"
	want := "recordings: one two three\n    four five six\n  indented one two three\n    four five\nshort"
	if got := cli.Folded(text, 4, 26); got != want {
		t.Errorf("it is\n%s", got)
	}
	for columns := range 120 {
		got := cli.Folded(text, 4, columns)
		if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(text), " ") {
			t.Errorf("in %d columns it is %q", columns, got)
		}
	}
}

// TestPrintable: foreign text does nothing to a terminal, and takes the columns that it shows.
func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"Zoë Müller":           "Zoë Müller",
		"a\x1b[31mb\x07\u202e": "a\ufffd[31mb\ufffd\ufffd",
		"two\nlines\t":         "two lines ",
	} {
		if got := cli.Printable(text); got != want {
			t.Errorf("%q is %q", text, got)
		}
	}
	for text, want := range map[string]int{"": 0, "abc": 3, "王小明": 6, "e\u0301": 1} {
		if got := cli.Columns(text); got != want {
			t.Errorf("%q takes %d columns", text, got)
		}
	}
	for text, want := range map[string]string{"abcdef": "abc…", "abcd": "abcd", "王小明": "王…", "": ""} {
		if got := cli.Cut(text, 4); got != want || cli.Columns(got) > 4 {
			t.Errorf("%q is cut to %q", text, got)
		}
	}
}

// TestWords: an error shows nothing of how the program is made.
func TestWords(t *testing.T) {
	missing := fmt.Errorf("importing: %w", &fs.PathError{Op: "lstat", Path: "x", Err: fs.ErrNotExist})
	for err, want := range map[error]string{
		missing: "importing: x: there is no such file or directory",
		errors.New("not reached: dial tcp 127.0.0.1:1: connect: connection refused"): "not reached: connection refused",
	} {
		if got := cli.Words(err); got != want {
			t.Errorf("%v is %q", err, got)
		}
	}
}
