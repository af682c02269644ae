package embedded

import (
	"context"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"

	"recordings/index/embedded/bleveindex"
	"recordings/index/embedded/schema"
	"recordings/index/embedded/store"
	"recordings/index/embedded/verify"
	"recordings/mapping"
)

// Options are the settings of an Index. Of all but Dir the zero value stands for a sane default.
type Options struct {
	Dir    string         // the data directory; it is created if it is not there
	Memory bool           // for tests: keep the recordings in memory, and the search index in a temporary directory
	Log    zerolog.Logger // says what goes on, never what is in a recording

	MaxRecording    int    // bytes of a merged recording as stored; 2 MiB
	MaxPending      int    // changes that are committed but not yet in the search index; 30,000
	MaxPendingBytes int64  // memory for these; 64 MiB
	BatchSize       int    // changes that the search index takes at a time; 15,000
	SearchMemory    int64  // bytes that the matches and candidates of one search may take; 256 MiB
	MinFree         uint64 // bytes that must be free on the disk for writes to be accepted; 256 MiB
	Ballast         int64  // bytes held back for finishing writes on a full disk; 32 MiB, negative: none
	BackupDir       string // the directory of backups; empty: none are made
	Version         string // of the program, for its backups

	// CacheBytes is memory for what was read lately: a quarter of it for recordings that searches
	// found, the rest for blocks of the store; 256 MiB.
	CacheBytes int64

	// Opening is told, while the index is being opened, what that waits for; nil: nobody is.
	Opening func(reason string)

	// ScrubInterval is how long after the last verification, or the opening, everything is
	// verified; 0: never.
	ScrubInterval time.Duration

	// Beside makes a copy, as part of a backup, of what else is in the data directory: in a directory
	// that does not exist yet, whose files must not change any more. nil: there is nothing else.
	Beside func(ctx context.Context, dir string) error
	// BesideDir is the name of that directory within a data directory.
	BesideDir string

	// For tests of this package.
	fs        vfs.FS // where the recordings are
	now       func() time.Time
	trimEvery uint64        // changes that the log keeps beyond need
	maxHeld   uint64        // changes that the log keeps for an index that is being built
	keepOld   time.Duration // how long the old search index is kept after a new one took its place
	gather    time.Duration // for more changes to arrive before few are given to the search index
}

// Formats names what an index writes to its data directory, each with its version. An older program
// refuses a data directory that has a version above its own.
func Formats() string {
	return fmt.Sprintf("records=%d pebble=%d search=%d", store.LayoutVersion, store.PebbleFormat, schema.Version)
}

// withDefaults fills in what was left out. After it, zero has a meaning of its own.
func (o Options) withDefaults() Options {
	setDefault(&o.MaxRecording, 2<<20)
	setDefault(&o.MaxPending, 30_000)
	setDefault(&o.MaxPendingBytes, 64<<20)
	setDefault(&o.CacheBytes, 256<<20)
	setDefault(&o.BatchSize, 15_000)
	setDefault(&o.MinFree, 256<<20)
	setDefault(&o.Ballast, 32<<20)
	o.Ballast = max(o.Ballast, 0)
	setDefault(&o.trimEvery, 10_000)
	setDefault(&o.maxHeld, 2_000_000)
	setDefault(&o.keepOld, 10*time.Minute)
	setDefault(&o.gather, 500*time.Millisecond)

	if o.fs == nil {
		o.fs = vfs.Default
		if o.Memory {
			o.fs = vfs.NewMem()
		}
	}
	return o
}

// setDefault gives a setting that was left out its default.
func setDefault[T comparable](value *T, def T) {
	if *value == *new(T) {
		*value = def
	}
}

// store are the settings of the store.
func (o Options) store() store.Options {
	return store.Options{
		Dir:        o.Dir,
		FS:         o.fs,
		Log:        o.Log,
		CacheBytes: o.CacheBytes / 4 * 3,
		MinFree:    o.MinFree,
		Ballast:    o.Ballast,
		Waiting:    o.Opening,
		Stamp:      stamp,
		Now:        o.now,
	}
}

// stamp notes in a recording when it was changed.
func stamp(b, data []byte, changed int64) []byte {
	return mapping.WithChangedTime(b, data, mapping.Time(changed))
}

// search are the settings of every search index of a store.
func (o Options) search(s *store.Store) bleveindex.Options {
	return bleveindex.Options{Log: o.Log, SearchMemory: o.SearchMemory, AwaitSpace: s.Space().Await}
}

// verify are the settings of verifying, which gives way to searches.
func (o Options) verify(searches func() uint64) verify.Options {
	v := verify.Options{Dir: o.Dir, Log: o.Log, Interval: o.ScrubInterval, Searches: searches}
	if o.Memory {
		v.Dir = "" // nothing is to be left on the disk
	}
	return v
}
