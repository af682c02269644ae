package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"recordings/internal/durable"
)

// Keeper keeps the jobs of one kind: of each its state, and texts by their names, such as its
// results. It knows a job by its place among all of them. What its methods return nil for is durable.
//
// One that several nodes share is a [Nodes], too, and refuses by [ErrTaken] what another node was faster
// with. One of a single process needs to look neither at versions nor at turns.
type Keeper interface {
	// States returns the states of all jobs by their places.
	States(ctx context.Context) (map[int]Kept, error)

	// Save replaces the state of a job, all of it at once, if its version is still that; the zero version
	// stands for none. It returns the version that it has now.
	Save(ctx context.Context, job int, state []byte, on Version) (Version, error)

	// Append puts text at an offset of a text of a job, which ends behind it then: what was there
	// is no part of it any more. It is refused where something of a later turn is there.
	Append(ctx context.Context, job int, turn int64, name string, offset int64, text []byte) error

	// ReadAt reads from a text as [io.ReaderAt] does. One that was never written is empty.
	ReadAt(ctx context.Context, job int, name string, p []byte, offset int64) (int, error)

	// Keep removes all texts of a job but those of these names. It is not called while the state of the job
	// is being saved.
	Keep(ctx context.Context, job int, names ...string) error

	// Remove removes all that is kept of a job.
	Remove(ctx context.Context, job int) error
}

// Kept is the state of a job as it is kept.
type Kept struct {
	State   []byte
	Version Version
}

// Version is which version of a state is kept. The zero value is that of none, or where nobody asks for it.
type Version struct{ Seq, Term int64 }

// after reports whether a version is newer than another one.
func (v Version) after(other Version) bool {
	return v.Term > other.Term || v.Term == other.Term && v.Seq > other.Seq
}

// Files keeps jobs in a directory: each in one of its own, called by its place.
type Files struct{ dir string }

// stateFile is what the state of a job is called in its directory.
const stateFile = "state.json"

// NewFiles returns what keeps jobs in a directory, which is made when the first of them is kept.
func NewFiles(dir string) *Files { return &Files{dir} }

// job is the directory of a job.
func (f *Files) job(n int) string { return filepath.Join(f.dir, fmt.Sprintf("%08d", n)) }

// States implements [Keeper].
func (f *Files) States(context.Context) (map[int]Kept, error) {
	entries, err := os.ReadDir(f.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the jobs: %w", err)
	}

	all := map[int]Kept{}
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err != nil {
			continue // not made here
		}

		state, err := os.ReadFile(filepath.Join(f.dir, e.Name(), stateFile))
		if errors.Is(err, fs.ErrNotExist) {
			continue // the process ended before anybody was told of the job, or while it was removed
		}
		if err != nil {
			return nil, fmt.Errorf("reading a job: %w", err)
		}
		all[n] = Kept{State: state}
	}
	return all, nil
}

// Save implements [Keeper].
func (f *Files) Save(_ context.Context, job int, state []byte, _ Version) (Version, error) {
	if err := f.makeDir(job); err != nil {
		return Version{}, err
	}
	return Version{}, durable.Replace(filepath.Join(f.job(job), stateFile), state)
}

// makeDir makes the directory of a job, durably.
func (f *Files) makeDir(job int) error {
	if _, err := os.Stat(f.job(job)); err == nil {
		return nil
	}
	if err := os.MkdirAll(f.job(job), 0o700); err != nil {
		return fmt.Errorf("making the directory of a job: %w", err)
	}
	return errors.Join(durable.Sync(f.dir), durable.Sync(filepath.Dir(f.dir)))
}

// Append implements [Keeper].
func (f *Files) Append(
	_ context.Context, job int, _ int64, name string, offset int64, text []byte,
) (err error) {
	if err := f.makeDir(job); err != nil {
		return err
	}

	path := filepath.Join(f.job(job), name)
	_, missing := os.Stat(path)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("opening a text of a job: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()

	if err := file.Truncate(offset); err != nil {
		return fmt.Errorf("cutting a text of a job: %w", err)
	}
	if _, err := file.WriteAt(text, offset); err != nil {
		return fmt.Errorf("writing a text of a job: %w", err)
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("making a text of a job durable: %w", err)
	}
	if missing != nil {
		return durable.Sync(f.job(job))
	}
	return nil
}

// ReadAt implements [Keeper].
func (f *Files) ReadAt(_ context.Context, job int, name string, p []byte, offset int64) (int, error) {
	file, err := os.Open(filepath.Join(f.job(job), name))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, io.EOF
	}
	if err != nil {
		return 0, fmt.Errorf("opening a text of a job: %w", err)
	}
	defer file.Close()
	return file.ReadAt(p, offset)
}

// Keep implements [Keeper].
func (f *Files) Keep(_ context.Context, job int, names ...string) error {
	entries, err := os.ReadDir(f.job(job))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading what is kept of a job: %w", err)
	}

	removed := false
	for _, e := range entries {
		if e.Name() == stateFile || slices.Contains(names, e.Name()) {
			continue
		}
		if err := os.Remove(filepath.Join(f.job(job), e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing a text of a job: %w", err)
		}
		removed = true
	}
	if !removed {
		return nil
	}
	return durable.Sync(f.job(job))
}

// Remove implements [Keeper]. The state goes first, so that a job of which something is left is
// none any more.
func (f *Files) Remove(_ context.Context, job int) error {
	if err := durable.Remove(filepath.Join(f.job(job), stateFile)); err != nil {
		return fmt.Errorf("removing a job: %w", err)
	}
	if err := os.RemoveAll(f.job(job)); err != nil {
		return fmt.Errorf("removing a job: %w", err)
	}
	return nil
}
