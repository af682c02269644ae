package embedded

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"recordings/index"
	"recordings/index/embedded/internal/fault"
	"recordings/index/embedded/newest"
	"recordings/index/embedded/pending"
	"recordings/index/embedded/schema"
	"recordings/index/embedded/store"
	"recordings/mapping"
)

// What is claimed: recordings by their keys, and media by its hashes.
func recordClaim(key string) string { return "r" + key }

func mediaClaim(hash string) string { return "m" + hash }

// appendMediaClaims appends those of the media that a recording names.
func appendMediaClaims(claims []string, r *mapping.Recording) []string {
	for i := range r.MediaFiles {
		claims = append(claims, mediaClaim(r.MediaFiles[i].Descriptor.Hash()))
	}
	return claims
}

// claimPatience is how long a Put or a hold waits for a deletion. A storage may take minutes for one,
// and whoever posts tries again.
const claimPatience = 10 * time.Second

// use waits until nobody claims what is to be used.
func (w *writer) use(ctx context.Context, claims []string) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, claimPatience)
	defer cancel()
	return w.claims.Use(ctx, claims...)
}

// useMedia keeps media that recordings are about to name from being deleted until they do: whoever
// deletes media looks who names it when it is claimed. So a deletion either sees them, and keeps the
// media, or they are put when it is done.
func (w *writer) useMedia(ctx context.Context, recordings []*mapping.Recording) (release func(), err error) {
	var used []string
	for _, r := range recordings {
		used = appendMediaClaims(used, r)
	}
	return w.use(ctx, used)
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
	of := index.Scope{ContactCenter: contactCenter, Region: index.AnyRegion}
	key := store.RecordKey(contactCenter, id)
	for {
		seen, err := x.Get(ctx, of, id)
		if err != nil {
			return nil, nil, err
		}
		claims := claimsOf(key, seen, named)
		release, err := x.writer.claims.Claim(ctx, claims...)
		if err != nil {
			return nil, nil, err
		}

		r, err := x.Get(ctx, of, id)
		if err == nil && r.NonDelete != nil {
			err = index.ErrHeld
		}
		if err != nil {
			release()
			return nil, nil, err
		}
		if slices.Equal(claimsOf(key, r, named), claims) {
			return r, release, nil
		}
		release()
	}
}

// claimsOf is what is claimed for the deletion of a recording with its media.
func claimsOf(key string, r *mapping.Recording, named func(*mapping.MediaDescriptor) index.Media) []string {
	claims := []string{recordClaim(key)}
	for i := range r.MediaFiles {
		for _, hash := range named(&r.MediaFiles[i].Descriptor).Hashes {
			claims = append(claims, mediaClaim(hash))
		}
	}
	return claims
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
	return x.writer.claims.Claim(ctx, claims...)
}

// NamedBy looks for recordings that name a media file; see [index.MediaNames]. It reads each after the
// moment at which it looked for their keys. A recording that came to name the media in between is
// missed, which is why who deletes media claims it first; one that was deleted is left out.
func (x *Index) NamedBy(ctx context.Context, m index.Media, limit int) (all []index.Naming, err error) {
	ctx, leave, err := x.gate.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()

	l := &x.lookups
	for _, hash := range m.Hashes {
		terms := []newest.Term{{Field: schema.FieldMedia, Value: hash}}
		err := l.having(ctx, terms, func(c *pending.Change) bool {
			return slices.Contains(c.Searchable.Media, hash)
		}, func(key string) error {
			n, err := l.naming(ctx, key, m)
			if err == nil && n != nil && !slices.Contains(all, *n) {
				all = append(all, *n)
			}
			if err == nil && len(all) >= limit {
				return errEnough
			}
			return err
		})
		if err != nil && !errors.Is(err, errEnough) {
			return nil, err
		}
		if len(all) >= limit {
			break
		}
	}
	return all, nil
}

// naming is the recording of a key, if it is there and names a media file; else nil.
func (l *lookups) naming(ctx context.Context, key string, m index.Media) (*index.Naming, error) {
	r, err := l.stored(ctx, key)
	if err != nil || r == nil {
		return nil, err
	}
	for i := range r.MediaFiles {
		d := &r.MediaFiles[i].Descriptor
		if !slices.Contains(m.Hashes, d.Hash()) || !m.Same(d) {
			continue
		}
		contactCenter, id, err := store.SplitRecordKey(key)
		if err != nil {
			return nil, fmt.Errorf("reading a key: %w", err)
		}
		return &index.Naming{ContactCenter: contactCenter, ID: id, Held: r.NonDelete != nil}, nil
	}
	return nil, nil
}

// lookups find recordings of all contact centers by what they have.
type lookups struct {
	pending *pending.Set
	serving *serving
	states  *states
}

// having calls each with the keys of the recordings, of all contact centers, that have terms in the
// search index or are pending and match, in no order, until it returns an error. Some of these may
// have changed since, or be gone, and some come twice.
func (l *lookups) having(
	ctx context.Context, terms []newest.Term, match func(c *pending.Change) bool, each func(key string) error,
) error {
	// A change is pending until the search index has it, so what one of the two lacks the other has.
	var state served
	keys, err := l.pending.Matching(match, func() (err error) {
		state, err = l.serving.reader()
		return err
	})
	if err != nil {
		return err
	}
	defer func() { _ = state.reader.Close() }() // it would only report that it was closed twice

	for _, key := range keys {
		if err := each(key); err != nil {
			return err
		}
	}
	err = fault.Guard(func() error { return newest.Lookup(ctx, state.reader.Snapshot, terms, each) })
	if err != nil {
		return fmt.Errorf("looking up recordings: %w", err)
	}
	return nil
}

// stored returns the recording of a key as it is now, once that is durable; nil: there is none.
func (l *lookups) stored(ctx context.Context, key string) (*mapping.Recording, error) {
	data, err := l.states.durable(ctx, key)
	if err != nil || data == nil {
		return nil, err
	}
	r, err := mapping.DecodeStored(data)
	if err != nil {
		return nil, fmt.Errorf("decoding a stored recording: %w", err)
	}
	return r, nil
}
