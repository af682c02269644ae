package opensearch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"recordings/index"
	"recordings/index/embedded/schema"
	"recordings/index/opensearch/client"
	"recordings/mapping"
)

// marker changes marks, and what marks there are.
type marker struct {
	*records
	leases *leases
}

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
		if some, err = x.marks.markGroup(ctx, contactCenter, rest[:min(len(rest), maxMarked)], change); err == nil {
			errs = append(errs, some...)
			if ctx.Err() != nil {
				err = x.failed("marking recordings", context.Cause(ctx))
			}
		}
	}
	for len(errs) < len(ids) {
		errs = append(errs, err)
	}
	return errs
}

// maxMarked is how many recordings are marked together.
const maxMarked = 256

// markGroup changes the marks of some recordings. After an error nothing is known of any.
func (x *marker) markGroup(
	ctx context.Context, contactCenter string, ids []string, change func(*mapping.Recording) error,
) ([]error, error) {
	keys := make([]key, len(ids))
	for i, id := range ids {
		keys[i] = keyOf(contactCenter, id)
	}
	labeled, err := x.labels(ctx, keys, change)
	if err != nil {
		return nil, err
	}
	release, err := x.beginMarks(ctx, keys, nil, labeled)
	if err != nil {
		return nil, err
	}
	defer release()
	var labels index.LabelSet
	if labeled {
		if labels, err = x.labelSet(ctx, contactCenter); err != nil {
			return nil, err
		}
	}

	ops := make([]*op, len(keys))
	for i, k := range keys {
		ops[i] = &op{key: k, apply: func(before state) (state, error) { return x.marked(before, labels, change) }}
	}
	x.change(ops)
	errs := make([]error, len(ops))
	for i, o := range ops {
		errs[i] = x.wait(ctx, o)
	}
	return errs, nil
}

// labels reports whether a change puts labels on one of the recordings as they are now.
func (x *marker) labels(ctx context.Context, keys []key, change func(*mapping.Recording) error) (bool, error) {
	docs, err := x.readAll(ctx, keys)
	if err != nil {
		return false, err
	}
	for i := range docs {
		if docs[i].recording == nil {
			continue
		}
		marked := *docs[i].recording
		if change(&marked) == nil && !slices.Equal(marked.Labels, docs[i].recording.Labels) {
			return true, nil
		}
	}
	return false, nil
}

// marked lets change change the marks of a recording.
func (x *marker) marked(before state, labels index.LabelSet, change func(*mapping.Recording) error) (state, error) {
	r := before.recording
	if r == nil {
		return before, index.ErrNotFound
	}
	marked := *r
	if err := change(&marked); err != nil {
		return before, err
	}
	if err := labels.Check(r, &marked); err != nil {
		return before, err
	}
	after := *r
	// Nothing else is to change.
	after.NonDelete, after.Labels, after.Comments = marked.NonDelete, marked.Labels, marked.Comments
	s, err := x.encode(&after)
	if err == nil && bytes.Equal(s.data, before.data) {
		return before, nil
	}
	return s, err
}

// beginMarks waits until nobody deletes one of the recordings, or media that one of them names or that is
// posted with one, and, if labels are put on recordings, until nobody changes these.
func (x *marker) beginMarks(
	ctx context.Context, keys []key, posted []*mapping.Recording, labeled bool,
) (release func(), err error) {
	docs, err := x.readAll(ctx, keys)
	if err != nil {
		return nil, err
	}
	var claims []string
	for i := range keys {
		if posted != nil {
			claims = append(claims, claimsOf(&keys[i], posted[i], index.MediaOf)...)
		}
		if docs[i].recording != nil {
			claims = append(claims, claimsOf(&keys[i], docs[i].recording, index.MediaOf)...)
		}
		claims = append(claims, recordClaim(&keys[i]))
	}
	if labeled {
		claims = append(claims, labelsClaim(keys[0].contactCenter))
	}
	return x.leases.lock(ctx, claims)
}

// What leases are of: recordings, media by its hashes, and the labels of a contact center.
func recordClaim(k *key) string { return "recording " + k.doc }

func mediaClaim(hash string) string { return "media " + hash }

func labelsClaim(contactCenter string) string { return "labels " + contactCenter }

