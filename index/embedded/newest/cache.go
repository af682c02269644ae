package newest

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	segment "github.com/blevesearch/scorch_segment_api/v2"

	"recordings/index/embedded/schema"
)

// scopeDays are the days on which a scope has documents in a segment. It is shared by searches.
type scopeDays struct {
	days    []int // the newest first
	periods []int // of the days, likewise
	// The postings of these, once a search has read them; deleted documents included.
	dayPostings, periodPostings []atomic.Pointer[roaring.Bitmap]
}

// cache keeps what is costly to work out about a segment, and never changes, as long as the index
// has the segment. It is bounded by forgetting half of what it has: what was not asked for since
// the last time.
type cache struct {
	limit   int64 // bytes, roughly
	filters *filterCache

	last     atomic.Pointer[scorch.IndexSnapshot] // that was followed
	mu       sync.RWMutex
	segments map[segment.Segment]struct{} // of the snapshot that was searched last
	young    map[cacheKey]*scopeDays
	old      map[cacheKey]*scopeDays
	size     int64 // of young
}

type cacheKey struct {
	segment segment.Segment
	scope   string
}

func newCache(limit int64) *cache {
	return &cache{limit: limit / 2, filters: newFilterCache(limit / 2), young: make(map[cacheKey]*scopeDays)}
}

// follow forgets the segments that the snapshot does not have. Postings may lie in the file of a
// segment, which is there only as long as somebody holds a snapshot that has it, so they are used
// by such searches only.
func (c *cache) follow(snapshot *scorch.IndexSnapshot) {
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

	c.filters.forget(c.segments)
	for _, generation := range []map[cacheKey]*scopeDays{c.young, c.old} {
		for key := range generation {
			if _, ok := c.segments[key.segment]; !ok {
				delete(generation, key)
			}
		}
	}
}

// days returns the days of a scope in a segment.
func (c *cache) days(s *segmentSearch, scope string) (*scopeDays, error) {
	key := cacheKey{s.segment, scope}
	if d := c.get(key); d != nil {
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
	c.put(key, d)
	return d, nil
}

func (c *cache) get(key cacheKey) *scopeDays {
	c.mu.RLock()
	young, old := c.young[key], c.old[key]
	c.mu.RUnlock()
	if young != nil {
		return young
	}
	if old != nil {
		c.put(key, old)
	}
	return old
}

func (c *cache) put(key cacheKey, d *scopeDays) {
	c.mu.Lock()
	defer c.mu.Unlock()
	const overhead, each = 200, 16
	size := overhead + int64(len(key.scope)+each*(len(d.days)+len(d.periods)))
	for _, postings := range [][]atomic.Pointer[roaring.Bitmap]{d.dayPostings, d.periodPostings} {
		for i := range postings {
			if p := postings[i].Load(); p != nil {
				size += memory(p)
			}
		}
	}

	c.growLocked(size)
	c.young[key] = d
}

func (c *cache) growLocked(size int64) {
	if c.size += size; c.size > c.limit/2 {
		c.old, c.young, c.size = c.young, make(map[cacheKey]*scopeDays), size
	}
}

// memory is about how many bytes a bitmap occupies whose containers lie in a file.
func memory(b *roaring.Bitmap) int64 {
	const overhead, eachContainer = 200, 64
	return overhead + eachContainer*int64(b.Stats().Containers)
}

// day returns the documents of a day of s.days, which has it.
func (c *cache) day(s *segmentSearch, day int) (*roaring.Bitmap, error) {
	return c.postings(s, &s.days.dayPostings[place(s.days.days, day)], schema.DayTerm(s.walk.plan.scope, day))
}

// period returns the documents of a period of s.days, which has it.
func (c *cache) period(s *segmentSearch, period int) (*roaring.Bitmap, error) {
	kept := &s.days.periodPostings[place(s.days.periods, period)]
	return c.postings(s, kept, schema.PeriodTerm(s.walk.plan.scope, period))
}

// place finds a number that is in the list, the greatest of which is first.
func place(list []int, number int) int {
	i, _ := slices.BinarySearchFunc(list, number, func(a, b int) int { return cmp.Compare(b, a) })
	return i
}

func (c *cache) postings(s *segmentSearch, kept *atomic.Pointer[roaring.Bitmap], term string) (*roaring.Bitmap, error) {
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
		c.mu.Lock()
		c.growLocked(memory(p))
		c.mu.Unlock()
	}

	return p, nil
}
