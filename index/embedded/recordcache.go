package embedded

import (
	"sync"

	"recordings/index/embedded/newest"
	"recordings/mapping"
)

// recordCache keeps the recordings of documents that pages had lately. Those of a page are nearly as many blocks of the store, as they
// lie there in the order of their ids.
//
// The recording of a document never changes: when it is changed, the document is hidden until another has taken its place.
//
// It is bounded by forgetting half of what it has: what nobody asked for since the last time. Unlike a list in the order of use, that
// lets searches read it at the same time: whoever lost its processor while it held a lock would keep all others waiting.
type recordCache struct {
	limit int // bytes

	mu         sync.RWMutex
	young, old map[newest.DocRef]*mapping.Stored
	size       int // bytes of young
}

// entryBytes is about what an entry takes beside the recording.
const entryBytes = 200

func newRecordCache(limit int64) *recordCache {
	return &recordCache{limit: int(limit), young: make(map[newest.DocRef]*mapping.Stored)}
}

// find puts what it has of hits into a list of the same length, and returns how many it has.
func (c *recordCache) find(hits []newest.Hit, into []*mapping.Stored) (n int) {
	aged := c.read(hits, into)
	for _, s := range into {
		if s != nil {
			n++
		}
	}
	if len(aged) > 0 {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, i := range aged {
			c.put(hits[i].Ref, into[i])
		}
	}
	return n
}

// read returns which of those that it has are old.
func (c *recordCache) read(hits []newest.Hit, into []*mapping.Stored) (aged []int) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for i, h := range hits {
		if into[i] = c.young[h.Ref]; into[i] != nil {
			continue
		}
		if into[i] = c.old[h.Ref]; into[i] != nil {
			aged = append(aged, i)
		}
	}
	return aged
}

// add keeps the recordings of hits, as far as they are known and the hits are in a segment, and leaves out unusually large ones. Nobody
// may change what is kept, so it has its outline already.
func (c *recordCache) add(hits []newest.Hit, recordings []*mapping.Stored) {
	fit := make([]int, 0, len(hits))
	for i, s := range recordings {
		if s != nil && hits[i].Ref != (newest.DocRef{}) && s.Size() <= c.limit/256 && s.Outline() != nil {
			fit = append(fit, i)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range fit {
		c.put(hits[i].Ref, recordings[i])
	}
}

// put makes a recording young. The lock is held.
func (c *recordCache) put(place newest.DocRef, s *mapping.Stored) {
	if c.young[place] != nil {
		return
	}
	size := entryBytes + s.Size()
	if c.size += size; c.size > c.limit/2 {
		c.old, c.young, c.size = c.young, make(map[newest.DocRef]*mapping.Stored), size
	}
	c.young[place] = s
}
