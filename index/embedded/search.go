package embedded

import (
	"context"
	"errors"
	"fmt"
	"slices"

	bleveindex "github.com/blevesearch/bleve_index_api"
	"github.com/cockroachdb/pebble/v2"

	"recordings/index"
	"recordings/mapping"
)

// Search returns the recordings that match, newest first; see [index.Index].
func (x *Index) Search(ctx context.Context, q index.Query) (index.Page, error) {
	ctx, leave, err := x.gate.enter(ctx)
	if err != nil {
		return index.Page{}, err
	}
	defer leave()
	v, err := x.view(ctx, q.ContactCenter)
	if err != nil {
		return index.Page{}, err
	}
	defer v.close()
	var page index.Page
	err = guard(func() (err error) {
		page, err = v.search(ctx, q)
		return err
	})
	switch {
	case err == nil:
		return page, nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("%w: %w", index.ErrTooCostly, err)
	case errors.Is(err, errClosed):
		err = unavailable("searching", err)
	case errors.Is(err, errInconsistent):
		_ = v.index.fail(err) // it is rebuilt
	}
	return index.Page{}, err
}

// errInconsistent says that the search index cannot be trusted.
var errInconsistent = errors.New("the search index and the records disagree")

// view is one consistent state of a contact center: what Bleve has, the changes that it lacks, and the store.
//
// The store may have changes that are not durable yet, but these are all among the pending ones. So the recording of a
// key is that of its newest pending change, if there is one, else the one in the store.
type view struct {
	index    *searchIndex
	reader   bleveindex.IndexReader
	snapshot *pebble.Snapshot
	newest   map[string]*change // pending changes by key
}

// view returns the present state, once it is durable. It must be closed.
func (x *Index) view(ctx context.Context, contactCenter string) (*view, error) {
	v := &view{}
	changes, err := x.pending.view(contactCenter, func() (err error) {
		if v.index, v.reader, err = x.state.reader(); err != nil {
			return err
		}
		v.snapshot = x.db.NewSnapshot()
		return nil
	})
	if err != nil {
		return nil, err
	}
	if n := len(changes); n > 0 {
		if err := changes[n-1].wait(ctx); err != nil { // then all earlier ones are durable, too
			v.close()
			return nil, err
		}
	}
	v.newest = make(map[string]*change, len(changes))
	for _, c := range changes {
		v.newest[c.key] = c
	}
	return v, nil
}

func (v *view) close() {
	_ = v.reader.Close()
	_ = v.snapshot.Close()
}

// match is a recording that matches. Of one from Bleve the data is loaded when it is needed.
type match struct {
	key       string
	startTime mapping.Time
	change    *change // nil: it is in the store
}

// search merges what matches in Bleve and among the pending changes into one order, and returns the part that q wants.
func (v *view) search(ctx context.Context, q index.Query) (index.Page, error) {
	pending := v.pendingMatches(q)
	stored, err := v.storedMatches(ctx, q)
	if err != nil {
		return index.Page{}, err
	}
	var page []match
	skip := q.Offset
	next, ok, err := stored()
	for len(page) <= q.Limit && err == nil && (ok || len(pending) > 0) {
		var m match
		if !ok || len(pending) > 0 && newer(pending[0], next) {
			m, pending = pending[0], pending[1:]
		} else {
			m = next
			next, ok, err = stored()
		}
		if skip > 0 {
			skip--
			continue
		}
		page = append(page, m)
	}
	if err != nil {
		return index.Page{}, err
	}
	more := len(page) > q.Limit
	return v.load(page[:min(len(page), q.Limit)], q.Region, more)
}

// newer tells whether a comes before b. Within one contact center, keys are in the order of the ids.
func newer(a, b match) bool {
	return mapping.CompareNewestFirst(a.startTime, a.key, b.startTime, b.key) < 0
}

// pendingMatches returns what matches among the pending changes, in order.
func (v *view) pendingMatches(q index.Query) []match {
	var matches []match
	for key, c := range v.newest {
		if c.data != nil && c.region == q.Region && q.Criteria.Match(c.searchable) {
			matches = append(matches, match{key, c.searchable.StartTime, c})
		}
	}
	slices.SortFunc(matches, func(a, b match) int {
		return mapping.CompareNewestFirst(a.startTime, a.key, b.startTime, b.key)
	})
	return matches
}

// storedMatches returns a function that yields what matches in Bleve, in order, except what has a pending change.
func (v *view) storedMatches(ctx context.Context, q index.Query) (func() (match, bool, error), error) {
	translated, err := translate(ctx, v.reader, q.ContactCenter, q.Region, &q.Criteria)
	if err != nil {
		return nil, err
	}
	size := min(q.Offset, maxChunk) + min(q.Limit, maxChunk) + 1
	found := &hits{reader: v.reader, query: translated, size: min(size, maxChunk)}
	return func() (match, bool, error) {
		for {
			h, ok, err := found.next(ctx)
			if err != nil || !ok {
				return match{}, false, err
			}
			if v.newest[h.key] != nil {
				continue
			}
			if !translated.exact {
				matches, err := v.verify(ctx, h.key, &q.Criteria)
				if err != nil {
					return match{}, false, err
				}
				if !matches {
					continue
				}
			}
			return match{h.key, h.startTime, nil}, true, nil
		}
	}, nil
}

// verify tells whether a stored recording matches.
func (v *view) verify(ctx context.Context, key string, c *mapping.Criteria) (bool, error) {
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	r, err := v.stored(key)
	if err != nil {
		return false, err
	}
	return mapping.Match(c, r), nil
}

// stored returns a recording that Bleve says is stored.
func (v *view) stored(key string) (*mapping.Recording, error) {
	data, err := readRecord(v.snapshot, key)
	if err != nil {
		return nil, err
	}
	if data == nil {
		return nil, fmt.Errorf("%w: a recording is not stored", errInconsistent)
	}
	return mapping.DecodeStored(data)
}

// load returns the page of the matches.
func (v *view) load(matches []match, region string, more bool) (index.Page, error) {
	page := index.Page{Recordings: make([]*mapping.Recording, len(matches)), More: more}
	for i, m := range matches {
		var r *mapping.Recording
		var err error
		if m.change != nil {
			r, err = mapping.DecodeStored(m.change.data)
		} else {
			r, err = v.stored(m.key)
		}
		if err != nil {
			return index.Page{}, fmt.Errorf("reading a recording: %w", err)
		}
		if r.Region != region || r.StartTime() != m.startTime {
			return index.Page{}, fmt.Errorf("%w: a recording is stored in another version", errInconsistent)
		}
		page.Recordings[i] = r
	}
	return page, nil
}
