package embedded

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"recordings/index/embedded/newest"
	"recordings/mapping"
)

// recordCache keeps the recordings of documents that pages had lately. Those of a page are nearly as many blocks of the store, as they
// lie there in the order of their ids.
//
// The recording of a document never changes: when it is changed, the document is hidden until another has taken its place.
type recordCache struct {
	limit int // bytes

	mu   sync.Mutex
	kept *simplelru.LRU[newest.Place, *mapping.Stored]
	size int // bytes
}

// entryBytes is about what an entry takes beside the recording.
const entryBytes = 200

func newRecordCache(limit int64) *recordCache {
	c := &recordCache{limit: int(limit)}
	var err error
	if c.kept, err = simplelru.NewLRU(max(1, c.limit/entryBytes), c.left); err != nil {
		panic(err) // the size is positive
	}
	return c
}

func (c *recordCache) left(_ newest.Place, s *mapping.Stored) { c.size -= entryBytes + s.Size() }

// find puts what it has of hits into a list of the same length, and returns how many it has.
func (c *recordCache) find(hits []newest.Hit, into []*mapping.Stored) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range hits {
		var ok bool
		if into[i], ok = c.kept.Get(hits[i].Place); ok {
			n++
		}
	}
	return n
}

// add keeps the recordings of hits, as far as they are known and the hits are in a segment, and leaves out unusually large ones. Nobody
// may change what is kept, so it has its outline already.
func (c *recordCache) add(hits []newest.Hit, recordings []*mapping.Stored) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, s := range recordings {
		place := hits[i].Place
		if s == nil || place == (newest.Place{}) || c.kept.Contains(place) || s.Size() > c.limit/256 || s.Outline() == nil {
			continue
		}
		c.size += entryBytes + s.Size()
		c.kept.Add(place, s)
		for c.size > c.limit {
			c.kept.RemoveOldest()
		}
	}
}
