package opensearch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"

	"recordings/index"
	"recordings/index/embedded/schema"
	"recordings/index/opensearch/client"
	"recordings/index/query"
	"recordings/mapping"
)

// hit is a document that was found.
type hit struct {
	ID     string `json:"_id"`
	Source source `json:"_source"`
	Sort   []any  `json:"sort"`
}

// bucket is a day, or whatever an aggregation counts.
type bucket struct {
	Key   float64 `json:"key"`
	Count int     `json:"doc_count"`
}

// searchAnswer is what the cluster says to a search.
type searchAnswer struct {
	PIT      string `json:"pit_id"`
	TimedOut bool   `json:"timed_out"`
	Shards   shards `json:"_shards"`
	Hits     struct {
		Total struct {
			Value int `json:"value"`
		} `json:"total"`
		Hits []hit `json:"hits"`
	} `json:"hits"`
	Aggregations struct {
		Newest struct {
			Value *float64 `json:"value"`
		} `json:"newest"`
		First struct {
			Value *float64 `json:"value"`
		} `json:"first"`
		Last struct {
			Value *float64 `json:"value"`
		} `json:"last"`
		Buckets struct {
			Buckets []struct {
				From  float64 `json:"from"`
				Count int     `json:"doc_count"`
			} `json:"buckets"`
		} `json:"buckets"`
		Long struct {
			Count int `json:"doc_count"`
		} `json:"long"`
		Days struct {
			Buckets []bucket `json:"buckets"`
		} `json:"days"`
		Each struct {
			Buckets []struct {
				Count int `json:"doc_count"`
			} `json:"buckets"`
		} `json:"each"`
		Centers struct {
			After   object `json:"after_key"`
			Buckets []struct {
				Key struct {
					Center string `json:"center"`
				} `json:"key"`
				Count int `json:"doc_count"`
			} `json:"buckets"`
		} `json:"centers"`
	} `json:"aggregations"`
}

// searchPath is the path, behind the name of an index, of a search among the recordings of a contact center.
func searchPath(contactCenter string) string {
	return "/_search?allow_partial_search_results=false&routing=" +
		url.QueryEscape(routingOf(contactCenter))
}

// mostPage is how many bytes an answer may have; more is asked for in parts.
const mostPage = 32 << 20

// searchNow makes a search of the index in use.
func (x *records) searchNow(ctx context.Context, path string, body object, to *searchAnswer) error {
	return x.following(ctx, func(p *place) error { return x.search(ctx, "/"+p.alias+path, body, to) })
}

// search makes a search, again until all of the answer is there.
func (x *records) search(ctx context.Context, path string, body object, to *searchAnswer) error {
	for {
		*to = searchAnswer{}
		err := x.askBounded(ctx, client.Post, path, body, to, mostPage)
		if err == nil && !to.TimedOut && to.Shards.Failed == 0 {
			return nil
		}
		if err == nil {
			err = errPartial
		}
		if !x.again(ctx, err) {
			if ctx.Err() != nil {
				err = fmt.Errorf("%w (%w)", context.Cause(ctx), err)
			}
			return x.failed("searching", err)
		}
	}
}

// refreshed returns when everything that was answered before can be found.
func (x *records) refreshed(ctx context.Context) error {
	if err := x.refresh.wait(ctx, x.closing); err != nil {
		return x.failed("refreshing", err)
	}
	return nil
}

// searching calls fn as a search: with a context that ends when the index is closed, and with errors as the
// contract has them.
func (x *Index) searching(ctx context.Context, fn func(context.Context) error) (err error) {
	defer func() { x.metrics.searched(err) }()
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if err = ctx.Err(); err == nil {
		err = x.reindexer.notReady()
	}
	if err == nil {
		err = fn(ctx)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%w: %w", index.ErrTooCostly, err)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("searching: %w", err)
	}
	return err
}

// finder is one search.
type finder struct {
	x    *records
	q    index.Query
	t    *translation
	path string
	sort []object
}

// finder translates a query. With apart, patterns are taken apart. Behind the fence, if there is one,
// nothing is found.
func (x *records) finder(q index.Query, fence *int64, apart bool) (*finder, error) {
	t, err := translate(query.New(q.ContactCenter, q.Region, q.Groups, &q.Criteria), apart)
	if err != nil {
		return nil, err
	}
	if fence != nil {
		t.filter = append(t.filter, object{"range": object{schema.FieldChanged: object{"lte": *fence}}})
	}
	f := &finder{x: x, q: q, t: t, path: searchPath(q.ContactCenter)}
	f.sort = []object{{schema.FieldStart: "desc"}, {fieldID: "asc"}}
	switch q.Order {
	case index.OldestFirst:
		f.sort = []object{{schema.FieldStart: "asc"}, {fieldID: "desc"}}
	case index.OldestChangeFirst:
		f.sort = append([]object{{schema.FieldChanged: "asc"}}, f.sort...)
	}
	return f, nil
}

