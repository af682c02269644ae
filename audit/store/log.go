// Package store keeps the audit log of one machine, in a Pebble of its own.
//
// Entries are kept by their sequence, and found by the recording that they are about, sign-ins by their
// user. Times never go back from one sequence to the next, so that a time is found by halving. Pebble
// logs batches in the order in which it gets them: an entry is durable only together with all before it,
// so that what a power cut leaves is a chain. A torn end of Pebble's log is what was never answered as
// durable.
//
// As in the store of the recordings, a log of Pebble that cannot be written ends all writing until a
// restart, while what is durable can be read.
package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"

	"recordings/audit"
	"recordings/internal/guard"
	"recordings/internal/pebblehost"
	"recordings/mapping"
)

// Dir is where the log has its files, below the data directory.
const Dir = "audit"

// Options are the settings of a Log.
type Options struct {
	Dir string // of the log's own; it is created if it is not there
	FS  vfs.FS // where that is; nil: the operating system's
	Log zerolog.Logger

	Keep        time.Duration // entries that are older are cut off; 0: none ever
	KeepDetails time.Duration // details that are older are erased; 0: as long as their entries

	// Gone says whether there is no recording of an id: then what is personal in the entries about it is
	// erased, if the process ended before it came to that, or somebody has asked for something that was
	// not there. nil: nobody knows.
	Gone func(ctx context.Context, contactCenter, recording string) (bool, error)

	ListeningIdle time.Duration // how long a listening goes on without a request; 0: a minute

	MinFree uint64           // bytes that must be free on the disk for entries to be accepted
	Release func()           // makes space on a disk that has less, if it can, and does not wait; nil: nobody does
	Now     func() time.Time // nil: the clock of the machine
}

// Log is the audit log. All methods may be called concurrently, until Close is.
type Log struct {
	o      Options
	db     *pebble.DB
	secret []byte
	missed atomic.Int64          // entries that could not be written, of which no entry tells yet
	broken atomic.Pointer[error] // why nothing can be written any more, until a restart
	space  space

	appends sync.Mutex // held while entries get their sequences and go to Pebble, in that order
	head    audit.Head // guarded by appends
	time    int64      // of the newest entry: milliseconds since 1970; guarded by appends

	looked  uint64     // up to this entry it is looked next for deletions whose details are there; of the worker
	erasing sync.Mutex // held while entries are cut off, or details erased
	first   atomic.Uint64

	listenings *listenings

	unsynced chan struct{} // has room for one: there are entries that nobody has waited for
	closed   atomic.Bool
	closing  context.Context
	stop     context.CancelFunc
	worker   sync.WaitGroup
}

var _ audit.Log = (*Log)(nil)

// syncDelay is how long an entry may stay only in memory that nobody waits for: a power cut takes it.
const syncDelay = 200 * time.Millisecond

// Open opens the log in a directory, or creates it.
func Open(o Options) (_ *Log, err error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Release == nil {
		o.Release = func() {}
	}
	if o.ListeningIdle == 0 {
		o.ListeningIdle = listeningIdle
	}
	l := &Log{o: o, unsynced: make(chan struct{}, 1), space: space{fs: o.FS, dir: o.Dir, minFree: o.MinFree}}
	if err := makeDir(o.FS, o.Dir); err != nil {
		return nil, fmt.Errorf("creating the directory of the audit log: %w", err)
	}

	fs := pebblehost.WithSafeLog(vfs.OnDiskFull(o.FS, o.Release), func(err error) { _ = l.breakDown(err) })
	err = guard.Guard(func() (err error) {
		l.db, err = pebble.Open(o.Dir, pebbleOptions(fs, o.Log))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("opening the audit log in %s: %w", o.Dir, err)
	}
	if err := l.begin(); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the audit log in %s: %w", o.Dir, err), l.db.Close())
	}

	l.looked = l.head.Sequence
	l.closing, l.stop = context.WithCancel(context.Background())
	l.worker.Go(l.work)
	l.listenings = newListenings(l, o.ListeningIdle)
	return l, nil
}

// pebbleOptions are the settings of Pebble. Entries are small, and compress well beside each other.
func pebbleOptions(fs vfs.FS, log zerolog.Logger) *pebble.Options {
	o := &pebble.Options{
		FS:                 fs,
		Logger:             pebblehost.Logger(log),
		EventListener:      pebblehost.BackgroundErrors(log),
		FormatMajorVersion: pebble.FormatNewest,
		MemTableSize:       8 << 20,
		CacheSize:          16 << 20,
		MaxOpenFiles:       128,
	}
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionGood })
	for i := range o.Levels {
		o.Levels[i].BlockSize = 16 << 10
	}
	return o
}

