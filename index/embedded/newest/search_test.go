package newest_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"recordings/index"
	"recordings/index/embedded/newest"
	"recordings/index/indextest"
	"recordings/mapping"
)

func searchFor(t testing.TB, params map[string]string) search {
	t.Helper()
	c, err := mapping.ParseCriteria(params)
	if err != nil {
		t.Fatal(err)
	}
	return search{"cc", "west", nil, c, newest.Request{Limit: 100}}
}

func at(day int, ms int64) mapping.Time { return mapping.Time(int64(day)*msPerDay + ms) }

func recording(id string, start, stop mapping.Time, names, data []string) *doc {
	return &doc{"cc", "west", id, mapping.Searchable{
		CallerNumbers: []string{"+1" + id}, DialedNumbers: []string{"+1800"},
		StartTime: start, StopTime: stop, Names: names, UserData: data,
	}}
}

func numbered(n int, start func(i int) mapping.Time) (docs []*doc) {
	for i := range n {
		id, data := fmt.Sprintf("%06d", i), fmt.Sprintf("case-%d", i)
		docs = append(docs, recording(id, start(i), start(i)+1000, []string{"alice"}, []string{data}))
	}
	return docs
}

func TestLongValues(t *testing.T) {
	x := newSearchIndex(t, newest.Options{})
	defer x.close()
	long := strings.Repeat("abcdefghi ", 6553)
	x.apply([]*doc{
		recording("1", 5, 6, []string{long}, []string{long + "x"}),
		recording("2", 5, 6, []string{"short"}, nil),
		recording("3", 5, 6, nil, []string{strings.Repeat("é", 512)}),
	})

	for _, params := range []map[string]string{
		{"userName": `"` + long[:900] + `"*`},
		{"userName": `*"` + long[100:1000] + `"*`},
		{"userName": `*"` + long[100:1000] + `z"*`},
		{"userData": `*x`},
		{"userData": strings.Repeat("é", 512)},
		{"userData": strings.Repeat("é", 511)},
		{"userData": strings.Repeat("é*", 16)},
	} {
		if err := x.check(searchFor(t, params)); err != nil {
			t.Errorf("%v: %v", params, err)
		}
	}
}

// TestFarApart searches recordings of the first and the last day that there are, with calls that
// last for years.
func TestFarApart(t *testing.T) {
	x := newSearchIndex(t, newest.Options{})
	defer x.close()
	last := int(mapping.MaxTime / msPerDay)
	var docs []*doc
	for i := range 700 {
		start := at([]int{0, 1, 20_000, last - 1, last}[i%5], int64(i))
		stop := []mapping.Time{start, min(start+2*msPerDay, mapping.MaxTime), mapping.MaxTime}[i%3]
		docs = append(docs, recording(fmt.Sprint(i), start, stop, []string{"alice"}, nil))
	}

	x.apply(docs)
	for _, from := range []mapping.Time{0, at(0, 100), at(1, 0), at(last, 300), mapping.MaxTime} {
		for _, to := range []mapping.Time{
			0, at(1, 0), at(2, 0), at(3, 50), at(20_003, 0), at(last, 0), mapping.MaxTime,
		} {
			for _, offset := range []int{0, 100, 250, 690, 5000} {
				q := searchFor(t, map[string]string{"userName": "al*"})
				q.criteria.StartTime, q.criteria.EndTime, q.Offset = &from, &to, offset
				for _, q.Order = range index.Orders {
					if err := x.check(q); err != nil {
						t.Errorf("from %d to %d, order %q, offset %d: %v", from, to, q.Order, offset, err)
					}
				}
			}
		}
	}
}

// TestSimultaneous searches recordings that all start at once, spread over segments: their ids
// decide.
func TestSimultaneous(t *testing.T) {
	x := newSearchIndex(t, newest.Options{})
	defer x.close()
	docs := numbered(900, func(int) mapping.Time { return at(17_000, 5) })
	rand.Shuffle(len(docs), func(i, j int) { docs[i], docs[j] = docs[j], docs[i] })
	for i := 0; i < len(docs); i += 300 {
		x.apply(docs[i : i+300])
	}

	for offset := 0; offset < 1000; offset += 50 {
		q := searchFor(t, map[string]string{"startTime": "0"})
		q.Offset = offset
		for _, q.Order = range index.Orders {
			if err := x.check(q); err != nil {
				t.Errorf("order %q, offset %d: %v", q.Order, offset, err)
			}
		}
	}
}

