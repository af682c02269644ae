// Package reconcile compares the recordings with what the storages of media have: media that is missing
// or of another length than was posted, storages that could not be asked, and objects that no recording
// names.
//
// The one fact to know: the storages are listed, which is a thousand times cheaper than asking for each
// media file. Both sides, the names of media and the objects, are divided by a hash of the object into
// parts that fit into memory, and compared part by part; only what seems to be missing is then asked for
// one by one. Nothing is ever deleted unless the number of what would go is given.
package reconcile

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/rs/zerolog"

	"recordings/blob"
	"recordings/erase"
	"recordings/erase/jobs"
	"recordings/index"
	"recordings/mapping"
)

// The phases of a reconciliation, beside those of every job.
const (
	Scanning  jobs.Phase = "reading recordings"
	Listing   jobs.Phase = "listing objects"
	Comparing jobs.Phase = "comparing"
	Deleting  jobs.Phase = "deleting unnamed objects"
)

// Kind is what a reconciliation finds.
type Kind string

// The kinds.
const (
	Missing   Kind = "missing"   // a recording names it, and it is not in its storage
	OtherSize Kind = "otherSize" // its length is not the posted size
	NotAsked  Kind = "notAsked"  // its storage could not be asked
	Unnamed   Kind = "unnamed"   // an object, older than a day, that no recording names
	Deleted   Kind = "deleted"   // such an object, that was deleted
	Kept      Kind = "kept"      // such an object, that was not deleted: why, the message says
)

// The numbers of a job, beside those of the kinds.
const (
	countMedia   = "media"
	countObjects = "objects"
)

// Request is what a reconciliation is to do.
type Request struct {
	DeleteUnnamed bool   `json:"deleteUnnamed,omitzero"`
	Expected      uint64 `json:"expected,omitzero"` // how many objects are unnamed

	// Own asks for nothing but the media of the contact center: objects that no recording names are
	// nobody's, and so is how many of them, and of recordings, there are in all.
	Own bool `json:"own,omitzero"`
}

// Finding is one result.
type Finding struct {
	Kind    Kind          `json:"kind"`
	ID      string        `json:"id,omitzero"`    // of the recording
	Media   string        `json:"media,omitzero"` // the id of the media file
	Object  blob.ObjectID `json:"object,omitzero"`
	Posted  *int64        `json:"posted,omitzero"` // bytes, where they differ
	Size    *int64        `json:"size,omitzero"`   // bytes, in the storage
	Message string        `json:"message,omitzero"`
}

// Reconciliation is the state of one, as it is shown.
type Reconciliation struct {
	Number        int          `json:"number"`
	ContactCenter string       `json:"contactCenter"`
	Phase         jobs.Phase   `json:"phase"`
	Cause         string       `json:"cause"`
	DeleteUnnamed bool         `json:"deleteUnnamed,omitzero"`
	Own           bool         `json:"own,omitzero"` // nothing but the media of the contact center was looked at
	Created       mapping.Time `json:"created"`
	Started       mapping.Time `json:"started,omitzero"`
	Ended         mapping.Time `json:"ended,omitzero"`
	Done          uint64       `json:"done"`  // of the phase
	Total         uint64       `json:"total"` // of the phase; 0: not known

	Media     uint64 `json:"media"`   // media files of the contact center
	Objects   uint64 `json:"objects"` // in all storages; 0 where these are not looked at
	Missing   uint64 `json:"missing"`
	OtherSize uint64 `json:"otherSize"`
	NotAsked  uint64 `json:"notAsked"`
	Unnamed   uint64 `json:"unnamed"`
	Deleted   uint64 `json:"deleted"` // of the unnamed ones
	Kept      uint64 `json:"kept"`    // of the unnamed ones, where they were to be deleted

	Rate        float64 `json:"rate,omitzero"`
	SecondsLeft int64   `json:"secondsLeft"`
	Waits       string  `json:"waits,omitzero"`
	Verdict     string  `json:"verdict,omitzero"`

	// ResultsDropped says that what it has found is not kept any more.
	ResultsDropped bool `json:"resultsDropped,omitzero"`
}

