package newest

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	segment "github.com/blevesearch/scorch_segment_api/v2"
)

// scopeDays are the days on which a scope has documents in a segment. It is shared by searches.
type scopeDays struct {
	days     []int32                          // the newest first
	postings []atomic.Pointer[roaring.Bitmap] // of the days, once a search has read them; deleted documents included
}

// cache keeps what is costly to work out about a segment, and never changes, as long as the index has the
// segment. It is bounded by forgetting half of what it has: what was not asked for since the last time.
type cache struct {
	limit int64 // bytes, roughly

	mu       sync.Mutex
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
	return &cache{limit: limit, young: make(map[cacheKey]*scopeDays)}
}

// follow forgets the segments that the snapshot does not have. Postings may lie in the file of a segment, which is
// there only as long as somebody holds a snapshot that has it, so they are used by such searches only.
func (c *cache) follow(snapshot *scorch.IndexSnapshot) {
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
	end := string(appendDay([]byte(scope), 1<<24-1))
	err := s.eachTerm(FieldScope, scope, end, func(term string) error {
		if len(term) == len(scope)+dayBytes { // the other one is the scope itself
			d.days = append(d.days, int32(dayFrom(term[len(scope):])))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.Reverse(d.days)
	d.postings = make([]atomic.Pointer[roaring.Bitmap], len(d.days))
	c.put(key, d)
	return d, nil
}

func (c *cache) get(key cacheKey) *scopeDays {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := c.young[key]; d != nil {
		return d
	}
	d := c.old[key]
	if d != nil {
		c.putLocked(key, d)
	}
	return d
}

func (c *cache) put(key cacheKey, d *scopeDays) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.putLocked(key, d)
}

func (c *cache) putLocked(key cacheKey, d *scopeDays) {
	const overhead, eachDay = 200, 12
	size := overhead + int64(len(key.scope)+eachDay*len(d.days))
	for i := range d.postings {
		if p := d.postings[i].Load(); p != nil {
			size += memory(p)
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

// day returns the documents of the day at place i in s.days.
func (c *cache) day(s *segmentSearch, i int) (*roaring.Bitmap, error) {
	if p := s.days.postings[i].Load(); p != nil {
		return p, nil
	}
	term := appendDay([]byte(s.walk.plan.scope), int(s.days.days[i]))
	p, err := s.postings(FieldScope, string(term))
	if err != nil {
		return nil, err
	}
	if p == nil {
		p = roaring.New()
	}
	if s.days.postings[i].CompareAndSwap(nil, p) {
		c.mu.Lock()
		c.growLocked(memory(p))
		c.mu.Unlock()
	}
	return p, nil
}
