package embedded

import (
	"context"
	"errors"
	"fmt"

	"recordings/index"
	"recordings/index/embedded/internal/fault"
	"recordings/index/embedded/newest"
	"recordings/index/embedded/verify"
	"recordings/index/gate"
)

// Search gives the recordings that match to a sink; see [index.Index].
func (x *Index) Search(ctx context.Context, q index.Query, to index.Sink) (page index.Page, err error) {
	err = x.withView(ctx, q.ContactCenter, func(ctx context.Context, v *view) (err error) {
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
	err = x.withView(ctx, q.ContactCenter, func(ctx context.Context, v *view) (err error) {
		n, err = v.searcher().Count(ctx, v.reader.Snapshot, v.request(q))
		return err
	})
	return n, err
}

// Histogram returns how many recordings match by when they start; see [index.Histograms].
func (x *Index) Histogram(ctx context.Context, q index.Query, c index.Calendar) (all []index.Bucket, err error) {
	err = x.withView(ctx, q.ContactCenter, func(ctx context.Context, v *view) error {
		counts, err := v.searcher().Histogram(ctx, v.reader.Snapshot, v.request(q), c.Bucket)
		if err != nil {
			return err
		}
		all, err = c.Fill(counts)
		return err
	})
	return all, err
}

// withView calls fn with the present state of a contact center.
func (x *Index) withView(ctx context.Context, contactCenter string, fn func(context.Context, *view) error) (err error) {
	defer func() { x.metrics.searched(err) }()
	ctx, leave, err := x.gate.Enter(ctx)
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

	// A segment that is damaged is a panic of Bleve's. It must not end the service.
	err = fault.Guard(func() error { return fn(ctx, v) })
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%w: %w", index.ErrTooCostly, err)
	case errors.Is(err, gate.ErrClosed):
		return fault.Unavailable("searching", err)
	case errors.Is(err, verify.ErrInconsistent):
		_ = v.index.Fail(err) // it is rebuilt
	}
	return err
}

// search finds what matches in Bleve, except what has a pending change, and among the pending
// changes.
func (v *view) search(ctx context.Context, q index.Query, to index.Sink) (index.Page, error) {
	request := v.request(q)
	hits, more, err := v.searcher().Search(ctx, v.reader.Snapshot, request)
	if err != nil {
		return index.Page{}, err
	}
	if len(hits) > q.Limit { // nothing but whether there is more was asked for
		hits, more = nil, true
	}

	total := 0
	if q.Total {
		if total, err = v.searcher().Count(ctx, v.reader.Snapshot, request); err != nil {
			return index.Page{}, err
		}
	}
	if err := v.load(hits, q.Region, to); err != nil {
		return index.Page{}, err
	}
	return index.Page{More: more, Total: total}, nil
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

	return v.giveEach(p.hits[p.n:], region, to, v.state.Get)
}

// giveEach gives the recordings of hits to a sink one after the other, so that it holds one of them
// at a time.
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
