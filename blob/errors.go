package blob

import (
	"errors"

	"recordings/blob/internal/driver"
)

// The kinds of errors. Every error of this package is one of them (ask with [errors.Is]), or the
// end of the caller's context.
var (
	// ErrInvalid: the descriptor names nothing that could be media.
	ErrInvalid = driver.ErrInvalid
	// ErrNotConfigured: the descriptor names a bucket or an origin that is not configured. Nobody
	// was contacted.
	ErrNotConfigured = driver.ErrNotConfigured
	// ErrNotFound: the storage says that the object is not there.
	ErrNotFound = driver.ErrNotFound
	// ErrUnreachable: the storage cannot be connected to, or the connection broke.
	ErrUnreachable = driver.ErrUnreachable
	// ErrTimeout: the storage was silent for too long.
	ErrTimeout = driver.ErrTimeout
	// ErrRefused: the storage refused (status 401, 403, 423, 500 …), or its answer makes no sense,
	// or is a redirect.
	ErrRefused = driver.ErrRefused
	// ErrChanged: the object became another one while it was read.
	ErrChanged = driver.ErrChanged
	// ErrArchived: the storage keeps the object where it cannot be read at once.
	ErrArchived = driver.ErrArchived
)

// Error is what stands behind the kinds. Its text is for operations: it names the bucket or the
// origin, and what the storage answered, never a path or credentials. Its Public text is for
// everybody, and reveals nothing of that.
type Error = driver.Error

// PublicMessage is what anybody may be told about an error of this package.
func PublicMessage(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Public()
	}
	return "the media could not be fetched"
}
