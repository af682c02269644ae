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
// knows that they may be missing: without such an entry it erases nothing. What somebody has asked for
// while the recording was being deleted stands behind that, and is looked at later, as it has its own key
// (see awaitsErasing).
func (l *Log) EraseDetails(ctx context.Context, contactCenter string, recordings ...string) error {
	l.erasing.Lock()
	defer l.erasing.Unlock()
	if err := l.failed(); err != nil {
		return err
	}
	b := l.db.NewBatch()
	defer func() { _ = b.Close() }()

	for _, recording := range recordings {
		deleted := false
		err := l.about(ctx, contactCenter, recording, func(line *audit.Line) error {
			if deleted = deleted || line.JustifiesErasing(); deleted {
				return eraseOne(b, line)
			}
			return nil
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

// about gives the entries about a recording, the newest first.
func (l *Log) about(ctx context.Context, contactCenter, recording string, fn func(*audit.Line) error) error {
	r := &reader{l.db, l.secret, l.first.Load()}
	q := audit.Query{ContactCenters: []string{contactCenter}, Recording: recording}
	return r.byRecording(ctx, q, true, fn)
}

// eraseOne erases the detail of an entry, and the key that says that this is to be done.
func eraseOne(b *pebble.Batch, line *audit.Line) error {
	var awaited, detail error
	if awaitsErasing(line) {
		awaited = b.Delete(sequenceKey(unerasedPrefix, line.Sequence), nil)
	}
	if line.DetailHash != "" {
		detail = b.Delete(sequenceKey(detailPrefix, line.Sequence), nil)
	}
	return errors.Join(awaited, detail)
}

// awaitsErasing reports whether an entry has to be looked at later, for which a key stands until then: it
// says that a recording is about to be deleted, whose details must then be erased; or it has a detail about
// a recording, and who asked for it may have been late, or there may never have been such a recording: no
// deletion would come to it any more.
func awaitsErasing(l *audit.Line) bool {
	deletes := l.Action == audit.Delete && l.Outcome == audit.Begun
	return l.Recording != "" && (deletes || l.DetailHash != "")
}

// finishErasing looks at what awaits that, up to an entry: details of recordings that are not there are
// erased. Whether one is there Options.Gone says; if so, the entry of its deletion is still to come. What it
// could not look at it comes back to.
func (l *Log) finishErasing(ctx context.Context, upTo uint64) (err error) {
	if l.o.Gone == nil {
		return nil
	}
	there := l.db.NewBatch() // keys of entries that need not be looked at any more
	defer func() { _ = there.Close() }()
	r := &reader{l.db, l.secret, l.first.Load()}
	failed := r.keys(unerasedPrefix, upTo, func(sequence uint64) error {
		line, failed := r.awaiting(sequence)
		if failed != nil || line == nil {
			return failed
		}
		head := l.Head().Sequence // what comes later may be about another recording of this id
		gone, failed := l.o.Gone(ctx, line.ContactCenter, line.Recording)
		switch {
		case failed != nil && ctx.Err() != nil:
			return context.Cause(ctx)
		case failed != nil:
			err = fmt.Errorf("looking for a recording: %w", failed) // others can be looked at all the same
			return nil
		case gone:
			return l.eraseGone(ctx, line.ContactCenter, line.Recording, head)
		}
		return there.Delete(sequenceKey(unerasedPrefix, sequence), nil)
	})
	if err = errors.Join(err, failed); there.Empty() {
		return err
	}
	return errors.Join(err, l.commit(there, pebble.Sync))
}

// awaiting returns an entry that is to be looked at; nil if it need not be any more, as what is about its
// recording was erased meanwhile.
func (r *reader) awaiting(sequence uint64) (*audit.Line, error) {
	_, closer, err := r.Get(sequenceKey(unerasedPrefix, sequence))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := closer.Close(); err != nil {
		return nil, err
	}
	return r.line(sequence)
}

// eraseGone erases the details of all entries about a recording that is not there, up to one. Where no
// deletion justifies that, as there was none, or not since then, an entry of the log's own does.
func (l *Log) eraseGone(ctx context.Context, contactCenter, recording string, upTo uint64) error {
	l.erasing.Lock()
	defer l.erasing.Unlock()
	if err := l.failed(); err != nil {
		return err
	}

	var lines []*audit.Line
	justified, needed := false, false
	err := l.about(ctx, contactCenter, recording, func(line *audit.Line) error {
		if line.Sequence > upTo {
			return nil
		}
		justified = justified || line.JustifiesErasing()
		needed = needed || line.DetailHash != "" && !justified
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		return err
	}
	fill := func(b *pebble.Batch) error {
		for _, line := range lines {
			if err := eraseOne(b, line); err != nil {
				return err
			}
		}
		return nil
	}
	if needed {
		e := audit.Entry{Action: audit.Erase, ContactCenter: contactCenter, Recording: recording}
		return l.cut(e, fill, func() {})
	}

	b := l.db.NewBatch()
	defer func() { _ = b.Close() }()
	if err := fill(b); err != nil {
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

// removeCutOff removes the entries that were cut off, each in one step with the keys by which it was found:
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
			var found, signIn error
			if line.Recording != "" {
				found = b.Delete(recordingKey(line.Recording, line.Sequence), nil)
			}
			if key := signInKey(line); key != nil {
				signIn = b.Delete(key, nil)
			}
			return errors.Join(found, signIn)
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
