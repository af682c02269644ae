package newest

import (
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
	segment "github.com/blevesearch/scorch_segment_api/v2"

	"recordings/index/embedded/internal/cache"
)

// filterCache keeps what searches have learned of documents by looking at them: whether they
// satisfy all clauses of a plan. A segment never changes, so whoever asks the same again, as for
// the next page, need not look at them again. Bounds of time, deletions and changes since are no
// part of it.
type filterCache struct {
	*cache.Cache[filterKey, *filter]
}

type filterKey struct {
	segment segment.Segment
	clauses string // see plan.key
}

// bytes is about how many bytes a filter takes.
func (k filterKey) bytes(f *filter) int64 {
	const overhead = 500
	accepted, rejected := f.read()
	return overhead + int64(len(k.clauses)) + sizeOf(accepted) + sizeOf(rejected)
}

// filter is what is known of the documents of a segment.
type filter struct {
	mu                 sync.Mutex
	accepted, rejected *roaring.Bitmap // nil: none; they are replaced, and never changed
}

// newFilterCache makes a cache that is bounded by so many bytes.
func newFilterCache(limit int64) filterCache {
	return filterCache{cache.New(limit, (filterKey).bytes)}
}

// read returns the documents of a segment that are known to satisfy the clauses, or not to; nil:
// none.
func (c filterCache) read(key filterKey) (accepted, rejected *roaring.Bitmap) {
	f, ok := c.Get(key)
	if !ok {
		return nil, nil
	}
	return f.read()
}

// add adds documents of a segment. The bitmaps are the cache's from then on.
func (c filterCache) add(key filterKey, accepted, rejected *roaring.Bitmap) {
	f, ok := c.Get(key)
	if !ok {
		f = new(filter)
		c.Put(key, f) // if another search has put one meanwhile, this one's is lost
	}
	c.Grow(f.add(accepted, rejected))
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
