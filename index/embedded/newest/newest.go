// Package newest runs Bleve queries on a Bleve index, the newest recordings first, at a cost that
// depends on the page that is asked for rather than on how many recordings there are or match.
//
// A reader lacks one fact: Bleve's own search visits every hit, to sort and to count them, and
// turns a wildcard into one searcher for every term of the dictionary that matches. Nobody asks for
// the count here, and the order is always that of time. So this package compiles the query tree
// once, and reads Bleve's segments itself: their dictionaries, postings lists (which are roaring
// bitmaps) and doc values. What it cannot run it refuses ([ErrQuery]); what it runs has the answer
// of Bleve.
//
//   - The query is brought into normal form by one type switch (compile), and worked out for all
//     segments (plan): one contact center and region, ranges of time, and clauses about the values
//     of fields.
//   - Every document has a term for its contact center, region and day ([schema.FieldScope]). A
//     search walks through the days on which there are documents, the newest first, and stops when
//     the page is full (walk). A day with many candidates is divided into hours
//     ([schema.FieldHour]); where there are few, 32 days are done at once. The oldest first is the
//     same walk from the other end, and costs as much (direction).
//   - When the walk reaches the first day of a segment, and not before, the clauses are turned into
//     the set of that segment's candidates: documents that can match (findCandidates). A day's
//     postings list and the candidates, intersected, give the number of matches, so deep pages skip
//     days without looking at a document.
//   - Values are indexed whole, and cut into runs of three bytes, grams ([schema.GramsOf]). A
//     wildcard's literal pieces become an intersection of the postings of their grams. What grams
//     cannot decide is verified on the document's doc values (reader).
//   - A segment never changes, so its candidates are kept for whoever asks the same again (kept), and
//     so is which of them were found to match, or not to (filterCache).
//   - Few candidates in a segment are loaded at once. Those that wait for their turn, and the
//     matches that the caller knows of from elsewhere, are merged into the walk (ready).
//   - A search has a budget, and looks at its context, wherever it looks at documents. Costly
//     searches wait for each other, and cheap ones for nobody (budget).
//
// An index that is searched here has documents made by [schema.NewDocument].
package newest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/search/query"
	"golang.org/x/sync/semaphore"

	"recordings/index"
	"recordings/mapping"
)

// Options are the settings of a Searcher. Zero values stand for the defaults.
type Options struct {
	Budget      int   // documents that one search may look at; 20,000,000
	Cheap       int   // documents of which a search is a costly one, some hundredths of a second; 100,000
	MemoryBytes int64 // memory that the matches and candidates of one search may take; 256 MiB
	Costly      int   // costly searches that run at a time; half as many as there are processors, at least 1
	Workers     int   // goroutines that a costly search may use; as many as there are processors, at most 4
	CacheBytes  int64 // memory for what is kept about segments; 64 MiB
	KeepFrom    int   // documents that a search has to verify for the outcome to be kept; 100
}

// Searcher searches the snapshots of one index. It may be used by several goroutines. It holds on
// to the segments of the last snapshot that it searched, so it is to be dropped together with the
// index.
type Searcher struct {
	o      Options
	cache  *segmentCache
	costly *semaphore.Weighted
}

// NewSearcher makes a Searcher.
func NewSearcher(o Options) *Searcher {
	if o.Budget <= 0 {
		o.Budget = 20_000_000
	}
	if o.Cheap <= 0 {
		o.Cheap = 100_000
	}
	if o.KeepFrom <= 0 {
		o.KeepFrom = 100
	}
	if o.MemoryBytes <= 0 {
		o.MemoryBytes = 256 << 20
	}
	if o.Costly <= 0 {
		o.Costly = max(1, runtime.GOMAXPROCS(0)/2)
	}
	if o.Workers <= 0 {
		o.Workers = min(runtime.GOMAXPROCS(0), 4)
	}
	if o.CacheBytes <= 0 {
		o.CacheBytes = 64 << 20
	}

	return &Searcher{o: o, cache: newCache(o.CacheBytes), costly: semaphore.NewWeighted(int64(o.Costly))}
}

// Hit is a recording that matches.
type Hit struct {
	Key     string       // of the document
	Start   mapping.Time // of the recording
	Changed mapping.Time // of the recording, see [mapping.Searchable]
	Ref     DocRef       // of the document; zero: it is in no segment
}

// DocRef says where a document is. As long as the index is open, nothing else is ever there: a
// changed recording gets another document.
type DocRef struct {
	Segment  uint64
	Document uint32
}

// Request is a search, and which part of its result is wanted.
type Request struct {
	// Query must be about one contact center and one region, and be of the forms that package query
	// makes, or others that can be compiled; see [ErrQuery].
	Query  query.Query
	Order  index.Order
	Offset int // how many of the first matches to leave out, >= 0
	Limit  int // how many to return at most, >= 1

	// Hidden are the keys of documents that must not be found, as they are out of date: those of
	// all recordings of the contact center that the snapshot has and that have changed since,
	// deleted ones included. The fewer the better.
	Hidden map[string]struct{}
	// Pending are the matches among the present versions of these, in any order. They are merged
	// into the result. As they were changed, each has a time of that.
	Pending []Hit

	// Done, if it is not nil, is called at the end with how much work there was.
	Done func(Work)
}

