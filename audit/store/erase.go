package store

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"recordings/audit"
	"recordings/internal/guard"
	"recordings/mapping"
)

// EraseDetails erases the details of all entries about recordings that were deleted, durably; their
// hashes stay. It heeds what was written before the entry of the deletion, by which a verification
// knows that they may be missing: without such an entry it erases nothing.
func (l *Log) EraseDetails(ctx context.Context, contactCenter string, recordings ...string) error {
	l.erasing.Lock()
	defer l.erasing.Unlock()
	if err := l.failed(); err != nil {
		return err
	}
	b := l.db.NewBatch()
	defer func() { _ = b.Close() }()

	r := &reader{l.db, l.secret, l.first.Load()}
	for _, recording := range recordings {
		q := audit.Query{ContactCenters: []string{contactCenter}, Recording: recording}
		// What somebody has asked for while the recording was being deleted stands behind that: it is erased
		// when there is an entry of how the deletion ended, which the key has the log come back for.
		deleted, late := false, false
		err := r.byRecording(ctx, q, true, func(line *audit.Line) error {
			deleted = deleted || line.JustifiesErasing()
			late = late || !deleted && line.DetailHash != ""
			var unfinished, detail error
			if deleted && !late && erases(line) {
				unfinished = b.Delete(sequenceKey(unerasedPrefix, line.Sequence), nil)
			}
			if deleted && line.DetailHash != "" {
				detail = b.Delete(sequenceKey(detailPrefix, line.Sequence), nil)
			}
			return errors.Join(unfinished, detail)
		})
		if err != nil {
			return err
		}
	}
	if b.Empty() {
		return nil
	}
	return l.commit(b, pebble.Sync)
}

// erases reports whether an entry says that a recording is about to be deleted, whose details must then
// be erased. Until they are, a key stands for that.
func erases(l *audit.Line) bool {
	return l.Action == audit.Delete && l.Outcome == audit.Begun && l.Recording != ""
}

// finishErasing erases the details of recordings that were deleted, up to an entry, where the process
// ended before it came to that, or the log could not be written then. Whether a recording is gone
// Options.Gone says; one that is there was not deleted.
func (l *Log) finishErasing(ctx context.Context, upTo uint64) error {
	if l.o.Gone == nil {
		return nil
	}
	r := &reader{l.db, l.secret, l.first.Load()}
	return r.keys(unerasedPrefix, upTo, func(sequence uint64) error {
		line, err := r.line(sequence)
		if err != nil || line == nil {
			return err
		}
		return l.finishOne(ctx, line)
	})
}

// finishOne does that for the entry of one deletion.
func (l *Log) finishOne(ctx context.Context, line *audit.Line) error {
	gone, err := l.o.Gone(ctx, line.ContactCenter, line.Recording)
	if err != nil {
		return fmt.Errorf("looking for a recording: %w", err)
	}
	if gone {
		return l.EraseDetails(ctx, line.ContactCenter, line.Recording)
	}

	b := l.db.NewBatch()
	defer func() { _ = b.Close() }()
	if err := b.Delete(sequenceKey(unerasedPrefix, line.Sequence), nil); err != nil {
		return err
	}
	return l.commit(b, pebble.Sync)
}

// commit commits a batch that has no entries, durably if that is asked for.
func (l *Log) commit(b *pebble.Batch, o *pebble.WriteOptions) error {
	if err := guard.Guard(func() error { return b.Commit(o) }); err != nil {
		return l.breakDown(err)
	}
	return l.failed()
}

