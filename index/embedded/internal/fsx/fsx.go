// Package fsx makes files and directories durable.
//
// The one fact to know: on Unix, a file that was synced can still be gone after a power cut,
// because its name lives in the directory, which is synced apart. So whatever here creates, renames
// or removes a name also syncs the directory that the name is in.
//
// Functions that take a [vfs.FS] also work on the file systems in memory that tests use.
package fsx

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/renameio/v2"
)

// Replace gives a file another content, all of it at once: whoever opens the file sees the old
// content or the new, also after a power cut. When Replace returns nil the new content is durable.
func Replace(path string, content []byte) error {
	dir := filepath.Dir(path)
	if err := renameio.WriteFile(path, content, 0o600, renameio.WithTempDir(dir)); err != nil {
		return err
	}
	return Sync(dir)
}

// Remove durably removes a file. It is no error if there is none.
func Remove(path string) error {
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}

	return Sync(filepath.Dir(path))
}

// MakeDir durably creates a directory and those of its parents that are missing.
func MakeDir(files vfs.FS, dir string) error {
	var missing []string
	for d := dir; ; d = files.PathDir(d) {
		if _, err := files.Stat(d); err == nil || files.PathDir(d) == d {
			break
		}
		missing = append(missing, d)
	}

	if err := files.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, d := range missing {
		if err := SyncDir(files, files.PathDir(d)); err != nil {
			return err
		}
	}
	return nil
}

// SyncDir makes durable which names are in a directory.
func SyncDir(files vfs.FS, dir string) error {
	f, err := files.OpenDir(dir)
	if err != nil {
		return err
	}

	return errors.Join(f.Sync(), f.Close())
}

// Sync makes a file durable, or which names are in a directory.
func Sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}

	return errors.Join(f.Sync(), f.Close())
}

// SyncDirs makes durable which names are in a directory and in all directories below it. The
// content of the files is the caller's business.
func SyncDirs(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return Sync(path)
	})
}
