package durable_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"recordings/cmd/recordings/internal/durable"
)

// content returns what is in a directory: its only file, and that file's text.
func content(t *testing.T, dir string) (name, text string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		return "", ""
	}
	if len(files) > 1 {
		t.Fatalf("there are %v", files)
	}

	data, err := os.ReadFile(filepath.Join(dir, files[0].Name()))
	if err != nil {
		t.Fatal(err)
	}

	return files[0].Name(), string(data)
}

func write(text string, err error) func(io.Writer) error {
	return func(w io.Writer) error {
		_, writeErr := io.WriteString(w, text)
		return errors.Join(writeErr, err)
	}
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	broken := errors.New("broken")

	// What cannot be written leaves nothing.
	if err := durable.Replace(path, write("half", broken)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}

	if name, _ := content(t, dir); name != "" {
		t.Errorf("%s is left behind", name)
	}

	if err := durable.Replace(path, write("first", nil)); err != nil {
		t.Fatal(err)
	}

	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}

	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("the mode is %v", mode)
	}

	// What cannot be written in its place leaves it as it was.
	if err := durable.Replace(path, write("half", broken)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}

	if name, text := content(t, dir); name != "file" || text != "first" {
		t.Errorf("%s has %q", name, text)
	}

	if err := durable.Replace(path, write("second", nil)); err != nil {
		t.Fatal(err)
	}

	if name, text := content(t, dir); name != "file" || text != "second" {
		t.Errorf("%s has %q", name, text)
	}
}

func TestReplaceNowhere(t *testing.T) {
	err := durable.Replace(filepath.Join(t.TempDir(), "none", "file"), write("text", nil))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
