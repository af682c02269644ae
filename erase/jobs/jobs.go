// Package jobs runs work in the background that takes long and must not be lost: deleting many
// recordings, or comparing them with the storages of media.
//
// The one fact to know: a job goes on where its last checkpoint was, so what its [Work] did behind
// that it does again after the process was killed. Doing it twice must do no harm, and the work must
// be able to tell that from what somebody else did.
//
// Jobs of one kind run one after the other, in the order in which they were begun. Where they are
// kept is the business of a [Keeper], which knows them by their place in that order. Nobody else does:
// a job has a number among those of its contact center, so that its users cannot tell how many jobs
// others have.
//
// Several nodes of a service may have the same jobs, where what keeps them is a [Nodes], too. One of them
// works at a time; all of them begin jobs, see how far they are, and steer them. See there.
package jobs

import (
	"cmp"
	"context"
	cryptorand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/rs/zerolog"

	"recordings/mapping"
)

// Work is what jobs of one kind do.
type Work interface {
	// Run does the work of a job, or goes on with it, until it is done. When its context ends, the
	// job is paused, or the process stops: Run notes how far it is and returns soon. Where it must
	// wait for its time it returns [ErrLater], and for somebody to say that it is really meant
	// [ErrUnconfirmed]. A [*Failure] ends the job, and says why to everybody; the text of any other
	// error is only logged. Where something could not be kept, Run is called again some time later.
	Run(ctx context.Context, r *Run) error

	// Ready reports whether the time of a job is now, and if not, what it waits for.
	Ready(s State, now time.Time) (ok bool, waits string)

	// Verdict is what became of a job that has ended in a phase, in a sentence.
	Verdict(s State) string

	// Forget removes from the state of a job that has ended what need not be known any more.
	Forget(s *State)
}

// The errors of a Work that does not end the job.
var (
	ErrLater       = errors.New("the job goes on later") // where it is its time already, after a pause
	ErrUnconfirmed = errors.New("the job waits for somebody to confirm it")
)

// Failure is why a job could not be done, in words for those who look after the service.
type Failure struct{ Message string }

// Error implements [error].
func (e *Failure) Error() string { return e.Message }

// keepError says that something of a job could not be kept, as on a full disk. That ends no job: what it did
// since its last checkpoint it does again.
type keepError struct{ err error }

// Error implements [error].
func (e *keepError) Error() string { return "keeping a job: " + e.err.Error() }

// Unwrap returns why.
func (e *keepError) Unwrap() error { return e.err }

// kept is the error of a [Keeper]. That of a full disk is an [ErrDiskFull], too.
func kept(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, syscall.ENOSPC) {
		err = fmt.Errorf("%w: %w", ErrDiskFull, err)
	}
	return &keepError{err}
}

// The errors of a Set.
var (
	ErrNoJob    = errors.New("there is no job of this number")
	ErrDropped  = errors.New("the results of this job are not kept any more, as newer ones take their place")
	ErrDiskFull = errors.New("the disk is full, and the job cannot be kept")
	ErrRefused  = errors.New("the job was not begun, as others that there are by now speak against it")
	errClosed   = errors.New("the service is stopping")
)

// StateError says that something cannot be done with a job in its phase.
type StateError struct{ Message string }

// Error implements [error].
func (e *StateError) Error() string { return e.Message }

// Set is the jobs of one kind. Its methods may be called concurrently.
type Set struct {
	keeper     Keeper
	scratch    Keeper
	nodes      Nodes  // nil: no other node has the jobs
	node       string // what this one calls itself
	work       Work
	maxResults int64
	noted      func(context.Context, State)
	log        zerolog.Logger

	ctx     context.Context
	cancel  context.CancelCauseFunc
	wake    chan struct{} // has an element when there may be something to do
	ended   sync.WaitGroup
	pause   time.Duration // while a job cannot go on; of the loop alone
	failing bool          // the nodes cannot be asked; of the loop alone
	tidied  bool          // what jobs have left that other processes did not come to remove; of the loop alone
	leading atomic.Bool   // it is this node's turn to work

	beginning lock // held while a job is begun

	table // whose mu guards what follows, too

	running     *job      // nil: none does
	news        []State   // of jobs that other nodes have done
	lookedAtAll time.Time // when it was looked at all jobs last
}

