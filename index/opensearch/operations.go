package opensearch

import (
	"context"

	"recordings/index"
)

var (
	_ index.Operations = (*Index)(nil)
	_ index.Backups    = (*Index)(nil)
)

// What is not here yet says so in one sentence; nothing pretends to have been done.
func notOffered(what, instead string) error {
	const here = " is not offered on an OpenSearch cluster in this version; "
	return &index.NotOfferedError{Message: what + here + instead}
}

// Usage returns how much there is of everything, as it was a few seconds ago; see [index.Operations].
func (x *Index) Usage() index.Usage {
	x.health.mu.Lock()
	defer x.health.mu.Unlock()
	return x.health.usage
}

// Verification returns that there has been none; see [index.Operations].
func (x *Index) Verification() index.Verification {
	return index.Verification{Phase: index.Idle, Findings: []index.Finding{}}
}

// ControlVerify is not offered; see [index.Operations].
func (x *Index) ControlVerify(context.Context, index.Action, bool) (index.Verification, error) {
	return x.Verification(), notOffered("verifying",
		"the cluster compares the checksums of its files when it copies them")
}

// StartBackup is not offered; see [index.Backups].
func (x *Index) StartBackup(index.BackupRequest) (index.BackupStatus, error) {
	return x.BackupStatus(), notOffered("a backup", "make a snapshot with the cluster's own interface")
}

// BackupStatus returns that there has been none; see [index.Backups].
func (x *Index) BackupStatus() index.BackupStatus { return index.BackupStatus{Phase: index.Idle} }

// Backups is not offered; see [index.Backups].
func (x *Index) Backups(context.Context) ([]index.Backup, error) {
	return nil, notOffered("a list of backups", "the cluster's own interface lists its snapshots")
}
