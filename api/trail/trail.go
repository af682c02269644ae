// Package trail is what one request leaves in the audit log.
//
// The one fact to know: a request whose effect must not be without its entry has two of them. The first
// says that it is begun, and is durable before the effect; the second says how it ended. All others
// have one, written before the answer is sent, for which nobody waits. A request about many recordings
// has these for each, so that they are found by it, and what is personal is erased with it.
package trail

import (
	"context"
	"maps"

	"recordings/audit"
)

// Trail is the trail of one request. A nil one is that of a request which the log is not told of; all
// methods may be called on it. It is for one goroutine.
type Trail struct {
	log   audit.Log
	entry audit.Entry
	many  []audit.Entry // one for each recording, if the request is about many; their outcomes
	begun uint64        // the sequence of the first entry; 0: there is none
	ended bool
}

// New returns a trail for an entry of this user, address and action.
func New(log audit.Log, e audit.Entry) *Trail {
	if log == nil {
		return nil
	}
	return &Trail{log: log, entry: e}
}

// Ready returns why what must be written down before it is done cannot be.
func (t *Trail) Ready() error {
	if t == nil || !t.entry.Action.First() {
		return nil
	}
	return t.log.Err()
}

// Center says whose contact center the request is about.
func (t *Trail) Center(id string) {
	if t != nil {
		t.entry.ContactCenter = id
	}
}

// Recording says which recording the request is about.
func (t *Trail) Recording(id string) {
	if t != nil {
		t.entry.Recording = id
	}
}

// Caller says who signs in.
func (t *Trail) Caller(name, role string) {
	if t != nil {
		t.entry.User, t.entry.Role = name, role
	}
}

// Action says that the request asks for something else than its route does.
func (t *Trail) Action(a audit.Action) {
	if t != nil {
		t.entry.Action = a
	}
}

// Is reports whether the request asks for this.
func (t *Trail) Is(a audit.Action) bool { return t != nil && t.entry.Action == a }

// Fact adds to what is never erased; see [audit.Entry].
func (t *Trail) Fact(name string, value any) {
	if t == nil {
		return
	}
	if t.entry.Facts == nil {
		t.entry.Facts = map[string]any{}
	}
	t.entry.Facts[name] = value
}

// Detail adds to what is personal.
func (t *Trail) Detail(name string, value any) {
	if t == nil {
		return
	}
	if t.entry.Detail == nil {
		t.entry.Detail = map[string]any{}
	}
	t.entry.Detail[name] = value
}

// Each says which recordings the request is about, if it is about many.
func (t *Trail) Each(ids []string) {
	if t == nil {
		return
	}
	t.many = make([]audit.Entry, len(ids))
	for i, id := range ids {
		t.many[i].Recording = id
	}
}

// OutcomeOf says how it went with the i-th of many recordings, where that is not how the request went.
func (t *Trail) OutcomeOf(i int, o audit.Outcome) {
	if t != nil {
		t.many[i].Outcome = o
	}
}

// FactOf adds to what is never erased of the i-th of many recordings.
func (t *Trail) FactOf(i int, name string, value any) {
	if t == nil {
		return
	}
	if t.many[i].Facts == nil {
		t.many[i].Facts = map[string]any{}
	}
	t.many[i].Facts[name] = value
}

// Begin makes the first entry durable, if the action asks for one. What it returns is a reason not to
// act.
func (t *Trail) Begin(ctx context.Context) error {
	if t == nil || t.begun != 0 || t.ended || !t.entry.Action.First() {
		return nil
	}
	entries := t.entries(audit.Begun)
	last, err := t.log.Record(ctx, entries...)
	if err == nil {
		t.begun = last - uint64(len(entries)-1)
	}
	t.entry.Detail = nil // the first entry has it
	return err
}

// entries are those of the request, with an outcome where there is no other.
func (t *Trail) entries(o audit.Outcome) []audit.Entry {
	all := make([]audit.Entry, max(1, len(t.many)))
	for i := range all {
		e := t.entry
		e.Outcome = o
		if len(t.many) > 0 {
			e.Recording = t.many[i].Recording
		}
		if len(t.many) > 0 && t.many[i].Outcome != "" {
			e.Outcome = t.many[i].Outcome
		}
		if len(t.many) > 0 && len(t.many[i].Facts) > 0 || t.begun != 0 {
			e.Facts = t.factsOf(i)
		}
		all[i] = e
	}
	return all
}

// factsOf are those of the i-th entry.
func (t *Trail) factsOf(i int) map[string]any {
	facts := map[string]any{}
	maps.Copy(facts, t.entry.Facts)
	if len(t.many) > 0 {
		maps.Copy(facts, t.many[i].Facts)
	}
	if t.begun != 0 {
		facts["begun"] = t.begun + uint64(i)
	}
	return facts
}

// Start is a listening that is being written down.
type Start struct {
	done chan struct{}
	one  audit.Listening
	err  error
}

// Listen begins a listening, which may be going on already; see [audit.Log.Listen]. It does not wait
// for the disk: meanwhile the storage can be asked for the media.
func (t *Trail) Listen(ctx context.Context, media string) *Start {
	s := &Start{done: make(chan struct{})}
	if t == nil {
		close(s.done)
		return s
	}
	e := t.entry
	go func() { // whoever has begun it waits for it
		defer close(s.done)
		s.one, s.err = t.log.Listen(ctx, e, media)
	}()
	return s
}

// Wait returns when the listening is durable: not before that may anything be heard. The error is a
// reason to send nothing. A nil Start, and that of a nil trail, have no listening.
func (s *Start) Wait() (audit.Listening, error) {
	if s == nil {
		return nil, nil
	}
	<-s.done
	return s.one, s.err
}

// Done ends the listening of a request, in any case.
func (s *Start) Done() {
	if one, _ := s.Wait(); one != nil {
		one.Done()
	}
}

// Outcome says how it went, where the answer does not tell.
func (t *Trail) Outcome(o audit.Outcome) {
	if t != nil {
		t.entry.Outcome = o
	}
}

// Skip ends a trail that leaves nothing.
func (t *Trail) Skip() {
	if t != nil {
		t.ended = true
	}
}

// End writes the last entry, once. Where the log cannot be written, it counts the entries that are
// missing (see [audit.Missed]): what must not be done without one has had its first.
func (t *Trail) End(o audit.Outcome) {
	if t == nil || t.ended {
		return
	}
	t.ended = true
	if t.entry.Outcome != "" && o == audit.Done {
		o = t.entry.Outcome
	}
	_, _ = t.log.Note(t.entries(o)...)
}
