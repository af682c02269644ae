package embedded

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/cockroachdb/pebble/v2"

	"recordings/index"
	"recordings/index/embedded/newest"
	"recordings/index/embedded/query"
	"recordings/mapping"
)

// sampleSize is how many recordings the searches are made of that an old and a new index are compared by. There are several
// searches for each.
const sampleSize = 50

// proveIndex closes an index that was built, checks it as a restart would, and opens it again. If it cannot be opened, the
// one that is returned is closed.
func (x *Index) proveIndex(ctx context.Context, s *searchIndex) (*searchIndex, error) {
	if err := x.reindex.enter(ctx, index.Checking); err != nil {
		return s, err
	}
	if err := s.flush(ctx); err != nil {
		return s, err
	}
	x.hold(s)
	if err := s.close(); err != nil {
		return s, err
	}
	opened, err := x.openChecked(s.dir, s.sequence)
	if err != nil {
		return s, fmt.Errorf("the new search index does not pass its check: %w", err)
	}
	return opened, x.catchUpBeside(ctx, opened)
}

// whole is one consistent state of everything: what a search index has, and the store.
type whole struct {
	index    *searchIndex
	reader   *scorch.IndexSnapshot
	snapshot *pebble.Snapshot
	log      changeLog           // of the snapshot
	changed  map[string]struct{} // keys of which the index may have another version than the store
}

// whole returns the present state. It must be closed.
func (x *Index) whole() (*whole, error) {
	w := &whole{}
	var err error
	w.changed, err = x.pending.viewAll(func() (err error) {
		if w.index, w.reader, err = x.state.reader(); err != nil {
			return err
		}
		w.snapshot = x.db.NewSnapshot()
		return nil
	})
	if err != nil {
		return nil, err
	}
	if w.log, err = readChangeLog(w.snapshot); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *whole) close() {
	_ = w.reader.Close()
	_ = w.snapshot.Close()
}

// with is the same state of the store, with another index, up to the sequence of which both have all changes.
func (w *whole) with(ctx context.Context, s *searchIndex) (*whole, error) {
	changed, err := changedSince(ctx, w.snapshot, s.sequence, w.log.last)
	if err != nil {
		return nil, err
	}
	r, err := s.scorch.Reader()
	if err != nil {
		return nil, fmt.Errorf("reading the search index: %w", err)
	}
	return &whole{index: s, reader: r.(*scorch.IndexSnapshot), snapshot: w.snapshot, log: w.log, changed: changed}, nil
}

// changedSince returns the keys that were changed after a sequence.
func changedSince(ctx context.Context, r pebble.Reader, after, last uint64) (map[string]struct{}, error) {
	const atATime = 10_000
	keys := make(map[string]struct{})
	for after < last {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		changes, err := changesOf(r, after, atATime)
		if err != nil {
			return nil, err
		}
		if len(changes) == 0 || changes[0].sequence != after+1 {
			return nil, fmt.Errorf("the change log does not have %d", after+1)
		}
		for _, c := range changes {
			keys[c.key] = struct{}{}
		}
		after = changes[len(changes)-1].sequence
	}
	return keys, nil
}

// compareIndexes compares an index that was built with the one in use: all counts, and a sample of searches. If they disagree,
// the recordings decide which of them is right. It returns the beginning of the verdict.
func (x *Index) compareIndexes(ctx context.Context, s *searchIndex) (verdict string, err error) {
	if err := x.reindex.enter(ctx, index.Comparing); err != nil {
		return "", err
	}
	before, err := x.whole()
	var notReady *index.NotReadyError
	if errors.As(err, &notReady) {
		return "done", nil // there is nothing to compare it with any more
	}
	if err != nil {
		return "", err
	}
	defer before.close()
	after, err := before.with(ctx, s)
	if err != nil {
		return "", err
	}
	defer func() { _ = after.reader.Close() }()
	searches, difference, err := compare(ctx, before, after)
	if err != nil {
		return "", fmt.Errorf("comparing the new search index with the old: %w", err)
	}
	if difference == "" {
		return fmt.Sprintf("done: old and new agree in all counts and in %d searches", searches), nil
	}
	x.log.Warn().Str("difference", difference).Msg("the old and the new search index disagree; the recordings decide")
	report := newFindings()
	if err := after.verify(ctx, report, (&lowPriority{x: x, ctx: ctx}).rest); err != nil {
		return "", fmt.Errorf("comparing the new search index with the recordings: %w", err)
	}
	if report.problems > 0 {
		return "", fmt.Errorf("the new search index disagrees with the old (%s) and with %d recordings", difference, report.problems)
	}
	return "done: the old search index was wrong (" + difference + "), the new one agrees with all recordings", nil
}