// find calls fn with a finder, when what was answered before can be found; and again with one that takes
// patterns apart if the cluster refuses them. shows says that times of changes are shown.
func (x *records) find(ctx context.Context, q index.Query, shows bool, fn func(*finder) error) error {
	var fence *int64
	if shows && (q.Order == index.OldestChangeFirst || q.Criteria.ChangedSince != nil) {
		at, err := x.fence.raise(ctx, q.ContactCenter)
		if err != nil {
			return err
		}
		fence = &at
	} else if err := x.refreshed(ctx); err != nil {
		return err
	}

	f, err := x.finder(q, fence, false)
	if err != nil {
		return err
	}
	err = fn(f)
	if !isTooComplex(err) {
		return err
	}
	if f, err = x.finder(q, fence, true); err != nil {
		return err
	}
	return fn(f)
}

// isTooComplex reports whether the cluster refuses the patterns of a search.
func isTooComplex(err error) bool {
	var status *client.StatusError
	if !errors.As(err, &status) || status.Status == client.StatusTooManyRequests {
		return false
	}
	for _, kind := range []string{"too_complex_to_determinize", "too_many_clauses", "too_many_nested_clauses"} {
		if bytes.Contains(status.Body, []byte(`"type":"`+kind)) {
			return true
		}
	}
	return false
}

// shallow is up to which place pages are read from the beginning: beyond it, the days before are counted.
const shallow = 5000

// Search gives a page of the recordings that match to a sink; see [index.Index].
func (x *Index) Search(ctx context.Context, q index.Query, to index.Sink) (page index.Page, err error) {
	err = x.searching(ctx, func(ctx context.Context) error {
		return x.find(ctx, q, true, func(f *finder) (err error) {
			page, err = f.search(ctx, to)
			return err
		})
	})
	if err != nil {
		return index.Page{}, err
	}
	return page, nil
}

// search finds a page.
func (f *finder) search(ctx context.Context, to index.Sink) (index.Page, error) {
	switch {
	case f.t.loose:
		return f.verified(ctx, to)
	case f.q.Offset+f.q.Limit > shallow:
		return f.deep(ctx, to)
	}

	body := f.page(f.q.Offset)
	body["track_total_hits"] = f.q.Total
	if f.t.texts && (f.q.Offset > 0 || f.q.Total) {
		body["aggs"] = object{"long": countLong}
	}
	var answer searchAnswer
	if err := f.x.searchNow(ctx, f.path, body, &answer); err != nil {
		if client.IsTooLong(err) {
			return f.verified(ctx, to)
		}
		return index.Page{}, err
	}
	if f.t.texts && answer.hasLong() {
		return f.verified(ctx, to)
	}
	return f.give(&answer, answer.Hits.Total.Value, to)
}

// countLong counts what was found of recordings that must be compared with the criteria.
var countLong = object{"filter": object{"term": object{fieldLong: true}}}

// hasLong reports whether there are recordings among those counted or shown that must be compared.
func (a *searchAnswer) hasLong() bool {
	for i := range a.Hits.Hits {
		if a.Hits.Hits[i].Source.Long {
			return true
		}
	}
	return a.Aggregations.Long.Count > 0
}

// page asks for the page of the query, and one more, from a place on.
func (f *finder) page(from int, further ...object) object {
	return object{
		"from": from, "size": f.q.Limit + 1, "query": f.t.object(further...), "sort": f.sort, "track_total_hits": false,
	}
}

// give gives the recordings of a page to a sink.
func (f *finder) give(answer *searchAnswer, total int, to index.Sink) (index.Page, error) {
	hits := answer.Hits.Hits
	page := index.Page{More: len(hits) > f.q.Limit}
	if f.q.Total {
		page.Total = total
	}
	g := giver{to: to}
	for _, h := range hits[:min(len(hits), f.q.Limit)] {
		if err := g.give(h.Source.Record); err != nil {
			return index.Page{}, err
		}
	}
	return page, g.flush()
}

// giver gives recordings to a sink, several at a time.
type giver struct {
	to index.Sink
	b  []byte
	n  int
}

// How much is gathered before it is written.
const (
	giveBytes      = 64 << 10
	giveRecordings = 64
)

