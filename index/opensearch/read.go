package opensearch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

	"recordings/index"
	"recordings/index/embedded/schema"
	"recordings/index/opensearch/client"
	"recordings/mapping"
)

// stored is what is stored of a recording now.
type stored struct {
	state
	version version
	err     error // it cannot be read
}

// readAll reads recordings as they are now, whatever has been refreshed.
func (x *records) readAll(ctx context.Context, keys []key) (all []stored, err error) {
	err = x.following(ctx, func(p *place) (err error) {
		all, err = x.readAllIn(ctx, p, keys)
		return err
	})
	return all, err
}

// readAllIn is readAll from one index.
func (x *records) readAllIn(ctx context.Context, p *place, keys []key) ([]stored, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, writeTimeout, client.ErrPatience)
	defer cancel()
	all := make([]stored, len(keys))
	for from := 0; from < len(keys); {
		n := min(len(keys)-from, maxRead)
		var docs []object
		for _, k := range keys[from : from+n] {
			docs = append(docs, object{"_id": k.doc, "routing": k.routing})
		}
		var answer struct {
			Docs []struct {
				kept[source]
				Error client.Cause `json:"error"`
			} `json:"docs"`
		}
		err := x.ask(ctx, client.Post, "/"+p.alias+"/_mget?preference=_primary", object{"docs": docs}, &answer)
		if err != nil {
			return nil, x.failed("reading recordings", err)
		}
		if len(answer.Docs) != n {
			return nil, fmt.Errorf("the cluster has answered %d of %d reads", len(answer.Docs), n)
		}
		for i, d := range answer.Docs {
			if d.Error.Root().Type == moved {
				return nil, &client.StatusError{Status: client.StatusNotFound, Type: moved}
			}
			if d.Error.Type != "" { // a shard that is about to move, most likely
				return nil, fmt.Errorf("%w: reading recordings: %s", index.ErrUnavailable, d.Error.Type)
			}
			all[from+i] = decode(&keys[from+i], &d.kept)
		}
		from += n
	}
	return all, nil
}

// maxRead is how many recordings are read in a request.
const maxRead = 200

// decode reads what was stored under a key.
func decode(k *key, d *kept[source]) (s stored) {
	if !d.Found {
		return s
	}
	s.version, s.data = *d.version(), []byte(d.Source.Record)
	if s.recording, s.err = mapping.DecodeStored(s.data); s.err != nil {
		s.err = fmt.Errorf("%w: decoding a stored recording: %w", index.ErrDamaged, s.err)
		return s
	}
	if s.recording.ID != k.id || d.Source.ContactCenter != k.contactCenter {
		s.err = errors.New("two recordings share a key of the cluster")
	}
	return s
}

// Get returns one recording; see [index.Index].
func (x *Index) Get(ctx context.Context, of index.Scope, id string) (*mapping.Recording, error) {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("reading a recording: %w", context.Cause(ctx))
	}

	k := keyOf(of.ContactCenter, id)
	var d kept[source]
	err = x.following(ctx, func(p *place) error { return x.ask(ctx, client.Get, k.path(p.alias, "_doc"), nil, &d) })
	if err != nil && !isMissing(err) {
		return nil, x.failed("reading a recording", err)
	}
	if in, ok := mapping.StoredRegion([]byte(d.Source.Record)); ok && of.Region != index.AnyRegion && in != of.Region {
		return nil, index.ErrNotFound // before it is decoded, which would take time that can be measured
	}
	s := decode(&k, &d)
	switch {
	case s.err != nil:
		return nil, s.err
	case s.recording == nil, !of.Has(s.recording):
		return nil, index.ErrNotFound
	}
	return s.recording, nil
}

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
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := x.refreshed(ctx); err != nil {
		return nil, err
	}
	err = x.following(ctx, func(p *place) error {
		counts, err := x.centers(ctx, p.alias)
		all = slices.Sorted(maps.Keys(counts))
		return err
	})
	return all, err
}