// compare returns the first difference between two indexes, but for what was changed since either, and how many searches
// were compared.
func compare(ctx context.Context, a, b *whole) (searches int, difference string, err error) {
	hidden := maps.Clone(a.changed)
	maps.Copy(hidden, b.changed)
	err = guard(func() error {
		if difference, err = compareCounts(ctx, a, b, slices.Collect(maps.Keys(hidden))); err != nil || difference != "" {
			return err
		}
		searches, difference, err = compareSearches(ctx, a, b, hidden)
		return err
	})
	return searches, difference, err
}

// compareCounts compares how many documents there are in all, and for each contact center, region and day.
func compareCounts(ctx context.Context, a, b *whole, hidden []string) (difference string, err error) {
	was, err := newest.CountScopes(ctx, a.reader, hidden)
	if err != nil {
		return "", err
	}
	is, err := newest.CountScopes(ctx, b.reader, hidden)
	if err != nil {
		return "", err
	}
	different := 0
	for scope, n := range is {
		if was[scope] != n {
			different++
		}
	}
	for scope := range was {
		if _, ok := is[scope]; !ok {
			different++
		}
	}
	if different > 0 {
		return fmt.Sprintf("the counts of %d contact centers, regions or days differ", different), nil
	}
	return "", nil
}

func compareSearches(ctx context.Context, a, b *whole, hidden map[string]struct{}) (n int, difference string, err error) {
	for _, w := range []*whole{a, b} {
		keys, err := newest.Sample(w.reader, sampleSize/2)
		if err != nil {
			return n, "", err
		}
		for _, key := range keys {
			queries, err := w.queriesFor(key)
			if err != nil {
				return n, "", err
			}
			for _, q := range queries {
				q.Hidden = hidden
				same, err := sameHits(ctx, a, b, q)
				if err != nil {
					return n, "", err
				}
				if n++; !same {
					return n, fmt.Sprintf("search %d of the sample finds other recordings", n), nil
				}
			}
		}
	}
	return n, "", nil
}

func sameHits(ctx context.Context, a, b *whole, q newest.Request) (bool, error) {
	was, wasMore, err := a.index.searcher.Search(ctx, a.reader, q)
	if errors.Is(err, index.ErrTooCostly) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	is, isMore, err := b.index.searcher.Search(ctx, b.reader, q)
	if errors.Is(err, index.ErrTooCostly) {
		return true, nil
	}
	same := slices.EqualFunc(was, is, func(a, b newest.Hit) bool { return a.Key == b.Key && a.Start == b.Start })
	return same && wasMore == isMore, err
}

// queriesFor makes searches of several kinds that find a recording, if it is stored.
func (w *whole) queriesFor(key string) ([]newest.Request, error) {
	data, err := readRecord(w.snapshot, key)
	if err != nil || data == nil {
		return nil, err
	}
	contactCenter, _, err := splitRecordKey(key)
	if err != nil {
		return nil, err
	}
	r, err := mapping.DecodeStored(data)
	if err != nil {
		return nil, err
	}
	s := r.Searchable()
	day := s.StartTime - s.StartTime%mapping.Time(24*60*60*1000)
	all := []map[string]string{
		{mapping.ParamCallerPhoneNumber: s.CallerPhoneNumber},
		{mapping.ParamDialedPhoneNumber: "*" + tail(s.DialedPhoneNumber, 5)},
		{mapping.ParamStartTime: day.String(), mapping.ParamEndTime: s.StopTime.String()},
	}
	if len(s.Names) > 0 {
		all = append(all, map[string]string{mapping.ParamUserName: `"` + s.Names[len(s.Names)/2] + `"`},
			map[string]string{mapping.ParamUserName: `"*` + tail(s.Names[0], 4) + `"`, mapping.ParamStartTime: day.String()})
	}
	if len(s.UserData) > 0 {
		all = append(all, map[string]string{mapping.ParamUserData: `"` + s.UserData[len(s.UserData)/2] + `"`})
	}
	var queries []newest.Request
	for _, params := range all {
		criteria, err := mapping.ParseCriteria(params)
		if err != nil {
			continue // a value that no search can give: with quotes, or a star too many
		}
		queries = append(queries, newest.Request{Query: query.New(contactCenter, r.Region, &criteria), Limit: 100})
	}
	return queries, nil
}

// tail is the end of a value, a few bytes or runes long, without what has a meaning in a search.
func tail(value string, n int) string {
	value = value[max(0, len(value)-n):]
	for len(value) > 0 && !utf8.RuneStart(value[0]) {
		value = value[1:]
	}
	return strings.NewReplacer("*", "", `"`, "").Replace(value)
}
