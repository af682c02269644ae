package mapping

// MediaName is the file name by which clients fetch a media file: a uuid that is derived from (contact center, recording id,
// identity of the media), so that it stays the same when the recording is posted again, and the extension of the storage path.
func (m *MediaFile) MediaName(contactCenter, recordingID string) string {
	panic("soon")
}
