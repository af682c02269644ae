package embedded

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/cockroachdb/pebble/v2"

	"recordings/index"
	"recordings/index/embedded/newest"
	"recordings/mapping"
)

// Search returns the recordings that match, newest first; see [index.Index].
func (x *Index) Search(ctx context.Context, q index.Query) (page index.Page, err error) {
	err = x.look(ctx, q.ContactCenter, func(ctx context.Context, v *view) (err error) {
		page, err = v.search(ctx, q)
		return err
	})
	if err != nil {
		return index.Page{}, err
	}
	return page, nil
}

// Count returns how many recordings match; see [index.Index].
func (x *Index) Count(ctx context.Context, q index.Query) (n int, err error) {
	err = x.look(ctx, q.ContactCenter, func(ctx context.Context, v *view) (err error) {
		n, err = v.index.searcher.Count(ctx, v.reader, v.query(q))
		return err
	})
	return n, err
}

// look calls fn with the present state of a contact center.
func (x *Index) look(ctx context.Context, contactCenter string, fn func(context.Context, *view) error) (err error) {
	defer func() { x.metrics.searched(err) }()
	ctx, leave, err := x.gate.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if err := ctx.Err(); errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", index.ErrTooCostly, err)
	} else if err != nil {
		return fmt.Errorf("searching: %w", err)
	}
	x.running.Add(1)
	defer x.running.Add(-1)
	v, err := x.view(ctx, contactCenter)
	if err != nil {
		return err
	}
	defer v.close()
	err = guard(func() error { return fn(ctx, v) })
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%w: %w", index.ErrTooCostly, err)
	case errors.Is(err, errClosed):
		return unavailable("searching", err)
	case errors.Is(err, errInconsistent):
		_ = v.index.fail(err) // it is rebuilt
	}
	return err
}

// errInconsistent says that the search index cannot be trusted.
var errInconsistent = errors.New("the search index and the records disagree")

// view is one consistent state of a contact center: what Bleve has, the changes that it lacks, and the store.
//
// The store may have changes that are not durable yet, but these are all among the pending ones. So the recording of a
// key is that of its newest pending change, if there is one, else the one in the store.
type view struct {
	index    *searchIndex
	reader   *scorch.IndexSnapshot
	snapshot *pebble.Snapshot
	newest   map[string]*change // pending changes by key
	done     func(newest.Work)
	running  *atomic.Int64 // searches, this one included
}

// view returns the present state, once it is durable. It must be closed.
func (x *Index) view(ctx context.Context, contactCenter string) (*view, error) {
	x.searches.Add(1)
	v := &view{done: x.metrics.did, running: &x.running}
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

// search finds what matches in Bleve, except what has a pending change, and among the pending changes.
func (v *view) search(ctx context.Context, q index.Query) (index.Page, error) {
	found := v.query(q)
	hits, more, err := v.index.searcher.Search(ctx, v.reader, found)
	if err != nil {
		return index.Page{}, err
	}
	if len(hits) > q.Limit { // nothing but whether there is more was asked for
		hits, more = nil, true
	}
	total := 0
	if q.Total {
		if total, err = v.index.searcher.Count(ctx, v.reader, found); err != nil {
			return index.Page{}, err
		}
	}
	page, err := v.load(hits, q, more)
	page.Total = total
	return page, err
}

// query is a query as Bleve is to be asked, with what is pending.
func (v *view) query(q index.Query) newest.Query {
	found := newest.Query{
		ContactCenter: q.ContactCenter,
		Region:        q.Region,
		Criteria:      q.Criteria,
		Offset:        q.Offset,
		Limit:         max(q.Limit, 1),
		Hidden:        make(map[string]struct{}, len(v.newest)),
		Done:          v.done,
	}
	for key, c := range v.newest {
		found.Hidden[key] = struct{}{}
		if c.data != nil && c.region == q.Region && q.Criteria.Match(c.searchable) {
			found.Pending = append(found.Pending, newest.Hit{Key: key, Start: c.searchable.StartTime})
		}
	}
	return found
}

// load returns the page of the hits, or gives it to q.To.
func (v *view) load(hits []newest.Hit, q index.Query, more bool) (index.Page, error) {
	page := index.Page{More: more}
	to := q.To
	if to == nil {
		to = &index.Sink{}
	}
	parts, err := v.readAhead(hits, q.Region, to)
	for i := 0; i < len(parts) && err == nil; i++ {
		if q.To == nil {
			err = v.collect(&parts[i], q.Region, &page)
		} else {
			err = v.give(&parts[i], q.Region, to)
		}
	}
	if err != nil {
		return index.Page{}, err
	}
	return page, nil
}

// collect adds the recordings of a part to a page.
func (v *view) collect(p *part, region string, page *index.Page) (err error) {
	for i, h := range p.hits {
		var s *mapping.Stored
		if i < p.n {
			s = p.recordings[i]
		} else if s, err = v.hit(h, region, v.stored); err != nil {
			return err
		}
		r, err := s.Recording()
		if err != nil {
			return err
		}
		page.Recordings = append(page.Recordings, r)
	}
	return nil
}

// give gives the recordings of a part to a sink; one after the other what was not read ahead.
func (v *view) give(p *part, region string, to *index.Sink) error {
	if p.n > 0 {
		err := to.Write(p.data, p.n)
		p.release()
		if err != nil {
			return err
		}
	}
	for _, h := range p.hits[p.n:] {
		s, err := v.hit(h, region, v.stored)
		if err != nil {
			return err
		}
		data, err := to.Encode(nil, s)
		if err == nil {
			err = to.Write(data, 1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// hit returns the recording of a hit. What is not pending is read by stored, which returns nil if there is none.
func (v *view) hit(h newest.Hit, region string, stored reading) (r *mapping.Stored, err error) {
	var data []byte
	if c := v.newest[h.Key]; c != nil {
		data = c.data
	} else if data, err = stored(h.Key); err != nil {
		return nil, err
	}
	if data == nil {
		return nil, fmt.Errorf("%w: a recording is not stored", errInconsistent)
	}
	if r, err = mapping.ReadStored(data); err != nil {
		return nil, fmt.Errorf("decoding a stored recording: %w", err)
	}
	if r.Region() != region || r.StartTime() != h.Start {
		return nil, fmt.Errorf("%w: a recording is stored in another version", errInconsistent)
	}
	return r, nil
}

// reading returns what is stored under a record key, or nil if there is nothing.
type reading func(key string) ([]byte, error)

func (v *view) stored(key string) ([]byte, error) { return readRecord(v.snapshot, key) }
