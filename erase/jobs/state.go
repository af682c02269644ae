package jobs

import (
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/rs/zerolog"

	"recordings/mapping"
)

// Phase is how far a job is. What a job does while it runs, its [Work] names; these are the others.
type Phase string

// The phases.
const (
	Waiting     Phase = "waiting"     // for other jobs, or for its time
	Unconfirmed Phase = "unconfirmed" // somebody has to say that it is really meant
	Paused      Phase = "paused"
	Done        Phase = "done"
	Failed      Phase = "failed"
	Cancelled   Phase = "cancelled"
)

// Ended reports whether nothing becomes of the job any more.
func (p Phase) Ended() bool { return p == Done || p == Failed || p == Cancelled }

// goesOn reports whether the job is to be gone on with as soon as its turn comes.
func (p Phase) goesOn() bool { return !p.Ended() && p != Paused && p != Unconfirmed }

// State is all that is kept of a job, beside its results and other texts. It survives restarts.
type State struct {
	// Number is from 1, among the jobs of the contact center, in the order in which they were begun. No other
	// of its jobs ever has it. Those of earlier versions have it among all jobs.
	Number        int    `json:"number"`
	ContactCenter string `json:"contactCenter"`
	Phase         Phase  `json:"phase"`
	Cause         string `json:"cause"` // who has begun it: a user, or a policy

	Created mapping.Time `json:"created"`
	Started mapping.Time `json:"started,omitzero"`
	Ended   mapping.Time `json:"ended,omitzero"`

	Total  uint64            `json:"total"` // of what it goes through; 0: not known yet
	Done   uint64            `json:"done"`
	Counts map[string]uint64 `json:"counts,omitzero"` // by outcome

	Waits   string `json:"waits,omitzero"` // what it waits for, if that is more than its turn
	Verdict string `json:"verdict,omitzero"`

	Request jsontext.Value `json:"request"`       // what it was asked to do; known to its Work
	Mark    jsontext.Value `json:"mark,omitzero"` // where it is; known to its Work
	Results int64          `json:"results"`       // bytes of its results; what lies behind is not its own

	// ResultsDropped says that its results are not kept any more; the counts are.
	ResultsDropped bool `json:"resultsDropped,omitzero"`

	// Key tells the job from every other that several nodes begin at the same moment; empty where one does.
	Key string `json:"key,omitzero"`

	// Turn counts how often a node has begun to work on the job, or to go on with it, and Owner is the one that
	// does; where nobody else has the jobs, they stay zero.
	Turn  int64  `json:"turn,omitzero"`
	Owner string `json:"owner,omitzero"`

	// Rate is how many of Total it did per second since it last went on, SecondsLeft how long that
	// lets it take; 0: not known. They are not kept.
	Rate        float64 `json:"-"`
	SecondsLeft int64   `json:"-"`
}

// over reports whether the job has ended, and everything of that was noted.
func (s *State) over() bool { return s.Phase.Ended() && s.Ended != 0 }

// Enter names what the job does now, unless it was stopped meanwhile.
func (s *State) Enter(p Phase) {
	if s.Phase.goesOn() {
		s.Phase = p
	}
}

// MarshalZerologObject implements [zerolog.LogObjectMarshaler]: it says which job this is.
func (s *State) MarshalZerologObject(e *zerolog.Event) {
	e.Int("job", s.Number).Str("contactCenter", s.ContactCenter)
}

// clone is a copy that shares nothing that is changed.
func (s *State) clone() State {
	c := *s
	c.Counts = maps.Clone(s.Counts)
	c.Request, c.Mark = slices.Clone(s.Request), slices.Clone(s.Mark)
	return c
}

// Add adds to the count of an outcome.
func (s *State) Add(outcome string, n uint64) { s.Set(outcome, s.Counts[outcome]+n) }

// Set sets the count of an outcome.
func (s *State) Set(outcome string, n uint64) {
	if s.Counts == nil {
		s.Counts = map[string]uint64{}
	}
	s.Counts[outcome] = n
}