func (g *giver) give(record string) error {
	s, err := mapping.ReadStored([]byte(record))
	if err != nil {
		return fmt.Errorf("%w: decoding a stored recording: %w", index.ErrDamaged, err)
	}
	if g.b, err = g.to.Encode(g.b, s); err != nil {
		return fmt.Errorf("encoding a recording: %w", err)
	}
	if g.n++; len(g.b) < giveBytes && g.n < giveRecordings {
		return nil
	}
	return g.flush()
}

func (g *giver) flush() error {
	if g.n == 0 {
		return nil
	}
	err := g.to.Write(g.b, g.n)
	g.b, g.n = g.b[:0], 0
	return err
}

// deep finds a page that is far behind the beginning: it counts the days before it, and reads from the
// beginning of its day on. Both are of one state.
func (f *finder) deep(ctx context.Context, to index.Sink) (page index.Page, err error) {
	err = f.x.withState(ctx, routingOf(f.q.ContactCenter), func(p *pit) error {
		page, err = f.deepIn(ctx, p, to)
		return err
	})
	return page, err
}

func (f *finder) deepIn(ctx context.Context, p *pit, to index.Sink) (index.Page, error) {
	const day = dayMillis
	field, order, bound := schema.FieldStart, "desc", "lt"
	switch f.q.Order {
	case index.OldestFirst:
		order, bound = "asc", "gte"
	case index.OldestChangeFirst:
		field, order, bound = schema.FieldChanged, "asc", "gte"
	}
	aggs := object{"days": object{"histogram": object{
		"field": field, "interval": day, "min_doc_count": 1, "order": object{"_key": order},
	}}}
	if f.t.texts {
		aggs["long"] = countLong
	}
	var answer searchAnswer
	body := object{"size": 0, "track_total_hits": false, "query": f.t.object(), "aggs": aggs}
	if err := p.search(ctx, body, &answer); err != nil {
		return index.Page{}, err
	}
	if answer.hasLong() {
		return f.verifiedIn(ctx, p, to)
	}

	var of *bucket
	total, before := 0, 0
	for i, b := range answer.Aggregations.Days.Buckets {
		if of == nil && total+b.Count > f.q.Offset {
			of, before = &answer.Aggregations.Days.Buckets[i], total
		}
		total += b.Count
	}
	if of == nil {
		if f.q.Total {
			return index.Page{Total: total}, nil
		}
		return index.Page{}, nil
	}
	from := int64(of.Key)
	if bound == "lt" {
		from += day
	}
	body = f.page(f.q.Offset-before, object{"range": object{field: object{bound: from}}})
	answer = searchAnswer{}
	if err := p.search(ctx, body, &answer); err != nil {
		return index.Page{}, err
	}
	return f.give(&answer, total, to)
}

// verified finds a page by comparing what the cluster finds with the criteria.
func (f *finder) verified(ctx context.Context, to index.Sink) (page index.Page, err error) {
	err = f.x.withState(ctx, routingOf(f.q.ContactCenter), func(p *pit) error {
		page, err = f.verifiedIn(ctx, p, to)
		return err
	})
	return page, err
}

