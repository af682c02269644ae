package fsx_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"recordings/index/embedded/internal/fsx"
)

// TestReplace gives a file one content after the other, and leaves nothing else in its directory.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "CURRENT")
	for _, content := range []string{"000001\n", "000002, which is longer\n", "", "3\n"} {
		if err := fsx.Replace(path, []byte(content)); err != nil {
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

	if err := fsx.Replace(path, []byte("x")); err == nil {
		t.Error("a directory is replaced by a file")
	}
	if err := fsx.Replace(filepath.Join(dir, "missing", "file"), []byte("x")); !errors.Is(err, fs.ErrNotExist) {
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
		if err := fsx.Remove(path); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("it is there: %v", err)
		}
	}
}

// TestMakeDirSurvives: a directory that was made is there after a power cut, with all its parents.
// The file system in memory loses every name whose directory was not synced.
func TestMakeDirSurvives(t *testing.T) {
	mem := vfs.NewCrashableMem()
	if err := fsx.MakeDir(mem, "/a/b/c"); err != nil {
		t.Fatal(err)
	}
	if err := mem.MkdirAll("/a/b/unsynced", 0o700); err != nil {
		t.Fatal(err)
	}

	cut := mem.CrashClone(vfs.CrashCloneCfg{})
	if _, err := cut.Stat("/a/b/c"); err != nil {
		t.Errorf("it is gone: %v", err)
	}
	if _, err := cut.Stat("/a/b/unsynced"); err == nil {
		t.Error("the test cuts no power: what was not synced is there")
	}
}

// TestSync: a path that is not there is an error, whatever is synced.
func TestSync(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(fsx.Sync(dir), fsx.SyncDirs(dir), fsx.SyncDir(vfs.Default, dir)); err != nil {
		t.Error(err)
	}

	missing := filepath.Join(dir, "missing")
	for _, err := range []error{fsx.Sync(missing), fsx.SyncDirs(missing), fsx.SyncDir(vfs.Default, missing)} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("syncing what is missing: %v", err)
		}
	}
}
