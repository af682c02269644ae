// Package durable makes files and directories durable.
//
// The one fact to know: on Unix, a file that was synced can still be gone after a power cut,
// because its name lives in the directory, which is synced apart. So whatever here creates, renames
// or removes a name also syncs the directory that the name is in.
package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Replace gives a file another content, all of it at once: whoever opens the file sees the old
// content or the new, also after a power cut. When Replace returns nil the new content is durable.
// The file is readable by its owner alone.
func Replace(path string, content []byte) error {
	return ReplaceBy(path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// ReplaceBy is Replace for a content that is written piece by piece. Where write returns an error,
// which ReplaceBy then returns, nothing has changed.
func ReplaceBy(path string, write func(io.Writer) error) (err error) {
	dir := filepath.Dir(path)
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(dir), renameio.WithStaticPermissions(0o600))
	if err != nil {
		return fmt.Errorf("creating a file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Cleanup()) }()

	if err := write(f); err != nil {
		return err
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := Sync(dir); err != nil {
		return fmt.Errorf("making %s durable: %w", path, err)
	}
	return nil
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