// job is one job. Its state is guarded by the mu of its Set, and written to the keeper under write.
type job struct {
	place   int // among all jobs, from 1, in the order in which they were begun
	write   lock
	state   State
	version Version                 // as it was read or written last; zero: its state is to be read again
	here    int64                   // the last turn that was this process's
	stop    context.CancelCauseFunc // of the run that goes on here; nil: none does
}

// Options are what a Set works with.
type Options struct {
	Keeper     Keeper
	Work       Work
	MaxResults int64 // bytes of results of jobs that have ended; 0: [MaxResults]
	Log        zerolog.Logger

	// Scratch keeps the texts that may be lost when another process goes on with a job; nil: the keeper does.
	// Of jobs that this process has not worked on it must have none.
	Scratch Keeper

	// Noted is told of jobs that other nodes have done, soon after. nil: nobody is.
	Noted func(context.Context, State)
}

// Open opens the jobs that are kept, and goes on with those that have not ended. The set must be
// closed.
func Open(ctx context.Context, o Options) (*Set, error) {
	all, err := o.Keeper.States(ctx)
	if err != nil {
		return nil, err
	}

	s := &Set{
		keeper: o.Keeper, scratch: o.Scratch, work: o.Work, maxResults: cmp.Or(o.MaxResults, MaxResults),
		node: cryptorand.Text(), noted: o.Noted, log: o.Log, beginning: newLock(),
		wake: make(chan struct{}, 1), table: table{jobs: map[int]*job{}, numbers: map[string]int{}},
	}
	s.nodes, _ = o.Keeper.(Nodes)
	if s.scratch == nil {
		s.scratch = o.Keeper
	}
	for place, kept := range all {
		j, err := s.add(place, kept)
		if err != nil {
			return nil, err
		}
		if s.nodes == nil && isLeft(j) {
			s.end(j)
		}
	}
	if s.nodes == nil {
		s.tidy(ctx, slices.Collect(maps.Values(s.jobs))...)
	}

	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	s.ended.Go(s.loop)
	return s, nil
}

// Close stops the job that runs, which goes on when the set is opened again.
func (s *Set) Close() {
	s.cancel(errClosed)
	s.ended.Wait()
}

// Begin begins a job, which waits for its turn. When it returns, the job is kept. An error may be wrong about
// that where other nodes have the jobs, too: they tell.
//
// Unless it is nil, may looks at all jobs, the newest first. Where it reports false, none is begun, and the error
// is [ErrRefused]; whatever may has seen is so until the job is there, on all nodes.
func (s *Set) Begin(
	ctx context.Context, contactCenter, cause string, request any, may func(all []State) bool,
) (State, error) {
	text, err := json.Marshal(request)
	if err != nil {
		return State{}, fmt.Errorf("encoding a job: %w", err)
	}

	s.beginning.Lock()
	defer s.beginning.Unlock()
	for {
		if err := s.look(ctx); err != nil {
			return State{}, err
		}
		if may != nil && !may(s.states(func(*State) bool { return true })) {
			return State{}, ErrRefused
		}
		s.mu.Lock()
		j := &job{place: s.last + 1, write: newLock(), state: State{
			Number: s.numbers[contactCenter] + 1, ContactCenter: contactCenter, Phase: Waiting, Cause: cause,
			Created: mapping.Time(time.Now().UnixMilli()), Request: jsontext.Value(text),
		}}
		if s.nodes != nil {
			j.state.Key = cryptorand.Text()
		}
		s.mu.Unlock()
		err := s.save(ctx, j)
		if errors.Is(err, ErrTaken) {
			continue // another node has begun one
		}

		state := s.begun(j, err)
		if err != nil && s.nodes == nil {
			// It may be there all the same, and must not be gone on with after a restart.
			err = errors.Join(err, s.keeper.Remove(context.WithoutCancel(ctx), j.place))
		}
		if err != nil {
			return State{}, err
		}
		s.poke()
		s.tidy(ctx)
		return state, nil
	}
}

