package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"recordings/index"
	"recordings/index/embedded/backup"
	"recordings/mapping"
)

// backupState is how the backup is doing that is running, or was the last one.
type backupState struct {
	mu      sync.Mutex
	state   index.BackupStatus
	copying time.Time // since when
}

// begin makes a backup the running one, unless another is.
func (b *backupState) begin(dir string) (index.BackupStatus, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state.Phase != "" && !b.state.Phase.Ended() {
		return b.state, &index.StateError{Message: fmt.Sprintf("the backup %s is being made; only one is at a time", b.state.Name)}
	}
	b.state = index.BackupStatus{Phase: index.Preparing, Name: filepath.Base(dir), Directory: dir, Began: now()}
	return b.state, nil
}

// progress notes how many bytes are done.
func (b *backupState) progress(done, total int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state.Phase != index.Copying {
		b.state.Phase, b.copying = index.Copying, time.Now()
	}
	b.state.Done, b.state.Total = done, total
	if took := time.Since(b.copying); took >= measurable && done > 0 {
		rate := float64(done) / took.Seconds()
		b.state.Rate, b.state.SecondsLeft = int64(rate), int64(float64(total-done)/rate+0.5)
	}
}

// end notes how the backup has ended.
func (b *backupState) end(made *backup.Made, withoutIndex bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state.Ended, b.state.SecondsLeft = now(), 0
	if err != nil {
		b.state.Phase, b.state.Verdict = index.Failed, "The backup has failed, nothing of it is left: "+detail(err)+"."
		return
	}
	b.state.Phase, b.state.Verdict = index.Done, Verdict(made, withoutIndex)
}

func now() mapping.Time { return mapping.Time(time.Now().UnixMilli()) }

// StartBackup begins a backup; see [index.Operations].
func (x *Index) StartBackup(r index.BackupRequest) (index.BackupStatus, error) {
	if x.o.BackupDir == "" {
		return index.BackupStatus{}, &index.StateError{Message: "no backups are made here: the setting backup_directory, which says where they go, is not configured"}
	}
	if r.Name == "" {
		r.Name = time.Now().UTC().Format("20060102T150405Z")
	}
	if !index.ValidBackupName(r.Name) {
		return index.BackupStatus{}, fmt.Errorf("the name of a backup is not %s", index.BackupNameRule)
	}
	dir := filepath.Join(x.o.BackupDir, r.Name)
	if _, err := os.Lstat(dir); err == nil {
		return index.BackupStatus{}, &index.StateError{Message: fmt.Sprintf("there is a backup %s already", r.Name)}
	}
	if x.space.full.Load() {
		return index.BackupStatus{}, index.ErrDiskFull
	}
	ctx, leave, err := x.gate.enter(context.Background())
	if err != nil {
		return index.BackupStatus{}, err
	}
	state, err := x.backup.begin(dir)
	if err != nil {
		leave()
		return state, err
	}
	go func() {
		defer leave()
		o := backup.Options{Polite: true, Progress: x.backup.progress, Check: x.spaceLeft}
		made, err := x.makeBackup(ctx, dir, r.WithoutIndex, o)
		if err != nil {
			x.log.Error().Err(err).Str("backup", r.Name).Msg("the backup has failed")
		} else {
			x.log.Info().Str("backup", r.Name).Uint64("recordings", made.Recordings).Int64("bytes", made.Bytes).
				Int64("shared", made.Shared).Msg("the backup is done")
		}
		x.backup.end(made, r.WithoutIndex, err)
	}()
	return state, nil
}

// Verdict tells in one sentence what a backup has become.
func Verdict(made *backup.Made, withoutIndex bool) string {
	text := fmt.Sprintf("The backup has %d recordings in %d files of %d bytes", made.Recordings, made.Files, made.Bytes)
	if made.With != "" {
		text += fmt.Sprintf(", of which %d bytes are shared with the backup %s", made.Shared, made.With)
	}
	if !made.Index && !withoutIndex {
		text += "; the search index was not ready and is not in it"
	}
	return text + "."
}

// spaceLeft is an error when the disk of the data directory is full, which a backup must not make worse.
func (x *Index) spaceLeft() error {
	if x.space.full.Load() {
		return index.ErrDiskFull
	}
	return nil
}

// BackupStatus returns the progress of the backup; see [index.Backups].
func (x *Index) BackupStatus() index.BackupStatus {
	x.backup.mu.Lock()
	defer x.backup.mu.Unlock()
	if x.backup.state.Phase == "" {
		return index.BackupStatus{Phase: index.Idle}
	}
	return x.backup.state
}

// Backups lists the backups; see [index.Operations].
func (x *Index) Backups(context.Context) ([]index.Backup, error) {
	if x.o.BackupDir == "" {
		return nil, nil
	}
	return backup.List(x.o.BackupDir)
}

// MakeBackup makes a backup in a directory, which must not exist, and returns when it is done or has failed. It needs no
// directory of backups, and is in nobody's way but that of other backups.
func (x *Index) MakeBackup(ctx context.Context, dir string, withoutIndex bool, progress func(done, total int64)) (*backup.Made, error) {
	ctx, leave, err := x.gate.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if _, err := x.backup.begin(dir); err != nil {
		return nil, err
	}
	made, err := x.makeBackup(ctx, dir, withoutIndex, backup.Options{Progress: progress, Check: x.spaceLeft})
	x.backup.end(made, withoutIndex, err)
	return made, err
}

func (x *Index) makeBackup(ctx context.Context, dir string, withoutIndex bool, o backup.Options) (_ *backup.Made, err error) {
	if x.o.fs != vfs.Default {
		return nil, errors.New("what is kept in memory cannot be backed up")
	}
	defer func() {
		if removed := os.RemoveAll(x.stagingDir()); removed != nil {
			x.log.Warn().Err(removed).Msg("removing what was held for a backup; it is removed at the next start")
		}
	}()
	info, err := x.stage(ctx, withoutIndex)
	if err != nil {
		return nil, err
	}
	info.Name = filepath.Base(dir)
	o.Sound = x.soundTable
	return backup.Write(ctx, x.stagingDir(), dir, info, o)
}

// soundTable compares the checksums of a table of the records. A backup with damaged ones could not be restored, and nobody would know
// before. The search index may be damaged: it is checked, and rebuilt, when a service starts with it.
func (x *Index) soundTable(path string) error {
	if filepath.Ext(path) != ".sst" {
		return nil
	}
	options := storeOptions(vfs.Default, nil, x.o)
	options.EnsureDefaults()
	if err := guard(func() error { return checkTable(vfs.Default, path, options) }); err != nil {
		return fmt.Errorf("it is damaged: %w; earlier backups are as they were; recordings verify tells which recordings it concerns", err)
	}
	return nil
}
