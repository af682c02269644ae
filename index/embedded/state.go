package embedded

import (
	"fmt"
	"sync"

	"github.com/blevesearch/bleve/v2/index/scorch"

	"recordings/index"
)

// searchState says whether searches are answered, and from what.
type searchState struct {
	mu      sync.Mutex
	current *searchIndex // nil: not ready
	reason  string       // why it is not ready
	done    uint64
	total   uint64
	changed chan struct{} // closed, and replaced, when it becomes ready
}

func newSearchState() *searchState {
	return &searchState{reason: "the search index is being opened", changed: make(chan struct{})}
}

func (s *searchState) isReady() (bool, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current != nil, s.changed
}

func (s *searchState) status() index.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil {
		return index.Status{Ready: true}
	}
	return index.Status{Reason: s.reason, Done: s.done, Total: s.total}
}

// ready lets searches be answered from an index.
func (s *searchState) ready(current *searchIndex) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = current
	close(s.changed)
	s.changed = make(chan struct{})
}

// progress tells how far it is until searches are answered, if they are not.
func (s *searchState) progress(reason string, done, total uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		s.reason, s.done, s.total = reason, done, total
	}
}

// serving returns the index from which searches are answered, or nil.
func (s *searchState) serving() *searchIndex {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// notReady lets searches be refused, because of the reason.
func (s *searchState) notReady(reason string, done, total uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = nil
	s.reason, s.done, s.total = reason, done, total
}

// stats is what Bleve tells of the index that answers; nil if there is none.
func (s *searchState) stats() (stats map[string]any) {
	s.mu.Lock()
	current := s.current
	s.mu.Unlock()
	if current == nil {
		return nil
	}
	_ = guard(func() error { // it may be closed in the meantime
		stats = current.scorch.StatsMap()
		return nil
	})
	return stats
}

// reader returns what Bleve has now. It must be closed.
func (s *searchState) reader() (*searchIndex, *scorch.IndexSnapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return nil, nil, &index.NotReadyError{Done: s.done, Total: s.total}
	}
	r, err := s.current.scorch.Reader()
	if err != nil {
		return nil, nil, fmt.Errorf("reading the search index: %w", err)
	}
	return s.current, r.(*scorch.IndexSnapshot), nil
}
