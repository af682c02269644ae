package verify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"recordings/index"
	"recordings/index/embedded/bleveindex"
	"recordings/index/embedded/internal/fault"
	"recordings/index/embedded/internal/pace"
	"recordings/index/embedded/store"
	"recordings/internal/durable"
	"recordings/mapping"
)

// ErrInconsistent says that the search index cannot be trusted.
var ErrInconsistent = errors.New("the search index and the records disagree")

var errCancelled = errors.New("it was cancelled")

// VerifiedFile, in the data directory, was written when everything had been verified the last time:
// a service that is restarted often is scrubbed all the same.
const VerifiedFile = "VERIFIED"

// Options are the settings of a Verifier.
type Options struct {
	Dir      string // the data directory; empty: nothing is noted on the disk
	Log      zerolog.Logger
	Interval time.Duration // how long after the last verification, or the opening, everything is scrubbed; 0: never
	Searches func() uint64 // begun so far: they go first
}

// Subject is what is verified.
type Subject interface {
	// Check compares the checksums of the records.
	Check(store.Report) error
	// State returns a state of everything, once there is a search index. It must be closed.
	State(ctx context.Context) (*State, error)
	// GiveUp lets another index take the place of one that is wrong, and returns when that has
	// begun.
	GiveUp(ctx context.Context, x *bleveindex.Index, why error)
}

// Verifier verifies when it is asked to, and now and then by itself, which is called scrubbing. Its
// methods may be called concurrently.
type Verifier struct {
	o       Options
	subject Subject

	mu       sync.Mutex
	state    index.Verification
	found    *findings
	cancel   context.CancelCauseFunc // of what is running, or nil
	wanted   chan struct{}           // has an element when it was asked for
	lastTime time.Time               // when the last one ended; of the first, when the index was opened
}

// New returns the verifier of a subject. It does nothing until Run is called.
func New(o Options, subject Subject) *Verifier {
	last := time.Now()
	if o.Dir != "" {
		info, err := os.Stat(filepath.Join(o.Dir, VerifiedFile))
		if err == nil && info.ModTime().Before(last) {
			last = info.ModTime()
		}
	}

	return &Verifier{
		o:        o,
		subject:  subject,
		state:    index.Verification{Phase: index.Idle, Findings: []index.Finding{}},
		wanted:   make(chan struct{}, 1),
		lastTime: last,
	}
}

// Status returns the progress of verifying, or what was found the last time.
func (v *Verifier) Status() index.Verification {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.state
	if v.found == nil {
		return s
	}

	at := time.Now()
	if s.Ended != 0 {
		at = time.UnixMilli(int64(s.Ended))
	}
	v.found.tell(&s, at)
	return s
}

// Control starts or cancels verifying; see [index.Operations].
func (v *Verifier) Control(a index.Action, repair bool) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.state.Refuse(a); err != nil {
		return err
	}
	if a == index.Cancel {
		v.endLocked(index.Cancelled, index.VerifyCancelled)
		if v.cancel != nil {
			v.cancel(errCancelled)
		}
		return nil
	}

	v.beginLocked("it was asked for", repair)
	select {
	case v.wanted <- struct{}{}:
	default: // one that was cancelled has not begun yet: this one takes its place
	}
	return nil
}

// beginLocked forgets what was found the last time.
func (v *Verifier) beginLocked(cause string, repair bool) {
	v.found = newFindings()
	v.state = index.Verification{
		Phase:    index.Checking,
		Cause:    cause,
		Repair:   repair,
		Started:  now(),
		Findings: []index.Finding{},
	}
}

// endLocked notes how a verification has ended. From then on the interval runs anew.
func (v *Verifier) endLocked(phase index.Phase, verdict string) {
	v.state.Phase, v.state.Verdict, v.state.Ended = phase, verdict, now()
	v.lastTime = time.Now()
}

// now is the time as it is stored and shown, in milliseconds.
func now() mapping.Time { return mapping.Time(time.Now().UnixMilli()) }