// TestFromEitherEnd: a page costs the same from either end. No segment is touched that has none of it,
// and deep pages skip days without looking at a document.
func TestFromEitherEnd(t *testing.T) {
	x := newSearchIndex(t, newest.Options{})
	defer x.close()
	const segments, each, days = 5, 2000, 10
	docs := numbered(segments*each, func(i int) mapping.Time { return at(17_000+i/each*100+i%days, int64(i)) })
	for i := range segments {
		x.apply(docs[i*each : (i+1)*each])
	}

	for offset, want := range map[int]newest.Work{
		0:          {Segments: 1, Days: 1, Candidates: 200},
		each * 3:   {Segments: 4, Days: 34, Candidates: 400},
		each*5 - 9: {Segments: 5, Days: 42, Candidates: 400},
	} {
		for _, order := range []index.Order{index.NewestFirst, index.OldestFirst} {
			q := searchFor(t, map[string]string{"startTime": "0"})
			q.Order, q.Offset, q.Limit = order, offset, 50
			if err := x.check(q); err != nil {
				t.Errorf("order %q, offset %d: %v", order, offset, err)
			}

			var did newest.Work
			q.Done = func(w newest.Work) { did = w }
			if _, _, err := x.search(t.Context(), q); err != nil {
				t.Fatal(err)
			}
			if did.Segments > want.Segments || did.Days > want.Days || did.Candidates > want.Candidates {
				t.Errorf("order %q, offset %d: the work was %+v, at most %+v is due", order, offset, did, want)
			}
		}
	}
}

// TestManySmallContactCenters also makes sure that the memory for what is kept about them is
// bounded.
func TestManySmallContactCenters(t *testing.T) {
	const limit = 1 << 15
	x := newSearchIndex(t, newest.Options{CacheBytes: limit})
	defer x.close()
	var docs []*doc
	for i := range 2000 {
		d := recording(fmt.Sprint(i), at(i%3, int64(i)), at(i%3, int64(i)), []string{"alice"}, nil)
		d.contactCenter = fmt.Sprintf("cc%d", i%500)
		docs = append(docs, d)
	}

	x.apply(docs[:1000])
	x.apply(docs[1000:])
	snapshot := x.snapshot()
	defer snapshot.Close()
	most := 0
	for i := range 500 {
		q := searchFor(t, map[string]string{"userName": "alice"})
		q.contactCenter = fmt.Sprintf("cc%d", i)
		if err := x.check(q); err != nil {
			t.Errorf("contact center %d: %v", i, err)
		}
		scopes, _, size := x.searcher.Cached(snapshot)
		if most = max(most, scopes); size > limit/2 {
			t.Fatalf("the young half of the cache has %d bytes", size)
		}
	}

	const least = 200 // bytes of a scope
	if most < 2 || most*least > limit {
		t.Errorf("%d scopes were kept", most)
	}
}

func TestTooCostly(t *testing.T) {
	x := newSearchIndex(t, newest.Options{Budget: 1000})
	defer x.close()
	x.apply(numbered(6000, func(i int) mapping.Time { return at(17_000+i/1000, int64(i%1000)*80_000) }))
	costly := searchFor(t, map[string]string{"userData": "*a*s*e*-*1*c*"})
	if _, _, err := x.search(t.Context(), costly); !errors.Is(err, index.ErrTooCostly) {
		t.Errorf("a search beyond the budget: %v", err)
	}
	if _, err := x.count(t.Context(), costly); !errors.Is(err, index.ErrTooCostly) {
		t.Errorf("a count beyond the budget: %v", err)
	}
	if err := x.check(searchFor(t, map[string]string{"startTime": "0"})); err != nil {
		t.Errorf("a cheap search: %v", err)
	}

	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	all := searchFor(t, map[string]string{"startTime": "0"})
	if _, _, err := x.search(ctx, all); !errors.Is(err, index.ErrTooCostly) {
		t.Errorf("a search after its deadline: %v", err)
	}
	if _, err := x.count(ctx, searchFor(t, map[string]string{"startTime": "0"})); !errors.Is(err, index.ErrTooCostly) {
		t.Errorf("a count after its deadline: %v", err)
	}

	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := x.search(canceled, all)
	if !errors.Is(err, context.Canceled) || errors.Is(err, index.ErrTooCostly) {
		t.Errorf("a search that was given up: %v", err)
	}
}