// Search returns the matches in the order that the request asks for, and whether there are more
// behind them. Their keys stand for their ids in it. The error is [index.ErrTooCostly] when the search
// used up its budget or the deadline of its context, and ErrQuery when the query cannot be run.
func (s *Searcher) Search(
	ctx context.Context, snapshot *scorch.IndexSnapshot, r Request,
) (hits []Hit, more bool, err error) {
	if r.Offset < 0 || r.Limit < 1 {
		return nil, false, errors.New("searching: the page is not within its bounds")
	}

	r.Offset, r.Limit = min(r.Offset, most), min(r.Limit, most)
	w, err := s.newWalk(ctx, snapshot, &r)
	if err != nil {
		return nil, false, fmt.Errorf("searching: %w", err)
	}

	defer w.end()
	defer w.report()

	if err := w.runInOrder(snapshot); err != nil {
		return nil, false, fmt.Errorf("searching: %w", err)
	}

	// The page has one more than was asked for, which only tells that there is more.
	for _, h := range w.page[:min(len(w.page), r.Limit)] {
		hits = append(hits, h.found())
	}

	return hits, len(w.page) > r.Limit, nil
}

// most bounds the offset and the limit, so that sums of the two cannot overflow.
const most = 1 << 40

// Stream gives all matches to emit, in the order of Search and some at a time, in memory that does
// not depend on how many there are. It has no budget, and ends with an error of emit, or with its
// context.
func (s *Searcher) Stream(
	ctx context.Context, snapshot *scorch.IndexSnapshot, r Request, emit func([]Hit) error,
) error {
	r.Offset, r.Limit = 0, most
	w, err := s.newWalk(ctx, snapshot, &r)
	if err != nil {
		return fmt.Errorf("searching: %w", err)
	}

	w.budget.limit = -1
	defer w.report()

	w.level = termsAndRanges // as all of it is walked through
	var hits []Hit
	w.emit = func(page []hit) error {
		hits = hits[:0]
		for _, h := range page {
			hits = append(hits, h.found())
		}
		return emit(hits)
	}
	if err := w.runInOrder(snapshot); err != nil {
		return fmt.Errorf("searching: %w", err)
	}
	return nil
}

// farBehind is an offset whose matches are better counted than looked at, in buckets of time as
// large as possible.
const farBehind = 20_000

// newWalk compiles the query, and opens the segments of the snapshot. Nothing is read of them yet
// but which days they have.
func (s *Searcher) newWalk(ctx context.Context, snapshot *scorch.IndexSnapshot, r *Request) (*walk, error) {
	w := &walk{
		direction: direction{oldest: r.Order == index.OldestFirst},
		searcher:  s,
		request:   r,
		budget: &budget{
			ctx:    ctx,
			limit:  int64(s.o.Budget),
			cheap:  int64(s.o.Cheap),
			memory: s.o.MemoryBytes,
			places: s.costly,
		},
		skip:    r.Offset,
		want:    r.Limit + 1,
		left:    allTimes,
		batch:   batch{target: 64 + min(2*(r.Offset+r.Limit), 1024)},
		readers: make([]map[*segmentSearch]*reader, s.o.Workers),
	}

	var err error
	if w.plan, err = newPlan(r.Query); err != nil {
		return nil, err
	}

	// To put off reading ranges of grams makes no sense where no pattern has any, nor where all
	// matches in front of a far offset have to be counted anyway.
	if !w.plan.ranges || r.Offset > farBehind {
		w.level = termsAndRanges
	}

	for i := range w.readers {
		w.readers[i] = make(map[*segmentSearch]*reader)
	}

	for _, h := range r.Pending {
		w.ready = append(w.ready, hit{start: h.Start, changed: h.Changed, key: h.Key})
	}

	w.unsorted = true
	return w, w.open(snapshot)
}

// open finds the segments that have documents of the scope within the bounds of time.
func (w *walk) open(snapshot *scorch.IndexSnapshot) error {
	w.searcher.cache.follow(snapshot)
	if w.plan.none {
		return nil
	}

	for _, s := range snapshot.Segments() {
		x, err := w.newSegmentSearch(s)
		if err != nil {
			return err
		}
		if _, ok := x.nextDay(); ok {
			w.waiting = append(w.waiting, x)
		}
	}

	// A segment is not touched before the walk reaches its first day, so recent pages cost nothing
	// in old segments, nor do old ones in those that have only recent days.
	slices.SortStableFunc(w.waiting, func(a, b *segmentSearch) int {
		aDay, _ := a.nextDay()
		bDay, _ := b.nextDay()
		return w.compareDays(aDay, bDay)
	})

	return nil
}
