package opensearch

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"recordings/index"
	"recordings/index/embedded/schema"
	"recordings/index/opensearch/client"
	"recordings/mapping"
)

// pit is a point in time: a state of the recordings that does not change while it is looked at.
type pit struct {
	x  *records
	id string
}

// keepAlive is how long a state is kept after it was looked at last.
const keepAlive = "2m"

// withState calls fn with the present state of the recordings with a routing, or of all.
func (x *records) withState(ctx context.Context, routing string, fn func(*pit) error) error {
	path := "/_search/point_in_time?allow_partial_pit_creation=false&keep_alive=" + keepAlive
	if routing != "" {
		path += "&routing=" + url.QueryEscape(routing)
	}
	var answer struct {
		ID string `json:"pit_id"`
	}
	err := x.following(ctx, func(at *place) error { return x.ask(ctx, client.Post, "/"+at.alias+path, nil, &answer) })
	if err != nil {
		return x.failed("taking hold of a state", err)
	}
	p := &pit{x: x, id: answer.ID}
	defer p.close()
	return fn(p)
}

// close lets go of the state, also where what it was for has ended.
func (p *pit) close() {
	ctx, cancel := context.WithTimeoutCause(context.Background(), 2*time.Second, client.ErrPatience)
	defer cancel()
	body := object{"pit_id": []string{p.id}}
	if err := p.x.ask(ctx, client.Delete, "/_search/point_in_time", body, nil); err != nil {
		p.x.log.Debug().Err(err).Msg("a state of the cluster is kept until its time is up")
	}
}

// search searches the state.
func (p *pit) search(ctx context.Context, body object, to *searchAnswer) error {
	body["pit"] = object{"id": p.id, "keep_alive": keepAlive}
	err := p.x.search(ctx, "/_search?allow_partial_search_results=false", body, to)
	var status *client.StatusError
	if errors.As(err, &status) && status.Status == client.StatusNotFound { // it went with a node
		return fmt.Errorf("%w: searching a state: %w", index.ErrUnavailable, err)
	}
	if err == nil && to.PIT != "" {
		p.id = to.PIT
	}
	return err
}

// The bounds of a part of a walk.
const (
	walkSize = 500
	minWalk  = 4
)

// walk calls fn with everything that is found, in order.
func (p *pit) walk(ctx context.Context, query object, sort []object, fn func(*hit) error) error {
	size := walkSize
	var after []any
	for {
		body := object{"size": size, "track_total_hits": false, "query": query, "sort": sort}
		if after != nil {
			body["search_after"] = after
		}
		var answer searchAnswer
		if err := p.search(ctx, body, &answer); err != nil {
			if client.IsTooLong(err) && size > minWalk {
				size = max(minWalk, size/8) // the recordings are large
				continue
			}
			return err
		}
		for i := range answer.Hits.Hits {
			if ctx.Err() != nil {
				return fmt.Errorf("searching: %w", context.Cause(ctx))
			}
			if err := fn(&answer.Hits.Hits[i]); err != nil {
				return err
			}
		}
		if len(answer.Hits.Hits) < size {
			return nil
		}
		after = answer.Hits.Hits[size-1].Sort
	}
}

// scan calls fn for what a filter finds in all contact centers, in the order of (contact center, id).
func (x *records) scan(
	ctx context.Context, filter object, fn func(contactCenter string, r *mapping.Recording) error,
) error {
	return x.withState(ctx, "", func(p *pit) error {
		sort := []object{{schema.FieldContactCenter: "asc"}, {fieldID: "asc"}}
		return p.walk(ctx, filter, sort, func(h *hit) error {
			r, err := mapping.DecodeStored([]byte(h.Source.Record))
			if err != nil {
				return fmt.Errorf("%w: decoding a stored recording: %w", index.ErrDamaged, err)
			}
			return fn(h.Source.ContactCenter, r)
		})
	})
}

// Scan calls fn for every recording; see [index.Index].
func (x *Index) Scan(ctx context.Context, fn func(contactCenter string, r *mapping.Recording) error) error {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if ctx.Err() != nil {
		return fmt.Errorf("scanning: %w", context.Cause(ctx))
	}
	if err := x.refreshed(ctx); err != nil {
		return err
	}
	return x.scan(ctx, object{"match_all": object{}}, fn)
}

// ContactCenters returns those that have recordings; see [index.ContactCenters].
func (x *Index) ContactCenters(ctx context.Context) (all []string, err error) {
	const each = 1000
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := x.refreshed(ctx); err != nil {
		return nil, err
	}

	var after object
	for {
		composite := object{"size": each, "sources": []object{
			{"center": object{"terms": object{"field": schema.FieldContactCenter}}},
		}}
		if after != nil {
			composite["after"] = after
		}
		body := object{"size": 0, "track_total_hits": false, "aggs": object{"centers": object{"composite": composite}}}
		var answer searchAnswer
		if err := x.searchNow(ctx, "/_search?allow_partial_search_results=false", body, &answer); err != nil {
			return nil, err
		}
		for _, b := range answer.Aggregations.Centers.Buckets {
			all = append(all, b.Key.Center)
		}
		if len(answer.Aggregations.Centers.Buckets) < each {
			slices.Sort(all)
			return all, nil
		}
		after = answer.Aggregations.Centers.After
	}
}