// TestFiltersAreKept asks the same costly question again, for other pages and times, and after some
// of what was found was deleted.
func TestFiltersAreKept(t *testing.T) {
	const n = 3000
	x := newSearchIndex(t, newest.Options{KeepFrom: 1})
	defer x.close()
	docs := numbered(n, func(i int) mapping.Time { return at(17_000+i/100, int64(i)) })
	x.apply(docs)
	q := searchFor(t, map[string]string{"userData": "*a*e*-*77*"})
	found := len(matches(x.docs, &q))

	verified := 0
	q.Done = func(w newest.Work) { verified += w.Verified }
	if err := x.check(q); err != nil {
		t.Error(err)
	}
	if verified < found {
		t.Errorf("%d documents were verified the first time, where %d match", verified, found)
	}

	// Once, at a time of its own, Bleve puts a segment of a file in the place of the one in memory, and
	// what was kept of that is forgotten. The search after that knows everything again.
	for try := 0; try < 3 && verified > 0; try++ {
		for _, q.Offset = range []int{0, 10, 0} {
			verified = 0
			if err := x.check(q); err != nil {
				t.Errorf("offset %d: %v", q.Offset, err)
			}
		}
	}
	if verified > 0 {
		t.Errorf("%d documents were verified again", verified)
	}

	x.apply(nil, docs[77].key(), docs[2077].key(), docs[5].key())
	from := at(17_010, 0)
	q.Offset, q.criteria.StartTime = 0, &from
	if err := x.check(q); err != nil {
		t.Errorf("from the tenth day on, without three: %v", err)
	}
}

// TestFiltersAreForgotten: what was verified and what can match are kept each by itself, and so forgotten each by
// itself.
func TestFiltersAreForgotten(t *testing.T) {
	x := newSearchIndex(t, newest.Options{KeepFrom: 1})
	defer x.close()
	x.apply(numbered(3000, func(i int) mapping.Time { return at(17_000+i/100, int64(i)) }))
	for _, pattern := range []string{"*a*e*-*7*", "*a*e*-*77*", "*7*a*", "*case*1*5*", "*5*e*", "*s*-*1*"} {
		q := searchFor(t, map[string]string{"userData": pattern})
		for range 3 {
			for _, q.Offset = range []int{0, 10, 0} {
				if err := x.check(q); err != nil {
					t.Errorf("%s, offset %d: %v", pattern, q.Offset, err)
				}
			}
			x.searcher.ForgetFilters()
		}
	}
}

// TestTooManyToHold: the matches of a deep page are bounded in memory.
func TestTooManyToHold(t *testing.T) {
	x := newSearchIndex(t, newest.Options{MemoryBytes: 40_000})
	defer x.close()
	x.apply(numbered(3000, func(i int) mapping.Time { return at(17_000+i/50, int64(i)) }))
	deep := searchFor(t, map[string]string{"userData": "*a*s*e*-*"})
	deep.Offset = 2000
	if _, _, err := x.search(t.Context(), deep); !errors.Is(err, index.ErrTooCostly) {
		t.Errorf("a deep page: %v", err)
	}

	hits, more, err := x.search(t.Context(), searchFor(t, map[string]string{"userData": "*a*s*e*-*"}))
	if err != nil || len(hits) != 100 || !more {
		t.Errorf("the first page: %d hits, more: %t, %v", len(hits), more, err)
	}
}

// TestCostlySearchesWait has costly searches wait for each other until their deadline, and others
// for nobody.
func TestCostlySearchesWait(t *testing.T) {
	const cheap = 2000
	x := newSearchIndex(t, newest.Options{Costly: 1, Cheap: cheap})
	defer x.close()
	docs := numbered(2*cheap, func(i int) mapping.Time { return at(17_000+i/500, int64(i)) })
	for i := 0; i < len(docs); i += cheap {
		x.apply(docs[i : i+cheap])
	}

	costly := searchFor(t, map[string]string{"userData": "*s*a*c*"}) // passes the grams, and matches nothing
	leave := x.searcher.OccupyCostly()
	soon, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, _, err := x.search(soon, costly)
	if !errors.Is(err, index.ErrTooCostly) || !strings.Contains(err.Error(), "other costly searches") {
		t.Errorf("a costly search while there is another: %v", err)
	}
	if err := x.check(searchFor(t, map[string]string{"userName": "al*"})); err != nil {
		t.Errorf("a cheap search while there is a costly one: %v", err)
	}

	found := make(chan error)
	go func() {
		hits, more, err := x.search(t.Context(), costly)
		found <- errors.Join(err, compare(hits, nil, more, false))
	}()
	leave()
	if err := <-found; err != nil {
		t.Errorf("a costly search when the other has ended: %v", err)
	}
	if _, _, err := x.search(t.Context(), costly); err != nil { // the place was given back
		t.Errorf("another costly search: %v", err)
	}
}

