package index

import "recordings/mapping"

// MediaLeft is a media file left behind: its recording is deleted, but its storage did not confirm that it is, too.
type MediaLeft struct {
	ID          string                  `json:"id"`              // the uuid of the media file
	RecordingID string                  `json:"recordingId"`     // of the recording that it belonged to
	Descriptor  mapping.MediaDescriptor `json:"mediaDescriptor"` // without auth: it is shown, and not needed
	Message     string                  `json:"statusMessage"`   // what went wrong the last time
	Since       mapping.Time            `json:"since"`           // when the recording was deleted
	Tried       mapping.Time            `json:"tried"`           // when deleting it was last tried
}