// begun takes note of a job that was begun, or could not be.
func (s *Set) begun(j *job, err error) State {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && s.nodes != nil {
		return State{} // where it is there, looking finds it
	}
	s.last = max(s.last, j.place)
	s.numbers[j.state.ContactCenter] = max(s.numbers[j.state.ContactCenter], j.state.Number)
	if err == nil && s.jobs[j.place] == nil { // it may have been looked for meanwhile
		s.jobs[j.place] = j
	}
	return j.state.clone()
}

// save keeps the state of a job. Where other nodes have it, too, the error is [ErrTaken] if one of them has
// changed it, and it does not run here: then the state is what they have made of it. Of one that runs here the
// state is kept all the same, but for its phase where they have changed that.
func (s *Set) save(ctx context.Context, j *job) error {
	j.write.Lock()
	defer j.write.Unlock()
	for {
		s.mu.Lock()
		state, on := j.state.clone(), j.version
		s.mu.Unlock()
		text, err := json.Marshal(&state)
		if err != nil {
			return fmt.Errorf("encoding the state of a job: %w", err)
		}

		version, err := s.keeper.Save(ctx, j.place, text, on)
		switch {
		case err == nil:
			s.mu.Lock()
			if version.after(j.version) {
				j.version = version
			}
			s.mu.Unlock()
			return nil
		case s.nodes == nil:
			return kept(err)
		}
		if again, err := s.contested(ctx, j, state.Turn, err); !again {
			return err
		}
	}
}

// All returns the states of the jobs that a function wants, the newest first.
func (s *Set) All(ctx context.Context, want func(*State) bool) ([]State, error) {
	if err := s.look(ctx); err != nil {
		return nil, err
	}
	all := s.states(want)
	return all, s.overlay(ctx, all)
}

// Get returns the state of one job of a contact center, or [ErrNoJob].
func (s *Set) Get(ctx context.Context, contactCenter string, number int) (State, error) {
	if err := s.look(ctx); err != nil {
		return State{}, err
	}
	j, err := s.get(contactCenter, number)
	if err != nil {
		return State{}, err
	}
	one := []State{s.stateOf(j)}
	err = s.overlay(ctx, one)
	return one[0], err
}

// Results returns the results of a job so far, and how many bytes they are, or [ErrDropped].
func (s *Set) Results(ctx context.Context, contactCenter string, number int) (io.Reader, int64, error) {
	j, err := s.get(contactCenter, number)
	if s.nodes != nil { // those of one that has ended may have been dropped since
		places := []int{}
		if err == nil {
			places = append(places, j.place)
		}
		if err := s.look(ctx, places...); err != nil {
			return nil, 0, err
		}
		j, err = s.get(contactCenter, number)
	}
	if err != nil {
		return nil, 0, err
	}
	state := s.stateOf(j)
	if state.ResultsDropped {
		return nil, 0, ErrDropped
	}
	return newReader(ctx, s.keeper, j.place, ResultsName, 0, state.Results), state.Results, nil
}

// Action is what can be done with a job.
type Action string

// The actions.
const (
	Pause  Action = "pause"
	Resume Action = "resume" // also confirms a job that waits for that
	Cancel Action = "cancel"
)

// Control does something with a job, durably, or returns a [*StateError] where that makes no sense.
// What is being done at the moment is finished in the background.
func (s *Set) Control(ctx context.Context, contactCenter string, number int, a Action) (State, error) {
	for {
		if err := s.look(ctx); err != nil {
			return State{}, err
		}
		j, err := s.get(contactCenter, number)
		if err != nil {
			return State{}, err
		}
		state, err := s.control(ctx, j, a)
		if !errors.Is(err, ErrTaken) {
			return state, err
		}
	}
}