// Run verifies when it is asked to, and when the interval of scrubbing is over, until the context
// ends.
func (v *Verifier) Run(ctx context.Context) {
	for {
		var due <-chan time.Time
		if v.o.Interval > 0 {
			due = time.After(time.Until(v.last().Add(v.o.Interval)))
		}

		select {
		case <-v.wanted:
		case <-due:
			if !v.scrub() {
				continue // somebody has just asked for it
			}
		case <-ctx.Done():
			return
		}
		v.run(ctx)
	}
}

// last is when the last verification ended.
func (v *Verifier) last() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.lastTime
}

// scrub begins a verification that nobody asked for. It reports whether none was running.
func (v *Verifier) scrub() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.state.Phase.Ended() {
		return false
	}
	v.beginLocked("it was due", true)
	return true
}

// run verifies, and lets the search index be rebuilt if it is damaged and that was asked for.
func (v *Verifier) run(ctx context.Context) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	v.mu.Lock()
	if v.state.Phase.Ended() { // cancelled before it began
		v.mu.Unlock()
		return
	}
	v.cancel = stop
	found, repair := v.found, v.state.Repair
	v.mu.Unlock()

	// Whoever cancelled it has said how it ended.
	x, err := v.verify(ctx, found)
	if errors.Is(context.Cause(ctx), errCancelled) {
		return
	}
	phase, verdict := v.conclude(ctx, found, x, repair, err)

	v.mu.Lock()
	v.endLocked(phase, verdict)
	cause := v.state.Cause
	v.mu.Unlock()
	v.log(phase, verdict, cause, found)
}

// conclude says how a verification has ended, and what is done about it.
func (v *Verifier) conclude(
	ctx context.Context, found *findings, x *bleveindex.Index, repair bool, err error,
) (phase index.Phase, verdict string) {
	if err != nil {
		return index.Failed, "failed: " + fault.Line(err)
	}

	phase, verdict = found.verdict()
	switch _, derived := found.counts(); {
	case derived > 0 && repair:
		verdict += "; it is rebuilt"
		v.subject.GiveUp(ctx, x, fmt.Errorf("%w: %d problems were found", ErrInconsistent, derived))
	case derived > 0:
		verdict += "; it can be rebuilt: verify with repair, or reindex"
	}

	if v.o.Dir != "" {
		if err := durable.Replace(filepath.Join(v.o.Dir, VerifiedFile), []byte(now().String()+"\n")); err != nil {
			v.o.Log.Warn().Err(err).Msg("noting that everything was verified")
		}
	}
	return phase, verdict
}

// log says how a verification has ended, in one line.
func (v *Verifier) log(phase index.Phase, verdict, cause string, found *findings) {
	records, derived := found.counts()
	event := v.o.Log.Info()
	if phase == index.Failed {
		event = v.o.Log.Error()
	}
	event.Str("cause", cause).
		Uint64("damagedRecords", records).
		Uint64("damagedIndex", derived).
		Str("verdict", verdict).
		Msg("everything stored is verified")
}

// verify compares everything, from one consistent state: the files of the store as links in a
// directory of their own, the rest in a snapshot. It returns the search index that was compared.
func (v *Verifier) verify(ctx context.Context, found *findings) (*bleveindex.Index, error) {
	rest := pace.NewBackground(ctx, v.o.Searches).Rest
	if err := v.subject.Check(&report{found, rest}); err != nil {
		return nil, err
	}

	// The store comes first, as links, so that it is not held for as long as the comparison takes.
	state, err := v.subject.State(ctx)
	if err != nil {
		return nil, err
	}
	defer state.Close()
	v.compares(state.Log.Count)
	if err := state.checkFiles(found, rest); err != nil {
		return nil, err
	}
	return state.Index, state.compare(ctx, found, rest)
}

// compares notes that the checksums are done, and how many recordings there are to compare.
func (v *Verifier) compares(total uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.state.Phase.Ended() {
		v.state.Phase, v.state.Total = index.Comparing, total
	}
}
