package embedded

import (
	"recordings/index/embedded/internal/cache"
	"recordings/index/embedded/newest"
	"recordings/mapping"
)

// recordCache keeps the recordings of documents that pages had lately. The recordings of a page are
// in nearly as many blocks of the store, as they lie there in the order of their ids.
//
// The recording of a document never changes: when it is changed, the document is hidden until
// another has taken its place.
type recordCache struct {
	largest int // bytes of a recording that is kept
	kept    *cache.Cache[newest.DocRef, *mapping.Stored]
}

// entryBytes is about what an entry takes beside the recording.
const entryBytes = 200

// newRecordCache returns a cache for so many bytes. One recording may take a 256th of them: else a
// few huge ones would push out all others.
func newRecordCache(limit int64) *recordCache {
	return &recordCache{
		largest: int(limit / 256),
		kept: cache.New(limit, func(_ newest.DocRef, s *mapping.Stored) int64 {
			return entryBytes + int64(s.Size())
		}),
	}
}

// find puts what it has of hits into a list of the same length, and returns how many it has.
func (c *recordCache) find(hits []newest.Hit, into []*mapping.Stored) (n int) {
	ref := func(i int) newest.DocRef { return hits[i].Ref }
	c.kept.Find(len(hits), ref, func(i int, s *mapping.Stored) {
		into[i] = s
		n++
	})
	return n
}

// add keeps the recordings of hits, as far as they are known and the hits are in a segment, and
// leaves out unusually large ones. Nobody may change what is kept, so it has its outline already.
func (c *recordCache) add(hits []newest.Hit, recordings []*mapping.Stored) {
	fit := make([]int, 0, len(hits))
	for i, s := range recordings {
		if s != nil && hits[i].Ref != (newest.DocRef{}) && s.Size() <= c.largest && s.Outline() != nil {
			fit = append(fit, i)
		}
	}

	c.kept.PutAll(func(yield func(newest.DocRef, *mapping.Stored) bool) {
		for _, i := range fit {
			if !yield(hits[i].Ref, recordings[i]) {
				return
			}
		}
	})
}