// claimsOf is what is claimed for the deletion of a recording with its media.
func claimsOf(k *key, r *mapping.Recording, named func(*mapping.MediaDescriptor) index.Media) []string {
	claims := []string{recordClaim(k)}
	for i := range r.MediaFiles {
		for _, hash := range named(&r.MediaFiles[i].Descriptor).Hashes {
			claims = append(claims, mediaClaim(hash))
		}
	}
	slices.Sort(claims)
	return slices.Compact(claims)
}

// claimPatience is how long a Put waits for whoever deletes media: long enough to take over a lease whose
// node is gone.
const claimPatience = leaseTime + 10*time.Second

// named waits until nobody deletes media who can have missed that recordings name it, which have just been
// written. Whoever deletes media looks who names it when it has the lease of that. So a lease that comes
// after this has looked is of somebody who sees the recordings, and one that was there is waited for: a
// Put need not have leases of its own, which would cost it two more requests.
func (x *marker) named(ctx context.Context, recordings []*mapping.Recording) error {
	var claims []string
	for _, r := range recordings {
		for i := range r.MediaFiles {
			claims = append(claims, mediaClaim(r.MediaFiles[i].Descriptor.Hash()))
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, claimPatience, client.ErrPatience)
	defer cancel()
	err := x.leases.outlast(ctx, claims)
	if err != nil && ctx.Err() != nil {
		return x.failed("waiting for the deletion of media that a recording names", context.Cause(ctx))
	}
	return err
}

// ClaimMedia keeps media for who is about to delete it; see [index.MediaNames].
func (x *Index) ClaimMedia(ctx context.Context, media ...index.Media) (release func(), err error) {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	var claims []string
	for _, m := range media {
		for _, hash := range m.Hashes {
			claims = append(claims, mediaClaim(hash))
		}
	}
	return x.marks.leases.lock(ctx, claims)
}

// Claim keeps holds away from a recording whose media is about to be deleted; see [index.Marks].
func (x *Index) Claim(
	ctx context.Context, contactCenter, id string, named func(*mapping.MediaDescriptor) index.Media,
) (*mapping.Recording, func(), error) {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer leave()

	// Its media is only known once it was read, and may be other media when it is claimed.
	k := keyOf(contactCenter, id)
	read := func() (*mapping.Recording, error) {
		docs, err := x.readAll(ctx, []key{k})
		switch {
		case err != nil:
			return nil, err
		case docs[0].err != nil:
			return nil, docs[0].err
		case docs[0].recording == nil:
			return nil, index.ErrNotFound
		}
		return docs[0].recording, nil
	}
	for {
		seen, err := read()
		if err != nil {
			return nil, nil, err
		}
		claims := claimsOf(&k, seen, named)
		release, err := x.marks.leases.lock(ctx, claims)
		if err != nil {
			return nil, nil, err
		}

		r, err := read()
		if err == nil && r.NonDelete != nil {
			err = index.ErrHeld
		}
		if err != nil {
			release()
			return nil, nil, err
		}
		if slices.Equal(claimsOf(&k, r, named), claims) {
			return r, release, nil
		}
		release()
	}
}

// NamedBy looks for recordings that name a media file; see [index.MediaNames].
func (x *Index) NamedBy(ctx context.Context, m index.Media, limit int) (all []index.Naming, err error) {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := x.refreshed(ctx); err != nil {
		return nil, err
	}

	terms := make([]string, len(m.Hashes))
	for i, hash := range m.Hashes {
		terms[i] = mediaTerm(hash)
	}
	names := func(f mapping.MediaFile) bool {
		return slices.Contains(m.Hashes, f.Descriptor.Hash()) && m.Same(&f.Descriptor)
	}
	filter := object{"terms": object{schema.FieldMedia: terms}}
	err = x.scan(ctx, filter, func(contactCenter string, r *mapping.Recording) error {
		if slices.ContainsFunc(r.MediaFiles, names) {
			all = append(all, index.Naming{ContactCenter: contactCenter, ID: r.ID, Held: r.NonDelete != nil})
		}
		if len(all) >= limit {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, fmt.Errorf("looking for who names a media file: %w", err)
	}
	return all, nil
}
