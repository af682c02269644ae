package store

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sort"

	"github.com/cockroachdb/pebble/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"recordings/audit"
	"recordings/internal/guard"
	"recordings/mapping"
)

// Walk calls yield for each line that is wanted, the newest last, in canonical JSON and without a line
// feed. What is written meanwhile is not shown. It returns the end of the chain at that moment.
func (l *Log) Walk(ctx context.Context, q audit.Query, yield func(line []byte) error) (audit.Head, error) {
	l.appends.Lock()
	head, snapshot := l.head, l.db.NewSnapshot()
	l.appends.Unlock()

	var err error
	r := &reader{snapshot, l.secret, l.first.Load()}
	failed := guard.Guard(func() error {
		err = r.walk(ctx, q, head.Sequence, yield)
		return nil
	})
	return head, errors.Join(err, failed, snapshot.Close())
}

// reader reads the entries of a log as it is at one moment.
type reader struct {
	pebble.Reader
	secret []byte
	first  uint64
}

// walk does what Walk says.
func (r *reader) walk(ctx context.Context, q audit.Query, last uint64, yield func([]byte) error) error {
	meta, err := readMeta(r.Reader)
	if err != nil {
		return err
	}
	r.first = meta.first

	show := func(line *audit.Line) error {
		b, err := json.Marshal(line)
		if err != nil {
			return fmt.Errorf("writing an entry: %w", err)
		}
		return yield(b)
	}
	switch {
	case q.Chain:
		return r.chain(ctx, q, meta, show)
	case q.Newest > 0:
		return r.newest(ctx, q, last, show)
	case q.Recording != "":
		return r.byRecording(ctx, q, false, show)
	}
	return r.between(ctx, q, last, show)
}

// chain shows every entry behind q.After.
func (r *reader) chain(ctx context.Context, q audit.Query, meta meta, show func(*audit.Line) error) error {
	previous := meta.before
	if q.After >= meta.first {
		line, err := r.line(q.After)
		if err != nil {
			return err
		}
		if line == nil {
			return nil // it lies behind the end
		}
		previous = line.Hash
	}

	return r.scan(ctx, max(q.After+1, meta.first), func(line *audit.Line) error {
		line.Previous, previous = previous, line.Hash
		line.Salt = saltOf(r.secret, line.Sequence)
		if err := r.addDetail(line); err != nil {
			return err
		}
		// Who does not see all may not see the entry that says why a detail is missing.
		unproven := q.Visible != nil && line.DetailHash != "" && line.Detail == nil
		if q.Shows(line) && !unproven {
			return show(line)
		}
		hidden, err := line.Hide()
		if err != nil {
			return err
		}
		return show(&hidden)
	})
}

// between shows what is wanted of a range of times.
func (r *reader) between(ctx context.Context, q audit.Query, last uint64, show func(*audit.Line) error) error {
	from, err := r.seekTime(q.From, last)
	if err != nil {
		return err
	}
	var previous string
	err = r.scan(ctx, max(from, q.After+1), func(line *audit.Line) error {
		if q.To != 0 && line.Time >= q.To {
			return errEnough
		}
		before := previous
		previous = line.Hash
		if !q.Matches(line) {
			return nil
		}
		line.Previous = before // the empty text before the first
		return r.complete(line, show)
	})
	return unlessEnough(err)
}

// errEnough ends a scan.
var errEnough = errors.New("enough")

