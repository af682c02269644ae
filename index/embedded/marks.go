package embedded

import (
	"context"
	"fmt"

	"recordings/index"
	"recordings/index/embedded/internal/fault"
	"recordings/index/embedded/store"
	"recordings/mapping"
)

// Mark changes the marks of a recording; see [index.Marks].
func (x *Index) Mark(
	ctx context.Context, contactCenter, id string, change func(*mapping.Recording) error,
) error {
	return x.MarkAll(ctx, contactCenter, []string{id}, change)[0]
}

// MarkAll changes the marks of recordings; see [index.Marks].
func (x *Index) MarkAll(
	ctx context.Context, contactCenter string, ids []string, change func(*mapping.Recording) error,
) (errs []error) {
	errs = make([]error, 0, len(ids))
	ctx, leave, err := x.gate.Enter(ctx)
	if err == nil {
		defer leave()
	}

	for err == nil && len(errs) < len(ids) {
		var some []error
		rest := ids[len(errs):]
		if some, err = x.writer.markGroup(ctx, contactCenter, rest[:min(len(rest), maxGroup)], change); err == nil {
			errs = append(errs, some...)
			if ctx.Err() != nil {
				err = fault.Unavailable("marking recordings", context.Cause(ctx))
			}
		}
	}
	for len(errs) < len(ids) {
		errs = append(errs, err)
	}
	return errs
}

// markGroup changes the marks of some recordings and makes them durable in one step. After an error
// nothing is known of any.
func (w *writer) markGroup(
	ctx context.Context, contactCenter string, ids []string, change func(*mapping.Recording) error,
) ([]error, error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = store.RecordKey(contactCenter, id)
	}

	g := w.group(contactCenter, new(index.DryRun))
	defer g.close()
	release, err := w.beginMarks(ctx, &g, keys, nil)
	if err != nil {
		return nil, err
	}
	defer release()
	end, err := w.begin(ctx, keys...)
	if err != nil {
		return nil, err
	}
	defer end()

	errs := make([]error, len(ids))
	for i, key := range keys {
		errs[i] = g.mark(key, change)
	}
	if len(g.changes) == 0 {
		return errs, nil
	}
	return errs, w.commit(g.changes)
}

// beginMarks waits until nobody deletes one of the recordings, or media that one of them names, and
// keeps the labels as they are while they are put on recordings.
func (w *writer) beginMarks(
	ctx context.Context, g *group, keys []string, posted []*mapping.Recording,
) (release func(), err error) {
	var used []string
	for i, key := range keys {
		used = append(used, recordClaim(key))
		if posted != nil {
			used = appendMediaClaims(used, posted[i])
		}
		stored, err := w.store.Get(key)
		if err != nil {
			return nil, err
		}
		if stored == nil {
			continue
		}
		r, err := mapping.DecodeStored(stored)
		if err != nil {
			return nil, fmt.Errorf("decoding a stored recording: %w", err)
		}
		used = appendMediaClaims(used, r)
	}
	unused, err := w.use(ctx, used)
	if err != nil {
		return nil, err
	}

	w.defining.RLock()
	release = func() { w.defining.RUnlock(); unused() }
	if err := w.readLabels(g); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// mark lets change change the marks of what is stored under a key.
func (g *group) mark(key string, change func(*mapping.Recording) error) error {
	stored, err := g.stored(key)
	switch {
	case err != nil:
		return err
	case stored == nil:
		return index.ErrNotFound
	}
	r, err := mapping.DecodeStored(stored)
	if err != nil {
		return fmt.Errorf("decoding a stored recording: %w", err)
	}

	marked := *r
	if err := change(&marked); err != nil {
		return err
	}
	if err := g.labels.Check(r, &marked); err != nil {
		return err
	}
	// Nothing else is to change.
	r.NonDelete, r.Labels, r.Comments = marked.NonDelete, marked.Labels, marked.Comments
	data, err := mapping.Encode(r)
	if err != nil {
		return fmt.Errorf("encoding a recording: %w", err)
	}
	return g.change(key, stored, r, data).Err
}
