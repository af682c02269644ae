package bleveindex

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/blevesearch/bleve/v2/index/scorch"
	bleve "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"recordings/index/embedded/internal/fault"
)

// ErrPosition says that a state does not say how far it reaches: it cannot be trusted.
var ErrPosition = errors.New("the search index does not know its position")

// Reader is one state of an index, which stays as it is until it is closed.
type Reader struct {
	Snapshot *scorch.IndexSnapshot
}

// Reader returns the present state. It must be closed.
func (x *Index) Reader() (*Reader, error) { return newReader(x.scorch) }

func newReader(s bleve.Index) (*Reader, error) {
	r, err := s.Reader()
	if err != nil {
		return nil, fmt.Errorf("reading the search index: %w", err)
	}
	return &Reader{r.(*scorch.IndexSnapshot)}, nil
}

// Sequence is the sequence up to which the state has the changes; 0 if nothing was ever added.
func (r *Reader) Sequence() (uint64, error) {
	data, err := r.Snapshot.GetInternal(positionKey)
	if err != nil {
		return 0, fmt.Errorf("reading the search index: %w", err)
	}
	if data == nil {
		return 0, nil
	}

	p, err := splitPosition(data)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrPosition, err)
	}
	return p.Sequence, nil
}

// Segments is how many segments the state has, be they in files or in memory.
func (r *Reader) Segments() int { return len(r.Snapshot.Segments()) }

// Files are the paths of the segments that are in files.
func (r *Reader) Files() (paths []string) {
	for _, part := range r.Snapshot.Segments() {
		if file, ok := part.Segment().(segment.PersistedSegment); ok {
			paths = append(paths, file.Path())
		}
	}
	return paths
}

// Close lets go of the state.
func (r *Reader) Close() error { return r.Snapshot.Close() }

// Copy is a state of an index that is to be copied. Until it is closed, no file of the state is
// removed.
type Copy struct {
	dir    string // of the index
	reader bleve.CopyReader
}

// Copy returns the present state, to be copied. It must be closed.
func (x *Index) Copy() (*Copy, error) {
	copyable, ok := x.scorch.(bleve.CopyIndex)
	if !ok {
		return nil, errors.New("the search index is of a kind that cannot be copied")
	}
	return &Copy{x.dir, copyable.CopyReader()}, nil
}

// Name is the name of the index's directory.
func (c *Copy) Name() string { return filepath.Base(c.dir) }

// To makes an index of the state in a directory, which is created. Segments become hard links where
// that can be.
func (c *Copy) To(dir string) error {
	snapshot, ok := c.reader.(*scorch.IndexSnapshot)
	if !ok {
		return errors.New("the search index is of an unknown kind")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := prepare(dir); err != nil {
		return err
	}

	store := filepath.Join(dir, storeDir)
	for _, path := range (&Reader{snapshot}).Files() {
		if err := vfs.LinkOrCopy(vfs.Default, path, filepath.Join(store, filepath.Base(path))); err != nil {
			return err
		}
	}
	return fault.Guard(func() error { return snapshot.CopyTo(copyDir(store)) })
}

// Close lets go of the state.
func (c *Copy) Close() error { return c.reader.CloseCopyReader() }

// copyDir is where Bleve puts a copy of an index. The segments that have files already are there:
// only what it still has in memory is written.
type copyDir string

// GetWriter implements [bleve.Directory]. A nil writer leaves a file out.
func (d copyDir) GetWriter(path string) (io.WriteCloser, error) {
	name := filepath.Join(string(d), filepath.Base(path))
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}