func unlessEnough(err error) error {
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// newest shows the newest of what is wanted.
func (r *reader) newest(ctx context.Context, q audit.Query, last uint64, show func(*audit.Line) error) error {
	var found []*audit.Line
	collect := func(line *audit.Line) error {
		if q.From != 0 && line.Time < q.From || line.Sequence <= q.After {
			return errEnough
		}
		if q.Matches(line) {
			found = append(found, line)
		}
		if len(found) == q.Newest {
			return errEnough
		}
		return nil
	}

	var err error
	if q.Recording != "" {
		err = r.byRecording(ctx, audit.Query{Recording: q.Recording}, true, collect)
	} else {
		err = r.scanBack(ctx, last, collect)
	}
	if unlessEnough(err) != nil {
		return err
	}
	for _, line := range slices.Backward(found) {
		if err := r.complete(line, show); err != nil {
			return err
		}
	}
	return nil
}

// complete shows a line with all that belongs to it.
func (r *reader) complete(line *audit.Line, show func(*audit.Line) error) error {
	if line.Previous == "" {
		before, err := r.line(line.Sequence - 1)
		if err != nil {
			return err
		}
		if before == nil { // it is the first that is kept
			meta, err := readMeta(r.Reader)
			if err != nil {
				return err
			}
			before = &audit.Line{Hash: meta.before}
		}
		line.Previous = before.Hash
	}
	line.Salt = saltOf(r.secret, line.Sequence)
	if err := r.addDetail(line); err != nil {
		return err
	}
	return show(line)
}

// byRecording shows what is wanted of the entries about one recording, in either direction. Backward,
// lines are given as they are stored.
func (r *reader) byRecording(ctx context.Context, q audit.Query, backward bool, show func(*audit.Line) error) error {
	lower, upper := recordingKey(q.Recording, max(r.first, q.After+1)), recordingKey(q.Recording, 1<<64-1)
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	defer it.Close()

	start, step := it.First, it.Next
	if backward {
		start, step = it.Last, it.Prev
	}
	for ok := start(); ok; ok = step() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		line, err := r.line(sequenceOf(it.Key()))
		if err != nil {
			return err
		}
		if line == nil || !q.Matches(line) {
			continue
		}
		if backward {
			err = show(line)
		} else {
			err = r.complete(line, show)
		}
		if err != nil {
			return err
		}
	}
	return it.Error()
}

// SignIns implements [audit.Log].
func (l *Log) SignIns(ctx context.Context, user string, o audit.Outcome, yield func(*audit.Line) bool) error {
	prefix := signInPrefixOf(user, o)
	if prefix == nil {
		return nil
	}
	r := &reader{l.db, l.secret, l.first.Load()}
	wanted := func(line *audit.Line) bool {
		return line.Action == audit.SignIn && line.User == user && line.Outcome == o
	}
	return guard.Guard(func() error { return r.signIns(ctx, prefix, wanted, yield) })
}

// signIns gives the sign-ins whose keys have a prefix, as they are stored. The hash of another name may be the
// same, so it is looked whether they are wanted.
func (r *reader) signIns(
	ctx context.Context, prefix []byte, wanted func(*audit.Line) bool, yield func(*audit.Line) bool,
) error {
	it, err := r.NewIter(&pebble.IterOptions{
		LowerBound: binary.BigEndian.AppendUint64(slices.Clone(prefix), r.first),
		UpperBound: binary.BigEndian.AppendUint64(slices.Clone(prefix), 1<<64-1),
	})
	if err != nil {
		return err
	}
	defer it.Close()

	for ok := it.Last(); ok; ok = it.Prev() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		line, err := r.line(sequenceOf(it.Key()))
		if err != nil {
			return err
		}
		if line != nil && wanted(line) && !yield(line) { // nil: it was cut off meanwhile
			return nil
		}
	}
	return it.Error()
}

// scan gives all entries from a sequence on.
func (r *reader) scan(ctx context.Context, from uint64, fn func(*audit.Line) error) error {
	it, err := r.NewIter(&pebble.IterOptions{
		LowerBound: sequenceKey(entryPrefix, from), UpperBound: sequenceKey(entryPrefix, 1<<64-1),
	})
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		if err := visit(ctx, it, fn); err != nil {
			return err
		}
	}
	return it.Error()
}

// scanBack gives all entries up to a sequence, the newest first.
func (r *reader) scanBack(ctx context.Context, last uint64, fn func(*audit.Line) error) error {
	it, err := r.NewIter(&pebble.IterOptions{
		LowerBound: sequenceKey(entryPrefix, r.first), UpperBound: sequenceKey(entryPrefix, last+1),
	})
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.Last(); ok; ok = it.Prev() {
		if err := visit(ctx, it, fn); err != nil {
			return err
		}
	}
	return it.Error()
}

