package opensearch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/index"
	"recordings/index/opensearch/client"
)

// place is an index of recordings. Another may take its place while services use it (see reindexer), so none
// is read or written by its own name, but by an alias of it alone, which the cluster takes away in the same
// step: whoever comes later is refused, looks for the index that is in use now, and begins anew. The numbers
// of versions of one index mean nothing in another.
type place struct {
	index  string // its own name
	alias  string // by which it is read and written
	schema int    // the version of its fields
}

// What the aliases of an index end with.
const (
	servingSuffix = "-serving" // while it is in use
	fillingSuffix = "-filling" // while it is made
)

// serving is the place of an index that is in use.
func serving(name string, version int) *place { return &place{name, name + servingSuffix, version} }

// at is the index of recordings that was in use when that was looked at last.
func (x *engine) at() *place { return x.place.Load() }

// moved is what the cluster says of an alias that is gone.
const moved = "index_not_found_exception"

// isMoved reports whether an error says that an index is not in use any more.
func isMoved(err error) bool {
	var status *client.StatusError
	return !errors.Is(err, index.ErrUnavailable) && errors.As(err, &status) && status.Status == client.StatusNotFound &&
		status.Type == moved
}

// following calls fn with the index in use, and again with the next one if it is not in use any more.
func (x *engine) following(ctx context.Context, fn func(*place) error) error {
	for {
		p := x.at()
		if p.schema > Schema {
			return fmt.Errorf("%w: %s", index.ErrUnavailable, superseded(p))
		}
		err := fn(p)
		if !isMoved(err) {
			return err
		}
		if err := x.follow(ctx, p); err != nil {
			return err
		}
	}
}

// superseded says why a service cannot go on.
func superseded(p *place) string {
	const text = "the index is of version %d now: this service, which has version %d, is to be replaced by a newer one"
	return fmt.Sprintf(text, p.schema, Schema)
}

// follow looks for the index that is in use instead of one. If there is none yet, it waits a little.
func (x *engine) follow(ctx context.Context, before *place) error {
	ctx, cancel := context.WithTimeoutCause(ctx, client.Patience, client.ErrPatience)
	defer cancel()
	if x.at() == before {
		now, err := x.resolve(ctx)
		if err != nil {
			return err
		}
		if now != nil && *now != *before {
			x.place.CompareAndSwap(before, now)
			x.log.Info().Str("index", now.index).Msg("another index is in use now")
			return nil
		}
	}
	select {
	case <-time.After(retryPause):
		return nil
	case <-ctx.Done():
		return x.failed("looking for the index in use", context.Cause(ctx))
	}
}

// resolve returns the index of recordings that is in use; nil: there is none.
func (x *engine) resolve(ctx context.Context) (*place, error) {
	for {
		d, name, err := x.inspect(ctx, x.o.Index)
		if err != nil || d == nil {
			return nil, err
		}
		if d.Mappings.Meta.Program != program || d.Mappings.Meta.Kind != kindRecordings {
			return nil, &ForeignError{Message: "the index " + name + " was not made by this program"}
		}
		p := serving(name, d.Mappings.Meta.Schema)
		if _, ok := d.Aliases[p.alias]; ok {
			return p, nil
		}
		if err := x.serve(ctx, p); err != nil {
			return nil, err
		}
	}
}

// serve gives an index of a version that had none its alias, unless another has taken its place meanwhile.
func (x *engine) serve(ctx context.Context, p *place) error {
	action := func(kind string) object {
		return object{"actions": []object{{kind: object{"index": p.index, "alias": p.alias}}}}
	}
	if err := x.ask(ctx, client.Post, "/_aliases", action("add"), nil); err != nil {
		return x.failed("taking the index into use", err)
	}
	d, name, err := x.inspect(ctx, x.o.Index)
	if err != nil || d != nil && name == p.index {
		return err
	}
	return x.failed("leaving an index", x.ask(ctx, client.Post, "/_aliases", action("remove"), nil))
}

// inspect returns what an alias stands for, nil if for nothing.
func (x *engine) inspect(ctx context.Context, alias string) (d *described, name string, err error) {
	answer, err := x.client.Do(ctx, client.Request{Method: client.Get, Path: "/" + alias, Safe: true})
	var status *client.StatusError
	if errors.As(err, &status) && status.Status == client.StatusNotFound {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", x.failed("looking for the index "+alias, err)
	}
	var all map[string]described
	if err := json.Unmarshal(answer.Body, &all); err != nil {
		return nil, "", fmt.Errorf("looking for the index %s: %w", alias, err)
	}
	if len(all) != 1 {
		return nil, "", &ForeignError{Message: fmt.Sprintf("%s stands for %d indexes of the cluster; wanted is one",
			alias, len(all))}
	}
	name = slices.Collect(maps.Keys(all))[0]
	found := all[name]
	return &found, name, nil
}

// concrete is the name of the index that an alias of a place belongs to.
func concrete(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(name, servingSuffix), fillingSuffix)
}
