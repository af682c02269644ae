package newest

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	segment "github.com/blevesearch/scorch_segment_api/v2"

	"recordings/index/embedded/internal/cache"
	"recordings/index/embedded/schema"
)

// scopeDays are the days on which a scope has documents in a segment. It is shared by searches.
type scopeDays struct {
	days    []int // the newest first
	periods []int // of the days, likewise
	// The postings of these, once a search has read them; deleted documents included.
	dayPostings, periodPostings []atomic.Pointer[roaring.Bitmap]
	odd                         atomic.Pointer[oddCalls] // likewise
}

// oddCalls are the calls of a scope of which the day does not tell whether they stop within bounds;
// nil: there are none.
type oddCalls struct{ long, backward, odd *roaring.Bitmap } // odd: both

// memory is about how many bytes they occupy.
func (o *oddCalls) memory() (size int64) {
	for _, docs := range []*roaring.Bitmap{o.long, o.backward, o.odd} {
		if docs != nil {
			size += int64(docs.GetSizeInBytes())
		}
	}
	return size
}

// spanKey is a span of a segment.
type spanKey struct {
	segment segment.Segment
	span
}

// bytes is about how many bytes the documents of a span take.
func (k spanKey) bytes(docs *roaring.Bitmap) int64 {
	const overhead = 300
	key := len(k.from) + len(k.to) + len(k.pattern) + len(k.groups) + len(k.scope)
	return overhead + int64(key) + int64(docs.GetSizeInBytes())
}

// segmentCache keeps what is costly to work out about a segment, and never changes, as long as the
// index has the segment.
type segmentCache struct {
	filters    filterCache
	candidates *cache.Cache[candidateKey, *keptCandidates]
	scopes     *cache.Cache[cacheKey, *scopeDays]
	spans      *cache.Cache[spanKey, *roaring.Bitmap] // of many terms
	teams      *cache.Cache[spanKey, *team]           // of access groups
	largest    int64                                  // bytes that candidates may take

	last     atomic.Pointer[scorch.IndexSnapshot] // that was followed
	mu       sync.Mutex
	segments map[segment.Segment]struct{} // of the snapshot that was searched last; guarded by mu
}

type cacheKey struct {
	segment segment.Segment
	scope   string
}

// newCache makes a cache that is bounded by so many bytes.
func newCache(limit int64) *segmentCache {
	return &segmentCache{
		filters:    newFilterCache(limit / 16 * 5),
		candidates: cache.New(limit/16*2, (candidateKey).bytes),
		scopes:     cache.New(limit/16*6, (cacheKey).bytes),
		spans:      cache.New(limit/16, (spanKey).bytes),
		teams:      cache.New(limit/16*2, (spanKey).teamBytes),
		largest:    limit / 256,
	}
}

// keep keeps candidates, unless they would take the room of very many others.
func (c *segmentCache) keep(key candidateKey, found *candidates) {
	kept := new(keptCandidates)
	kept.Store(found)
	if key.bytes(kept) <= c.largest {
		c.candidates.Put(key, kept)
	}
}

// bytes is about how many bytes the days of a scope take.
func (k cacheKey) bytes(d *scopeDays) int64 {
	const overhead, each = 200, 16
	size := overhead + int64(len(k.scope)+each*(len(d.days)+len(d.periods)))
	for _, postings := range [][]atomic.Pointer[roaring.Bitmap]{d.dayPostings, d.periodPostings} {
		for i := range postings {
			if p := postings[i].Load(); p != nil {
				size += memory(p)
			}
		}
	}
	if odd := d.odd.Load(); odd != nil {
		size += odd.memory()
	}
	return size
}