// makeDir durably creates a directory, whose parent may be missing as well.
func makeDir(fs vfs.FS, dir string) error {
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, d := range []string{fs.PathDir(dir), fs.PathDir(fs.PathDir(dir))} {
		f, err := fs.OpenDir(d)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// begin reads where the chain ends. A new log gets its secret first.
func (l *Log) begin() error {
	if err := l.failed(); err != nil { // while it was opened
		return err
	}
	meta, err := readMeta(l.db)
	if errors.Is(err, pebble.ErrNotFound) {
		meta, err = l.create()
	}
	if err != nil {
		return err
	}
	l.secret = meta.secret
	l.first.Store(meta.first)

	newest, err := newestLine(l.db)
	if err != nil {
		return err
	}
	if newest == nil {
		l.head = audit.Head{Sequence: meta.first - 1, Hash: meta.before}
		return nil
	}
	l.head, l.time = audit.Head{Sequence: newest.Sequence, Hash: newest.Hash}, int64(newest.Time)
	return nil
}

// create makes the log one.
func (l *Log) create() (meta, error) {
	m := meta{secret: make([]byte, 32), first: 1, before: audit.Genesis}
	if _, err := rand.Read(m.secret); err != nil {
		return m, err
	}
	if newest, err := newestLine(l.db); err != nil || newest != nil {
		return m, errors.Join(errors.New("what was there before any entry is missing; restore from a backup"), err)
	}

	b := l.db.NewBatch()
	defer b.Close()
	err := errors.Join(
		b.Set([]byte(formatKey), []byte{Layout}, nil),
		b.Set([]byte(secretKey), m.secret, nil),
		guard.Guard(func() error { return b.Commit(pebble.Sync) }),
		l.failed(),
	)
	return m, err
}

// Close ends the listenings, makes everything durable and closes the log. Nothing must use it any more.
func (l *Log) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	l.listenings.close()
	l.stop()
	l.worker.Wait()

	var errs []error
	if l.failed() == nil {
		errs = append(errs, guard.Guard(l.sync))
		l.tell("the audit log is closed")
	}
	if err := guard.Guard(l.db.Close); err != nil {
		errs = append(errs, fmt.Errorf("closing the audit log: %w", err))
	}
	return errors.Join(errs...)
}

// Record writes entries, and returns when they are durable. It returns the sequence of the last one.
// Callers at the same time share their syncs.
func (l *Log) Record(_ context.Context, entries ...audit.Entry) (uint64, error) {
	b := l.db.NewBatch()
	defer func() { _ = b.Close() }() // an error changes nothing: it is committed, or the log is broken

	last, err := l.append(b, entries, true)
	if err != nil {
		return 0, err
	}
	err = guard.Guard(b.SyncWait)
	if err == nil {
		err = l.failed() // see pebblehost
	}
	if err != nil {
		return 0, l.breakDown(err)
	}
	return last, nil
}

// Note writes entries without waiting for the disk, which has them within [syncDelay]. It returns the
// sequence of the last one.
func (l *Log) Note(entries ...audit.Entry) (uint64, error) {
	b := l.db.NewBatch()
	defer func() { _ = b.Close() }()

	last, err := l.append(b, entries, false)
	if err != nil {
		l.missed.Add(int64(len(entries)))
		return 0, err
	}
	select {
	case l.unsynced <- struct{}{}:
	default:
	}
	return last, nil
}

// append gives entries the next places in the chain, and hands them to Pebble, which logs batches in
// the order in which it gets them. So an entry is durable only together with all before it.
func (l *Log) append(b *pebble.Batch, entries []audit.Entry, synced bool) (uint64, error) {
	prepared, details, err := prepareAll(entries)
	if err != nil {
		return 0, err
	}

	l.appends.Lock()
	defer l.appends.Unlock()
	if err := l.Err(); err != nil {
		return 0, err
	}
	missed := l.missed.Load() // under the lock, lest several writers tell of the same
	if missed > 0 {
		told, none, err := prepareAll([]audit.Entry{{
			Action: audit.Missed, Facts: map[string]any{"entries": missed},
		}})
		if err != nil {
			return 0, err
		}
		prepared, details = append(told, prepared...), append(none, details...)
	}
	head, now := l.head, max(l.o.Now().UnixMilli(), l.time)
	for i, line := range prepared {
		line.Sequence, line.Time, line.Previous = head.Sequence+1, mapping.Time(now), head.Hash
		line.Salt = saltOf(l.secret, line.Sequence)
		if err := put(b, line, details[i]); err != nil {
			return 0, err
		}
		head = audit.Head{Sequence: line.Sequence, Hash: line.Hash}
	}

	if err := l.apply(b, synced); err != nil {
		return 0, err
	}
	l.missed.Add(-missed)
	l.head, l.time = head, now
	return head.Sequence, nil
}

// apply hands a batch to Pebble, at the right moment.
func (l *Log) apply(b *pebble.Batch, synced bool) error {
	size := b.Len()
	err := guard.Guard(func() error {
		if synced {
			return l.db.ApplyNoSyncWait(b, pebble.Sync)
		}
		return l.db.Apply(b, pebble.NoSync)
	})
	l.space.wrote(size)
	if err != nil {
		return l.breakDown(err)
	}
	return nil
}

// prepareAll makes lines of entries, but for their places in the chain, and their details.
func prepareAll(entries []audit.Entry) (lines []*audit.Line, details [][]byte, err error) {
	lines, details = make([]*audit.Line, len(entries)), make([][]byte, len(entries))
	for i := range entries {
		if lines[i], details[i], err = prepare(&entries[i]); err != nil {
			return nil, nil, err
		}
	}
	return lines, details, nil
}

// prepare makes a line of an entry, but for its place in the chain.
func prepare(e *audit.Entry) (*audit.Line, []byte, error) {
	l := &audit.Line{
		Action:        audit.Action(audit.Valid(string(e.Action))),
		Outcome:       e.Outcome,
		User:          audit.Valid(e.User),
		Role:          audit.Valid(e.Role),
		Address:       audit.Valid(e.Address),
		ContactCenter: audit.Valid(e.ContactCenter),
		Recording:     audit.Valid(e.Recording),
	}
	if l.Outcome == "" {
		l.Outcome = audit.Done
	}

	var err error
	if l.Facts, err = audit.Canonical(e.Facts); err != nil {
		return nil, nil, err
	}
	detail, err := audit.Canonical(e.Detail)
	if err != nil || detail == nil {
		return l, nil, err
	}
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		return nil, nil, err
	}
	l.DetailHash = audit.DetailHash(detail, hex.EncodeToString(salt))
	return l, append(salt, detail...), nil
}

