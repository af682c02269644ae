package embedded

import (
	"errors"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2"
	records "github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// checkManifest makes sure that the manifest of a store tells of all its tables. Pebble takes whatever it cannot read in
// there for the end, since a power cut may leave half an entry, and would then remove the tables that it does not know of. So
// where the manifest does not end as it should, the recordings that Pebble would find are counted first.
func checkManifest(dir string, fs vfs.FS, lock *pebble.Lock, o Options) error {
	desc, err := pebble.Peek(dir, fs)
	if err != nil {
		return err
	}
	if !desc.Exists {
		return nil
	}
	whole, err := endsWell(fs, fs.PathJoin(dir, fs.PathBase(desc.ManifestFilename)))
	if whole || err != nil {
		return err
	}
	options := storeOptions(fs, lock, o)
	options.ReadOnly = true
	db, err := pebble.Open(dir, options)
	if err != nil {
		return err
	}
	return errors.Join(checkStoredCount(db), db.Close())
}

// endsWell tells whether all of a manifest can be read.
func endsWell(fs vfs.FS, path string) (bool, error) {
	f, err := fs.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	for r := records.NewReader(f, 0); ; {
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
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: []byte(recordPrefix), UpperBound: []byte(recordEnd)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	var n uint64
	for it.First(); it.Valid(); it.Next() {
		n++
	}
	if err := it.Error(); err != nil {
		return err
	}
	if n != log.count {
		return fmt.Errorf("the manifest is damaged: %d recordings are found, there were %d; restore them from a backup", n, log.count)
	}
	return nil
}
