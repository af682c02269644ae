package embedded

import (
	"sync"

	"recordings/index"
	"recordings/index/embedded/bleveindex"
	"recordings/index/embedded/internal/cache"
	"recordings/index/embedded/newest"
	"recordings/index/embedded/store"
	"recordings/mapping"
)

// serving is from which search index searches are answered, if they are. All methods may be called
// concurrently.
type serving struct {
	cacheBytes int64 // for recordings that searches found

	mu      sync.Mutex
	space   func() string     // why nothing can be built at present, as the disk is full; nil, or empty: it can
	index   *bleveindex.Index // nil: not ready
	records *recordCache      // of index
	reason  string            // why it is not ready
	done    uint64            // recordings, of total
	total   uint64
	changed chan struct{} // closed, and replaced, when it becomes ready
}

// newServing returns the state of a service that has just begun: nothing is served.
func newServing(cacheBytes int64) *serving {
	return &serving{cacheBytes: cacheBytes, reason: "the search index is being opened", changed: make(chan struct{})}
}

// watchSpace says who knows whether the disk is full.
func (s *serving) watchSpace(reason func() string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.space = reason
}

// waitsFor is why no search index can be built at present; empty: it can. The caller holds the
// mutex.
func (s *serving) waitsFor() string {
	if s.space == nil {
		return ""
	}
	return s.space()
}

// isReady reports whether searches are answered, and when that may have changed.
func (s *serving) isReady() (bool, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.index != nil, s.changed
}

// status is the part of the status that is about searches.
func (s *serving) status() index.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index != nil {
		return index.Status{Ready: true}
	}

	reason := s.reason
	if why := s.waitsFor(); why != "" {
		reason += "; it waits for space: " + why
	}
	return index.Status{Reason: reason, Done: s.done, Total: s.total}
}

// ready lets searches be answered from an index.
func (s *serving) ready(x *bleveindex.Index) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index, s.records = x, newRecordCache(s.cacheBytes)
	close(s.changed)
	s.changed = make(chan struct{})
}

// notReady lets searches be refused, for a reason.
func (s *serving) notReady(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index, s.records = nil, nil
	s.reason, s.done, s.total = reason, 0, 0
}

// progress notes how far it is until searches are answered, if they are not.
func (s *serving) progress(reason string, done, total uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index == nil {
		s.reason, s.done, s.total = reason, done, total
	}
}

// current returns the index from which searches are answered, or nil.
func (s *serving) current() *bleveindex.Index {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.index
}

// stats is what Bleve counts of the index that answers; nil if there is none.
func (s *serving) stats() map[string]any {
	x := s.current()
	if x == nil {
		return nil
	}
	return x.Stats()
}

// served is one state of the index from which searches are answered.
type served struct {
	index   *bleveindex.Index
	reader  *bleveindex.Reader
	records *recordCache
}

// reader returns the present state, whose reader must be closed. No index is closed meanwhile.
func (s *serving) reader() (served, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index == nil {
		return served{}, &index.NotReadyError{Done: s.done, Total: s.total, Waits: s.waitsFor()}
	}

	// Under the lock: an index is taken out of service before it is closed, so it is open now.
	r, err := s.index.Reader()
	if err != nil {
		return served{}, err
	}
	return served{s.index, r, s.records}, nil
}

// copy returns the present state of the index, to be copied; nil if there is no index. It must be
// closed.
func (s *serving) copy() (*bleveindex.Copy, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index == nil {
		return nil, nil
	}
	return s.index.Copy()
}

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
// leaves out unusually large ones. Nobody may change what is kept, so it has its outline, and the names of
// its media files, already.
func (c *recordCache) add(hits []newest.Hit, recordings []*mapping.Stored) {
	fit := make([]int, 0, len(hits))
	for i, s := range recordings {
		if s != nil && hits[i].Ref != (newest.DocRef{}) && s.Size() <= c.largest && s.Outline() != nil {
			if contactCenter, _, err := store.SplitRecordKey(hits[i].Key); err == nil {
				s.NameMedia(contactCenter)
			}
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
