package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/blevesearch/bleve/v2/index/scorch"
	bleveindex "github.com/blevesearch/bleve_index_api"
	"github.com/cockroachdb/pebble/v2"

	"recordings/index"
)

// verifyStoppedIndex verifies the search index in a directory that nobody uses. Where there is none the recordings are
// verified alone: it is then built anew when the service is started.
func verifyStoppedIndex(ctx context.Context, db *pebble.DB, log changeLog, searchDir string, found *findings, rest func() error) error {
	dir, err := currentDir(searchDir)
	var at checked
	if err == nil {
		at, err = checkSearchIndex(dir)
	}
	if err == nil {
		err = at.fits(db, log, found)
	}
	if errors.Is(err, os.ErrNotExist) && log.last == 0 {
		return nil // nothing was ever stored
	}
	name := filepath.Join("search", filepath.Base(dir))
	if dir == "" && errors.Is(err, os.ErrNotExist) {
		name, err = "search", errors.New("there is none; it is built when the service starts")
	}
	if err != nil {
		found.file(index.DamagedIndex, name, err)
		return verifyAlone(ctx, db, found, rest)
	}
	changed, err := changedSince(ctx, db, at.sequence, log.last)
	if err != nil {
		return err
	}
	err = readScorch(dir, func(s bleveindex.Index) (err error) {
		r, err := s.Reader()
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.Close()) }()
		found.checked(uint64(len(r.(*scorch.IndexSnapshot).Segments()))+1, 0) // the root, too; checkSearchIndex has compared them
		return verifyRecords(ctx, r.(*scorch.IndexSnapshot), db, changed, found, rest)
	})
	if err != nil && ctx.Err() == nil {
		found.file(index.DamagedIndex, name, err)
		return nil
	}
	return err
}

// fits tells whether the change log goes on where the index ends. An index that is ahead of the records tells that these
// have lost changes.
func (c *checked) fits(db *pebble.DB, log changeLog, found *findings) error {
	switch {
	case c.filling != "":
		return errors.New("the search index is not complete")
	case c.sequence > log.last:
		err := fmt.Errorf("the search index has the changes up to %d, the recordings only those up to %d", c.sequence, log.last)
		found.file(index.LostChanges, recordsDir, err)
		return err
	case c.sequence+1 < log.first:
		return fmt.Errorf("the search index has the changes up to %d, the change log those from %d", c.sequence, log.first)
	case c.between:
		return nil
	}
	count, known, err := countAt(db, c.sequence)
	if err == nil && known && count != c.docs {
		err = fmt.Errorf("the search index has %d documents, but there were %d recordings", c.docs, count)
	}
	return err
}

// verifyAlone reads all recordings.
func verifyAlone(ctx context.Context, db *pebble.DB, found *findings, rest func() error) (err error) {
	c := &recordCursor{store: db, report: found}
	defer func() { err = errors.Join(err, c.close()) }()
	for c.seek(recordPrefix); c.key != "" && ctx.Err() == nil; c.next() {
		c.document()
		if err := rest(); err != nil {
			return err
		}
	}
	return nil
}