// follow forgets the segments that the snapshot does not have. Postings may lie in the file of a
// segment, which is there only as long as somebody holds a snapshot that has it, so they are used
// by such searches only.
func (c *segmentCache) follow(snapshot *scorch.IndexSnapshot) {
	if c.last.Swap(snapshot) == snapshot {
		return
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	current := snapshot.Segments()
	if len(current) == len(c.segments) && !slices.ContainsFunc(current, func(s *scorch.SegmentSnapshot) bool {
		_, ok := c.segments[s.Segment()]
		return !ok
	}) {
		return
	}

	c.segments = make(map[segment.Segment]struct{}, len(current))
	for _, s := range current {
		c.segments[s.Segment()] = struct{}{}
	}

	gone := func(s segment.Segment) bool {
		_, ok := c.segments[s]
		return !ok
	}
	c.filters.DeleteFunc(func(key filterKey) bool { return gone(key.segment) })
	c.candidates.DeleteFunc(func(key candidateKey) bool { return gone(key.segment) })
	c.scopes.DeleteFunc(func(key cacheKey) bool { return gone(key.segment) })
	c.spans.DeleteFunc(func(key spanKey) bool { return gone(key.segment) })
	c.teams.DeleteFunc(func(key spanKey) bool { return gone(key.segment) })
}

// days returns the days of a scope in a segment.
func (c *segmentCache) days(s *segmentSearch, scope string) (*scopeDays, error) {
	key := cacheKey{s.segment, scope}
	if d, ok := c.scopes.Get(key); ok {
		return d, nil
	}

	d := new(scopeDays)
	prefix := schema.DayPrefix(scope)
	err := s.eachTerm(schema.FieldScope, prefix, schema.PrefixEnd(prefix), func(term string) error {
		d.days = append(d.days, schema.DayFrom(term))
		return nil
	})
	if err != nil {
		return nil, err
	}

	slices.Reverse(d.days)
	for _, day := range d.days {
		if p := schema.PeriodOf(day); len(d.periods) == 0 || p != d.periods[len(d.periods)-1] {
			d.periods = append(d.periods, p)
		}
	}

	d.dayPostings = make([]atomic.Pointer[roaring.Bitmap], len(d.days))
	d.periodPostings = make([]atomic.Pointer[roaring.Bitmap], len(d.periods))
	c.scopes.Put(key, d)
	return d, nil
}

// memory is about how many bytes a bitmap occupies whose containers lie in a file.
func memory(b *roaring.Bitmap) int64 {
	const overhead, eachContainer = 200, 64
	return overhead + eachContainer*int64(b.Stats().Containers)
}

// day returns the documents of a day of s.days, which has it.
func (c *segmentCache) day(s *segmentSearch, day int) (*roaring.Bitmap, error) {
	return c.postings(s, &s.days.dayPostings[place(s.days.days, day)], schema.DayTerm(s.walk.plan.scope, day))
}

// ofDays returns the documents of some days, each of which s.days has.
func (c *segmentCache) ofDays(s *segmentSearch, days []int) (*roaring.Bitmap, error) {
	lists := make([]*roaring.Bitmap, len(days))
	for i, day := range days {
		var err error
		if lists[i], err = c.day(s, day); err != nil {
			return nil, err
		}
	}
	return union(lists), nil
}

// period returns the documents of a period of s.days, which has it.
func (c *segmentCache) period(s *segmentSearch, period int) (*roaring.Bitmap, error) {
	kept := &s.days.periodPostings[place(s.days.periods, period)]
	return c.postings(s, kept, schema.PeriodTerm(s.walk.plan.scope, period))
}

// place finds a number that is in the list, the greatest of which is first.
func place(list []int, number int) int {
	i, _ := slices.BinarySearchFunc(list, number, func(a, b int) int { return cmp.Compare(b, a) })
	return i
}

// postings reads a postings list of the scope once, and keeps it with the days for all searches to
// come. Two searches may read it at a time; the first one to be done is kept.
func (c *segmentCache) postings(
	s *segmentSearch, kept *atomic.Pointer[roaring.Bitmap], term string,
) (*roaring.Bitmap, error) {
	if p := kept.Load(); p != nil {
		return p, nil
	}

	p, err := s.postings(schema.FieldScope, term)
	if err != nil {
		return nil, err
	}
	if p == nil {
		p = roaring.New()
	}
	if kept.CompareAndSwap(nil, p) {
		c.scopes.Grow(memory(p))
	}

	return p, nil
}
