package backup_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"recordings/index"
	"recordings/index/embedded/backup"
)

// write makes the files of a directory, by their paths.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for path, content := range files {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// read returns the files of a directory, by their paths.
func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, path))
		files[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

var exampleFiles = map[string]string{
	"records/000001.sst": "table",
	"records/000002.log": "log",
	"search/CURRENT":     "000001\n",
}

// TestWriteAndUnpack: what comes out of a backup is what went into it.
func TestWriteAndUnpack(t *testing.T) {
	from, parent := t.TempDir(), filepath.Join(t.TempDir(), "a", "b")
	write(t, from, exampleFiles)
	var done, total int64
	o := backup.Options{Progress: func(d, of int64) { done, total = d, of }}
	info := index.Backup{Name: "one", Recordings: 7}
	made, err := backup.Write(t.Context(), from, filepath.Join(parent, "one"), info, o)
	if err != nil || made.Files != 3 || made.Bytes != 15 || made.Recordings != 7 || done != total || total != 15 {
		t.Fatalf("made %+v, %v; %d of %d bytes", made, err, done, total)
	}
	if info, err := backup.Check(t.Context(), filepath.Join(parent, "one"), backup.Options{}, nil); err != nil ||
		info != made.Backup {
		t.Errorf("checked %+v, %v", info, err)
	}

	to := filepath.Join(t.TempDir(), "data")
	if _, err := backup.Unpack(t.Context(), filepath.Join(parent, "one"), to, backup.Options{}); err != nil {
		t.Fatal(err)
	}
	for path, content := range read(t, to) {
		if exampleFiles[path] != content {
			t.Errorf("%s is %q", path, content)
		}
	}
	if all, err := backup.List(parent); err != nil || len(all) != 1 || all[0] != made.Backup {
		t.Errorf("there are %+v, %v", all, err)
	}
}

// TestShared: a second backup shares what has not changed with the first, and does without it.
func TestShared(t *testing.T) {
	from, parent := t.TempDir(), t.TempDir()
	write(t, from, exampleFiles)
	for _, name := range []string{"one", "two"} {
		info := index.Backup{Name: name}
		made, err := backup.Write(t.Context(), from, filepath.Join(parent, name), info, backup.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if name == "two" && (made.With != "one" || made.Shared != 12) {
			t.Errorf("the second shares %d bytes with %q, want 12", made.Shared, made.With)
		}

		log := filepath.Join(from, "records/000002.log") // another file, as Pebble would make
		if err := errors.Join(os.Remove(log), os.WriteFile(log, []byte("longer log"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}

	if err := os.RemoveAll(filepath.Join(parent, "one")); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Check(t.Context(), filepath.Join(parent, "two"), backup.Options{}, nil); err != nil {
		t.Errorf("without the first: %v", err)
	}
}

// TestProblems: all that is wrong with a backup is found, not only the first.
func TestProblems(t *testing.T) {
	from, dir := t.TempDir(), filepath.Join(t.TempDir(), "one")
	write(t, from, exampleFiles)
	if _, err := backup.Write(t.Context(), from, dir, index.Backup{}, backup.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "records/000001.sst")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "search/CURRENT")); err != nil {
		t.Fatal(err)
	}
	write(t, dir, map[string]string{"search/CURRENT": "000002\n", "search/foreign": ""})

	var got []string
	_, err := backup.Check(t.Context(), dir, backup.Options{}, func(err error) { got = append(got, err.Error()) })
	slices.Sort(got)
	want := []string{
		"records/000001.sst is missing",
		"search/CURRENT is not as it was backed up: its SHA-256 is not the one of the manifest",
		"search/foreign is not in the manifest",
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("found %q, %v, want %q", got, err, want)
	}
}

// TestWriteFails: a backup that does not come to its end leaves nothing behind.
func TestWriteFails(t *testing.T) {
	stopped := errors.New("stopped")
	for name, o := range map[string]backup.Options{
		"Check": {Check: func() error { return stopped }},
		"Sound": {Sound: func(path string) error {
			if strings.HasSuffix(path, ".log") {
				return stopped
			}
			return nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			from, parent := t.TempDir(), t.TempDir()
			write(t, from, exampleFiles)
			_, err := backup.Write(t.Context(), from, filepath.Join(parent, "one"), index.Backup{}, o)
			if !errors.Is(err, stopped) {
				t.Errorf("it ended with %v", err)
			}
			if left, err := filepath.Glob(filepath.Join(parent, "one*")); err != nil || len(left) != 0 {
				t.Errorf("there is %q, %v", left, err)
			}
		})
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stopped)
	from := t.TempDir()
	write(t, from, exampleFiles)
	_, err := backup.Write(ctx, from, filepath.Join(t.TempDir(), "one"), index.Backup{}, backup.Options{})
	if !errors.Is(err, stopped) {
		t.Errorf("given up, it ended with %v", err)
	}
}
