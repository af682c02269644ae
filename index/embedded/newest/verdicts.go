package newest

import (
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
	segment "github.com/blevesearch/scorch_segment_api/v2"
)

// verdicts are what is known of documents of a segment from looking at them: whether they satisfy all clauses of a plan. A
// segment never changes, so whoever asks the same again, as for the next page, need not look at them again. Bounds of
// time, deletions and changes since are no part of it.
type verdicts struct {
	mu                 sync.Mutex
	accepted, rejected *roaring.Bitmap // nil: none; they are replaced, and never changed
}

func (v *verdicts) read() (accepted, rejected *roaring.Bitmap) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.accepted, v.rejected
}

// add adds documents, and returns by how many bytes the verdicts grew.
func (v *verdicts) add(accepted, rejected *roaring.Bitmap) int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	before := size(v.accepted) + size(v.rejected)
	v.accepted, v.rejected = with(v.accepted, accepted), with(v.rejected, rejected)
	return size(v.accepted) + size(v.rejected) - before
}

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

func size(b *roaring.Bitmap) int64 {
	if b == nil {
		return 0
	}
	return int64(b.GetSizeInBytes())
}

// verdictCache keeps verdicts of costly searches. It is bounded by forgetting all of them.
type verdictCache struct {
	limit int64 // bytes

	mu   sync.RWMutex
	kept map[verdictKey]*verdicts
	size int64
}

type verdictKey struct {
	segment segment.Segment
	clauses string // see plan.key
}

func newVerdictCache(limit int64) *verdictCache {
	return &verdictCache{limit: limit, kept: make(map[verdictKey]*verdicts)}
}

// read returns the documents of a segment that are known to satisfy the clauses, or not to; nil: none.
func (c *verdictCache) read(key verdictKey) (accepted, rejected *roaring.Bitmap) {
	c.mu.RLock()
	v := c.kept[key]
	c.mu.RUnlock()
	if v == nil {
		return nil, nil
	}
	return v.read()
}

// add adds documents of a segment. The bitmaps are the cache's from then on.
func (c *verdictCache) add(key verdictKey, accepted, rejected *roaring.Bitmap) {
	const overhead = 500 // bytes of an entry
	c.mu.Lock()
	if c.size > c.limit {
		clear(c.kept)
		c.size = 0
	}
	v := c.kept[key]
	if v == nil {
		v = new(verdicts)
		c.kept[key] = v
		c.size += overhead + int64(len(key.clauses))
	}
	c.mu.Unlock()
	grown := v.add(accepted, rejected)
	c.mu.Lock()
	c.size += grown
	c.mu.Unlock()
}

// forget drops what is known of segments that are not current.
func (c *verdictCache) forget(current map[segment.Segment]struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, v := range c.kept {
		if _, ok := current[key.segment]; !ok {
			accepted, rejected := v.read()
			c.size -= size(accepted) + size(rejected)
			delete(c.kept, key)
		}
	}
}
