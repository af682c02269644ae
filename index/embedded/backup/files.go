package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Options are how files are gone through.
type Options struct {
	// Polite leaves at least half of the disk and of a processor to others.
	Polite bool
	// Progress, if it is not nil, is told how many bytes are done, of how many.
	Progress func(done, total int64)
	// Check, if it is not nil, is asked now and then whether to go on.
	Check func() error
	// Sound, if it is not nil, is asked whether a file is undamaged that no earlier backup has. Its
	// error ends the backup.
	Sound func(path string) error
}

// transfer is one going through files.
type transfer struct {
	Options
	ctx         context.Context
	done, total int64 // bytes
	buffer      []byte
}

// step is how much is read at a time, in bytes.
const step = 1 << 20

// newTransfer begins going through files. Its total is known once they are listed.
func newTransfer(ctx context.Context, o Options) *transfer {
	return &transfer{Options: o, ctx: ctx, buffer: make([]byte, step)}
}

// advance notes that bytes are done, which took some time.
func (t *transfer) advance(bytes int64, took time.Duration) error {
	t.done += bytes
	if t.Progress != nil {
		t.Progress(t.done, t.total)
	}

	if t.Polite && took > 0 {
		select {
		case <-time.After(took):
		case <-t.ctx.Done():
		}
	}

	if t.ctx.Err() != nil {
		return context.Cause(t.ctx)
	}
	if t.Check != nil {
		return t.Check()
	}
	return nil
}

// sum returns the SHA-256 of a file, and writes what it reads to w as well if that is not nil.
func (t *transfer) sum(path string, w io.Writer, counted bool) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()

	hash := sha256.New()
	for {
		began := time.Now()
		n, err := io.ReadFull(f, t.buffer)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return "", err
		}

		hash.Write(t.buffer[:n])
		if w != nil {
			if _, err := w.Write(t.buffer[:n]); err != nil {
				return "", err
			}
		}

		bytes := int64(n)
		if !counted {
			bytes = 0
		}
		if err := t.advance(bytes, time.Since(began)); err != nil {
			return "", err
		}
		if err != nil { // the end
			return hex.EncodeToString(hash.Sum(nil)), nil
		}
	}
}

// copy copies a file durably, and returns the SHA-256 of what it copied.
func (t *transfer) copy(from, to string) (sum string, err error) {
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	sum, err = t.sum(from, f, true)
	if err == nil {
		err = f.Sync()
	}
	return sum, errors.Join(err, f.Close())
}

// unlinkable reports whether an error of os.Link means that there can be no link between the two
// places, so that only a copy will do.
func unlinkable(err error) bool {
	for _, e := range []error{syscall.EXDEV, syscall.EPERM, syscall.EMLINK, syscall.ENOTSUP, syscall.ENOSYS} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// walk calls fn for every file below a directory, in the order of the paths, which are relative and
// have slashes. All that is neither a file nor a directory is an error.
func walk(dir string, fn func(path string, info fs.FileInfo) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if !d.Type().IsRegular() {
			return fmt.Errorf("%s is not a plain file", path)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}

		relative, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return fn(filepath.ToSlash(relative), info)
	})
}