// CutOff cuts off the entries before a time, and signs off what went: one more entry says how far, and
// has the hash of the last that is gone, to which the first that is left refers. From then on nobody is
// shown what lies before, and then it is removed; where the process ends meanwhile, the next call goes on.
func (l *Log) CutOff(ctx context.Context, before time.Time) error {
	l.erasing.Lock()
	defer l.erasing.Unlock()
	through, hash, err := l.lastBefore(before)
	if err != nil {
		return err
	}
	if through == 0 {
		return l.removeCutOff(ctx)
	}

	sum, err := hex.DecodeString(hash)
	if err != nil {
		return fmt.Errorf("cutting off entries: %w", err)
	}
	e := audit.Entry{Action: audit.Cut, Facts: map[string]any{"through": through, "hash": hash}}
	err = l.cut(e, func(b *pebble.Batch) error {
		first := append(binary.BigEndian.AppendUint64(nil, through+1), sum...)
		return errors.Join(
			b.Set([]byte(firstKey), first, nil),
			b.DeleteRange([]byte(detailPrefix), sequenceKey(detailPrefix, through+1), nil),
			b.DeleteRange([]byte(unerasedPrefix), sequenceKey(unerasedPrefix, through+1), nil),
		)
	}, func() { l.first.Store(through + 1) })
	if err != nil {
		return err
	}
	return l.removeCutOff(ctx)
}

// EraseOldDetails erases the details of all entries before a time, and writes an entry that says so.
func (l *Log) EraseOldDetails(before time.Time) error {
	l.erasing.Lock()
	defer l.erasing.Unlock()
	through, _, err := l.lastBefore(before)
	if err != nil || through == 0 {
		return err
	}

	lower, upper := []byte(detailPrefix), sequenceKey(detailPrefix, through+1)
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	some := it.First()
	if err := errors.Join(it.Error(), it.Close()); err != nil || !some {
		return err
	}
	e := audit.Entry{Action: audit.Erase, Facts: map[string]any{"through": through}}
	return l.cut(e, func(b *pebble.Batch) error {
		return b.DeleteRange(lower, upper, nil)
	}, func() {})
}

// cut writes an entry together with what it says is gone, in one durable step.
func (l *Log) cut(e audit.Entry, fill func(*pebble.Batch) error, done func()) error {
	b := l.db.NewBatch()
	defer func() { _ = b.Close() }()
	if err := fill(b); err != nil {
		return fmt.Errorf("preparing what is cut off: %w", err)
	}
	if _, err := l.append(b, []audit.Entry{e}, true); err != nil {
		return err
	}
	done()
	if err := guard.Guard(b.SyncWait); err != nil {
		return l.breakDown(err)
	}
	return l.failed()
}

// lastBefore is the last entry before a time; 0: there is none.
func (l *Log) lastBefore(t time.Time) (sequence uint64, hash string, err error) {
	r := &reader{l.db, l.secret, l.first.Load()}
	from, err := r.seekTime(mapping.Time(max(t.UnixMilli(), 1)), l.Head().Sequence)
	if err != nil || from <= r.first {
		return 0, "", err
	}
	line, err := r.line(from - 1)
	if err != nil || line == nil {
		return 0, "", err
	}
	return line.Sequence, line.Hash, nil
}

// removeCutOff removes the entries that were cut off, each in one step with the key by which it was found:
// so at any moment there is a key for each entry, and an entry for each key.
func (l *Log) removeCutOff(ctx context.Context) error {
	const step = 10_000 // entries
	r := &reader{l.db, l.secret, l.first.Load()}
	for {
		b := l.db.NewBatch()
		n, first, last := 0, uint64(0), uint64(0)
		err := r.scan(ctx, 0, func(line *audit.Line) error {
			if line.Sequence >= r.first || n == step {
				return errEnough
			}
			if n == 0 {
				first = line.Sequence
			}
			n, last = n+1, line.Sequence
			if line.Recording == "" {
				return nil
			}
			return b.Delete(recordingKey(line.Recording, line.Sequence), nil)
		})
		if err = unlessEnough(err); err == nil && n > 0 {
			err = b.DeleteRange(sequenceKey(entryPrefix, first), sequenceKey(entryPrefix, last+1), nil)
		}
		if err == nil && n > 0 {
			err = l.commit(b, pebble.NoSync)
		}
		if err = errors.Join(err, b.Close()); err != nil || n < step {
			return err
		}
	}
}
