package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/blevesearch/bleve/v2/index/scorch"
	segment "github.com/blevesearch/scorch_segment_api/v2"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"recordings/index"
	"recordings/index/embedded/newest"
)

// lowPriority lets everybody else go first: it does nothing for as long as it has worked, and for three times as long while
// there are searches.
type lowPriority struct {
	x        *Index // nil: there is nobody else
	ctx      context.Context
	began    time.Time
	searches uint64
}

func (l *lowPriority) rest() error {
	if l.ctx.Err() != nil {
		return context.Cause(l.ctx)
	}
	const turn = 20 * time.Millisecond
	took := time.Since(l.began)
	if took < turn || l.x == nil {
		return nil
	}
	pause := min(took, 10*turn)
	if n := l.x.searches.Load(); n != l.searches {
		l.searches = n
		pause *= restFactor
	}
	if !l.began.IsZero() {
		sleep(l.ctx, pause)
	}
	l.began = time.Now()
	return nil
}

// checkTables compares the checksums of all blocks of the tables of a store. Pebble itself only does so with what it reads, and
// what is in its cache it does not read.
func checkTables(db *pebble.DB, fs vfs.FS, dir string, o *pebble.Options, report *findings, rest func() error) error {
	levels, err := db.SSTables()
	if err != nil {
		return fmt.Errorf("listing the tables of the records: %w", err)
	}
	for _, level := range levels {
		for _, table := range level {
			if err := rest(); err != nil {
				return err
			}
			name := table.BackingSSTNum.String() + ".sst"
			if err := guard(func() error { return checkTable(fs, fs.PathJoin(dir, name), o) }); err != nil {
				err = fmt.Errorf("%w; it has keys from %q to %q", err, table.Smallest.UserKey, table.Largest.UserKey)
				report.file(index.DamagedFile, filepath.Join(recordsDir, name), err)
			}
			report.checked(1, 0)
		}
	}
	return nil
}

func checkTable(fs vfs.FS, path string, o *pebble.Options) error {
	f, err := fs.Open(path)
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(f)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	r, err := sstable.NewReader(context.Background(), readable, o.MakeReaderOptions())
	if err != nil {
		return errors.Join(err, readable.Close())
	}
	return errors.Join(r.ValidateBlockChecksums(), r.Close())
}

// checkStore opens a store without writing to it, which reads its manifest, its options and its log, and checks its tables.
func checkStore(dir string, fs vfs.FS, lock *pebble.Lock, o Options, report *findings, rest func() error) (err error) {
	options := storeOptions(fs, lock, o)
	options.ReadOnly = true
	options.ErrorIfNotExists = true
	var db *pebble.DB
	err = guard(func() (err error) {
		db, err = pebble.Open(dir, options)
		return err
	})
	if err != nil {
		report.file(index.DamagedFile, recordsDir, fmt.Errorf("opening the records: %w", err))
		return nil
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	report.checked(3, 0) // the manifest, the options, the log
	if err := checkTables(db, fs, dir, options, report, rest); err != nil {
		return err
	}
	if err := guard(func() error { return db.CheckLevels(nil) }); err != nil {
		report.file(index.DamagedFile, recordsDir, fmt.Errorf("checking the order of the tables: %w", err))
	}
	return nil
}

// checkFiles compares the checksums of the segments of the index that are in files. The file of a segment that was merged with others
// meanwhile may be gone: it is of no use any more.
func (w *whole) checkFiles(report *findings, rest func() error) error {
	for _, part := range w.reader.Segments() {
		if err := rest(); err != nil {
			return err
		}
		file, ok := part.Segment().(segment.PersistedSegment)
		if !ok {
			continue
		}
		err := checkSegment(file.Path())
		if errors.Is(err, fs.ErrNotExist) {
			used, readErr := w.index.uses(file.Path())
			if readErr != nil {
				return readErr
			}
			if !used {
				continue
			}
		}
		if err != nil {
			report.file(index.DamagedIndex, filepath.Join("search", filepath.Base(filepath.Dir(file.Path())), filepath.Base(file.Path())), err)
		}
		report.checked(1, 0)
	}
	return nil
}

// verify compares all recordings with the documents of the index: each must be there, once, with the same terms. Recordings
// that cannot be read are found by the keys of their documents.
func (w *whole) verify(ctx context.Context, report *findings, rest func() error) error {
	err := guard(func() error { return verifyRecords(ctx, w.reader, w.snapshot, w.changed, report, rest) })
	if err != nil && ctx.Err() == nil {
		report.file(index.DamagedIndex, "search", err)
		return nil
	}
	return err
}

func verifyRecords(ctx context.Context, reader *scorch.IndexSnapshot, store pebble.Reader, changed map[string]struct{}, report *findings, rest func() error) (err error) {
	checker, err := newest.NewChecker(reader, rest)
	if err != nil {
		return err
	}
	c := &recordCursor{store: store, report: report}
	defer func() { err = errors.Join(err, c.close()) }()
	c.seek(recordPrefix)
	entry, err := checker.Next()
	for n := 0; err == nil && (entry.Key != "" || c.key != "" || c.err != nil); n++ {
		if n%64 == 0 {
			if err := rest(); err != nil {
				return err
			}
		}
		if c.err != nil && !c.recover(entry.Key) {
			if entry.Key == "" {
				break // there is nothing that tells what else there should be
			}
			entry, err = checker.Next()
			continue
		}
		_, skip := changed[entry.Key]
		switch {
		case c.key == "" || entry.Key != "" && entry.Key < c.key:
			if !skip {
				report.record(index.NoRecording, entry.Key, nil)
			}
			entry, err = checker.Next()
		case entry.Key == "" || c.key < entry.Key:
			if _, skip := changed[c.key]; c.document() != nil && !skip {
				report.record(index.Missing, c.key, nil)
			}
			c.next()
		default:
			if d := c.document(); d != nil && !skip {
				switch {
				case entry.Copies > 1:
					report.record(index.Twice, entry.Key, nil)
				case !checker.Agrees(&entry, d):
					report.record(index.Different, entry.Key, nil)
				}
			}
			c.next()
			entry, err = checker.Next()
		}
	}
	if n := checker.Keyless(); err == nil && c.err == nil && n != 0 {
		report.file(index.DamagedIndex, "search", fmt.Errorf("%d documents have no key", n))
	}
	return err
}
