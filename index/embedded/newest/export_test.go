package newest

import (
	"github.com/blevesearch/bleve/v2/index/scorch"
	segment "github.com/blevesearch/scorch_segment_api/v2"
)

// Cached returns how many scopes the cache has, how many of them in segments that the snapshot does
// not have, and how many bytes the cache thinks it is within.
func (s *Searcher) Cached(snapshot *scorch.IndexSnapshot) (scopes, strangers int, size int64) {
	current := make(map[segment.Segment]bool)
	for _, part := range snapshot.Segments() {
		current[part.Segment()] = true
	}
	s.cache.scopes.DeleteFunc(func(key cacheKey) bool { // which looks at every key, and deletes none
		scopes++
		if !current[key.segment] {
			strangers++
		}
		return false
	})

	_, young := s.cache.scopes.Size()
	return scopes, strangers, young
}

// OccupyCostly takes all places of costly searches until leave is called.
func (s *Searcher) OccupyCostly() (leave func()) {
	n := int64(s.o.Costly)
	if !s.costly.TryAcquire(n) {
		panic("there are costly searches already")
	}
	return func() { s.costly.Release(n) }
}

// ForgetFilters forgets which documents are known to match something, or not to, as it is when the cache is full.
func (s *Searcher) ForgetFilters() {
	s.cache.filters.DeleteFunc(func(filterKey) bool { return true })
}