func (f *finder) verifiedIn(ctx context.Context, p *pit, to index.Sink) (page index.Page, err error) {
	g, total := giver{to: to}, 0
	err = f.walk(ctx, p, func(h *hit) error {
		switch total++; {
		case total <= f.q.Offset:
			return nil
		case total <= f.q.Offset+f.q.Limit:
			return g.give(h.Source.Record)
		case !f.q.Total:
			page.More = true
			return errEnough
		}
		page.More = true
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return index.Page{}, err
	}
	if f.q.Total {
		page.Total = total
	}
	return page, g.flush()
}

// errEnough says that nothing more is wanted.
var errEnough = errors.New("enough was found")

// walk calls fn with everything that matches, in order.
func (f *finder) walk(ctx context.Context, p *pit, fn func(*hit) error) error {
	return p.walk(ctx, f.t.object(), f.sort, func(h *hit) error {
		if f.t.loose || f.t.texts && h.Source.Long {
			r, err := mapping.DecodeStored([]byte(h.Source.Record))
			if err != nil {
				return fmt.Errorf("%w: decoding a stored recording: %w", index.ErrDamaged, err)
			}
			if !mapping.Match(&f.q.Criteria, r) {
				return nil
			}
		}
		return fn(h)
	})
}

// Count returns how many recordings match; see [index.Index].
func (x *Index) Count(ctx context.Context, q index.Query) (n int, err error) {
	err = x.searching(ctx, func(ctx context.Context) error {
		return x.find(ctx, q, false, func(f *finder) (err error) {
			n, err = f.count(ctx)
			return err
		})
	})
	return n, err
}

// count counts what matches.
func (f *finder) count(ctx context.Context) (int, error) {
	if !f.t.loose {
		body := object{"size": 0, "track_total_hits": true, "query": f.t.object()}
		if f.t.texts {
			body["aggs"] = object{"long": countLong}
		}
		var answer searchAnswer
		if err := f.x.searchNow(ctx, f.path, body, &answer); err != nil {
			return 0, err
		}
		if !answer.hasLong() {
			return answer.Hits.Total.Value, nil
		}
	}

	n := 0
	err := f.x.withState(ctx, routingOf(f.q.ContactCenter), func(p *pit) error {
		return f.walk(ctx, p, func(*hit) error { n++; return nil })
	})
	return n, err
}

// Histogram returns how many recordings match by when they start; see [index.Histograms].
func (x *Index) Histogram(ctx context.Context, q index.Query, c index.Calendar) (all []index.Bucket, err error) {
	err = x.searching(ctx, func(ctx context.Context) error {
		return x.find(ctx, q, false, func(f *finder) error {
			return f.x.withState(ctx, routingOf(q.ContactCenter), func(p *pit) (err error) {
				all, err = f.histogram(ctx, p, c)
				return err
			})
		})
	})
	return all, err
}

// histogram counts what matches in a state by the buckets of a calendar.
func (f *finder) histogram(ctx context.Context, p *pit, c index.Calendar) ([]index.Bucket, error) {
	aggs := object{
		"first": object{"min": object{"field": schema.FieldStart}},
		"last":  object{"max": object{"field": schema.FieldStart}},
	}
	if f.t.texts {
		aggs["long"] = countLong
	}
	var answer searchAnswer
	body := object{"size": 0, "track_total_hits": false, "query": f.t.object(), "aggs": aggs}
	if err := p.search(ctx, body, &answer); err != nil {
		return nil, err
	}
	first, last := answer.Aggregations.First.Value, answer.Aggregations.Last.Value
	if first == nil || last == nil {
		return nil, nil
	}

	counts := make(map[mapping.Time]int)
	if f.t.loose || answer.hasLong() {
		err := f.walk(ctx, p, func(h *hit) error {
			s, err := mapping.ReadStored([]byte(h.Source.Record))
			if err != nil {
				return fmt.Errorf("%w: decoding a stored recording: %w", index.ErrDamaged, err)
			}
			r, err := s.Recording()
			if err != nil {
				return fmt.Errorf("%w: decoding a stored recording: %w", index.ErrDamaged, err)
			}
			from, _ := c.Bucket(r.StartTime())
			counts[from]++
			return nil
		})
		if err != nil {
			return nil, err
		}
		return c.Fill(counts)
	}

	// The buckets are worked out here: zones have other rules in other programs.
	var ranges []object
	end := mapping.Time(*last)
	for at := mapping.Time(*first); at <= end; {
		from, until := c.Bucket(at)
		ranges = append(ranges, object{"from": int64(from), "to": int64(until)})
		if at = until; len(ranges) > index.MaxBuckets {
			begins, _ := c.Bucket(mapping.Time(*first))
			ends, _ := c.Bucket(end)
			return nil, &index.BucketsError{First: begins, Last: ends}
		}
	}
	answer = searchAnswer{}
	body = object{"size": 0, "track_total_hits": false, "query": f.t.object(), "aggs": object{
		"buckets": object{"range": object{"field": schema.FieldStart, "ranges": ranges}},
	}}
	if err := p.search(ctx, body, &answer); err != nil {
		return nil, err
	}
	for _, b := range answer.Aggregations.Buckets.Buckets {
		if b.Count > 0 {
			counts[mapping.Time(b.From)] = b.Count
		}
	}
	return c.Fill(counts)
}

// Stream gives all recordings that match to a sink; see [index.Index].
func (x *Index) Stream(ctx context.Context, q index.Query, to index.Sink) error {
	err := x.searching(ctx, func(ctx context.Context) error {
		return x.find(ctx, q, true, func(f *finder) error {
			return x.withState(ctx, routingOf(q.ContactCenter), func(p *pit) error {
				g := giver{to: to}
				if err := f.walk(ctx, p, func(h *hit) error { return g.give(h.Source.Record) }); err != nil {
					return err
				}
				return g.flush()
			})
		})
	})
	if errors.Is(err, index.ErrTooCostly) {
		return fmt.Errorf("streaming: %w", context.DeadlineExceeded)
	}
	return err
}
