package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/blevesearch/bleve/v2/index/scorch"
	bleveindex "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"recordings/index"
	"recordings/index/embedded/schema"
)

// stagingDir is where the state to be backed up is held, as a data directory of hard links, within the data directory:
// so taking hold of it is quick, wherever the backup goes, and nothing of it goes away before the backup is done.
func (x *Index) stagingDir() string { return filepath.Join(x.o.Dir, "backup.tmp") }

// stage takes hold of the present state, and tells what is in it.
//
// First comes the search index, then the store: so the store has all that the search index has, and, as its change log is not
// trimmed in between, what the search index lacks.
func (x *Index) stage(ctx context.Context, withoutIndex bool) (info index.Backup, err error) {
	dir := x.stagingDir()
	if err := os.RemoveAll(dir); err != nil {
		return info, fmt.Errorf("removing what is left of a backup: %w", err)
	}
	if err := makeDir(vfs.Default, dir); err != nil {
		return info, fmt.Errorf("taking hold of what is to be backed up: %w", err)
	}
	info = index.Backup{Version: x.o.Version, Layout: layoutVersion}
	x.trimming.Lock()
	defer x.trimming.Unlock()
	if !withoutIndex {
		if info.Index, err = x.stageSearchIndex(dir); err != nil {
			return info, fmt.Errorf("taking hold of the search index: %w", err)
		}
	}
	if info.Index {
		info.Schema = schema.Version
	}
	if ctx.Err() != nil {
		return info, context.Cause(ctx)
	}
	info.Time = now()
	records := filepath.Join(dir, recordsDir)
	if err := guard(func() error { return x.db.Checkpoint(records) }); err != nil {
		return info, fmt.Errorf("taking hold of the records: %w", err)
	}
	log, err := x.inspectStore(records)
	info.Sequence, info.Recordings = log.last, log.count
	return info, err
}

// inspectStore reads how far a store reaches that is not open. The store is not changed.
func (x *Index) inspectStore(dir string) (log changeLog, err error) {
	options := storeOptions(vfs.Default, nil, x.o)
	options.ReadOnly = true
	var db *pebble.DB
	err = guard(func() (err error) {
		db, err = pebble.Open(dir, options)
		return err
	})
	if err != nil {
		return log, fmt.Errorf("opening what is to be backed up: %w", err)
	}
	defer func() {
		err = errors.Join(err, guard(db.Close), os.Remove(filepath.Join(dir, "LOCK")))
	}()
	err = guard(func() (err error) {
		log, err = readChangeLog(db)
		return err
	})
	if err != nil {
		return log, fmt.Errorf("reading what is to be backed up: %w", err)
	}
	return log, nil
}

// stageSearchIndex takes hold of the search index, unless there is none at present.
func (x *Index) stageSearchIndex(dir string) (ok bool, err error) {
	s, reader := x.state.copyReader()
	if reader == nil {
		return false, nil
	}
	defer func() { err = errors.Join(err, reader.CloseCopyReader()) }()
	snapshot, ok := reader.(*scorch.IndexSnapshot)
	if !ok {
		return false, errors.New("it is of an unknown kind")
	}
	number := filepath.Base(s.dir)
	to := filepath.Join(dir, "search", number)
	if err := os.MkdirAll(to, 0o700); err != nil {
		return false, err
	}
	for _, part := range snapshot.Segments() {
		if file, ok := part.Segment().(segment.PersistedSegment); ok {
			if err := vfs.LinkOrCopy(vfs.Default, file.Path(), filepath.Join(to, filepath.Base(file.Path()))); err != nil {
				return false, err
			}
		}
	}
	if err := guard(func() error { return snapshot.CopyTo(segmentDir(to)) }); err != nil {
		return false, err
	}
	return true, writeSynced(filepath.Join(dir, "search", currentFile), number+"\n")
}

// copyReader returns what Bleve has now, with a reader that must be closed. Until then no file of it is removed. The reader is
// nil if there is no search index.
func (s *searchState) copyReader() (*searchIndex, bleveindex.CopyReader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return nil, nil
	}
	copyable, ok := s.current.scorch.(bleveindex.CopyIndex)
	if !ok {
		return nil, nil
	}
	return s.current, copyable.CopyReader()
}

// segmentDir is where Bleve puts a copy of an index. The segments that have files already are there: only what it
// still has in memory is written.
type segmentDir string

// GetWriter implements [bleveindex.Directory]. A nil writer leaves a file out.
func (d segmentDir) GetWriter(path string) (io.WriteCloser, error) {
	f, err := os.OpenFile(filepath.Join(string(d), filepath.Base(path)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}
