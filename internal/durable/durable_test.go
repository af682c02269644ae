package durable_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"recordings/internal/durable"
)

// TestReplace gives a file one content after the other, and leaves nothing else in its directory.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "CURRENT")
	for _, content := range []string{"000001\n", "000002, which is longer\n", "", "3\n"} {
		if err := durable.Replace(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("it has %q, %v, want %q", got, err, content)
		}
	}

	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("the directory has %v, %v", entries, err)
	}
}

// TestReplaceFails: where there is no room for the new content, the old one stays.
func TestReplaceFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a directory")
	if err := os.MkdirAll(filepath.Join(path, "with something in it"), 0o700); err != nil {
		t.Fatal(err)
	}

	if err := durable.Replace(path, []byte("x")); err == nil {
		t.Error("a directory is replaced by a file")
	}
	if err := durable.Replace(filepath.Join(dir, "missing", "file"), []byte("x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file in a directory that is missing: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("what is left is %v, %v", entries, err)
	}
}

// TestRemove removes a file, and what is not there.
func TestRemove(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seal")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := durable.Remove(path); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("it is there: %v", err)
		}
	}
}

// TestSync: a path that is not there is an error, whatever is synced.
func TestSync(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(durable.Sync(dir), durable.SyncDirs(dir)); err != nil {
		t.Error(err)
	}

	missing := filepath.Join(dir, "missing")
	for _, err := range []error{durable.Sync(missing), durable.SyncDirs(missing)} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("syncing what is missing: %v", err)
		}
	}
}

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

// TestReplaceBy: what cannot be written leaves nothing, or what there was.
func TestReplaceBy(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	broken := errors.New("broken")

	// What cannot be written leaves nothing.
	if err := durable.ReplaceBy(path, write("half", broken)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}

	if name, _ := content(t, dir); name != "" {
		t.Errorf("%s is left behind", name)
	}

	if err := durable.ReplaceBy(path, write("first", nil)); err != nil {
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
	if err := durable.ReplaceBy(path, write("half", broken)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}

	if name, text := content(t, dir); name != "file" || text != "first" {
		t.Errorf("%s has %q", name, text)
	}

	if err := durable.ReplaceBy(path, write("second", nil)); err != nil {
		t.Fatal(err)
	}

	if name, text := content(t, dir); name != "file" || text != "second" {
		t.Errorf("%s has %q", name, text)
	}
}