// control is Control of a job as it is known here.
func (s *Set) control(ctx context.Context, j *job, a Action) (State, error) {
	s.mu.Lock()
	to, err := next(j.state.Phase, a)
	stop := j.stop
	ends := to == Cancelled && stop == nil && j.state.Owner == "" // nobody is doing anything of it
	if err == nil && to == "" {                                   // it is so already
		state := j.state.clone()
		s.mu.Unlock()
		return state, nil
	}
	if err == nil {
		j.state.Phase, j.state.Waits = to, ""
		if ends {
			s.end(j)
		}
	}
	state := j.state.clone()
	s.mu.Unlock()
	if err != nil {
		return State{}, err
	}

	if stop != nil {
		stop(errStopped)
	}
	err = s.save(ctx, j)
	s.poke()
	if err == nil && ends {
		s.tidy(ctx, j)
	}
	if s.nodes == nil {
		state = s.stateOf(j)
	}
	return state, err
}

// errStopped ends the run of a job that somebody has paused or cancelled.
var errStopped = errors.New("the job was stopped")

// next is the phase that an action leads to; empty: it is in that already.
func next(from Phase, a Action) (Phase, error) {
	refuse := func(why string) (Phase, error) {
		return "", &StateError{"the job cannot be " + why + "; it is " + string(from)}
	}
	switch {
	case a == Pause && from == Paused, a == Cancel && from == Cancelled, a == Resume && from.goesOn():
		return "", nil
	case a == Pause && from.goesOn():
		return Paused, nil
	case a == Pause:
		return refuse("paused")
	case a == Resume && !from.Ended():
		return Waiting, nil
	case a == Resume:
		return refuse("resumed")
	case from.Ended():
		return refuse("cancelled")
	}
	return Cancelled, nil
}

// end notes the end of a job, whose phase says how it ended. It is called under mu.
func (s *Set) end(j *job) {
	state := &j.state
	state.Ended = mapping.Time(time.Now().UnixMilli())
	state.Rate, state.SecondsLeft, state.Waits = 0, 0, ""
	if state.Verdict == "" {
		state.Verdict = s.work.Verdict(state.clone())
	}
	s.work.Forget(state)
}

// poke has the loop look for something to do.
func (s *Set) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// lookEvery is how often the loop looks whether the time of a job has come.
const lookEvery = 10 * time.Second

// loop runs the jobs, one after the other.
func (s *Set) loop() {
	every := lookEvery
	if s.nodes != nil {
		every = lookTogether
	}
	timer := time.NewTicker(every)
	defer timer.Stop()
	for s.ctx.Err() == nil {
		if s.nodes != nil {
			s.round()
		} else if j := s.nextJob(time.Now()); j != nil {
			s.run(s.ctx, j)
			continue
		}
		select {
		case <-s.wake:
		case <-timer.C:
		case <-s.ctx.Done():
		}
	}
}

// nextJob is the oldest job whose turn it is, or nil.
func (s *Set) nextJob(now time.Time) *job {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, place := range slices.Sorted(maps.Keys(s.jobs)) {
		j := s.jobs[place]
		if !j.state.Phase.goesOn() {
			continue
		}
		ok, waits := s.work.Ready(j.state, now)
		if j.state.Waits = waits; ok {
			return j
		}
		j.state.Phase = Waiting
	}
	return nil
}

// How long a job waits that could not keep its state, as on a full disk, or cannot go on though it is its time:
// at first, and at most.
const (
	minPause = 100 * time.Millisecond
	maxPause = 5 * time.Second
)

// run runs a job until it pauses or ends, or the context does.
func (s *Set) run(ctx context.Context, j *job) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r, err := s.take(ctx, j, stop)
	if r == nil {
		s.rest(ctx, s.stateOf(j), err)
		return
	}

	err = s.work.Run(ctx, r)
	if errors.Is(err, ErrTaken) || errors.Is(context.Cause(ctx), ErrTaken) {
		s.leave(j)
		return
	}
	if s.ctx.Err() != nil && !errors.Is(context.Cause(ctx), errStopped) {
		return // the process stops; the last checkpoint stands
	}

	s.mu.Lock()
	if s.nodes == nil {
		j.stop = nil
	}
	s.settle(j, err)
	j.state.Owner = ""
	state := j.state.clone()
	s.mu.Unlock()

	s.report(&state, err)
	saved := s.save(context.WithoutCancel(ctx), j)
	s.mu.Lock()
	j.stop, s.running = nil, nil
	if saved != nil {
		j.version = Version{}
	}
	s.mu.Unlock()
	if saved != nil {
		err = saved
	} else if state.Phase.Ended() {
		s.tidy(ctx, j)
	}
	s.rest(ctx, state, err)
}

