package index

import (
	"context"
	"fmt"

	"recordings/mapping"
)

// Health is how an index is doing, for those who have to know whether to send it requests.
type Health interface {
	// Status reports whether searches are answered and writes accepted. It never waits.
	Status() Status
}

// Status is the state of an index.
type Status struct {
	Ready    bool   // searches are answered
	Reason   string // why not, or what is wrong; empty when all is well
	Done     uint64 // recordings already in the index that is being rebuilt
	Total    uint64 // recordings that it will have
	Pending  int    // changes that are durable but not yet in the search index
	DiskFull bool   // writes are refused until there is space again
	Broken   bool   // nothing can be written until the index is opened anew

	Cluster *Cluster // what keeps the index; nil: one machine does, or it is not known
}

// Cluster is a cluster that keeps an index, and how it is doing.
type Cluster struct {
	Health     string `json:"health"` // green: all is there; yellow: copies of shards are missing; red: shards are
	Nodes      int    `json:"nodes"`
	Shards     int    `json:"shards"`     // of the index that are in use, with their copies
	Moving     int    `json:"moving"`     // of these, being copied to another node
	Starting   int    `json:"starting"`   // that are being made
	Unassigned int    `json:"unassigned"` // that no node has
}

// Operations is what those who run an index do with it, beside its [Backups]. All methods may be
// called concurrently.
type Operations interface {
	// Usage returns how much there is of everything. It waits for nothing but the disk.
	Usage() Usage

	// Reindex returns the progress of building the search index anew, or how the last time ended.
	// It never waits.
	Reindex() Reindex

	// ControlReindex starts, pauses, resumes or cancels building the search index anew. It returns
	// a [*StateError] where that makes no sense at present, and a [*SpaceError] where there is no
	// room for a second index.
	ControlReindex(ctx context.Context, a Action) (Reindex, error)

	// Verification returns the progress of verifying, or what was found the last time. It never
	// waits.
	Verification() Verification

	// ControlVerify starts or cancels verifying. With repair, a search index that is found to be
	// damaged is rebuilt. It returns a [*StateError] where that makes no sense at present.
	ControlVerify(ctx context.Context, a Action, repair bool) (Verification, error)
}

// Usage is how much an index has of everything.
type Usage struct {
	Recordings   uint64  `json:"recordings"`
	PendingBytes int64   `json:"pendingBytes"` // memory of the changes that the search index does not have yet
	PendingAge   float64 `json:"pendingAge"`   // of the oldest of these, in seconds
	DiskUsed     uint64  `json:"diskUsed"`     // bytes, of the recordings and the search index
	DiskFree     uint64  `json:"diskFree"`     // bytes; 0: not known
}

// Action is what is done with work that goes on in the background.
type Action string

// The actions.
const (
	Start  Action = "start"
	Pause  Action = "pause"
	Resume Action = "resume"
	Cancel Action = "cancel"
)

// Phase is how far work in the background has come.
type Phase string

// The phases. Idle, Done, Failed and Cancelled are those in which nothing goes on.
const (
	Idle       Phase = "idle"      // it never ran
	Preparing  Phase = "preparing" // backup: the state to be backed up is taken hold of
	Copying    Phase = "copying"   // backup: files are linked or copied, and their sums computed
	Paused     Phase = "paused"
	Filling    Phase = "filling"     // reindex: the recordings are added
	CatchingUp Phase = "catching up" // reindex: what was changed meanwhile is added
	Checking   Phase = "checking"    // reindex: the new index is checked as a restart would; verify: checksums
	Comparing  Phase = "comparing"   // reindex: new index with old one; verify: the recordings with the index
	Switching  Phase = "switching"   // reindex: searches are about to be answered from the new index
	Done       Phase = "done"
	Failed     Phase = "failed"
	Cancelled  Phase = "cancelled"
)

// Ended reports whether nothing goes on.
func (p Phase) Ended() bool { return p == Idle || p == Done || p == Failed || p == Cancelled }

