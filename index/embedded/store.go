package embedded

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"

	"recordings/index"
)

// layoutVersion is the version of the keys and values of the store. It is stored with them.
//
//	1  as in keys.go
const layoutVersion = 1

// storeOptions are the settings of the store.
func storeOptions(fs vfs.FS, lock *pebble.Lock, o Options) *pebble.Options {
	options := &pebble.Options{
		FS:                          fs,
		Lock:                        lock,
		Logger:                      storeLogger{o.Log},
		EventListener:               backgroundErrors(o.Log),
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                16 << 20,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       8, // every compaction of level 0 writes the level below it anew
		LBaseMaxBytes:               64 << 20,
		MaxOpenFiles:                512,
	}
	options.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionBalanced })
	for i := range options.Levels {
		options.Levels[i].BlockSize = 8 << 10                   // a recording has about 2 kB: several of them compress better than each alone
		options.Levels[i].FilterPolicy = bloom.FilterPolicy(10) // a Put first looks whether there is such a recording
	}
	return options
}

// openStore opens the system of record, creating it if it is not there.
func openStore(dir string, fs vfs.FS, lock *pebble.Lock, o Options) (*pebble.DB, error) {
	options := storeOptions(fs, lock, o)
	options.Cache = pebble.NewCache(o.CacheBytes / 4 * 3)
	defer options.Cache.Unref() // the store keeps its own reference
	var db *pebble.DB
	err := guard(func() (err error) {
		if err := checkManifest(dir, fs, lock, o); err != nil {
			return err
		}
		db, err = pebble.Open(dir, options)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("opening the records in %s: %w", dir, err)
	}
	if err := checkLayout(db); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the records in %s: %w", dir, err), db.Close())
	}
	return db, nil
}

// backgroundErrors logs what goes wrong in the background. Of a flush it is told under Pebble's lock: it must not wait.
func backgroundErrors(log zerolog.Logger) *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) {
			log.Error().Err(err).Msg("the store's work in the background")
		},
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			log.Error().Err(info.Details).Str("file", info.Path).Msg("a file of the store is damaged")
		},
	}
}

// checkLayout refuses a store that a later version of the service has written, and marks a new one.
func checkLayout(db *pebble.DB) error {
	value, closer, err := db.Get([]byte(formatKey))
	if errors.Is(err, pebble.ErrNotFound) {
		if log, err := readChangeLog(db); err != nil || log.last > 0 {
			return errors.Join(errors.New("the version of the layout is missing, which was there before anything else; restore from a backup"), err)
		}
		if err := db.Set([]byte(formatKey), []byte(strconv.Itoa(layoutVersion)), pebble.Sync); err != nil {
			return fmt.Errorf("writing the version of the layout: %w", err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the version of the layout: %w", err)
	}
	defer closer.Close()
	if version, err := strconv.Atoi(string(value)); err != nil || version != layoutVersion {
		return fmt.Errorf("the layout is of version %q, this program knows %d; use the version of the program that wrote it or a later one",
			value, layoutVersion)
	}
	return nil
}

// readRecord returns the stored JSON of a recording from the store or a snapshot of it, or nil if there is none.
func readRecord(r pebble.Reader, key string) ([]byte, error) {
	value, closer, err := r.Get([]byte(key))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, unreadable(err)
	}
	defer closer.Close()
	_, data, err := splitStoredValue(value)
	if err != nil {
		return nil, unreadable(err)
	}
	return append([]byte(nil), data...), nil
}

// seekRecord is readRecord by an iterator. The bytes are only valid until its next step.
func seekRecord(it *pebble.Iterator, key string) ([]byte, error) {
	if !it.SeekPrefixGE([]byte(key)) || string(it.Key()) != key {
		if err := it.Error(); err != nil {
			return nil, unreadable(err)
		}
		return nil, nil
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return nil, unreadable(err)
	}
	_, data, err := splitStoredValue(value)
	if err != nil {
		return nil, unreadable(err)
	}
	return data, nil
}

// unreadable is the error of a recording that cannot be read.
func unreadable(err error) error {
	if pebble.IsCorruptionError(err) {
		return fmt.Errorf("%w: %w", index.ErrDamaged, err)
	}
	return fmt.Errorf("reading a recording: %w", err)
}

// changeLog is what the store knows of its change log. Its last entry is never trimmed, so that the sequence goes on
// from there.
type changeLog struct {
	first uint64 // sequence of the oldest entry that is still there, 0: the log is empty
	last  uint64 // sequence of the newest entry, 0: nothing was ever changed
	count uint64 // recordings stored
}

func readChangeLog(r pebble.Reader) (l changeLog, err error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: []byte(logPrefix), UpperBound: []byte(logEnd)})
	if err != nil {
		return l, fmt.Errorf("reading the change log: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	if !it.First() {
		return l, it.Error()
	}
	if l.first, err = splitLogKey(it.Key()); err != nil {
		return l, err
	}
	if !it.Last() {
		return l, it.Error()
	}
	if l.last, err = splitLogKey(it.Key()); err != nil {
		return l, err
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return l, fmt.Errorf("reading the change log: %w", err)
	}
	l.count, _, err = splitLogValue(value)
	return l, err
}

// countAt returns how many recordings there were after a change, if the change log still knows it.
func countAt(r pebble.Reader, sequence uint64) (count uint64, known bool, err error) {
	if sequence == 0 {
		return 0, true, nil
	}
	value, closer, err := r.Get(logKey(sequence))
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("reading the change log: %w", err)
	}
	defer closer.Close()
	count, _, err = splitLogValue(value)
	return count, err == nil, err
}
