// Package deletion deletes many recordings: all that match what somebody asks for, or what a policy
// of retention says.
//
// The one fact to know: a deletion first writes down what matches, from one consistent state, and
// goes through that list. So it deletes what matched when it began; what was changed since is deleted
// only if it still matches, and what was posted since is not looked at. Each recording of the list
// gets one line among the results.
package deletion

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/rs/zerolog"

	"recordings/erase"
	"recordings/erase/jobs"
	"recordings/erase/policy"
	"recordings/index"
	"recordings/mapping"
)

// The phases of a deletion, beside those of every job.
const (
	Collecting jobs.Phase = "collecting" // what matches is written down
	Deleting   jobs.Phase = "deleting"
)

// The outcomes of a recording.
const (
	Deleted = "deleted"
	Held    = "held"    // kept, as it is under a hold
	Changed = "changed" // kept, as it was changed and does not match any more, or it was gone already
	Failed  = "failed"  // what went wrong, the result says
)

// What is counted beside the outcomes, in media files of recordings that were deleted.
const countLeftBehind = "mediaLeftBehind"

// Request is what a deletion is to delete.
type Request struct {
	Criteria     map[string]string `json:"criteria"` // by their names; once it has ended, without what is personal
	Subresources bool              `json:"subresources"`
	Expected     uint64            `json:"expected"` // how many match; not looked at for a policy

	Policy   string        `json:"policy,omitzero"`   // empty: somebody asked for it
	Between  policy.Window `json:"between,omitzero"`  // when it may run
	MaxShare float64       `json:"maxShare,omitzero"` // percent that may go without being confirmed
}

// Result is what became of one recording, or of what was found of it.
type Result struct {
	ID              string   `json:"id"`
	Outcome         string   `json:"outcome"`
	MediaLeftBehind []string `json:"mediaLeftBehind,omitzero"` // ids of its media files that could not be deleted
	Message         string   `json:"message,omitzero"`
}

// Deletion is the state of a deletion, as it is shown. Once all of it has been gone through, matched is
// the sum of deleted, held, changed and failed.
type Deletion struct {
	Number        int               `json:"number"`
	ContactCenter string            `json:"contactCenter"`
	Phase         jobs.Phase        `json:"phase"`
	Cause         string            `json:"cause"`
	Policy        string            `json:"policy,omitzero"`
	Criteria      map[string]string `json:"criteria"`
	Subresources  bool              `json:"subresources"`

	Created mapping.Time `json:"created"`
	Started mapping.Time `json:"started,omitzero"`
	Ended   mapping.Time `json:"ended,omitzero"`

	Matched         uint64 `json:"matched"`
	Done            uint64 `json:"done"`
	Deleted         uint64 `json:"deleted"`
	Held            uint64 `json:"held"`
	Changed         uint64 `json:"changed"`
	Failed          uint64 `json:"failed"`
	MediaLeftBehind uint64 `json:"mediaLeftBehind"` // media files

	Rate        float64 `json:"rate,omitzero"` // recordings per second
	SecondsLeft int64   `json:"secondsLeft"`   // at that rate; 0: not known
	Waits       string  `json:"waits,omitzero"`
	Verdict     string  `json:"verdict,omitzero"`

	// ResultsDropped says that what became of each recording is not kept any more.
	ResultsDropped bool `json:"resultsDropped,omitzero"`
}

// DifferentError says that another number of recordings matches than was expected.
type DifferentError struct{ Expected, Matched uint64 }

// Error implements [error].
func (e *DifferentError) Error() string {
	return fmt.Sprintf("%d recordings match, and %d were expected; nothing was deleted", e.Matched, e.Expected)
}

// Options are what deletions work with. All but Audit, Rate and MaxResults are required.
type Options struct {
	Index   index.Index
	Orphans index.Orphans
	Eraser  *erase.Eraser
	Keeper  jobs.Keeper   // where several nodes share it, they share the deletions
	Audit   erase.Auditor // nil: nothing is written down
	Region  string        // of the recordings
	Rate    int           // recordings per second; 0: as fast as may be
	Log     zerolog.Logger

	MaxResults int64 // bytes of results that are kept; see [jobs.Options]
}

