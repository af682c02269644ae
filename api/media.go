package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"recordings/index"
	"recordings/mapping"
)

const (
	maxDeletes  = 8 // media files that one request deletes at a time
	maxAttempts = 5 // how often a recording may change under a DELETE before it is given up
)

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
}

// maxDeleteTime bounds a DELETE with media, or a retry. What is begun is finished even if the client hangs up: else media would be
// gone that a recording still names.
const maxDeleteTime = 10 * time.Minute

// finish is a context for what must not end with its client.
func finish(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), maxDeleteTime)
}

// deleteWithMedia deletes the media files of a recording, then its metadata. Media that cannot be deleted is listed as left
// behind in the same step in which the metadata goes: it is never forgotten. If the recording changes in the meantime, it
// begins anew: what came with the change goes, too.
func (s *Server) deleteWithMedia(ctx context.Context, k key) (deletedAnswer, error) {
	ctx, cancel := finish(ctx)
	defer cancel()
	for range maxAttempts {
		rec, err := s.o.Index.Get(ctx, k.contactCenter, index.AnyRegion, k.id)
		if err != nil {
			return deletedAnswer{}, err
		}
		left, err := s.deleteMedia(ctx, mediaOf(k.contactCenter, rec))
		if err != nil {
			return deletedAnswer{}, err
		}
		err = s.o.Orphans.DeleteSeen(ctx, k.contactCenter, rec, left)
		if errors.Is(err, index.ErrChanged) {
			continue
		}
		if errors.Is(err, index.ErrNotFound) { // another request has deleted the metadata; what is left is left all the same
			err = s.o.Orphans.SettleOrphaned(ctx, k.contactCenter, nil, left)
		}
		return deleted(left), err
	}
	return deletedAnswer{}, fmt.Errorf("the recording keeps changing: %w", index.ErrUnavailable)
}

func deleted(left []index.OrphanedMedia) deletedAnswer {
	var a deletedAnswer
	for _, l := range left {
		a.StatusCode = codePartly
		a.Failed = append(a.Failed, failureOf(l))
	}
	return a
}

func failureOf(l index.OrphanedMedia) mediaFailure {
	return mediaFailure{ID: l.ID, Descriptor: l.Descriptor, StatusCode: codeInternal, StatusMessage: l.Message}
}

// mediaOf lists the media files of a recording as if they were left behind.
func mediaOf(contactCenter string, r *mapping.Recording) []index.OrphanedMedia {
	now := mapping.Time(time.Now().UnixMilli())
	all := make([]index.OrphanedMedia, len(r.MediaFiles))
	for i := range r.MediaFiles {
		m := &r.MediaFiles[i]
		all[i] = index.OrphanedMedia{ID: m.Descriptor.UUID(contactCenter, r.ID), RecordingID: r.ID, Descriptor: m.Descriptor.Public(), Since: now}
	}
	return all
}

// deleteMedia deletes media files from their storages and returns those which could not be, with the reason. Its error is
// the end of the context: then nothing is known of the others.
func (s *Server) deleteMedia(ctx context.Context, all []index.OrphanedMedia) (left []index.OrphanedMedia, err error) {
	errs := make([]error, len(all))
	var g errgroup.Group
	g.SetLimit(maxDeletes)
	for i := range all {
		g.Go(func() error {
			start := time.Now()
			errs[i] = s.o.Media.Delete(ctx, all[i].Descriptor)
			s.metrics.storage(&all[i].Descriptor, mediaDelete, start, errs[i])
			return nil
		})
	}
	_ = g.Wait() // there are none
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	for i, err := range errs {
		if err != nil {
			all[i].Message, all[i].Tried = err.Error(), mapping.Time(time.Now().UnixMilli())
			left = append(left, all[i])
		}
	}
	return left, nil
}
