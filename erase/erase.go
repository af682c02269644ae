// Package erase deletes recordings, with their media or without, and says what became of each.
//
// The one fact to know: media lies in storages that may be down, so deleting it can fail where
// deleting metadata cannot. The media goes first; what could not be deleted is put on the list of
// orphaned media (see [index.Orphans]) in the same step in which the metadata goes. So no media file
// is ever forgotten, whenever the process ends.
//
// Whoever deletes a recording, be it a request or a job in the background, does it through an
// [Eraser].
package erase

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"recordings/blob"
	"recordings/index"
	"recordings/mapping"
)

const (
	maxDeletes  = 8 // media files of one recording that are deleted at a time
	maxAttempts = 5 // how often a recording may change under its deletion before it is given up

	// maxTime bounds the deletion of one recording with its media. What is begun is finished even if
	// the client hangs up: else media would be gone that a recording still names.
	maxTime = 10 * time.Minute
)

// Observer is told of every media file that a storage was asked to delete.
type Observer func(d *mapping.MediaDescriptor, since time.Time, err error)

// Eraser deletes recordings and media files, and keeps the list of those files that could not be
// deleted. Its methods may be called concurrently.
type Eraser struct {
	index   index.Index
	orphans index.Orphans
	marks   index.Marks
	names   index.MediaNames
	media   *blob.Store
	observe atomic.Pointer[Observer]
}

// Index is what an eraser needs of an index.
type Index interface {
	index.Index
	index.Orphans
	index.Marks
	index.MediaNames
}

// New returns an eraser.
func New(ix Index, media *blob.Store) *Eraser {
	return &Eraser{index: ix, orphans: ix, marks: ix, names: ix, media: media}
}

// Observe has an observer told of what comes from now on, in place of the one before.
func (e *Eraser) Observe(o Observer) { e.observe.Store(&o) }

// Verdict says what became of a recording that was deleted.
type Verdict struct {
	Kept     []mapping.MediaDescriptor // media that other recordings name, too; without secrets
	Orphaned []index.OrphanedMedia     // its media files that could not be deleted, and are on the list now
}

// Recording deletes a recording of any region: with media, first its media files and then its
// metadata; without, its metadata alone. Where its error is nil the metadata is gone. If the
// recording changes in the meantime, it begins anew: what came with the change goes, too.
func (e *Eraser) Recording(ctx context.Context, contactCenter, id string, media bool) (Verdict, error) {
	if !media {
		return Verdict{}, e.index.Delete(ctx, contactCenter, id)
	}

	ctx, cancel := Finish(ctx)
	defer cancel()
	for range maxAttempts {
		rec, err := e.index.Get(ctx, index.Scope{ContactCenter: contactCenter, Region: index.AnyRegion}, id)
		if err != nil {
			return Verdict{}, err
		}

		v, err := e.Seen(ctx, contactCenter, rec, true)
		if !errors.Is(err, index.ErrChanged) {
			return v, err
		}
	}
	return Verdict{}, fmt.Errorf("the recording keeps changing: %w", index.ErrUnavailable)
}

// Seen deletes a recording that is still as a Get has seen it. [index.ErrChanged] means that it is
// not, and that the metadata is still there; of its media, some may be gone.
func (e *Eraser) Seen(ctx context.Context, contactCenter string, seen *mapping.Recording, media bool) (Verdict, error) {
	var orphaned []index.OrphanedMedia
	var kept []mapping.MediaDescriptor
	if media {
		// No hold comes, and nobody else deletes the same media, until this is done.
		claimed, release, err := e.marks.Claim(ctx, contactCenter, seen.ID, e.mediaNamed)
		if err != nil {
			return Verdict{}, err
		}
		defer release()
		if claimed.ChangedTime != seen.ChangedTime {
			return Verdict{}, index.ErrChanged
		}

		all, err := e.alone(ctx, contactCenter, seen, &kept)
		if err != nil {
			return Verdict{}, err
		}
		if orphaned, err = e.Media(ctx, all); err != nil {
			return Verdict{}, err
		}
	}

	err := e.orphans.DeleteSeen(ctx, contactCenter, seen, orphaned)
	if errors.Is(err, index.ErrChanged) {
		return Verdict{}, err
	}

	// Another request has deleted the metadata; orphans are orphans all the same.
	if errors.Is(err, index.ErrNotFound) && media {
		err = e.orphans.SettleOrphaned(ctx, contactCenter, nil, orphaned)
	}
	return Verdict{Orphaned: orphaned, Kept: kept}, err
}

// alone lists the media files of a recording that no other names, of any contact center, and adds the
// others to those that are kept.
func (e *Eraser) alone(
	ctx context.Context, contactCenter string, r *mapping.Recording, kept *[]mapping.MediaDescriptor,
) (alone []index.OrphanedMedia, err error) {
	for i, m := range e.mediaOf(contactCenter, r) {
		by, err := e.names.NamedBy(ctx, e.mediaNamed(&r.MediaFiles[i].Descriptor), 2) // this one, and another
		if err != nil {
			return nil, err
		}
		other := func(n index.Naming) bool { return n.ContactCenter != contactCenter || n.ID != r.ID }
		if slices.ContainsFunc(by, other) {
			*kept = append(*kept, m.Descriptor)
			continue
		}
		alone = append(alone, m)
	}
	return alone, nil
}

