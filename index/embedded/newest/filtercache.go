package newest

import (
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
	segment "github.com/blevesearch/scorch_segment_api/v2"
)

// filterCache keeps what costly searches have learned of documents by looking at them: whether they
// satisfy all clauses of a plan. A segment never changes, so whoever asks the same again, as for
// the next page, need not look at them again. Bounds of time, deletions and changes since are no
// part of it. It is bounded by forgetting everything.
type filterCache struct {
	limit int64 // bytes

	mu   sync.RWMutex
	kept map[filterKey]*filter
	size int64
}

type filterKey struct {
	segment segment.Segment
	clauses string // see plan.key
}

// filter is what is known of the documents of a segment.
type filter struct {
	mu                 sync.Mutex
	accepted, rejected *roaring.Bitmap // nil: none; they are replaced, and never changed
}

// newFilterCache makes a cache that is bounded by so many bytes.
func newFilterCache(limit int64) *filterCache {
	return &filterCache{limit: limit, kept: make(map[filterKey]*filter)}
}

// read returns the documents of a segment that are known to satisfy the clauses, or not to; nil:
// none.
func (c *filterCache) read(key filterKey) (accepted, rejected *roaring.Bitmap) {
	c.mu.RLock()
	f := c.kept[key]
	c.mu.RUnlock()
	if f == nil {
		return nil, nil
	}
	return f.read()
}

// add adds documents of a segment. The bitmaps are the cache's from then on.
func (c *filterCache) add(key filterKey, accepted, rejected *roaring.Bitmap) {
	const overhead = 500 // bytes of an entry
	c.mu.Lock()
	if c.size > c.limit {
		clear(c.kept)
		c.size = 0
	}

	f := c.kept[key]
	if f == nil {
		f = new(filter)
		c.kept[key] = f
		c.size += overhead + int64(len(key.clauses))
	}

	c.mu.Unlock()

	grown := f.add(accepted, rejected)

	c.mu.Lock()
	c.size += grown
	c.mu.Unlock()
}

// forget drops what is known of segments that are not current.
func (c *filterCache) forget(current map[segment.Segment]struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, f := range c.kept {
		if _, ok := current[key.segment]; !ok {
			accepted, rejected := f.read()
			c.size -= sizeOf(accepted) + sizeOf(rejected)
			delete(c.kept, key)
		}
	}
}

// read returns what is known now. The bitmaps are never changed, so they may be used without the
// lock.
func (f *filter) read() (accepted, rejected *roaring.Bitmap) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.accepted, f.rejected
}

// add adds documents, and returns by how many bytes the filter grew.
func (f *filter) add(accepted, rejected *roaring.Bitmap) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := sizeOf(f.accepted) + sizeOf(f.rejected)
	f.accepted, f.rejected = with(f.accepted, accepted), with(f.rejected, rejected)
	return sizeOf(f.accepted) + sizeOf(f.rejected) - before
}

// with returns a bitmap with further documents, and leaves the old one as it is: searches may be
// using it.
func with(b, docs *roaring.Bitmap) *roaring.Bitmap {
	if docs.IsEmpty() {
		return b
	}
	if b != nil {
		docs = roaring.Or(b, docs)
	}
	docs.RunOptimize()
	return docs
}

// sizeOf is how many bytes a bitmap takes; nil: none.
func sizeOf(b *roaring.Bitmap) int64 {
	if b == nil {
		return 0
	}
	return int64(b.GetSizeInBytes())
}
