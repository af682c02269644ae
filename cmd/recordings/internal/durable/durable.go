// Package durable writes files that are there whole or not at all, also after a power cut.
//
// Renaming is atomic, but the name is durable only when its directory is synced, too, which the
// library that does the rest leaves to its callers.
package durable

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Replace writes a file, readable by its owner alone, in place of the one with its name, if there
// is one. Where write returns an error, which Replace then returns, nothing has changed.
func Replace(name string, write func(io.Writer) error) (err error) {
	f, err := renameio.NewPendingFile(name, renameio.WithTempDir(filepath.Dir(name)),
		renameio.WithStaticPermissions(0o600))
	if err != nil {
		return fmt.Errorf("creating a file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Cleanup()) }()

	if err := write(f); err != nil {
		return err
	}

	if err := f.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}

	if err := syncDir(filepath.Dir(name)); err != nil {
		return fmt.Errorf("making %s durable: %w", name, err)
	}

	return nil
}

// syncDir makes durable which files are in a directory.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