// take begins a run of a job, if it is still to be gone on with: else that is nil. Where other nodes have the
// job, too, that is written down before anything is done.
func (s *Set) take(ctx context.Context, j *job, stop context.CancelCauseFunc) (*Run, error) {
	s.mu.Lock()
	if !j.state.Phase.goesOn() { // it was just stopped
		s.mu.Unlock()
		return nil, nil
	}
	moved := j.state.Turn != j.here
	j.stop, s.running = stop, j
	if j.state.Started == 0 {
		j.state.Started = mapping.Time(time.Now().UnixMilli())
	}
	if s.nodes != nil {
		j.state.Turn++
		j.state.Owner = s.node
	}
	r := &Run{set: s, job: j, turn: j.state.Turn, moved: moved, began: time.Now(), from: j.state.Done}
	s.mu.Unlock()
	if s.nodes == nil {
		return r, nil
	}

	if err := s.save(ctx, j); err != nil {
		s.leave(j)
		return nil, err
	}
	s.mu.Lock()
	j.here = r.turn // and not before: another node may have taken the turn of this number
	s.mu.Unlock()
	return r, nil
}

// settle changes the phase of a job whose run has ended. It is called under mu.
func (s *Set) settle(j *job, err error) {
	state := &j.state
	state.Rate, state.SecondsLeft = 0, 0
	var failure *Failure
	switch {
	case state.Phase == Paused:
	case state.Phase == Cancelled:
		s.end(j)
	case err == nil:
		state.Phase = Done
		s.end(j)
	case errors.Is(err, ErrLater):
		state.Phase = Waiting
	case state.Phase == Unconfirmed, errors.Is(err, ErrUnconfirmed):
		state.Phase = Unconfirmed
	case errors.As(err, &failure):
		state.Phase, state.Verdict = Failed, failure.Message
		s.end(j)
	case isKeep(err) && s.nodes != nil:
		state.Phase, state.Waits = Waiting, "for the cluster, in which nothing can be kept"
	case isKeep(err):
		state.Phase, state.Waits = Waiting, "for the disk, on which nothing can be kept"
	case errors.Is(err, errStopped), errors.Is(err, context.Canceled): // and resumed already
		state.Phase = Waiting
	default:
		state.Phase, state.Verdict = Failed, "an internal error; the log of the service tells more of it"
		s.end(j)
	}
}

// isKeep reports whether something could not be kept.
func isKeep(err error) bool {
	_, ok := errors.AsType[*keepError](err)
	return ok
}

// report logs how a run has ended, unless it is going to be tried again.
func (s *Set) report(state *State, err error) {
	e := s.log.Info()
	switch {
	case state.Phase == Failed:
		e = s.log.Error().Err(err)
	case isKeep(err):
		return // which rest tells of, once
	}
	e.EmbedObject(state).Str("phase", string(state.Phase)).Uint64("done", state.Done).Msg("job")
}

// rest waits a while where something of a job could not be kept, or it has to go on later and it is its time
// already, before anything is tried again. What cannot be kept it tells of the first time.
func (s *Set) rest(ctx context.Context, state State, err error) {
	ready, _ := s.work.Ready(state, time.Now())
	if !isKeep(err) && !(errors.Is(err, ErrLater) && ready) {
		s.pause = 0
		return
	}
	if s.pause == 0 && isKeep(err) {
		s.log.Error().Err(err).EmbedObject(&state).Msg("the state of a job cannot be kept; it is tried again")
	}
	s.pause = min(max(2*s.pause, minPause), maxPause)
	select {
	case <-time.After(s.pause):
	case <-ctx.Done():
	}
}

// Works reports whether this process works on a job.
func (s *Set) Works() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running != nil
}
