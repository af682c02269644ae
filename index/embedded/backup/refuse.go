package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Error says that a directory is a backup, or lies in one, and so must not be written to.
type Error struct {
	Dir    string
	Backup string // which one
}

// Error implements error.
func (e *Error) Error() string {
	where := "is a backup"
	if e.Backup != e.Dir {
		where = "lies in the backup " + e.Backup
	}
	return fmt.Sprintf("%s %s, which is never changed: make a data directory of it first "+
		"(recordings restore %s --data NEW), or name another directory", e.Dir, where, e.Backup)
}

// Refuse returns an [*Error] where a directory is a backup or lies in one, whether it is there or
// not. It opens nothing. Of what is no backup of recordings, a directory with a manifest of that name
// is refused, too, but nothing below it.
func Refuse(dir string) error {
	at, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("looking for a backup at %s: %w", dir, err)
	}
	if resolved, err := filepath.EvalSymlinks(at); err == nil {
		at = resolved
	}

	if _, err := os.Lstat(filepath.Join(at, Manifest)); err == nil {
		return &Error{Dir: dir, Backup: dir}
	} else if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.ENOTDIR) {
		return fmt.Errorf("looking for a backup at %s: %w", dir, err)
	}
	for parent := filepath.Dir(at); parent != at; at, parent = parent, filepath.Dir(parent) {
		if _, err := readManifest(parent); err == nil {
			return &Error{Dir: dir, Backup: parent}
		}
	}
	return nil
}

// Is reports whether a directory has a manifest, whatever is in that.
func Is(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, Manifest))
	return err == nil
}
