// Package fsx makes directories durable on the file systems of the store.
//
// The one fact to know: the name of a directory lives in its parent, which is synced apart. A
// [vfs.FS] may also be one in memory, whose power a test can cut; what is on the disk of the machine
// alone is the business of package durable.
package fsx

import (
	"errors"

	"github.com/cockroachdb/pebble/v2/vfs"
)

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
