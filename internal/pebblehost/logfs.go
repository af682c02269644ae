package pebblehost

import (
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// logFS is where Pebble writes its log. Where the log cannot be written Pebble panics, at a change
// of files in a goroutine of its own so that nobody can recover from it, and what can still be read
// could not be read any more. So Pebble is not told: fail is called, before anything goes on, and
// from then on nothing more is written to any log. On the disk that looks like a crash at this
// moment. Whoever has waited for the log must ask whether it has failed.
type logFS struct {
	vfs.FS
	fail   func(error)
	failed atomic.Bool
}

// WithSafeLog returns a file system for Pebble whose logs never fail. What fails all the same is told
// to fail, once, before anything goes on.
func WithSafeLog(fs vfs.FS, fail func(error)) vfs.FS { return &logFS{FS: fs, fail: fail} }

// Create implements [vfs.FS].
func (fs *logFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return fs.make(name, func() (vfs.File, error) { return fs.FS.Create(name, category) })
}

// ReuseForWrite implements [vfs.FS].
func (fs *logFS) ReuseForWrite(old, name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return fs.make(name, func() (vfs.File, error) { return fs.FS.ReuseForWrite(old, name, category) })
}

// make creates a file. A log that cannot be created is one in memory, which is thrown away: Pebble
// must not notice.
func (fs *logFS) make(name string, create func() (vfs.File, error)) (f vfs.File, err error) {
	if !strings.HasSuffix(name, ".log") {
		return create()
	}

	fs.try("creating", func() error {
		f, err = create()
		return err
	})
	if f == nil || err != nil { // Pebble goes on with a log that nobody will read
		if f, err = vfs.NewMem().Create("log", vfs.WriteCategoryUnspecified); err != nil {
			return nil, err
		}
	}
	return &logFile{f, fs}, nil
}

// try does something to a log, unless one has failed.
func (fs *logFS) try(doing string, fn func() error) {
	if fs.failed.Load() {
		return
	}

	if err := fn(); err != nil {
		fs.failed.Store(true)
		fs.fail(fmt.Errorf("%s the log: %w", doing, err))
	}
}

// logFile is a log. Nothing that is done to it fails.
type logFile struct {
	vfs.File
	fs *logFS
}

// Write implements [vfs.File].
func (f *logFile) Write(p []byte) (int, error) {
	f.fs.try("writing", func() error { _, err := f.File.Write(p); return err })
	return len(p), nil
}

// Sync implements [vfs.File].
func (f *logFile) Sync() error {
	f.fs.try("syncing", f.File.Sync)
	return nil
}

// SyncData implements [vfs.File].
func (f *logFile) SyncData() error {
	f.fs.try("syncing", f.File.SyncData)
	return nil
}

// SyncTo implements [vfs.File].
func (f *logFile) SyncTo(length int64) (full bool, err error) {
	f.fs.try("syncing", func() (err error) { full, err = f.File.SyncTo(length); return err })
	return full, nil
}

// Preallocate implements [vfs.File].
func (f *logFile) Preallocate(offset, length int64) error {
	_ = f.File.Preallocate(offset, length) // what it is good for is speed
	return nil
}

// Close implements [vfs.File].
func (f *logFile) Close() error {
	if err := f.File.Close(); err != nil { // in any case: it must not stay open
		f.fs.try("closing", func() error { return err })
	}
	return nil
}
