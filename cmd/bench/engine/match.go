package engine

import (
	"context"
	"iter"
	"slices"

	"recordings/cmd/bench/corpus"
	"recordings/mapping"
)

// Match is no peer but the meaning of a search: it looks at every recording. Tests compare the
// others with it.
type Match struct {
	documents []document
}

// Load implements [Engine].
func (e *Match) Load(_ context.Context, calls iter.Seq[corpus.Call]) error {
	for d, err := range documents(calls) {
		if err != nil {
			return err
		}
		e.documents = append(e.documents, d)
	}

	slices.SortFunc(e.documents, func(a, b document) int {
		return mapping.CompareNewestFirst(a.searchable.StartTime, a.Recording.ID, b.searchable.StartTime,
			b.Recording.ID)
	})
	return nil
}

// Search implements [Engine].
func (e *Match) Search(_ context.Context, q Query) (a Answer, err error) {
	skip := q.Offset
	for _, d := range e.documents {
		seen := d.ContactCenter == q.ContactCenter && d.Recording.Region == q.Region && d.searchable.VisibleTo(q.Groups)
		if !seen || !q.Criteria.Match(d.searchable) {
			continue
		}

		if skip--; skip >= 0 {
			continue
		}

		a.IDs = append(a.IDs, d.Recording.ID)
		if len(a.IDs) > q.Limit {
			break
		}
	}

	a.cut(q.Limit)
	return a, nil
}

// Put implements [Engine].
func (e *Match) Put(ctx context.Context, c corpus.Call) error {
	return e.Load(ctx, slices.Values([]corpus.Call{c}))
}

// Facts implements [Engine].
func (e *Match) Facts(context.Context) (Facts, error) { return Facts{}, nil }

// Close implements [Engine].
func (e *Match) Close() error { return nil }
