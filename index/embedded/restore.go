package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"

	"recordings/index"
	"recordings/index/embedded/backup"
	"recordings/index/embedded/internal/fsx"
	"recordings/index/embedded/store"
	"recordings/internal/durable"
)

// restoring is what the name of a data directory ends with until all of it is there.
const restoring = ".restoring"

// Restore makes a data directory of a backup. The directory must not exist, or be empty; it gets
// its name when all files are copied, durable and as they were backed up, and the records were read
// and counted.
func Restore(
	ctx context.Context, from, dir string, log zerolog.Logger, progress func(done, total int64),
) (_ index.Backup, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return index.Backup{}, fmt.Errorf("restoring to %s: %w", dir, err)
	}
	if err := backup.Refuse(dir); err != nil {
		return index.Backup{}, fmt.Errorf("restoring: %w", err)
	}
	if err := checkEmpty(dir); err != nil {
		return index.Backup{}, err
	}
	if err := fsx.MakeDir(vfs.Default, filepath.Dir(dir)); err != nil {
		return index.Backup{}, fmt.Errorf("creating the parent of the data directory: %w", err)
	}

	work, lock, err := prepareRestore(dir)
	if err != nil {
		return index.Backup{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work), lock.Close()) }()
	data := filepath.Join(work, "data")
	info, err := backup.Unpack(ctx, from, data, backup.Options{Progress: progress})
	if err != nil {
		return info, fmt.Errorf("restoring the backup %s: %w", from, err)
	}
	if err := checkRestored(ctx, data, info, log); err != nil {
		return info, fmt.Errorf("checking what was restored: %w", err)
	}

	if err := os.Rename(data, dir); err != nil {
		return info, fmt.Errorf("giving the data directory its name: %w", err)
	}
	return info, durable.Sync(filepath.Dir(dir))
}

// checkEmpty refuses a data directory that there is something in, or that is in use.
func checkEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("looking into %s: %w", dir, err)
	case len(entries) == 0:
		return nil
	}

	if _, err := os.Stat(filepath.Join(dir, store.RecordsDir)); err == nil {
		lock, err := store.Lock(store.Options{Dir: dir})
		if err != nil {
			return fmt.Errorf("%s is a data directory that is in use: "+
				"stop the service, and name a directory that does not exist yet", dir)
		}
		if err := lock.Close(); err != nil {
			return fmt.Errorf("looking into %s: %w", dir, err)
		}
	}
	return fmt.Errorf("%s is not empty; nothing is ever restored over something else: "+
		"name a directory that does not exist yet", dir)
}

// prepareRestore creates the directory that is worked in, with a lock on it, beside the data
// directory. It removes what an interrupted restore has left there.
func prepareRestore(dir string) (work string, _ io.Closer, err error) {
	work = dir + restoring
	if err := os.Mkdir(work, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", nil, fmt.Errorf("creating a directory to work in: %w", err)
	}

	lock, err := vfs.Default.Lock(filepath.Join(work, "LOCK"))
	if err != nil {
		return "", nil, fmt.Errorf("something else is being restored to %s, or it cannot be locked: %w", dir, err)
	}
	if err := os.RemoveAll(filepath.Join(work, "data")); err != nil {
		err = fmt.Errorf("removing what an interrupted restore has left behind: %w", err)
		return "", nil, errors.Join(err, lock.Close())
	}
	return work, lock, nil
}

// checkRestored opens a restored store once, and makes sure that it has the recordings and changes
// that its backup says.
func checkRestored(ctx context.Context, dir string, info index.Backup, log zerolog.Logger) error {
	if info.Layout > store.LayoutVersion {
		return fmt.Errorf("the backup was made by version %s, whose layout is %d; "+
			"this program knows %d: use that version or a later one", info.Version, info.Layout, store.LayoutVersion)
	}

	found, err := store.Recount(ctx, Options{Dir: dir, Log: log}.withDefaults().store())
	if err != nil {
		return err
	}
	if found.Count != info.Recordings || found.Last != info.Sequence {
		return fmt.Errorf("there are %d recordings and %d changes; the backup says %d and %d",
			found.Count, found.Last, info.Recordings, info.Sequence)
	}
	return nil
}
