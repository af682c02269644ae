package embedded

import (
	"context"
	"fmt"

	blevemapping "github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/collector"
	bleveindex "github.com/blevesearch/bleve_index_api"

	"recordings/mapping"
	"recordings/mapping/schema"
)

// hit is a recording that a query found in Bleve.
type hit struct {
	key       string
	startTime mapping.Time
}

// maxChunk bounds the hits that a search holds in memory at a time. A page far behind takes several chunks, for each of
// which the query is evaluated again.
const maxChunk = 10_000

// hits yields what a query finds in Bleve, newest first.
type hits struct {
	reader bleveindex.IndexReader
	query  translation
	chunk  []hit
	size   int      // of the next chunk
	after  []string // sort values of the last hit, as the collector takes them; nil: from the beginning
	end    bool     // chunk is the last one
}

// next returns the next hit; ok is false behind the last.
func (h *hits) next(ctx context.Context) (next hit, ok bool, err error) {
	if len(h.chunk) == 0 {
		if h.end {
			return hit{}, false, nil
		}
		if err := h.load(ctx); err != nil {
			return hit{}, false, err
		}
		if len(h.chunk) == 0 {
			return hit{}, false, nil
		}
	}
	next, h.chunk = h.chunk[0], h.chunk[1:]
	return next, true, nil
}

// noMapping is for queries of which each names its field and takes its terms as they are.
var noMapping blevemapping.IndexMapping

// load reads the next chunk.
func (h *hits) load(ctx context.Context) error {
	searcher, err := h.query.query.Searcher(ctx, h.reader, noMapping, search.SearcherOptions{Score: "none"})
	if err != nil {
		return fmt.Errorf("preparing a search: %w", err)
	}
	defer func() { _ = searcher.Close() }() // it only returns what it held to its pool
	order := schema.NewestFirst()
	found := collector.NewTopNCollector(h.size, 0, order)
	if h.after != nil {
		found = collector.NewTopNCollectorAfter(h.size, order, h.after)
	}
	if err := found.Collect(ctx, searcher, h.reader); err != nil {
		return fmt.Errorf("searching: %w", err)
	}
	results := found.Results()
	h.end = len(results) < h.size
	h.chunk = make([]hit, len(results))
	for i, match := range results {
		startTime, err := schema.ParseTimeTerm(match.Sort[0])
		if err != nil {
			return fmt.Errorf("reading the start time of a hit: %w", err)
		}
		h.chunk[i] = hit{match.ID, startTime}
		h.after = match.Sort
	}
	h.size = min(2*h.size, maxChunk)
	return nil
}
