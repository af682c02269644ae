package mapping

import (
	"crypto/sha256"
	"path"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// identity is what two descriptors of the same media have in common, by the rules of the storage:
// for awsS3 bucket and path, for webDAV the path.
func (d *MediaDescriptor) identity() string {
	return join(d.Storage, d.Bucket(), d.Path)
}

// SameMedia reports whether two descriptors are of the same media, in every contact center, as far as
// they say so themselves. A storage may take others for the same, too: see [MediaDescriptor.Hash].
func SameMedia(a, b *MediaDescriptor) bool { return a.identity() == b.identity() }

// Hash is a short text by which media is looked up. All descriptors have the same one which a storage
// takes for the same object, however their paths are escaped and their origins written; but a webDAV
// path that is relative has another one than that of the whole path. Few others have it: among a
// hundred million media files, about one in ten thousand shares its with another.
func (d *MediaDescriptor) Hash() string {
	const size = 5 // bytes; each costs disk for every media file
	sum := sha256.Sum256([]byte(join(d.Storage, d.Bucket(), d.object())))
	return string(sum[:size])
}

// object is the path of a descriptor as its storage takes it: for webDAV unescaped, and without the
// origin.
func (d *MediaDescriptor) object() string {
	if d.Storage != StorageWebDAV {
		return d.Path
	}
	path := d.Path
	if _, rest, ok := strings.Cut(path, "://"); ok {
		slash := strings.IndexByte(rest, '/')
		if slash < 0 {
			return path // that of no object
		}
		path = rest[slash:]
	}
	if !strings.Contains(path, "%") {
		return path
	}

	var b []byte
	for i := 0; i < len(path); i++ {
		if path[i] == '%' && i+2 < len(path) {
			if c, err := strconv.ParseUint(path[i+1:i+3], 16, 8); err == nil {
				b, i = append(b, byte(c)), i+2
				continue
			}
		}
		b = append(b, path[i]) // what is no escape stands for itself
	}
	return string(b)
}

// join makes one text of several that hold no NUL, so that different lists never make the same
// text.
func join(parts ...string) string { return strings.Join(parts, "\x00") }

// mediaNamespace separates the uuids of media files from those of everybody else. It never changes:
// links to media are built with it.
var mediaNamespace = uuid.MustParse("2b6f0cc9-04d1-5b2c-9f0e-6e6d6a1f3a55")

// UUID is the id of the media file with this descriptor towards clients. It is derived from the
// contact center, the recording and the identity of the media, so that it stays the same when the
// recording is posted again.
func (d *MediaDescriptor) UUID(contactCenter, recordingID string) string {
	return uuid.NewSHA1(mediaNamespace, []byte(join(contactCenter, recordingID, d.identity()))).String()
}

// MediaName is the file name by which clients fetch the media file: its UUID, and the extension of
// its storage path. Recorders put .bin behind the name of what they have encrypted, which says
// nothing of what is in it.
func (d *MediaDescriptor) MediaName(contactCenter, recordingID string, encrypted bool) string {
	return d.UUID(contactCenter, recordingID) + d.extension(encrypted)
}

const defaultExtension = ".mp3"

// extension is that of the storage path, with its dot; where there is none, or it is none that a
// URL would end in, the default.
func (d *MediaDescriptor) extension(encrypted bool) string {
	p := d.Path
	if d.Storage == StorageWebDAV { // a URL
		if end := strings.IndexAny(p, "?#"); end >= 0 {
			p = p[:end]
		}
	}

	ext := path.Ext(p)
	if encrypted && strings.EqualFold(ext, ".bin") {
		ext = path.Ext(p[:len(p)-len(ext)])
	}
	if len(ext) < 2 || len(ext) > 9 {
		return defaultExtension
	}

	for _, c := range ext[1:] {
		if !('0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') {
			return defaultExtension
		}
	}

	return ext
}
