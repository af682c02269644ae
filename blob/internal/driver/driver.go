// Package driver is what [recordings/blob] asks of a storage: three methods on one place of it. The
// rules that hold for every storage (which places may be contacted, how a broken read goes on, when
// a delete counts) live once, in package blob; a driver only speaks its protocol, and says
// truthfully what the storage answered.
package driver

import (
	"context"
	"io"
	"strings"
	"time"
)

// Place is where objects lie: one S3 bucket, or one WebDAV origin. Keys are the driver's own form
// of a name, as it is after all unescaping. Errors are of the kinds in errors.go, or the error of
// the context. All methods may be called concurrently.
type Place interface {
	// Stat asks for size and validators of an object, never for its bytes.
	Stat(ctx context.Context, key string) (Info, error)

	// Get begins to read a range of an object. If only is not zero the object must still be that
	// one, else the error is ErrChanged. A storage may give another range than the one that was
	// asked for: the Body says which.
	Get(ctx context.Context, key string, r Range, only Info) (*Body, error)

	// Delete returns nil when the storage has confirmed that the object is deleted, and ErrNotFound
	// when it was gone before.
	Delete(ctx context.Context, key string) error
}

// Target is an object that may be contacted.
type Target struct {
	Place Place
	Key   string
	// Ambiguous: another reader of the descriptor may take its path in another way, so that not
	// finding the object does not prove that it is gone.
	Ambiguous bool
}

// Info is what a storage tells about an object. Size is in bytes, -1 if it does not tell; ModTime
// and ETag are zero if it does not tell.
type Info struct {
	Size    int64
	ModTime time.Time
	ETag    string // with its quotes, and with W/ if it is weak
}

// Same reports whether both can be the same state of an object.
func (i Info) Same(o Info) bool {
	if i.Size != o.Size && i.Size >= 0 && o.Size >= 0 {
		return false
	}

	if i.ETag != "" && o.ETag != "" {
		// Weak comparison: Apache calls the tag of a fresh file weak for a second, then the same
		// tag strong.
		return strings.TrimPrefix(i.ETag, "W/") == strings.TrimPrefix(o.ETag, "W/")
	}
	if i.ModTime.IsZero() || o.ModTime.IsZero() {
		return true
	}
	return i.ModTime.Equal(o.ModTime)
}

// StrongETag is the entity tag if it is fit for If-Match, else empty.
func (i Info) StrongETag() string {
	if strings.HasPrefix(i.ETag, "W/") {
		return ""
	}
	return i.ETag
}

// ValidETag returns the tag if it has the syntax of one, else nothing: what a foreign server says
// here is later sent on.
func ValidETag(tag string) string {
	opaque := strings.TrimPrefix(tag, "W/")
	if len(opaque) < 2 || opaque[0] != '"' || opaque[len(opaque)-1] != '"' {
		return ""
	}

	for _, c := range []byte(opaque[1 : len(opaque)-1]) {
		if c <= ' ' || c == '"' || c == 0x7f {
			return ""
		}
	}
	return tag
}

// Body is part of an object that is being read. It must be closed.
type Body struct {
	io.ReadCloser
	Info  Info  // of the whole object
	Start int64 // the offset of the first byte of the body
	End   int64 // the offset behind its last byte; -1 if the storage does not tell
	// Framed: where the body ends can be told from a connection that broke, even if End is not told.
	Framed bool
}

// Lister is a Place that tells which objects it has.
type Lister interface {
	// List calls fn with all objects of the place, some at a time, in an order of its own, until fn
	// returns an error, which List returns. What is put or deleted meanwhile may be among them or not.
	List(ctx context.Context, fn func([]Object) error) error
}

// Object is one object of a listing.
type Object struct {
	Key string
	Info
}
