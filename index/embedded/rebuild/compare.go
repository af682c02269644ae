package rebuild

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"recordings/index"
	"recordings/index/embedded/bleveindex"
	"recordings/index/embedded/internal/fault"
	"recordings/index/embedded/internal/pace"
	"recordings/index/embedded/newest"
	"recordings/index/embedded/store"
	"recordings/index/embedded/verify"
	"recordings/index/query"
	"recordings/mapping"
)

// sampleSize is how many recordings the searches are made of that an old and a new index are
// compared by. There are several searches for each.
const sampleSize = 50

// prove closes an index that was built, checks it as a restart would, and opens it again. If it
// cannot be opened, the one that is returned is closed.
func (b *Builder) prove(ctx context.Context, x *bleveindex.Index) (*bleveindex.Index, error) {
	if err := b.job.enter(ctx, index.Checking); err != nil {
		return x, err
	}
	if err := x.Flush(ctx); err != nil {
		return x, err
	}
	b.hold(x)
	if err := x.Close(); err != nil {
		return x, err
	}

	opened, err := b.opener.openChecked(x.Dir(), x.Position().Sequence)
	if err != nil {
		return x, fmt.Errorf("the new search index does not pass its check: %w", err)
	}
	return opened, b.catchUp(ctx, opened)
}

// compare compares an index that was built with the one in use: all counts, and a sample of
// searches. If they disagree, the recordings decide which of them is right. It returns the
// beginning of the verdict.
func (b *Builder) compare(ctx context.Context, x *bleveindex.Index) (verdict string, err error) {
	if err := b.job.enter(ctx, index.Comparing); err != nil {
		return "", err
	}
	before, err := b.o.Service.State()
	var notReady *index.NotReadyError
	if errors.As(err, &notReady) {
		return "done", nil // there is nothing to compare it with any more
	}
	if err != nil {
		return "", err
	}
	defer before.Close()
	after, err := before.With(ctx, x)
	if err != nil {
		return "", err
	}
	defer func() { _ = after.Reader.Close() }()

	searches, difference, err := firstDifference(ctx, before, after)
	if err != nil {
		return "", fmt.Errorf("comparing the new search index with the old: %w", err)
	}
	if difference == "" {
		return fmt.Sprintf("done: old and new agree in all counts and in %d searches", searches), nil
	}
	b.o.Log.Warn().Str("difference", difference).Msg("the old and the new search index disagree; the recordings decide")
	return b.decide(ctx, after, difference)
}

// decide compares the new index with the recordings, after it has disagreed with the old one.
func (b *Builder) decide(ctx context.Context, after *verify.State, difference string) (verdict string, err error) {
	problems, err := after.Problems(ctx, pace.NewBackground(ctx, b.o.Service.Searches).Rest)
	if err != nil {
		return "", fmt.Errorf("comparing the new search index with the recordings: %w", err)
	}
	if problems > 0 {
		return "", fmt.Errorf("the new search index disagrees with the old (%s) and with %d recordings",
			difference, problems)
	}
	return "done: the old search index was wrong (" + difference + "), the new one agrees with all recordings", nil
}

// firstDifference returns the first difference between two indexes, but for what was changed since
// either, and how many searches were compared.
func firstDifference(ctx context.Context, a, b *verify.State) (searches int, difference string, err error) {
	hidden := maps.Clone(a.Changed)
	maps.Copy(hidden, b.Changed)
	err = fault.Guard(func() error {
		difference, err = compareCounts(ctx, a, b, slices.Collect(maps.Keys(hidden)))
		if err != nil || difference != "" {
			return err
		}
		searches, difference, err = compareSearches(ctx, a, b, hidden)
		return err
	})
	return searches, difference, err
}

// compareCounts compares how many documents there are in all, and for each contact center, region
// and day.
func compareCounts(ctx context.Context, a, b *verify.State, hidden []string) (difference string, err error) {
	was, err := newest.CountScopes(ctx, a.Reader.Snapshot, hidden)
	if err != nil {
		return "", err
	}
	is, err := newest.CountScopes(ctx, b.Reader.Snapshot, hidden)
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

// compareSearches compares the results of searches that are made of a sample of what either has.
func compareSearches(
	ctx context.Context, a, b *verify.State, hidden map[string]struct{},
) (n int, difference string, err error) {
	for _, w := range []*verify.State{a, b} {
		keys, err := newest.Sample(w.Reader.Snapshot, sampleSize/2)
		if err != nil {
			return n, "", err
		}

		for _, key := range keys {
			queries, err := queriesFor(w, key)
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

// sameHits reports whether a search has the same result in both. A search that costs too much is
// left out.
func sameHits(ctx context.Context, a, b *verify.State, q newest.Request) (bool, error) {
	was, wasMore, err := a.Index.Searcher().Search(ctx, a.Reader.Snapshot, q)
	if errors.Is(err, index.ErrTooCostly) {
		return true, nil
	}
	if err != nil {
		return false, err
	}

	is, isMore, err := b.Index.Searcher().Search(ctx, b.Reader.Snapshot, q)
	if errors.Is(err, index.ErrTooCostly) {
		return true, nil
	}

	same := slices.EqualFunc(was, is, func(a, b newest.Hit) bool { return a.Key == b.Key && a.Start == b.Start })
	return same && wasMore == isMore, err
}

// queriesFor makes searches of several kinds that find a recording, if it is stored.
func queriesFor(w *verify.State, key string) ([]newest.Request, error) {
	data, err := w.Store.Get(key)
	if err != nil || data == nil {
		return nil, err
	}
	contactCenter, _, err := store.SplitRecordKey(key)
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
		{mapping.ParamCallerPhoneNumber: s.CallerNumbers[0]},
		{mapping.ParamDialedPhoneNumber: "*" + tail(s.DialedNumbers[0], 5)},
		{mapping.ParamStartTime: day.String(), mapping.ParamEndTime: s.StopTime.String()},
	}
	if len(s.Names) > 0 {
		whole := map[string]string{mapping.ParamUserName: `"` + s.Names[len(s.Names)/2] + `"`}
		end := map[string]string{
			mapping.ParamUserName:  `"*` + tail(s.Names[0], 4) + `"`,
			mapping.ParamStartTime: day.String(),
		}
		all = append(all, whole, end)
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
		queries = append(queries, newest.Request{Query: query.New(contactCenter, r.Region, nil, &criteria), Limit: 100})
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
