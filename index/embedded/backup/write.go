package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"recordings/index"
	"recordings/index/embedded/internal/fsx"
	"recordings/internal/durable"
)

// lockFile is in the directory of backups, and locked by the process that makes one.
const lockFile = "backup.lock"

// unfinished is in a backup as long as it is being made: by it, or by the manifest, a directory is
// known to be one that an interrupted backup has left.
const unfinished = "UNFINISHED"

// Made is a backup that was made.
type Made struct {
	index.Backup
	Shared int64  // bytes of files that an earlier backup has, too
	With   string // the name of that; empty: there was none
}

// Write makes a backup in the directory dir, which must not exist, of the files below the directory
// from, which must not change. They become a part of the backup where a hard link can be made, and
// are copied otherwise. What info says of the files is filled in.
//
// Until all is durable the directory has another name, by which no backup is ever looked for. What
// an interrupted backup has left behind in the same place is removed.
func Write(ctx context.Context, from, dir string, info index.Backup, o Options) (_ *Made, err error) {
	if err := Refuse(filepath.Dir(dir)); err != nil {
		return nil, err
	}
	parent := filepath.Dir(dir)
	if err := fsx.MakeDir(vfs.Default, parent); err != nil {
		return nil, fmt.Errorf("creating the directory of backups: %w", err)
	}
	lock, err := lockBackups(parent)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()

	if _, err := os.Lstat(dir); err == nil {
		return nil, &index.StateError{Message: fmt.Sprintf("%s is there already", dir)}
	}
	if err := removeIncomplete(parent); err != nil {
		return nil, err
	}
	w := &writer{
		transfer: newTransfer(ctx, o),
		from:     from,
		dir:      dir + index.IncompleteBackup,
		contents: contents{info: info},
	}
	w.findPrevious(parent)
	if err := w.write(); err != nil {
		if w.begun {
			err = errors.Join(err, os.RemoveAll(w.dir))
		}
		return nil, err
	}

	if err := os.Rename(w.dir, dir); err != nil {
		return nil, errors.Join(fmt.Errorf("finishing the backup: %w", err), os.RemoveAll(w.dir))
	}
	if err := durable.Sync(parent); err != nil {
		return nil, errors.Join(fmt.Errorf("finishing the backup: %w", err), os.RemoveAll(dir))
	}
	w.made.Backup = w.contents.info
	return &w.made, nil
}

// lockBackups makes sure that no other process makes a backup in the same directory: each would
// remove what the other has not finished.
func lockBackups(parent string) (io.Closer, error) {
	lock, err := vfs.Default.Lock(filepath.Join(parent, lockFile))
	if err != nil {
		return nil, fmt.Errorf("another backup is being made in %s, or it cannot be locked: %w", parent, err)
	}
	return lock, nil
}

// removeIncomplete removes what interrupted backups have left behind. The caller has the lock, so
// none is being made.
func removeIncomplete(parent string) error {
	dirs, err := os.ReadDir(parent)
	if err != nil {
		return fmt.Errorf("looking for interrupted backups: %w", err)
	}

	for _, d := range dirs {
		name, ok := strings.CutSuffix(d.Name(), index.IncompleteBackup)
		if !ok || !d.IsDir() || !index.ValidBackupName(name) {
			continue
		}
		dir := filepath.Join(parent, d.Name())
		if !isOurs(dir) {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("removing an interrupted backup: %w", err)
		}
	}
	return nil
}

// isOurs reports whether a backup was being made in a directory, as far as what is in it tells: one
// that is empty may be anybody's.
func isOurs(dir string) bool {
	if _, err := os.Lstat(filepath.Join(dir, unfinished)); err == nil {
		return true
	}
	_, err := readManifest(dir)
	return err == nil
}

// begin makes the directory of a backup. One that is there is good enough if it is empty.
func begin(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("creating the backup: %w", err)
	}
	there, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("creating the backup: %w", err)
	}
	if len(there) > 0 {
		return &index.StateError{Message: fmt.Sprintf("%s is there, and was not made by a backup; "+
			"remove it, or choose another name", dir)}
	}
	return durable.Replace(filepath.Join(dir, unfinished), nil)
}

// writer makes one backup.
type writer struct {
	*transfer
	from, dir string
	contents  contents
	made      Made
	begun     bool // the directory is there, and ours

	previous    *contents // of the backup before; nil: there is none
	previousDir string
}

