package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"recordings/index"
	"recordings/index/embedded/internal/fault"
	"recordings/index/embedded/pending"
	"recordings/index/embedded/store"
	"recordings/mapping"
)

// The bounds of a group of Puts that become durable in one step: enough that the sync is a small
// part of the work, and so little that others who wait for the locks of its keys do not notice.
const (
	maxGroup      = 256
	maxGroupBytes = 4 << 20 // as stored; the last recording may go beyond
)

// PutAll stores or merges recordings; see [index.Index].
func (x *Index) PutAll(
	ctx context.Context, contactCenter string, recordings []*mapping.Recording, o index.PutOptions,
) (results []index.PutResult) {
	results = make([]index.PutResult, 0, len(recordings))
	if o.DryRun == nil {
		defer func() { x.metrics.put(results) }()
	}
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return fail(results, err)
	}
	defer leave()
	if o.DryRun != nil {
		return x.writer.rehearse(contactCenter, recordings, o)
	}

	for len(results) < len(recordings) {
		rest := recordings[len(results):]
		some, err := x.writer.putGroup(ctx, contactCenter, rest[:min(len(rest), maxGroup)], o.Marks)
		results = append(results, some...)
		if err == nil && ctx.Err() != nil {
			err = fault.Unavailable("putting recordings", context.Cause(ctx))
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

// putGroup puts the first of the recordings, as many as make a group, and makes them durable. After
// an error nothing is known of those that have no result.
func (w *writer) putGroup(
	ctx context.Context, contactCenter string, recordings []*mapping.Recording, marks bool,
) ([]index.PutResult, error) {
	keys := make([]string, len(recordings))
	for i, r := range recordings {
		keys[i] = store.RecordKey(contactCenter, r.ID)
	}
	g := w.group(contactCenter, new(index.DryRun))
	defer g.close()
	var release func()
	var err error
	if marks {
		release, err = w.beginMarks(ctx, &g, keys, recordings)
	} else {
		release, err = w.useMedia(ctx, recordings)
	}
	if err != nil {
		return nil, err
	}
	defer release()
	end, err := w.begin(ctx, keys...)
	if err != nil {
		return nil, err
	}
	defer end()

	results := make([]index.PutResult, 0, len(recordings))
	for i, r := range recordings {
		results = append(results, g.add(keys[i], r))
		if g.bytes > maxGroupBytes {
			break
		}
	}

	if len(g.changes) == 0 {
		return results, nil
	}
	if err := w.commit(g.changes); err != nil {
		// Also of what is unchanged: it may be so by a change of this group.
		return fail(results[:0:len(results)], err), err
	}
	return results, nil
}

// rehearse returns what a PutAll would do.
func (w *writer) rehearse(
	contactCenter string, recordings []*mapping.Recording, o index.PutOptions,
) []index.PutResult {
	results := make([]index.PutResult, 0, len(recordings))
	if w.store.Space().Full() {
		return fail(results, index.ErrDiskFull)
	}
	if err := w.store.Broken(); err != nil {
		return fail(results, err)
	}

	g := w.group(contactCenter, o.DryRun)
	defer g.close()
	if o.Marks {
		w.defining.RLock()
		err := w.readLabels(&g)
		w.defining.RUnlock()
		if err != nil {
			return fail(results, err)
		}
	}
	for _, r := range recordings {
		results = append(results, g.add(store.RecordKey(contactCenter, r.ID), r))
	}
	return results
}

// group is a number of Puts that become durable together.
type group struct {
	store         *store.Store
	maxRecording  int // bytes
	contactCenter string
	put           *index.DryRun  // what was put, or would have been, and is not in the store
	labels        index.LabelSet // that may be put on recordings, if marks are put at all
	lookup        *store.Records // nil until it is needed
	changes       []*pending.Change
	bytes         int // of the changes, as stored
}

// group returns an empty group that knows what was put before.
func (w *writer) group(contactCenter string, before *index.DryRun) group {
	return group{store: w.store, maxRecording: w.maxRecording, contactCenter: contactCenter, put: before}
}

// close ends the iterator, if one was needed.
func (g *group) close() {
	if g.lookup != nil {
		_ = g.lookup.Close() // what went wrong with it, its seeks have returned
	}
}

// stored returns the stored JSON of a recording, or nil if there is none, as is most often the
// case.
func (g *group) stored(key string) (data []byte, err error) {
	if data, ok := g.put.Get(key); ok {
		return data, nil
	}

	if g.lookup == nil {
		if g.lookup, err = g.store.Lookup(); err != nil {
			return nil, err
		}
	}
	data, err = g.lookup.Get(key)
	return bytes.Clone(data), err
}

// add adds a recording to the group.
func (g *group) add(key string, r *mapping.Recording) index.PutResult {
	stored, err := g.stored(key)
	if err != nil {
		return index.PutResult{Err: err}
	}

	merged, data, err := g.mergeInto(stored, r)
	if err != nil {
		return index.PutResult{Err: err}
	}
	return g.change(key, stored, merged, data)
}

// change adds the change of a recording to what is stored now, if it changes anything.
func (g *group) change(key string, stored []byte, merged *mapping.Recording, data []byte) index.PutResult {
	switch {
	case stored != nil && bytes.Equal(stored, data):
		// It is durable: whoever wrote it held the lock until it was, or it is this group.
		return index.PutResult{Outcome: index.Unchanged}
	case len(data) > g.maxRecording:
		err := fmt.Errorf("%d bytes, %d are allowed: %w", len(data), g.maxRecording, index.ErrTooLarge)
		return index.PutResult{Err: err}
	}

	outcome, delta := index.Created, 1
	if stored != nil {
		outcome, delta = index.Merged, 0
	}
	g.put.Set(key, data)
	g.bytes += len(data)
	g.changes = append(g.changes, &pending.Change{
		Change:     store.Change{ContactCenter: g.contactCenter, Key: key, Data: data, Delta: delta},
		Region:     merged.Region,
		Before:     stored,
		Searchable: merged.Searchable(),
	})
	return index.PutResult{Outcome: outcome}
}

// mergeInto merges a posted recording into a stored one, if there is one, and encodes the result. What
// is under a hold may only get more media files and events, and marks.
func (g *group) mergeInto(stored []byte, posted *mapping.Recording) (
	merged *mapping.Recording, data []byte, err error,
) {
	var old *mapping.Recording
	if stored != nil {
		if old, err = mapping.DecodeStored(stored); err != nil {
			return nil, nil, fmt.Errorf("decoding a stored recording: %w", err)
		}
	}

	merged = mapping.Merge(old, posted)
	if old != nil && old.NonDelete != nil {
		if only, err := mapping.OnlyAdds(old, merged); err != nil || !only {
			return nil, nil, errors.Join(err, index.ErrHeld)
		}
	}
	if g.labels != nil {
		if err := g.labels.AddMarks(merged, posted); err != nil {
			return nil, nil, err
		}
	}

	if data, err = mapping.Encode(merged); err != nil {
		return nil, nil, fmt.Errorf("encoding a recording: %w", err)
	}
	return merged, data, nil
}