// Deletions are all deletions of a service. Its methods may be called concurrently.
type Deletions struct {
	index   index.Index
	orphans index.Orphans
	eraser  *erase.Eraser
	audit   erase.Auditor
	region  string
	rate    int
	log     zerolog.Logger
	jobs    *jobs.Set
}

// Open opens the deletions that are kept, and goes on with those that have not ended. They must be
// closed before the index is.
func Open(ctx context.Context, o Options) (*Deletions, error) {
	d := &Deletions{
		index: o.Index, orphans: o.Orphans, eraser: o.Eraser, audit: o.Audit, region: o.Region, rate: o.Rate,
		log: o.Log,
	}
	if d.audit == nil {
		d.audit = erase.Unaudited{}
	}

	var err error
	d.jobs, err = jobs.Open(ctx, jobs.Options{
		Keeper: o.Keeper, Work: work{d}, MaxResults: o.MaxResults, Log: o.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("opening the deletions: %w", err)
	}
	return d, nil
}

// Close stops what is running; it goes on when the deletions are opened again.
func (d *Deletions) Close() { d.jobs.Close() }

// Begin begins a deletion for a user, unless another number of recordings matches than the request
// expects: then it returns a [*DifferentError].
func (d *Deletions) Begin(ctx context.Context, contactCenter, user string, r Request) (Deletion, error) {
	f, err := policy.ParseFilter(r.Criteria, false)
	if err != nil {
		return Deletion{}, err
	}
	n, err := d.Count(ctx, contactCenter, f)
	if err != nil {
		return Deletion{}, err
	}
	if n != r.Expected {
		return Deletion{}, &DifferentError{Expected: r.Expected, Matched: n}
	}

	state, err := d.jobs.Begin(ctx, contactCenter, user, r, nil)
	return show(state), err
}

// BeginPolicy begins a deletion for a policy of retention, which has its entry in the audit log before. may looks
// at all deletions of all contact centers, the newest first, and reports whether to begin one; where it does not,
// none is begun, and the error is [jobs.ErrRefused]. Nobody, on whichever node, begins one in between.
func (d *Deletions) BeginPolicy(
	ctx context.Context, contactCenter string, r Request, may func(all []Deletion) bool,
) (Deletion, error) {
	if _, err := policy.ParseFilter(r.Criteria, true); err != nil {
		return Deletion{}, err
	}
	if all, err := d.All(ctx, ""); err != nil || !may(all) {
		return Deletion{}, cmp.Or(err, jobs.ErrRefused)
	}
	cause := "policy " + r.Policy
	begun := erase.Entry{User: cause, ContactCenter: contactCenter, Action: erase.ActionRetention, Detail: cause}
	if err := d.audit.Record(ctx, []erase.Entry{begun}); err != nil {
		return Deletion{}, fmt.Errorf("%w: %w", erase.ErrNotAudited, err)
	}
	state, err := d.jobs.Begin(ctx, contactCenter, cause, r, func(all []jobs.State) bool { return may(showAll(all)) })
	return show(state), err
}

// All returns the deletions of a contact center, the newest first. An empty one stands for all of
// them.
func (d *Deletions) All(ctx context.Context, contactCenter string) ([]Deletion, error) {
	states, err := d.jobs.All(ctx, func(s *jobs.State) bool {
		return contactCenter == "" || s.ContactCenter == contactCenter
	})
	return showAll(states), err
}

// showAll are jobs as deletions.
func showAll(states []jobs.State) []Deletion {
	all := make([]Deletion, len(states))
	for i, s := range states {
		all[i] = show(s)
	}
	return all
}

// Get returns one deletion of a contact center, or [jobs.ErrNoJob].
func (d *Deletions) Get(ctx context.Context, contactCenter string, number int) (Deletion, error) {
	s, err := d.jobs.Get(ctx, contactCenter, number)
	return show(s), err
}

// Results returns the results of a deletion so far, and how many bytes they are, or [jobs.ErrDropped].
func (d *Deletions) Results(ctx context.Context, contactCenter string, number int) (io.Reader, int64, error) {
	return d.jobs.Results(ctx, contactCenter, number)
}

// Control pauses, resumes or cancels a deletion; see [jobs.Set.Control].
func (d *Deletions) Control(ctx context.Context, contactCenter string, number int, a jobs.Action) (Deletion, error) {
	s, err := d.jobs.Control(ctx, contactCenter, number, a)
	return show(s), err
}

// show is a job as a deletion.
func show(s jobs.State) Deletion {
	r := requestOf(&s)
	return Deletion{
		Number: s.Number, ContactCenter: s.ContactCenter, Phase: s.Phase, Cause: s.Cause, Policy: r.Policy,
		Criteria: r.Criteria, Subresources: r.Subresources,
		Created: s.Created, Started: s.Started, Ended: s.Ended,
		Matched: s.Total, Done: s.Done,
		Deleted: s.Counts[Deleted], Held: s.Counts[Held], Changed: s.Counts[Changed], Failed: s.Counts[Failed],
		MediaLeftBehind: s.Counts[countLeftBehind],
		Rate:            s.Rate, SecondsLeft: s.SecondsLeft, Waits: s.Waits, Verdict: s.Verdict,
		ResultsDropped: s.ResultsDropped,
	}
}

// requestOf is what a job was asked to do. It was written here, and is empty where it cannot be read.
func requestOf(s *jobs.State) (r Request) {
	_ = json.Unmarshal(s.Request, &r)
	return r
}

// Verdict implements [jobs.Work].
func (work) Verdict(s jobs.State) string {
	var b strings.Builder
	n := func(outcome string) uint64 { return s.Counts[outcome] }
	fmt.Fprintf(&b, "%d matched: %d deleted, %d kept because held, %d kept because changed, %d failed", s.Total,
		n(Deleted), n(Held), n(Changed), n(Failed))
	if left := n(countLeftBehind); left > 0 {
		fmt.Fprintf(&b, "; %d media files are left behind", left)
	}
	if left := s.Total - s.Done; s.Phase == jobs.Cancelled && s.Total > 0 {
		fmt.Fprintf(&b, "; cancelled with %d to go", left)
	} else if s.Phase == jobs.Cancelled {
		return "cancelled before it began; nothing was deleted"
	}
	return b.String()
}

// kept are the criteria that say nothing about a person.
var kept = map[string]bool{
	mapping.ParamStartTime: true, mapping.ParamEndTime: true, mapping.ParamStartedBefore: true,
	mapping.ParamEndedAfter: true, mapping.ParamMinDuration: true, mapping.ParamMaxDuration: true,
	mapping.ParamChangedSince: true, mapping.ParamNonDelete: true, mapping.ParamLabel: true,
	mapping.ParamCallType: true, policy.ParamNotLabel: true,
}

// notKept stands in place of what a criterion asked for.
const notKept = "(not kept)"

// Forget implements [jobs.Work]: whoever has their recordings deleted does not want their number to be
// remembered for it.
func (work) Forget(s *jobs.State) {
	r := requestOf(s)
	for name, value := range r.Criteria {
		r.Criteria[name] = impersonal(name, value)
	}
	if text, err := json.Marshal(r); err == nil {
		s.Request = jsontext.Value(text)
	}
}

// impersonal is what a criterion asks for, if that says nothing about a person. The name of a label does not;
// its value may.
func impersonal(name, value string) string {
	if !kept[name] || strings.Contains(value, "=") {
		return notKept
	}
	return value
}

// Impersonal are criteria as they may be remembered when the deletion is over, in order.
func Impersonal(criteria map[string]string) []string {
	all := make([]string, 0, len(criteria))
	for _, name := range slices.Sorted(maps.Keys(criteria)) {
		all = append(all, name+"="+impersonal(name, criteria[name]))
	}
	return all
}

// Ready implements [jobs.Work].
func (work) Ready(s jobs.State, now time.Time) (bool, string) {
	w := requestOf(&s).Between
	if w.Contains(now) {
		return true, ""
	}
	return false, "for its time, " + w.String()
}