// findPrevious finds the newest backup in the same place. One whose manifest cannot be read is
// none.
func (w *writer) findPrevious(parent string) {
	all, err := List(parent)
	if err != nil {
		return
	}
	for _, b := range all {
		dir := filepath.Join(parent, b.Name)
		if c, err := readManifest(dir); err == nil {
			w.previous, w.previousDir, w.made.With = c, dir, b.Name
			return
		}
	}
}

// write adds all files, makes them durable, and then says what there is.
func (w *writer) write() error {
	var files []string
	err := walk(w.from, func(path string, info fs.FileInfo) error {
		if !safe(path) {
			return fmt.Errorf("%q cannot be a part of a backup", path)
		}
		files = append(files, path)
		w.total += info.Size()
		return nil
	})
	if err != nil {
		return fmt.Errorf("listing what is to be backed up: %w", err)
	}

	slices.Sort(files)
	if err := begin(w.dir); err != nil {
		return err
	}
	w.begun = true
	for _, path := range files {
		if err := w.add(path); err != nil {
			return fmt.Errorf("backing up %s: %w", path, err)
		}
	}
	return w.finish()
}

// finish makes all durable, and then writes the manifest.
func (w *writer) finish() error {
	if err := durable.SyncDirs(w.dir); err != nil {
		return fmt.Errorf("making the backup durable: %w", err)
	}

	w.contents.info.Files, w.contents.info.Bytes = len(w.contents.entries), w.total
	text, err := w.contents.encode()
	if err != nil {
		return err
	}
	if err := durable.Replace(filepath.Join(w.dir, Manifest), text); err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	if err := os.Remove(filepath.Join(w.dir, unfinished)); err != nil {
		return fmt.Errorf("finishing the backup: %w", err)
	}
	return durable.Sync(w.dir)
}

// add adds one file to the backup.
func (w *writer) add(path string) error {
	from, to := filepath.Join(w.from, path), filepath.Join(w.dir, path)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}

	old, size := w.candidate(path, from)
	err := os.Link(from, to)
	if err != nil && !unlinkable(err) {
		return err
	}

	linked := err == nil
	sharedBefore := w.made.Shared
	var sum string
	switch {
	case linked && old.same:
		sum, err = old.sum, w.share(size)
	case linked:
		sum, err = w.sum(from, nil, true)
	case old.path != "":
		sum, err = w.reuse(old, from, to, size)
	default:
		sum, err = w.copy(from, to)
	}

	if err == nil && w.Sound != nil && w.made.Shared == sharedBefore {
		err = w.Sound(from)
	}
	if err == nil && linked {
		err = durable.Sync(to)
	}
	if err != nil {
		return err
	}
	w.contents.entries = append(w.contents.entries, entry{path, sum})
	return nil
}

// earlier is a file of the previous backup with the same path and size as one that is to be backed
// up.
type earlier struct {
	path string // with its directory; empty: there is none
	sum  string // as the previous backup has it
	same bool   // it is the same file, under another name
}

// candidate finds the file of the previous backup that may be the same as one that is to be backed
// up, and the size of the latter.
func (w *writer) candidate(path, from string) (old earlier, size int64) {
	info, err := os.Stat(from)
	if err != nil || w.previous == nil {
		return old, 0
	}

	e, ok := w.previous.find(path)
	if !ok {
		return old, info.Size()
	}
	oldPath := filepath.Join(w.previousDir, path)
	oldInfo, err := os.Lstat(oldPath)
	if err != nil || !oldInfo.Mode().IsRegular() || oldInfo.Size() != info.Size() {
		return old, info.Size()
	}
	return earlier{path: oldPath, sum: e.sum, same: os.SameFile(info, oldInfo)}, info.Size()
}

// share notes that a file is shared with the previous backup.
func (w *writer) share(size int64) error {
	w.made.Shared += size
	return w.advance(size, 0)
}

// reuse shares a file of the previous backup, if it still has the sum that it should, and that is
// the one of the file to be backed up. Otherwise this is copied.
func (w *writer) reuse(old earlier, from, to string, size int64) (string, error) {
	sum, err := w.sum(from, nil, false)
	if err != nil {
		return "", err
	}
	if sum == old.sum {
		oldSum, err := w.sum(old.path, nil, false)
		if err == nil && oldSum == sum && os.Link(old.path, to) == nil {
			return sum, w.share(size)
		}
		if w.ctx.Err() != nil {
			return "", context.Cause(w.ctx)
		}
	}
	return w.copy(from, to)
}