// Reindex is the state of building the search index anew. It survives restarts.
type Reindex struct {
	Phase       Phase        `json:"phase"`
	Cause       string       `json:"cause,omitzero"` // why it was begun
	Started     mapping.Time `json:"started,omitzero"`
	Ended       mapping.Time `json:"ended,omitzero"`
	Done        uint64       `json:"done"`             // recordings that the new index has
	Total       uint64       `json:"total"`            // recordings that it will have
	Rate        float64      `json:"rate,omitzero"`    // recordings per second, since it last went on
	SecondsLeft int64        `json:"secondsLeft"`      // for adding the recordings, at that rate; 0: not known
	Verdict     string       `json:"verdict,omitzero"` // when it has ended: how, in one sentence
}

// Verification is the state of comparing everything that is stored with its checksums, and the
// recordings with the search index.
type Verification struct {
	Phase       Phase        `json:"phase"`
	Cause       string       `json:"cause,omitzero"` // why it was begun
	Repair      bool         `json:"repair"`         // a damaged search index is rebuilt
	Started     mapping.Time `json:"started,omitzero"`
	Ended       mapping.Time `json:"ended,omitzero"`
	Done        uint64       `json:"done"`        // recordings compared
	Total       uint64       `json:"total"`       // recordings
	Files       uint64       `json:"files"`       // whose checksums were compared
	Rate        float64      `json:"rate"`        // recordings per second
	SecondsLeft int64        `json:"secondsLeft"` // at that rate; 0: not known
	Problems    uint64       `json:"problems"`
	Findings    []Finding    `json:"findings"` // the problems, the first [MaxFindings] of them
	Verdict     string       `json:"verdict,omitzero"`
}

// Refuse returns why an action makes no sense in this state of verifying, as a [*StateError], or nil.
func (v *Verification) Refuse(a Action) error {
	running := !v.Phase.Ended()
	switch {
	case a == Start && running:
		return &StateError{Message: "verifying is running already; cancel it, or wait for it"}
	case a != Start && a != Cancel:
		return &StateError{Message: "verifying can only be started and cancelled"}
	case a == Cancel && !running:
		return &StateError{Message: "verifying is not running"}
	}
	return nil
}

// VerifyCancelled is the verdict of a verification that somebody has cancelled.
const VerifyCancelled = "cancelled before everything was compared"

// MaxFindings is how many problems a Verification lists one by one.
const MaxFindings = 1000

// Finding is one problem.
type Finding struct {
	Kind          Kind   `json:"kind"`
	ContactCenter string `json:"contactCenter,omitzero"` // of the recording
	ID            string `json:"id,omitzero"`            // of the recording
	File          string `json:"file,omitzero"`          // its name below the data directory
	Detail        string `json:"detail,omitzero"`
}

// Kind is what is wrong.
type Kind string

// The kinds of problems. Those of recordings cannot be repaired but from a backup; the search index
// can be rebuilt.
const (
	DamagedFile      Kind = "damaged file"      // of the recordings
	DamagedRecording Kind = "damaged recording" // it cannot be read
	LostChanges      Kind = "lost changes"      // the search index has changes that the recordings do not have
	DamagedIndex     Kind = "damaged index"     // a file of the search index, or all of it
	Missing          Kind = "missing in the index"
	Twice            Kind = "more than once in the index"
	Different        Kind = "different in the index"
	NoRecording      Kind = "in the index without a recording"
)

// Derived reports whether the search index alone is wrong.
func (k Kind) Derived() bool { return k != DamagedFile && k != DamagedRecording && k != LostChanges }

// StateError says that something cannot be done now, and why.
type StateError struct{ Message string }

// Error implements [error].
func (e *StateError) Error() string { return e.Message }

// SpaceError says that the disk has not enough room for something.
type SpaceError struct {
	For          string
	Needed, Free uint64 // bytes
}

// Error implements [error].
func (e *SpaceError) Error() string {
	return fmt.Sprintf("%s needs %d MB of the disk, %d MB are free", e.For, (e.Needed+1<<20-1)>>20, e.Free>>20)
}

// NotOfferedError says that this kind of index does not offer something, and what to do instead.
type NotOfferedError struct{ Message string }

// Error implements [error].
func (e *NotOfferedError) Error() string { return e.Message }
