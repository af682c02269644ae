package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"recordings/blob"
	"recordings/index"
	"recordings/mapping"
)

const (
	maxDeletes  = 8 // media files that one request deletes at a time
	maxAttempts = 5 // how often a recording may change under a DELETE before it is given up

	// maxDeleteTime bounds a DELETE with media, or a retry. What is begun is finished even if the
	// client hangs up: else media would be gone that a recording still names.
	maxDeleteTime = 10 * time.Minute
)

// mediaStore deletes media files, and keeps the list of those that could not be deleted.
type mediaStore struct {
	store   *blob.Store
	index   index.Index
	orphans index.Orphans
	metrics *metrics
}

// mediaFailure is a media file that could not be deleted.
type mediaFailure struct {
	ID            string                  `json:"id"`
	Descriptor    mapping.MediaDescriptor `json:"mediaDescriptor"`
	StatusCode    int                     `json:"statusCode"`
	StatusMessage string                  `json:"statusMessage"`
}

// deletedAnswer says how deleting a recording with its media went.
type deletedAnswer struct {
	StatusCode int            `json:"statusCode"`
	Failed     []mediaFailure `json:"failed,omitzero"`
	Notice     notices        `json:"notice,omitzero"`
}

// postNotices are what was probably not meant in a recording that was posted. Paths from which
// nothing can ever be fetched are among it: at play it would be too late.
func (m *mediaStore) postNotices(r *mapping.Recording) []string {
	all := mapping.PostNotices(r)
	for i := range r.MediaFiles {
		if err := m.store.Check(r.MediaFiles[i].Descriptor); errors.Is(err, blob.ErrInvalid) {
			const never = "mediaFiles[%d].mediaDescriptor: this media can never be fetched: %v"
			all = append(all, fmt.Sprintf(never, i, err))
		}
	}
	return all
}

// deleteRecording deletes the media files of a recording, then its metadata. Media that cannot be
// deleted is put on the list of orphaned media in the same step in which the metadata goes: it is
// never forgotten. If the recording changes in the meantime, it begins anew: what came with the
// change goes, too.
func (m *mediaStore) deleteRecording(ctx context.Context, k key) (deletedAnswer, error) {
	ctx, cancel := finish(ctx)
	defer cancel()
	for range maxAttempts {
		rec, err := m.index.Get(ctx, k.contactCenter, index.AnyRegion, k.id)
		if err != nil {
			return deletedAnswer{}, err
		}
		orphaned, err := m.delete(ctx, m.mediaOf(k.contactCenter, rec))
		if err != nil {
			return deletedAnswer{}, err
		}

		err = m.orphans.DeleteSeen(ctx, k.contactCenter, rec, orphaned)
		if errors.Is(err, index.ErrChanged) {
			continue
		}
		// another request has deleted the metadata; orphans are orphans all the same
		if errors.Is(err, index.ErrNotFound) {
			err = m.orphans.SettleOrphaned(ctx, k.contactCenter, nil, orphaned)
		}
		return deleted(orphaned), err
	}
	return deletedAnswer{}, fmt.Errorf("the recording keeps changing: %w", index.ErrUnavailable)
}

// finish is a context for what must not end with its client.
func finish(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), maxDeleteTime)
}

// deleted says which media files could not be deleted.
func deleted(orphaned []index.OrphanedMedia) deletedAnswer {
	var a deletedAnswer
	for _, o := range orphaned {
		a.StatusCode = codePartly
		a.Failed = append(a.Failed, mediaFailure{
			ID: o.ID, Descriptor: o.Descriptor, StatusCode: codeInternal,
			StatusMessage: "Fail to send request deleting " + o.Descriptor.Path + ": " + o.Message,
		})
	}
	return a
}

// mediaOf lists the media files of a recording as if they were orphaned. Whether a descriptor may be
// contacted is judged as it was posted, as it is when the file is played.
func (m *mediaStore) mediaOf(contactCenter string, r *mapping.Recording) []index.OrphanedMedia {
	now := mapping.Time(time.Now().UnixMilli())
	all := make([]index.OrphanedMedia, len(r.MediaFiles))
	for i := range r.MediaFiles {
		d := &r.MediaFiles[i].Descriptor
		all[i] = index.OrphanedMedia{
			ID: d.UUID(contactCenter, r.ID), RecordingID: r.ID, Descriptor: d.Public(), Since: now,
		}
		if err := m.store.Check(*d); errors.Is(err, blob.ErrInvalid) {
			all[i].Refused, all[i].Message = true, err.Error()
		}
	}
	return all
}

// delete deletes media files from their storages and returns those which could not be, with the
// reason. Its error is the end of the context: then nothing is known of the others.
func (m *mediaStore) delete(ctx context.Context, all []index.OrphanedMedia) (failed []index.OrphanedMedia, err error) {
	errs := make([]error, len(all))
	var g errgroup.Group
	g.SetLimit(maxDeletes)
	for i := range all {
		if all[i].Refused {
			continue
		}
		g.Go(func() error {
			start := time.Now()
			errs[i] = m.store.Delete(ctx, all[i].Descriptor)
			m.metrics.storage(&all[i].Descriptor, mediaDelete, start, errs[i])
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

// inUse reports whether a media file belongs to a stored recording: its recording was posted again.
func (m *mediaStore) inUse(ctx context.Context, contactCenter string, o index.OrphanedMedia) (bool, error) {
	rec, err := m.index.Get(ctx, contactCenter, index.AnyRegion, o.RecordingID)
	if errors.Is(err, index.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for i := range rec.MediaFiles {
		if rec.MediaFiles[i].Descriptor.UUID(contactCenter, rec.ID) == o.ID {
			return true, nil
		}
	}
	return false, nil
}
