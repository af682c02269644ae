package index

import (
	"context"

	"recordings/mapping"
)

// Orphans keeps the list of orphaned media, so that no media file is ever forgotten. An entry is
// written in the same step that removes its recording, and stays until somebody settles it. All
// methods may be called concurrently; what they return nil for is durable.
type Orphans interface {
	// DeleteSeen removes a recording that is still as a Get has seen it, and in the same step puts
	// media files of it on the list. [ErrChanged] means that the recording is not as it was, and
	// nothing was done; [ErrHeld] that it is under a hold; [ErrNotFound] that there is none.
	DeleteSeen(ctx context.Context, contactCenter string, seen *mapping.Recording, orphaned []OrphanedMedia) error

	// Orphaned returns the orphaned media of a contact center, ordered by their ids, from the one
	// behind the id after ("" for the first), at most limit.
	Orphaned(ctx context.Context, contactCenter, after string, limit int) ([]OrphanedMedia, error)

	// IsOrphaned reports whether a media file is on the list.
	IsOrphaned(ctx context.Context, contactCenter, id string) (bool, error)

	// SettleOrphaned takes the media files with the ids gone off the list, and puts those of
	// orphaned on it, in place of the ones with the same ids.
	SettleOrphaned(ctx context.Context, contactCenter string, gone []string, orphaned []OrphanedMedia) error
}

// OrphanedMedia is a media file whose recording is deleted, while its storage did not confirm that
// the file is, too.
type OrphanedMedia struct {
	ID          string                  `json:"id"`              // the uuid of the media file
	RecordingID string                  `json:"recordingId"`     // of the recording that it belonged to
	Descriptor  mapping.MediaDescriptor `json:"mediaDescriptor"` // without auth: it is shown, and not needed
	Message     string                  `json:"statusMessage"`   // what went wrong the last time
	Since       mapping.Time            `json:"since"`           // when the recording was deleted
	Tried       mapping.Time            `json:"tried"`           // when deleting it was last tried

	// Refused says that the descriptor as it was posted must not be contacted. What is shown of it may
	// be fit to be contacted, for its user and password are left out; nothing is deleted by that.
	Refused bool `json:"refused,omitzero"`
}
