package embedded

import (
	"bytes"
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"recordings/index"
	"recordings/mapping"
)

// The bounds of a group of Puts that become durable in one step: enough that the sync is a small part of the work, and
// so little that others who wait for the locks of its keys do not notice.
const (
	maxGroup      = 256
	maxGroupBytes = 4 << 20 // as stored; the last recording may go beyond
)

// PutAll stores or merges recordings; see [index.Index].
func (x *Index) PutAll(ctx context.Context, contactCenter string, recordings []*mapping.Recording, o index.PutOptions) (results []index.PutResult) {
	results = make([]index.PutResult, 0, len(recordings))
	if o.DryRun == nil {
		defer func() { x.metrics.put(results) }()
	}
	ctx, leave, err := x.gate.enter(ctx)
	if err != nil {
		return fail(results, err)
	}
	defer leave()
	if o.DryRun != nil {
		return x.judgeAll(contactCenter, recordings, o.DryRun)
	}
	for len(results) < len(recordings) {
		rest := recordings[len(results):]
		some, err := x.putGroup(ctx, contactCenter, rest[:min(len(rest), maxGroup)])
		results = append(results, some...)
		if err == nil && ctx.Err() != nil {
			err = unavailable("putting recordings", context.Cause(ctx))
		}
		if err != nil {
			return fail(results, err)
		}
	}
	return results
}

// fail gives the error to all that have no result yet; there is room for theirs.
func fail(results []index.PutResult, err error) []index.PutResult {
	for len(results) < cap(results) {
		results = append(results, index.PutResult{Err: err})
	}
	return results
}

// putGroup puts the first of the recordings, as many as make a group, and makes them durable. After an error nothing is known of
// those that have no result.
func (x *Index) putGroup(ctx context.Context, contactCenter string, recordings []*mapping.Recording) ([]index.PutResult, error) {
	keys := make([]string, len(recordings))
	for i, r := range recordings {
		keys[i] = recordKey(contactCenter, r.ID)
	}
	end, err := x.beginWrite(ctx, keys...)
	if err != nil {
		return nil, err
	}
	defer end()
	g := group{Index: x, contactCenter: contactCenter, staged: new(index.DryRun)}
	defer g.close()
	results := make([]index.PutResult, 0, len(recordings))
	for i, r := range recordings {
		results = append(results, g.put(keys[i], r))
		if g.bytes > maxGroupBytes {
			break
		}
	}
	if len(g.changes) == 0 {
		return results, nil
	}
	if err := x.commit(g.changes...); err != nil {
		return fail(results[:0:len(results)], err), err // also of what is unchanged: it may be so by a change of this group
	}
	return results, nil
}

// judgeAll tells what a PutAll would do.
func (x *Index) judgeAll(contactCenter string, recordings []*mapping.Recording, staged *index.DryRun) []index.PutResult {
	results := make([]index.PutResult, 0, len(recordings))
	if x.space.full.Load() {
		return fail(results, index.ErrDiskFull)
	}
	if err := x.brokenError(); err != nil {
		return fail(results, err)
	}
	g := group{Index: x, contactCenter: contactCenter, staged: staged}
	defer g.close()
	for _, r := range recordings {
		results = append(results, g.put(recordKey(contactCenter, r.ID), r))
	}
	return results
}

// group is a number of Puts that become durable together.
type group struct {
	*Index
	contactCenter string
	staged        *index.DryRun
	records       *pebble.Iterator // see stored
	changes       []*change
	bytes         int // of the changes, as stored
}

func (g *group) close() {
	if g.records != nil {
		_ = g.records.Close() // what went wrong with it was told by its seeks
	}
}

// stored returns the stored JSON of a recording, or nil if there is none. Most often there is none: unlike Get, this iterator looks into
// the filters of the lowest level, too, where almost all recordings are, before it reads a block.
func (g *group) stored(key string) (data []byte, err error) {
	if g.records == nil {
		g.records, err = g.db.NewIter(&pebble.IterOptions{LowerBound: []byte(recordPrefix), UpperBound: []byte(recordEnd), UseL6Filters: true})
		if err != nil {
			return nil, fmt.Errorf("reading the recordings: %w", err)
		}
	}
	data, err = seekRecord(g.records, key)
	return bytes.Clone(data), err
}

// put adds a recording to the group.
func (g *group) put(key string, r *mapping.Recording) index.PutResult {
	stored, ok := g.staged.Get(key)
	if !ok {
		var err error
		if stored, err = g.stored(key); err != nil {
			return index.PutResult{Err: err}
		}
	}
	merged, data, err := mergeInto(stored, r)
	switch {
	case err != nil:
		return index.PutResult{Err: err}
	case stored != nil && bytes.Equal(stored, data):
		return index.PutResult{Outcome: index.Unchanged} // and durable: whoever wrote it held the lock until it was, or it is this group
	case len(data) > g.o.MaxRecording:
		return index.PutResult{Err: fmt.Errorf("%d bytes, %d are allowed: %w", len(data), g.o.MaxRecording, index.ErrTooLarge)}
	}
	outcome, delta := index.Created, 1
	if stored != nil {
		outcome, delta = index.Merged, 0
	}
	g.stage(&change{
		key:           key,
		contactCenter: g.contactCenter,
		id:            r.ID,
		region:        merged.Region,
		data:          data,
		before:        stored,
		searchable:    merged.Searchable(),
		delta:         delta,
	})
	return index.PutResult{Outcome: outcome}
}

func (g *group) stage(c *change) {
	g.staged.Set(c.key, c.data)
	g.changes = append(g.changes, c)
	g.bytes += len(c.data)
}
