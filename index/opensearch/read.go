package opensearch

import (
	"context"
	"errors"
	"fmt"

	"recordings/index"
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