// TestParallel makes several goroutines look for what hardly anything matches.
func TestParallel(t *testing.T) {
	x := newSearchIndex(t, newest.Options{Workers: 4})
	defer x.close()
	for from := range 4 {
		docs := numbered(8000, func(i int) mapping.Time { return at(17_000+i%40, int64(i)) })
		x.apply(docs[from*2000 : (from+1)*2000])
	}

	for _, pattern := range []string{"*7*7*7*", "*c*9*9*9*", "*1*2*3*4*", "*0*0*0*0*0*0*", "*-*"} {
		for _, offset := range []int{0, 3, 1500} {
			q := searchFor(t, map[string]string{"userData": pattern})
			q.Offset = offset
			if err := x.check(q); err != nil {
				t.Errorf("%s, offset %d: %v", pattern, offset, err)
			}
		}
	}
}

// TestFarBehind asks for pages so far behind that matches are counted whatever it takes.
func TestFarBehind(t *testing.T) {
	x := newSearchIndex(t, newest.Options{})
	defer x.close()
	docs := numbered(21_000, func(i int) mapping.Time { return at(17_000+i%50, int64(i)) })
	for _, d := range docs {
		d.DialedNumbers, d.Names = []string{""}, nil
	}

	x.apply(docs[:15_000])
	x.apply(docs[15_000:], docs[17].key())
	for i, pattern := range []string{"*-*", "*1*", "c*9*"} {
		for j, offset := range []int{20_001, 20_950, 25_000} {
			if testing.Short() && i != j {
				continue
			}
			q := searchFor(t, map[string]string{"userData": pattern})
			q.Offset = offset
			for _, q.Order = range []index.Order{index.NewestFirst, index.OldestFirst} {
				if err := x.check(q); err != nil {
					t.Errorf("%s, order %q, offset %d: %v", pattern, q.Order, offset, err)
				}
			}
		}
	}
}

// TestFieldsOfCalls asks the same of each number of a call, one after the other: what was kept of one
// search is right for no other field.
func TestFieldsOfCalls(t *testing.T) {
	x := newSearchIndex(t, newest.Options{KeepFrom: 1})
	defer x.close()
	docs := numbered(3000, func(i int) mapping.Time { return at(17_000, int64(i)) })
	for i, d := range docs {
		d.CallerNumbers = []string{fmt.Sprintf("+%07d", i*7919%10_000_000)}
		d.DialedNumbers = []string{fmt.Sprintf("%07d", i*104_729%10_000_000), "1"}
		if i%3 > 0 {
			d.ContactNumbers = []string{fmt.Sprintf("%04d", i*31%10_000), fmt.Sprintf("+%d", i)}
		}
	}

	x.apply(docs)
	for _, pattern := range []string{"*1*7*", "*3*", "1*", "*9*9*9*", "+*0*", "*", `\*`, "17*", "1"} {
		for range 2 {
			for _, param := range []string{"callerPhoneNumber", "phoneNumber", "dialedPhoneNumber"} {
				if err := x.check(searchFor(t, map[string]string{param: pattern})); err != nil {
					t.Errorf("%s=%s: %v", param, pattern, err)
				}
			}
		}
	}
}

func TestRefuses(t *testing.T) {
	x := newSearchIndex(t, newest.Options{})
	defer x.close()
	tooMany := search{Request: newest.Request{Limit: 1}}
	for range 65 {
		tooMany.criteria.UserName = append(tooMany.criteria.UserName, mapping.Conjunction{mapping.NewPattern("a")})
	}

	for _, q := range []search{{Request: newest.Request{Offset: -1, Limit: 1}}, {}, tooMany} {
		if _, _, err := x.search(t.Context(), q); err == nil {
			t.Errorf("offset %d, limit %d was answered", q.Offset, q.Limit)
		}
	}
}

