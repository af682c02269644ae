package index

import (
	"context"
	"fmt"
)

// Operations is what it takes to run an index, beside keeping and finding recordings. All methods may be called
// concurrently.
type Operations interface {
	// StartBackup begins a backup, and returns how it is doing. [ErrDiskFull] and [*StateError] mean that it was not begun.
	StartBackup(BackupRequest) (BackupState, error)

	// Backup tells how the backup is doing that is running, or was the last one.
	Backup() BackupState

	// Backups lists the whole backups that there are, the newest first.
	Backups(ctx context.Context) ([]Backup, error)
}

// StateError says that what was asked for cannot be done in the present state. Its text is for whoever asked.
type StateError struct{ message string }

// NewStateError returns a StateError with a text.
func NewStateError(format string, args ...any) *StateError {
	return &StateError{fmt.Sprintf(format, args...)}
}

func (e *StateError) Error() string { return e.message }