// mediaNamed is the media that a descriptor names, however others name it: what the storages take for
// the same object is the same.
func (e *Eraser) mediaNamed(d *mapping.MediaDescriptor) index.Media {
	id, err := e.media.Identify(*d)
	if err != nil { // it cannot be deleted either
		return index.MediaOf(d)
	}
	return e.objectNamed(id)
}

// objectNamed is an object of a storage as recordings name it.
func (e *Eraser) objectNamed(id blob.ObjectID) index.Media {
	return index.Media{
		Hashes: e.media.Hashes(id),
		Same: func(d *mapping.MediaDescriptor) bool {
			other, err := e.media.Identify(*d)
			return err == nil && other == id || errors.Is(err, blob.ErrInvalid) // who knows what it means
		},
	}
}

// Finish is a context for what must not end with its client.
func Finish(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), maxTime)
}

// mediaOf lists the media files of a recording as if they were orphaned. Whether a descriptor may be
// contacted is judged as it was posted, as it is when the file is played.
func (e *Eraser) mediaOf(contactCenter string, r *mapping.Recording) []index.OrphanedMedia {
	now := mapping.Time(time.Now().UnixMilli())
	all := make([]index.OrphanedMedia, len(r.MediaFiles))
	for i := range r.MediaFiles {
		d := &r.MediaFiles[i].Descriptor
		all[i] = index.OrphanedMedia{
			ID: d.UUID(contactCenter, r.ID), RecordingID: r.ID, Descriptor: d.Public(), Since: now,
		}
		if err := e.media.Check(*d); errors.Is(err, blob.ErrInvalid) {
			all[i].Refused, all[i].Message = true, err.Error()
		}
	}
	return all
}

// Media deletes media files from their storages and returns those which could not be, with the
// reason. Its error is the end of the context: then nothing is known of the others.
func (e *Eraser) Media(ctx context.Context, all []index.OrphanedMedia) (failed []index.OrphanedMedia, err error) {
	errs := make([]error, len(all))
	var g errgroup.Group
	g.SetLimit(maxDeletes)
	for i := range all {
		if all[i].Refused {
			continue
		}
		g.Go(func() error {
			start := time.Now()
			errs[i] = e.media.Delete(ctx, all[i].Descriptor)
			if observe := e.observe.Load(); observe != nil {
				(*observe)(&all[i].Descriptor, start, errs[i])
			}
			return nil
		})
	}
	_ = g.Wait() // there are none
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}

	for i, err := range errs {
		if err == nil && !all[i].Refused {
			continue
		}
		if err != nil {
			all[i].Message = err.Error()
		}
		all[i].Tried = mapping.Time(time.Now().UnixMilli())
		failed = append(failed, all[i])
	}
	return failed, nil
}

// Again is what became of orphaned media that was tried again, by their ids.
type Again struct {
	Deleted []string
	Kept    []string              // recordings name it: it is no orphan any more
	Failed  []index.OrphanedMedia // with the reason
}

// Retry tries to delete orphaned media once more, and notes on the list what became of it. What a
// recording names, be it its own that was posted again or another, is not touched.
func (e *Eraser) Retry(ctx context.Context, contactCenter string, all []index.OrphanedMedia) (a Again, err error) {
	ctx, cancel := Finish(ctx)
	defer cancel()
	kept := make([]bool, len(all))
	failed := make([][]index.OrphanedMedia, len(all))
	g, running := errgroup.WithContext(ctx)
	g.SetLimit(maxDeletes)
	for i := range all {
		g.Go(func() (err error) {
			kept[i], failed[i], err = e.retry(running, all[i])
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return Again{}, err
	}

	for i, o := range all {
		switch {
		case kept[i]:
			a.Kept = append(a.Kept, o.ID)
		case len(failed[i]) > 0:
			a.Failed = append(a.Failed, failed[i]...)
		default:
			a.Deleted = append(a.Deleted, o.ID)
		}
	}
	return a, e.orphans.SettleOrphaned(ctx, contactCenter, slices.Concat(a.Deleted, a.Kept), a.Failed)
}

// retry tries to delete one orphaned media file, unless a recording names it. Meanwhile none comes to.
func (e *Eraser) retry(
	ctx context.Context, o index.OrphanedMedia,
) (kept bool, failed []index.OrphanedMedia, err error) {
	media := e.mediaNamed(&o.Descriptor)
	release, err := e.names.ClaimMedia(ctx, media)
	if err != nil {
		return false, nil, err
	}
	defer release()
	by, err := e.names.NamedBy(ctx, media, 1)
	if err != nil || len(by) > 0 {
		return true, nil, err
	}
	failed, err = e.Media(ctx, []index.OrphanedMedia{o})
	return false, failed, err
}

// Unnamed calls do unless a recording names an object of a storage, and reports whether it did. None
// comes to name it until do returns.
func (e *Eraser) Unnamed(ctx context.Context, id blob.ObjectID, do func() error) (bool, error) {
	media := e.objectNamed(id)
	release, err := e.names.ClaimMedia(ctx, media)
	if err != nil {
		return false, err
	}
	defer release()
	by, err := e.names.NamedBy(ctx, media, 1)
	if err != nil || len(by) > 0 {
		return false, err
	}
	return true, do()
}
