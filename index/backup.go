package index

import (
	"context"
	"regexp"
	"strings"

	"recordings/mapping"
)

// Backups makes backups of an index, one at a time, while it is in use. All methods may be called
// concurrently.
type Backups interface {
	// StartBackup begins a backup, and returns its status. [ErrDiskFull] and [*StateError] mean
	// that it was not begun.
	StartBackup(BackupRequest) (BackupStatus, error)

	// BackupStatus returns the status of the backup that is running, or was the last one.
	BackupStatus() BackupStatus

	// Backups lists the whole backups that there are, the newest first.
	Backups(ctx context.Context) ([]Backup, error)
}

// BackupRequest asks for a backup.
type BackupRequest struct {
	Name         string // of its directory; see [ValidBackupName]. Empty: the time, as in 20260517T194532Z
	WithoutIndex bool   // leave out the search index, which is then rebuilt when the backup is used
}

// Backup is a whole backup.
type Backup struct {
	Name       string       `json:"name"`
	Time       mapping.Time `json:"time"`       // everything that was answered before is in it
	Recordings uint64       `json:"recordings"` // in it
	Index      bool         `json:"index"`      // it has the search index, too
	Files      int          `json:"files"`
	Bytes      int64        `json:"bytes"`    // of all files, however many of them it shares with other backups
	Sequence   uint64       `json:"sequence"` // of the newest change in it
	Version    string       `json:"version"`  // of the program that made it
	Layout     int          `json:"layout"`   // version of how recordings are stored
	Schema     int          `json:"schema"`   // version of the search index; 0: none
}

// BackupStatus is the progress of a backup, or how it ended.
type BackupStatus struct {
	Phase       Phase        `json:"phase"`
	Name        string       `json:"name,omitzero"`
	Directory   string       `json:"directory,omitzero"` // on the machine of the service
	Done        int64        `json:"done"`               // bytes
	Total       int64        `json:"total"`              // bytes
	Rate        int64        `json:"rate"`               // bytes per second
	SecondsLeft int64        `json:"secondsLeft"`
	Verdict     string       `json:"verdict,omitzero"` // when it has ended: how, in one sentence
	Began       mapping.Time `json:"began,omitzero"`
	Ended       mapping.Time `json:"ended,omitzero"`
}

// IncompleteBackup is what the name of a backup's directory ends with while it is being made.
const IncompleteBackup = ".incomplete"

// BackupNameRule is what a backup may be called.
const BackupNameRule = "1 to 100 letters, digits, dots, hyphens and underscores, " +
	"of which the first is a letter or a digit, not ending in " + IncompleteBackup

var backupName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// ValidBackupName reports whether a backup may have this name: see [BackupNameRule].
func ValidBackupName(name string) bool {
	return backupName.MatchString(name) && !strings.HasSuffix(name, IncompleteBackup)
}