// keys gives the sequences of the keys of a kind, up to one.
func (r *reader) keys(prefix string, upTo uint64, fn func(sequence uint64) error) error {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: []byte(prefix), UpperBound: sequenceKey(prefix, upTo+1)})
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		if err := fn(sequenceOf(it.Key())); err != nil {
			return err
		}
	}
	return it.Error()
}

// visit gives the entry that an iterator is at.
func visit(ctx context.Context, it *pebble.Iterator, fn func(*audit.Line) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	line, err := readValue(it.Key(), it.Value())
	if err != nil {
		return fmt.Errorf("entry %d: %w", sequenceOf(it.Key()), err)
	}
	return fn(line)
}

// seekTime returns the sequence of the first entry at or after a time. The times of a chain never go
// back, so it is found by halving.
func (r *reader) seekTime(t mapping.Time, last uint64) (uint64, error) {
	if t == 0 || last < r.first {
		return r.first, nil
	}
	var failed error
	n := sort.Search(int(last-r.first+1), func(i int) bool {
		line, err := r.line(r.first + uint64(i))
		if err != nil || line == nil {
			failed = errors.Join(failed, err)
			return true
		}
		return line.Time >= t
	})
	return r.first + uint64(n), failed
}

// line returns an entry as it is stored; nil if there is none.
func (r *reader) line(sequence uint64) (*audit.Line, error) {
	key := sequenceKey(entryPrefix, sequence)
	value, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	line, err := readValue(key, value)
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w", sequence, err)
	}
	return line, nil
}

// addDetail adds the detail to a line, if there is one and it was not erased.
func (r *reader) addDetail(line *audit.Line) error {
	if line.DetailHash == "" {
		return nil
	}
	value, closer, err := r.Get(sequenceKey(detailPrefix, line.Sequence))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer closer.Close()
	if len(value) < saltBytes || !jsontext.Value(value[saltBytes:]).IsValid() {
		return fmt.Errorf("the detail of entry %d: %w", line.Sequence, errValue)
	}
	line.DetailSalt = hex.EncodeToString(value[:saltBytes])
	line.Detail = jsontext.Value(slices.Clone(value[saltBytes:]))
	return nil
}

// meta is what is stored of the log as a whole.
type meta struct {
	secret []byte
	first  uint64 // sequence of the first entry that is kept
	before string // hash of the one before
}

// readMeta reads it. [pebble.ErrNotFound]: there is no log yet.
func readMeta(r pebble.Reader) (m meta, err error) {
	format, closer, err := r.Get([]byte(formatKey))
	if err != nil {
		return m, err
	}
	version := slices.Clone(format)
	if err := closer.Close(); err != nil {
		return m, err
	}
	if len(version) != 1 || version[0] != Layout {
		return m, fmt.Errorf("the layout is of version %x, this program knows %d; "+
			"use the version of the program that wrote it or a later one", version, Layout)
	}

	secret, closer, err := r.Get([]byte(secretKey))
	if err != nil {
		return m, fmt.Errorf("reading the secret: %w", err)
	}
	m = meta{secret: slices.Clone(secret), first: 1, before: audit.Genesis}
	if err := closer.Close(); err != nil {
		return m, err
	}

	first, closer, err := r.Get([]byte(firstKey))
	if errors.Is(err, pebble.ErrNotFound) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	defer closer.Close()
	if len(first) != 8+32 {
		return m, errValue
	}
	m.first, m.before = sequenceOf(first[:8]), hex.EncodeToString(first[8:])
	return m, nil
}

// newestLine is the newest entry as it is stored; nil if there is none.
func newestLine(r pebble.Reader) (*audit.Line, error) {
	it, err := r.NewIter(&pebble.IterOptions{
		LowerBound: []byte(entryPrefix), UpperBound: sequenceKey(entryPrefix, 1<<64-1),
	})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	if !it.Last() {
		return nil, it.Error()
	}
	return readValue(it.Key(), it.Value())
}
