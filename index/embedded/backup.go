package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"

	"recordings/index"
	"recordings/index/embedded/backup"
	"recordings/index/embedded/bleveindex"
	"recordings/index/embedded/internal/fsx"
	"recordings/index/embedded/schema"
	"recordings/index/embedded/store"
	"recordings/internal/durable"
	"recordings/mapping"
)

// backups makes backups of the store, and of the search index that is in use.
type backups struct {
	o       Options
	store   *store.Store
	serving *serving
	runner  backup.Runner
}

// StartBackup begins a backup; see [index.Backups].
func (x *Index) StartBackup(r index.BackupRequest) (index.BackupStatus, error) {
	dir, err := x.backups.dir(&r)
	if err != nil {
		return index.BackupStatus{}, err
	}
	ctx, leave, err := x.gate.Enter(context.Background())
	if err != nil {
		return index.BackupStatus{}, err
	}
	status, err := x.backups.runner.Begin(dir)
	if err != nil {
		leave()
		return status, err
	}

	go func() { // Close waits for it at the gate
		defer leave()
		o := backup.Options{Polite: true, Progress: x.backups.runner.Progress, Check: x.backups.spaceLeft}
		made, err := x.backups.make(ctx, dir, r.WithoutIndex, o)
		if err != nil {
			x.log.Error().Err(err).Str("backup", r.Name).Msg("the backup has failed")
		} else {
			x.log.Info().Str("backup", r.Name).Uint64("recordings", made.Recordings).Int64("bytes", made.Bytes).
				Int64("shared", made.Shared).Msg("the backup is done")
		}
		x.backups.runner.End(made, r.WithoutIndex, err)
	}()
	return status, nil
}

// dir returns where a backup is to go, or why it cannot be made. It gives the backup a name
// if it has none.
func (b *backups) dir(r *index.BackupRequest) (string, error) {
	if b.o.BackupDir == "" {
		return "", &index.StateError{
			Message: "no backups are made here: the setting backup_directory, " +
				"which says where they go, is not configured",
		}
	}
	if r.Name == "" {
		r.Name = time.Now().UTC().Format("20060102T150405Z")
	}
	if !index.ValidBackupName(r.Name) {
		return "", fmt.Errorf("the name of a backup is not %s", index.BackupNameRule)
	}

	dir := filepath.Join(b.o.BackupDir, r.Name)
	if _, err := os.Lstat(dir); err == nil {
		return "", &index.StateError{Message: fmt.Sprintf("there is a backup %s already", r.Name)}
	}
	return dir, b.spaceLeft()
}

// spaceLeft is an error when the disk of the data directory is full, which a backup must not make
// worse.
func (b *backups) spaceLeft() error {
	if b.store.Space().Full() {
		return index.ErrDiskFull
	}
	return nil
}

// BackupStatus returns the status of the backup that is running, or was the last one; see
// [index.Backups].
func (x *Index) BackupStatus() index.BackupStatus { return x.backups.runner.Status() }

// Backups lists the backups; see [index.Backups].
func (x *Index) Backups(context.Context) ([]index.Backup, error) {
	if x.o.BackupDir == "" {
		return nil, nil
	}
	return backup.List(x.o.BackupDir)
}

// MakeBackup makes a backup in a directory, which must not exist, and returns when it is done or
// has failed. It needs no directory of backups, and is in nobody's way but that of other backups.
func (x *Index) MakeBackup(
	ctx context.Context, dir string, withoutIndex bool, progress func(done, total int64),
) (*backup.Made, error) {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if _, err := x.backups.runner.Begin(dir); err != nil {
		return nil, err
	}

	made, err := x.backups.make(ctx, dir, withoutIndex, backup.Options{Progress: progress, Check: x.backups.spaceLeft})
	x.backups.runner.End(made, withoutIndex, err)
	return made, err
}

// make makes a backup in a directory.
func (b *backups) make(
	ctx context.Context, dir string, withoutIndex bool, o backup.Options,
) (_ *backup.Made, err error) {
	if b.o.fs != vfs.Default {
		return nil, errors.New("what is kept in memory cannot be backed up")
	}
	defer func() {
		if removed := os.RemoveAll(b.stagingDir()); removed != nil {
			b.o.Log.Warn().Err(removed).Msg("removing what was held for a backup; it is removed at the next start")
		}
	}()
	info, err := b.stage(ctx, withoutIndex)
	if err != nil {
		return nil, err
	}

	info.Name = filepath.Base(dir)
	o.Sound = soundTable
	return backup.Write(ctx, b.stagingDir(), dir, info, o)
}

// soundTable compares the checksums of a table of the records. A backup with damaged ones could not
// be restored, and nobody would know before. The search index may be damaged: it is checked, and
// rebuilt, when a service starts with it.
func soundTable(path string) error {
	if err := store.CheckTable(path); err != nil {
		return fmt.Errorf("it is damaged: %w; earlier backups are as they were; "+
			"recordings verify tells which recordings it concerns", err)
	}
	return nil
}

// stagingDir is where the state to be backed up is held, as a data directory of hard links, within
// the data directory: so taking hold of it is quick, wherever the backup goes, and nothing of it
// goes away before the backup is done.
func (b *backups) stagingDir() string { return filepath.Join(b.o.Dir, "backup.tmp") }

// stage takes hold of the present state, and returns what is in it.
//
// First comes the search index, then the store: so the store has all that the search index has,
// and, as its change log is not trimmed in between, what the search index lacks.
func (b *backups) stage(ctx context.Context, withoutIndex bool) (info index.Backup, err error) {
	dir := b.stagingDir()
	if err := os.RemoveAll(dir); err != nil {
		return info, fmt.Errorf("removing what is left of a backup: %w", err)
	}
	if err := fsx.MakeDir(vfs.Default, dir); err != nil {
		return info, fmt.Errorf("taking hold of what is to be backed up: %w", err)
	}

	info = index.Backup{Version: b.o.Version, Layout: store.LayoutVersion}
	defer b.store.KeepLog()()
	if !withoutIndex {
		if info.Index, err = b.stageSearchIndex(searchDirOf(dir)); err != nil {
			return info, fmt.Errorf("taking hold of the search index: %w", err)
		}
	}
	if info.Index {
		info.Schema = schema.Version
	}
	if ctx.Err() != nil {
		return info, context.Cause(ctx)
	}

	// What is answered until now is durable, so the checkpoint has it.
	info.Time = mapping.Time(time.Now().UnixMilli())
	if err := b.store.Checkpoint(filepath.Join(dir, store.RecordsDir)); err != nil {
		return info, fmt.Errorf("taking hold of the records: %w", err)
	}
	if b.o.Beside != nil {
		if err := b.o.Beside(ctx, filepath.Join(dir, b.o.BesideDir)); err != nil {
			return info, fmt.Errorf("taking hold of the %s: %w", b.o.BesideDir, err)
		}
	}
	log, err := store.Inspect(store.Options{Dir: dir, Log: b.o.Log})
	if err != nil {
		return info, fmt.Errorf("reading what is to be backed up: %w", err)
	}
	info.Sequence, info.Recordings = log.Last, log.Count
	return info, nil
}

// stageSearchIndex takes hold of the search index. It reports whether there is one at present.
func (b *backups) stageSearchIndex(dir string) (ok bool, err error) {
	held, err := b.serving.copy()
	if held == nil || err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, held.Close()) }()

	to := filepath.Join(dir, held.Name())
	if err := held.To(to); err != nil {
		return false, err
	}
	return true, bleveindex.SetCurrent(dir, to)
}

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