// Options are what reconciliations work with. All but Scratch, Audit, Rate and MaxResults are required.
type Options struct {
	Index   index.Index
	Eraser  *erase.Eraser
	Media   *blob.Store
	Keeper  jobs.Keeper   // where several nodes share it, they share the reconciliations
	Scratch jobs.Keeper   // for the lists that are compared; nil: the keeper; see [jobs.Options]
	Audit   erase.Auditor // nil: nothing is written down
	Rate    int           // objects and media files per second; 0: as fast as may be
	Log     zerolog.Logger

	MaxResults int64 // bytes of results that are kept; see [jobs.Options]
}

// Reconciliations are all of a service. Its methods may be called concurrently.
type Reconciliations struct {
	Options
	jobs   *jobs.Set
	opened chan struct{} // closed when jobs is there, or never comes

	mu     sync.Mutex
	states map[string]map[string]Kind // by contact center and id of a media file: as it was found last
}

// Open opens the reconciliations that are kept, and goes on with those that have not ended. They must
// be closed before the index is.
func Open(ctx context.Context, o Options) (*Reconciliations, error) {
	r := &Reconciliations{Options: o, opened: make(chan struct{}), states: map[string]map[string]Kind{}}
	if r.Audit == nil {
		r.Audit = erase.Unaudited{}
	}
	var err error
	r.jobs, err = jobs.Open(ctx, jobs.Options{
		Keeper: o.Keeper, Scratch: o.Scratch, Work: work{r}, MaxResults: o.MaxResults, Noted: r.noted, Log: o.Log,
	})
	close(r.opened)
	if err != nil {
		return nil, fmt.Errorf("opening the reconciliations: %w", err)
	}

	done, err := r.jobs.All(ctx, func(s *jobs.State) bool { return s.Phase == jobs.Done }) // the newest first
	if err != nil {
		r.jobs.Close()
		return nil, fmt.Errorf("opening the reconciliations: %w", err)
	}
	for _, s := range done {
		if _, ok := r.states[s.ContactCenter]; ok {
			continue
		}
		if err := r.learn(ctx, s.ContactCenter, s.Number); err != nil {
			r.jobs.Close()
			return nil, err
		}
	}
	return r, nil
}

// Close stops what is running; it goes on when they are opened again.
func (r *Reconciliations) Close() { r.jobs.Close() }

// Begin begins a reconciliation for a user.
func (r *Reconciliations) Begin(ctx context.Context, contactCenter, user string, q Request) (Reconciliation, error) {
	s, err := r.jobs.Begin(ctx, contactCenter, user, q, nil)
	return show(s), err
}

// All returns those of a contact center, the newest first. An empty one stands for all of them.
func (r *Reconciliations) All(ctx context.Context, contactCenter string) ([]Reconciliation, error) {
	states, err := r.jobs.All(ctx, func(s *jobs.State) bool {
		return contactCenter == "" || s.ContactCenter == contactCenter
	})
	all := make([]Reconciliation, len(states))
	for i, s := range states {
		all[i] = show(s)
	}
	return all, err
}

// Get returns one of a contact center, or [jobs.ErrNoJob].
func (r *Reconciliations) Get(ctx context.Context, contactCenter string, number int) (Reconciliation, error) {
	s, err := r.jobs.Get(ctx, contactCenter, number)
	return show(s), err
}

// Results returns what one has found so far, and how many bytes that is, or [jobs.ErrDropped].
func (r *Reconciliations) Results(ctx context.Context, contactCenter string, number int) (io.Reader, int64, error) {
	return r.jobs.Results(ctx, contactCenter, number)
}

// Control pauses, resumes or cancels one; see [jobs.Set.Control].
func (r *Reconciliations) Control(
	ctx context.Context, contactCenter string, number int, a jobs.Action,
) (Reconciliation, error) {
	s, err := r.jobs.Control(ctx, contactCenter, number, a)
	return show(s), err
}

// States are how the last reconciliation of a contact center has found media files, by their ids, where
// that is Missing or OtherSize. They must not be changed.
func (r *Reconciliations) States(contactCenter string) map[string]Kind {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.states[contactCenter]
}