// put adds an entry to a batch, when it has its place.
func put(b *pebble.Batch, l *audit.Line, detail []byte) (err error) {
	if l.Hash, err = l.ChainHash(); err != nil {
		return err
	}
	value, err := appendValue(nil, l)
	if err != nil {
		return err
	}

	err = b.Set(sequenceKey(entryPrefix, l.Sequence), value, nil)
	if detail != nil {
		err = errors.Join(err, b.Set(sequenceKey(detailPrefix, l.Sequence), detail, nil))
	}
	if l.Recording != "" {
		err = errors.Join(err, b.Set(recordingKey(l.Recording, l.Sequence), nil, nil))
	}
	if key := signInKey(l); key != nil {
		err = errors.Join(err, b.Set(key, nil, nil))
	}
	if awaitsErasing(l) {
		err = errors.Join(err, b.Set(sequenceKey(unerasedPrefix, l.Sequence), nil, nil))
	}
	if err != nil {
		return fmt.Errorf("preparing an entry of the audit log: %w", err)
	}
	return nil
}

// Err returns why no entry can be written now: [audit.ErrUnavailable], [audit.ErrDiskFull], or nil.
func (l *Log) Err() error {
	if err := l.failed(); err != nil {
		return err
	}
	if l.space.full(l.o.Now(), l.o.Release) {
		return audit.ErrDiskFull
	}
	return nil
}

// failed returns why nothing can be written any more, be there space or not.
func (l *Log) failed() error {
	if cause := l.broken.Load(); cause != nil {
		return fmt.Errorf("%w: %w", audit.ErrUnavailable, *cause)
	}
	return nil
}

// breakDown notes that the log cannot be written any more.
func (l *Log) breakDown(cause error) error {
	if errors.Is(cause, audit.ErrUnavailable) || errors.Is(cause, audit.ErrDiskFull) {
		return cause
	}
	if l.broken.CompareAndSwap(nil, &cause) {
		l.o.Log.Error().Err(cause).
			Msg("the audit log cannot be written any more; restart the service when the cause is mended")
	}
	return fmt.Errorf("%w: %w", audit.ErrUnavailable, *l.broken.Load())
}

// audit.Head returns the end of the chain.
func (l *Log) Head() audit.Head {
	l.appends.Lock()
	defer l.appends.Unlock()
	return l.head
}

// audit.Status returns how the log is doing.
func (l *Log) Status() audit.Status {
	l.appends.Lock()
	s := audit.Status{Head: l.head, Time: time.UnixMilli(l.time)}
	l.appends.Unlock()
	s.First, s.DiskBytes, s.Err = l.first.Load(), l.db.Metrics().DiskSpaceUsage(), l.Err()
	return s
}

// Checkpoint makes another log of hard links to the files of this one, as it is now, durably.
func (l *Log) Checkpoint(dir string) error {
	return guard.Guard(func() error { return l.db.Checkpoint(dir, pebble.WithFlushedWAL()) })
}

// sync makes durable what nobody has waited for.
func (l *Log) sync() error {
	if err := l.db.LogData(nil, pebble.Sync); err != nil {
		return l.breakDown(err)
	}
	return l.failed()
}
