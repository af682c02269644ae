package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/cockroachdb/pebble/v2"

	"recordings/index"
	"recordings/index/embedded/newest"
	"recordings/index/embedded/query"
	"recordings/mapping"
)

// Search gives the recordings that match to a sink, newest first; see [index.Index].
func (x *Index) Search(ctx context.Context, q index.Query, to index.Sink) (page index.Page, err error) {
	err = x.look(ctx, q.ContactCenter, func(ctx context.Context, v *view) (err error) {
		page, err = v.search(ctx, q, to)
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
		n, err = v.index.searcher.Count(ctx, v.reader, v.request(q))
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
	v, err := x.view(contactCenter)
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
// Changes that are not durable yet are no part of it: nobody has been told of them, and nobody waits for the disk. But the store
// has them. So the recording of a key is that of the newest change that Bleve lacks, if there is one; else what was there before a
// change that is not durable, if there is one; else the one in the store.
type view struct {
	index    *searchIndex
	reader   *scorch.IndexSnapshot
	snapshot *pebble.Snapshot
	changes  []*change          // that Bleve lacks, in the order of their sequence
	matching map[string]*change // by key, the newest of these that the query asks for
	before   map[string][]byte  // by key, what was stored before the changes that are not durable
	done     func(newest.Work)
	running  *atomic.Int64 // searches, this one included
}

// view returns the present state. It must be closed.
func (x *Index) view(contactCenter string) (*view, error) {
	x.searches.Add(1)
	for {
		v := &view{done: x.metrics.did, running: &x.running}
		if upToDate, err := v.open(x, contactCenter); upToDate || err != nil {
			return v, err
		}
		v.close()
	}
}

// open takes the store's state first, and not under the lock that the others need, as the store may be busy: nearly always all that is
// newer is pending still.
func (v *view) open(x *Index, contactCenter string) (upToDate bool, err error) {
	visible := x.visible.Load()
	v.snapshot = x.db.NewSnapshot()
	durable, others, err := x.pending.view(contactCenter, func() (err error) {
		v.index, v.reader, err = x.state.reader()
		return err
	})
	var indexed uint64
	if err == nil {
		indexed, err = sequenceOf(v.reader)
	}
	if err != nil {
		v.close()
		return false, err
	}
	n, _ := slices.BinarySearchFunc(durable, indexed+1, func(c *change, s uint64) int { return cmp.Compare(c.sequence, s) })
	v.changes = durable[n:] // others may be pending that nobody has let go of yet
	v.before = make(map[string][]byte, len(others))
	for _, c := range others {
		if _, ok := v.before[c.key]; !ok { // several may be of one step
			v.before[c.key] = c.before
		}
	}
	return indexed <= visible, nil
}

// sequenceOf is the sequence up to which a snapshot of Bleve has the changes.
func sequenceOf(r *scorch.IndexSnapshot) (uint64, error) {
	data, err := r.GetInternal(positionKey)
	if err != nil {
		return 0, fmt.Errorf("reading the search index: %w", err)
	}
	if data == nil {
		return 0, nil // nothing was ever added
	}
	p, err := splitPosition(data)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errInconsistent, err)
	}
	return p.sequence, nil
}

func (v *view) close() {
	if v.reader != nil {
		_ = v.reader.Close()
	}
	_ = v.snapshot.Close()
}

// search finds what matches in Bleve, except what has a pending change, and among the pending changes.
func (v *view) search(ctx context.Context, q index.Query, to index.Sink) (index.Page, error) {
	found := v.request(q)
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
	if err := v.load(hits, q.Region, to); err != nil {
		return index.Page{}, err
	}
	return index.Page{More: more, Total: total}, nil
}

// request is a query as Bleve is to be asked, with what it lacks.
func (v *view) request(q index.Query) newest.Request {
	found := newest.Request{
		Query:  query.New(q.ContactCenter, q.Region, &q.Criteria),
		Offset: q.Offset,
		Limit:  max(q.Limit, 1),
		Hidden: make(map[string]struct{}),
		Done:   v.done,
	}
	if e := v.index.log.Debug(); e.Enabled() { // with phone numbers and names, so never above debug
		e.Str("query", query.String(found.Query)).Msg("searching")
	}

	v.matching = make(map[string]*change)
	for _, c := range v.changes {
		if c.before != nil { // of what is new, Bleve has nothing to hide
			found.Hidden[c.key] = struct{}{}
		}
		if later := c.later.Load(); later != nil && later.sequence <= v.changes[len(v.changes)-1].sequence {
			continue
		}
		if c.data != nil && c.region == q.Region && q.Criteria.Match(c.searchable) {
			found.Pending = append(found.Pending, newest.Hit{Key: c.key, Start: c.searchable.StartTime})
			v.matching[c.key] = c
		}
	}
	return found
}

// load gives the recordings of hits to a sink.
func (v *view) load(hits []newest.Hit, region string, to index.Sink) error {
	parts, err := v.readAhead(hits, region, to)
	if err != nil {
		return err
	}

	for i := range parts {
		if err := v.give(&parts[i], region, to); err != nil {
			return err
		}
	}
	return nil
}

// give gives the recordings of a part to a sink; one after the other what was not read ahead.
func (v *view) give(p *part, region string, to index.Sink) error {
	if p.n > 0 {
		err := to.Write(p.data, p.n)
		p.release()
		if err != nil {
			return err
		}
	}
	return v.giveEach(p.hits[p.n:], region, to, v.stored)
}

// giveEach gives the recordings of hits to a sink one after the other, so that it holds one of them at a time.
func (v *view) giveEach(hits []newest.Hit, region string, to index.Sink, stored reading) error {
	var data []byte
	for _, h := range hits {
		s, err := v.hit(h, region, stored)
		if err != nil {
			return err
		}

		if data, err = to.Encode(data[:0], s); err != nil {
			return fmt.Errorf("encoding a recording: %w", err)
		}
		if err := to.Write(data, 1); err != nil {
			return err
		}
	}
	return nil
}

// hit returns the recording of a hit. What is not pending is read by stored, which returns nil if there is none.
func (v *view) hit(h newest.Hit, region string, stored reading) (r *mapping.Stored, err error) {
	var data []byte
	if c := v.matching[h.Key]; c != nil {
		data = c.data
	} else if before, ok := v.before[h.Key]; ok {
		data = before
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
