package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"recordings/index"
	"recordings/internal/durable"
)

// Check makes sure that a backup is as it was made: that all of its files are there and have the
// sums of the manifest, and no others. problem, if it is not nil, is called for each that is wrong;
// otherwise the first one is the error.
func Check(ctx context.Context, dir string, o Options, problem func(error)) (index.Backup, error) {
	dir, c, err := open(dir)
	if err != nil {
		return index.Backup{}, err
	}

	t := newTransfer(ctx, o)
	report := func(err error) error {
		if problem == nil {
			return err
		}
		problem(err)
		return nil
	}
	if err := t.compare(dir, c, report); err != nil {
		return c.info, err
	}

	for _, e := range c.entries {
		sum, err := t.sum(filepath.Join(dir, e.path), nil, true)
		switch {
		case ctx.Err() != nil:
			return c.info, context.Cause(ctx)
		case errors.Is(err, fs.ErrNotExist): // compare has reported it
		case err != nil:
			err = report(fmt.Errorf("reading %s: %w", e.path, err))
		case sum != e.sum:
			err = report(wrongSum(e.path))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return c.info, err
		}
	}
	return c.info, nil
}

// open reads the manifest of a backup. The directory may be named by a link; within a backup there
// are none.
func open(dir string) (string, *contents, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", nil, fmt.Errorf("opening the backup: %w", err)
	}
	c, err := readManifest(dir)
	return dir, c, err
}

// wrongSum is the error of a file whose content has changed.
func wrongSum(path string) error {
	return fmt.Errorf("%s is not as it was backed up: its SHA-256 is not the one of the manifest", path)
}

// compare compares which files there are, and how large they are together, with the manifest.
func (t *transfer) compare(dir string, c *contents, report func(error) error) error {
	var there []string
	err := walk(dir, func(path string, info fs.FileInfo) error {
		if path == Manifest || isStrayLock(path, info) {
			return nil
		}
		there = append(there, path)
		if _, ok := c.find(path); !ok {
			return report(fmt.Errorf("%s is not in the manifest", path))
		}
		t.total += info.Size()
		return nil
	})
	if err != nil {
		return err
	}

	slices.Sort(there)
	for _, e := range c.entries {
		if _, ok := slices.BinarySearch(there, e.path); !ok {
			if err := report(fmt.Errorf("%s is missing", e.path)); err != nil {
				return err
			}
		}
	}
	return nil
}

// isStrayLock reports whether a file is an empty one that whoever has looked into the backup as into
// a data directory has left there. It says nothing about the backup.
func isStrayLock(path string, info fs.FileInfo) bool {
	return filepath.Base(path) == "LOCK" && info.Size() == 0
}

// Unpack copies the files of a backup durably into the directory to, which must not exist, and
// checks all that Check does. After an error the directory is of no use.
func Unpack(ctx context.Context, dir, to string, o Options) (index.Backup, error) {
	dir, c, err := open(dir)
	if err != nil {
		return index.Backup{}, err
	}

	t := newTransfer(ctx, o)
	if err := t.compare(dir, c, func(err error) error { return err }); err != nil {
		return c.info, err
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return c.info, err
	}

	for _, e := range c.entries {
		if err := os.MkdirAll(filepath.Join(to, filepath.Dir(e.path)), 0o700); err != nil {
			return c.info, err
		}
		sum, err := t.copy(filepath.Join(dir, e.path), filepath.Join(to, e.path))
		if err != nil {
			return c.info, fmt.Errorf("copying %s: %w", e.path, err)
		}
		if sum != e.sum {
			return c.info, wrongSum(e.path)
		}
	}
	return c.info, durable.SyncDirs(to)
}
