package index

import "context"

// Operations is what those who run an index do with it, beside the recordings. All methods may be called concurrently.
type Operations interface {
	// StartBackup begins a backup, and returns how it is doing. [ErrDiskFull] and [*StateError] mean that it was not begun.
	StartBackup(BackupRequest) (BackupState, error)

	// Backup tells how the backup is doing that is running, or was the last one.
	Backup() BackupState

	// Backups lists the whole backups that there are, the newest first.
	Backups(ctx context.Context) ([]Backup, error)
}

// Phase is how far work in the background is.
type Phase string

// The phases. Idle, Done and Failed are those in which nothing goes on.
const (
	Idle      Phase = "idle"      // it never ran
	Preparing Phase = "preparing" // backup: the state to be backed up is taken hold of
	Copying   Phase = "copying"   // backup: files are linked or copied, and their sums computed
	Done      Phase = "done"
	Failed    Phase = "failed"
)

// Ended tells that nothing goes on.
func (p Phase) Ended() bool { return p == Idle || p == Done || p == Failed }

// StateError says that something cannot be done now, and why.
type StateError struct{ Message string }

func (e *StateError) Error() string { return e.Message }
