package opensearch

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"recordings/index"
	"recordings/mapping"
)

// Put stores or merges a recording; see [index.Index].
func (x *Index) Put(ctx context.Context, contactCenter string, r *mapping.Recording) (index.Outcome, error) {
	result := x.PutAll(ctx, contactCenter, []*mapping.Recording{r}, index.PutOptions{})[0]
	return result.Outcome, result.Err
}

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

	for len(results) < len(recordings) {
		rest := recordings[len(results):]
		some := rest[:min(len(rest), maxGroup)]
		p := &putter{x: x.marks, contactCenter: contactCenter, marks: o.Marks}
		var put []index.PutResult
		if o.DryRun != nil {
			if put, err = p.rehearse(ctx, some, o.DryRun); x.Status().DiskFull {
				put, err = nil, index.ErrDiskFull
			}
		} else {
			put, err = p.put(ctx, some)
		}
		if err == nil && ctx.Err() != nil {
			err = x.failed("putting recordings", context.Cause(ctx))
		}
		if err != nil {
			return fail(append(results, put...), err)
		}
		results = append(results, put...)
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

// putter puts some recordings of a contact center.
type putter struct {
	x             *marker
	contactCenter string
	marks         bool
	labels        index.LabelSet // that may be put on recordings, if marks are put at all
}

// put puts recordings. An error is of all that have no result.
func (p *putter) put(ctx context.Context, recordings []*mapping.Recording) ([]index.PutResult, error) {
	if p.marks {
		keys := make([]key, len(recordings))
		for i, r := range recordings {
			keys[i] = keyOf(p.contactCenter, r.ID)
		}
		release, err := p.x.beginMarks(ctx, keys, recordings, true)
		if err != nil {
			return nil, err
		}
		defer release()
		if p.labels, err = p.x.labelSet(ctx, p.contactCenter); err != nil {
			return nil, err
		}
	}

	ops, outcomes := make([]*op, len(recordings)), make([]index.Outcome, len(recordings))
	for i, r := range recordings {
		ops[i] = &op{key: keyOf(p.contactCenter, r.ID), blind: true, size: sizeOf(r)}
		ops[i].apply = func(before state) (after state, err error) {
			after, outcomes[i], err = p.merge(before, r)
			return after, err
		}
	}
	p.x.change(ops)
	results := make([]index.PutResult, len(ops))
	for i, o := range ops {
		if err := p.x.wait(ctx, o); err != nil {
			results[i].Err = err
			continue
		}
		results[i].Outcome = outcomes[i]
	}
	if p.marks {
		return results, nil
	}
	if err := p.x.named(ctx, recordings); err != nil {
		return nil, err
	}
	return results, nil
}

// sizeOf is about how many bytes a recording takes, for groups to be bounded.
func sizeOf(r *mapping.Recording) int {
	const each = 500
	size := len(r.CallerPhoneNumber) + len(r.DialedPhoneNumber) + len(r.Extra)
	for i := range r.MediaFiles {
		size += each + len(r.MediaFiles[i].Parameters) + len(r.MediaFiles[i].Extra)
	}
	for i := range r.EventHistory {
		size += each + len(r.EventHistory[i].Data) + len(r.EventHistory[i].Extra)
	}
	return size
}

// merge merges a posted recording into a stored one, if there is one. What is under a hold may only get
// more media files and events, and marks.
func (p *putter) merge(before state, posted *mapping.Recording) (state, index.Outcome, error) {
	old := before.recording
	merged := mapping.Merge(old, posted)
	if old != nil && old.NonDelete != nil {
		if only, err := mapping.OnlyAdds(old, merged); err != nil || !only {
			return state{}, "", errors.Join(err, index.ErrHeld)
		}
	}
	if p.labels != nil {
		if err := p.labels.AddMarks(merged, posted); err != nil {
			return state{}, "", err
		}
	}

	after, err := p.x.encode(merged)
	switch {
	case err != nil:
		return state{}, "", err
	case old == nil:
		return after, index.Created, nil
	case bytes.Equal(after.data, before.data):
		return before, index.Unchanged, nil
	}
	return after, index.Merged, nil
}

// encode makes the stored form of a recording.
func (x *records) encode(r *mapping.Recording) (state, error) {
	data, err := mapping.Encode(r)
	if err != nil {
		return state{}, fmt.Errorf("encoding a recording: %w", err)
	}
	if len(data) > x.o.MaxRecording {
		return state{}, fmt.Errorf("%d bytes, %d are allowed: %w", len(data), x.o.MaxRecording, index.ErrTooLarge)
	}
	return state{r, data}, nil
}

// rehearse returns what a put would do.
func (p *putter) rehearse(
	ctx context.Context, recordings []*mapping.Recording, run *index.DryRun,
) (results []index.PutResult, err error) {
	if p.marks {
		if p.labels, err = p.x.labelSet(ctx, p.contactCenter); err != nil {
			return nil, err
		}
	}
	keys := make([]key, len(recordings))
	for i, r := range recordings {
		keys[i] = keyOf(p.contactCenter, r.ID)
	}
	docs, err := p.x.readAll(ctx, keys)
	if err != nil {
		return nil, err
	}

	for i, r := range recordings {
		before, err := docs[i].state, docs[i].err
		if data, ok := run.Get(keys[i].doc); ok {
			before.data = data
			before.recording, err = mapping.DecodeStored(data)
		}
		var result index.PutResult
		var after state
		if err == nil {
			after, result.Outcome, err = p.merge(before, r)
		}
		if result.Err = err; err == nil {
			run.Set(keys[i].doc, after.data)
		}
		results = append(results, result)
	}
	return results, nil
}

// Delete removes a recording of any region; see [index.Index].
func (x *Index) Delete(ctx context.Context, contactCenter, id string) error {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return x.delete(ctx, keyOf(contactCenter, id), func(*mapping.Recording) error { return nil })
}

// delete removes a recording if check has nothing against it.
func (x *records) delete(ctx context.Context, k key, check func(*mapping.Recording) error) (err error) {
	defer func() { x.metrics.deleted(err) }()
	o := &op{key: k, apply: func(before state) (state, error) {
		switch {
		case before.recording == nil:
			return before, index.ErrNotFound
		case before.recording.NonDelete != nil:
			return before, index.ErrHeld
		}
		return state{}, check(before.recording)
	}}
	x.change([]*op{o})
	return x.wait(ctx, o)
}

// checkSeen returns [index.ErrChanged] if a recording is not as it was seen, but for when it was changed.
func checkSeen(now, seen *mapping.Recording) error {
	var forms [2][]byte
	for i, r := range []*mapping.Recording{now, seen} {
		without := *r
		without.ChangedTime = 0
		var err error
		if forms[i], err = mapping.Encode(&without); err != nil {
			return fmt.Errorf("encoding a recording: %w", err)
		}
	}
	if !bytes.Equal(forms[0], forms[1]) {
		return index.ErrChanged
	}
	return nil
}