// maxStates bounds how many media files of a contact center are remembered as missing or of another
// size. Where there are more, something is wrong with a storage as a whole.
const maxStates = 1_000_000

// noted is told of a reconciliation that another node has done.
func (r *Reconciliations) noted(ctx context.Context, s jobs.State) {
	<-r.opened
	err := r.learn(ctx, s.ContactCenter, s.Number)
	if err != nil && ctx.Err() == nil && !errors.Is(err, jobs.ErrDropped) {
		r.Log.Warn().Err(err).EmbedObject(&s).Msg("what a reconciliation elsewhere has found is not known here")
	}
}

// learn remembers what a reconciliation has found.
func (r *Reconciliations) learn(ctx context.Context, contactCenter string, number int) error {
	lines, _, err := r.jobs.Results(ctx, contactCenter, number)
	if err != nil {
		return err
	}

	states := map[string]Kind{}
	for scanner := bufio.NewReader(lines); len(states) < maxStates; {
		line, err := scanner.ReadBytes('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("reading what a reconciliation found: %w", err)
		}
		var f Finding
		if err := json.Unmarshal(line, &f); err != nil {
			return fmt.Errorf("reading what a reconciliation found: %w", err)
		}
		if f.Kind == Missing || f.Kind == OtherSize {
			states[f.Media] = f.Kind
		}
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	r.states[contactCenter] = states
	return nil
}

// show is a job as a reconciliation.
func show(s jobs.State) Reconciliation {
	n := func(k Kind) uint64 { return s.Counts[string(k)] }
	q := requestOf(&s)
	return Reconciliation{
		Number: s.Number, ContactCenter: s.ContactCenter, Phase: s.Phase, Cause: s.Cause,
		DeleteUnnamed: q.DeleteUnnamed, Own: q.Own, Created: s.Created, Started: s.Started, Ended: s.Ended,
		Done: s.Done, Total: s.Total, Media: s.Counts[countMedia], Objects: s.Counts[countObjects],
		Missing: n(Missing), OtherSize: n(OtherSize), NotAsked: n(NotAsked), Unnamed: n(Unnamed),
		Deleted: n(Deleted), Kept: n(Kept),
		Rate: s.Rate, SecondsLeft: s.SecondsLeft, Waits: s.Waits, Verdict: s.Verdict,
		ResultsDropped: s.ResultsDropped,
	}
}

// requestOf is what a job was asked to do. It was written here, and is empty where it cannot be read.
func requestOf(s *jobs.State) (q Request) {
	_ = json.Unmarshal(s.Request, &q)
	return q
}

// work implements [jobs.Work].
type work struct{ *Reconciliations }

// Ready implements [jobs.Work].
func (work) Ready(jobs.State, time.Time) (bool, string) { return true, "" }

// Forget implements [jobs.Work]: there is nothing personal but in the results.
func (work) Forget(*jobs.State) {}

// Verdict implements [jobs.Work].
func (work) Verdict(s jobs.State) string {
	r := show(s)
	if s.Phase == jobs.Cancelled {
		return "cancelled before everything was compared"
	}
	var b strings.Builder
	switch all := r.Missing+r.OtherSize+r.NotAsked+r.Unnamed == 0; {
	case all && r.Own:
		fmt.Fprintf(&b, "all %d media files are there", r.Media)
	case all:
		fmt.Fprintf(&b, "all %d media files are there, and all %d objects are named", r.Media, r.Objects)
	default:
		fmt.Fprintf(&b, "%d media files: %d missing, %d of another size, %d that could not be asked for", r.Media,
			r.Missing, r.OtherSize, r.NotAsked)
		if !r.Own {
			fmt.Fprintf(&b, "; %d objects: %d that no recording names", r.Objects, r.Unnamed)
		}
	}
	if r.DeleteUnnamed && !r.Own {
		fmt.Fprintf(&b, "; %d of these were deleted, and %d kept", r.Deleted, r.Kept)
	}
	return b.String()
}
