package erase

import (
	"context"
	"errors"
)

// Auditor writes down who deleted what. Nothing is deleted before its entry is durable.
type Auditor interface {
	// Record makes entries durable, in order. Where it returns an error, the effect must not happen.
	Record(ctx context.Context, entries []Entry) error

	// Recorded reports whether there is an entry already that differs in its time alone: a job that
	// goes on does not write down again what it had written down, and had not come to.
	Recorded(ctx context.Context, e Entry) (bool, error)

	// Erased has what the log keeps of the persons in recordings that were deleted erased from it.
	// Doing it again is safe.
	Erased(ctx context.Context, contactCenter string, recordings []string) error
}

// Entry is one thing that a job does, or found out when it did it.
type Entry struct {
	User          string // who began the job: a user, or a policy
	ContactCenter string
	Action        string
	Recording     string // its id; empty: it is about the job as a whole
	Outcome       string // empty: it is about to be done
	Detail        string // nothing personal: the number of the job, or the name of the policy
}

// The actions of entries.
const (
	ActionDelete        = "delete"
	ActionDeleteUnnamed = "delete-unnamed" // an object that no recording names
	ActionRetention     = "retention"      // a run of a policy is begun
)

// ErrNotAudited says that nothing was done, as it could not be written down.
var ErrNotAudited = errors.New("the audit log cannot be written")

// Unaudited writes nothing down.
type Unaudited struct{}

// Record implements [Auditor].
func (Unaudited) Record(context.Context, []Entry) error { return nil }

// Recorded implements [Auditor].
func (Unaudited) Recorded(context.Context, Entry) (bool, error) { return false, nil }

// Erased implements [Auditor].
func (Unaudited) Erased(context.Context, string, []string) error { return nil }
