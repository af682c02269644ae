package store

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// checkManifest makes sure that the manifest of a store names all its tables. Pebble takes whatever
// it cannot read in there for the end, since a power cut may leave half an entry, and would then
// remove the tables that it does not know of. So where the manifest does not end as it should, or
// there are tables that it does not name, the recordings that Pebble would find are counted first.
// A kill may leave such tables, too: they are removed all the same when nothing is missing.
func checkManifest(o Options, fs vfs.FS, lock *pebble.Lock) error {
	dir := o.recordsDir()
	desc, err := pebble.Peek(dir, fs)
	if err != nil {
		return err
	}
	if !desc.Exists {
		return nil
	}
	if before := int(desc.FormatMajorVersion); before < PebbleFormat {
		o.Log.Warn().Int("before", before).Int("from_now_on", PebbleFormat).Msg("the records are about to get a newer" +
			" format, which versions of the program that do not know it refuse; only a backup made before goes back")
	}
	whole, err := endsWell(fs, fs.PathJoin(dir, fs.PathBase(desc.ManifestFilename)))
	if err != nil {
		return err
	}

	options := pebbleOptions(o, fs, lock)
	options.ReadOnly = true
	db, err := pebble.Open(dir, options)
	if err != nil {
		return err
	}
	if whole {
		whole, err = namesAllTables(db, dir, fs)
	}
	if err == nil && !whole {
		err = checkStoredCount(db)
	}
	return errors.Join(err, db.Close())
}

// namesAllTables reports whether the manifest names every table that there is.
func namesAllTables(db *pebble.DB, dir string, fs vfs.FS) (bool, error) {
	levels, err := db.SSTables()
	if err != nil {
		return false, fmt.Errorf("listing the tables of the manifest: %w", err)
	}
	named := make(map[string]bool)
	for _, level := range levels {
		for _, table := range level {
			named[fmt.Sprintf("%06d.sst", table.FileNum)] = true
		}
	}

	names, err := fs.List(dir)
	if err != nil {
		return false, err
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".sst") && !named[name] {
			return false, nil
		}
	}
	return true, nil
}

// endsWell reports whether all of a manifest can be read.
func endsWell(fs vfs.FS, path string) (bool, error) {
	f, err := fs.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()

	for r := record.NewReader(f, 0); ; {
		entry, err := r.Next()
		if err == nil {
			_, err = io.Copy(io.Discard, entry)
		}
		switch {
		case errors.Is(err, io.EOF):
			return true, nil
		case err != nil:
			return false, nil
		}
	}
}

// checkStoredCount compares the number of recordings with what the change log says.
func checkStoredCount(r pebble.Reader) (err error) {
	log, err := readChangeLog(r)
	if err != nil {
		return err
	}
	records, err := newRecords(r, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, records.Close()) }()

	var n uint64
	for ok := records.Seek(RecordPrefix); ok; ok = records.Next() {
		n++
	}
	if err := records.Err(); err != nil {
		return err
	}
	if n != log.Count {
		return fmt.Errorf("the manifest is damaged: %d recordings are found, there were %d; "+
			"restore them from a backup", n, log.Count)
	}
	return nil
}