func TestEmptyIndex(t *testing.T) {
	x := newSearchIndex(t, newest.Options{})
	defer x.close()
	q := searchFor(t, map[string]string{"startTime": "0"})
	if err := x.check(q); err != nil {
		t.Error(err)
	}

	q.Pending = []newest.Hit{{Key: "a", Start: 1}, {Key: "b", Start: 2}, {Key: "c", Start: 2}}
	q.Offset, q.Limit = 1, 1
	hits, more, err := x.search(t.Context(), q)
	if err := errors.Join(err, compare(hits, []newest.Hit{{Key: "c", Start: 2}}, more, true)); err != nil {
		t.Error(err)
	}
}

// TestConcurrently searches while batches and merges run. Every batch moves all recordings to
// another day and names, so a search that sees anything but one batch has a mixture.
func TestConcurrently(t *testing.T) {
	x := newSearchIndex(t, newest.Options{})
	defer x.close()
	generation := func(g int) []*doc {
		docs := numbered(400, func(i int) mapping.Time { return at(17_000+g%5, int64(i)) })
		for _, d := range docs {
			d.Names = []string{fmt.Sprintf("generation-%04d", g)}
		}
		return docs
	}

	x.apply(generation(0))
	ctx, stop := context.WithCancel(t.Context())
	var searches sync.WaitGroup
	for worker := range 3 {
		searches.Go(func() {
			r := rand.New(rand.NewPCG(uint64(worker), 0))
			for ctx.Err() == nil {
				if err := x.searchGeneration(r); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}

	for g := 1; g <= indextest.Sized(40, 11); g++ {
		x.apply(generation(g))
		if g%10 == 0 {
			x.merge()
		}
	}

	stop()
	searches.Wait()
}

// searchGeneration searches one snapshot in several ways, all of which must find the recordings of
// the same batch.
func (x *searchIndex) searchGeneration(r *rand.Rand) error {
	snapshot := x.snapshot()
	defer snapshot.Close()
	var start mapping.Time
	for _, params := range []map[string]string{
		{"startTime": "0"}, {"userName": "gen*"}, {"userName": "*e*n*a*"}, {"userData": "*case*"},
	} {
		q := searchFor(x, params)
		q.Offset = r.IntN(300)
		hits, more, err := x.searcher.Search(x.Context(), snapshot, q.request())
		if err != nil {
			return err
		}
		if len(hits) != 100 || more != (q.Offset < 300) {
			return fmt.Errorf("%v, offset %d: %d hits, more %v", params, q.Offset, len(hits), more)
		}
		for i, h := range hits {
			if want := keyOf("cc", fmt.Sprintf("%06d", 399-q.Offset-i)); h.Key != want {
				return fmt.Errorf("%v, offset %d: hit %d is %q, want %q", params, q.Offset, i, h.Key, want)
			}
		}

		day := hits[0].Start / msPerDay
		if start != 0 && day != start {
			return fmt.Errorf("%v: found day %d, and day %d before", params, day, start)
		}
		start = day
	}

	return nil
}

// TestCacheFollowsIndex searches through many snapshots, after each of which older segments are
// gone.
func TestCacheFollowsIndex(t *testing.T) {
	x := newSearchIndex(t, newest.Options{})
	defer x.close()
	for round := range 8 {
		x.apply(numbered(300, func(i int) mapping.Time { return at(17_000+i%7+round, int64(i)) }))
		for _, pattern := range []string{"*", "al*", "*l*c*", "bob"} {
			if err := x.check(searchFor(t, map[string]string{"userName": pattern})); err != nil {
				t.Errorf("round %d, %s: %v", round, pattern, err)
			}
		}

		x.merge()
		x.checkCache()
	}

	deleted := 0
	for key := range maps.Clone(x.docs) {
		x.apply(nil, key)
		if deleted++; deleted%30 == 0 {
			if err := x.check(searchFor(t, map[string]string{"userName": "al*"})); err != nil {
				t.Errorf("after %d were deleted: %v", deleted, err)
			}
		}
	}
}

// checkCache makes sure that what is kept is about the present segments only, once they were
// searched.
func (x *searchIndex) checkCache() {
	x.Helper()
	snapshot := x.snapshot()
	defer snapshot.Close()
	q := searchFor(x, map[string]string{"startTime": "0"})
	if _, _, err := x.searcher.Search(x.Context(), snapshot, q.request()); err != nil {
		x.Fatal(err)
	}
	if scopes, strangers, _ := x.searcher.Cached(snapshot); scopes == 0 || strangers > 0 {
		x.Errorf("%d scopes are kept, %d of them of segments that are gone", scopes, strangers)
	}
}
