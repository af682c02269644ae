package jobs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// Nodes is what several nodes of a service need beside a [Keeper] to have the same jobs.
//
// One node at a time has the turn to work. It says every second that it is alive, and shows how far it is; when
// it has not done so for a while, another gets the turn. A node that begins or goes on with a job counts the
// turn of the job up, on the condition that nobody has changed the state meanwhile; from then on, what one of
// before would write is refused, however late it wakes. So each state and each text is that of one node at a
// time, and only what a node does beside may be done twice. States are also changed by who steers: whoever works
// on the job reads that within a second, or when it writes.
type Nodes interface {
	// Look returns the states of jobs as they are now, by their places: of those that are there.
	Look(ctx context.Context, places []int) (map[int]Kept, error)

	// Take gets the turn to work, or nil if another node has it. To learn that that node is gone it must be
	// called now and then.
	Take(ctx context.Context) (Turn, error)

	// Shown returns what the node that has the turn shows; nil: none does.
	Shown(ctx context.Context) ([]byte, error)
}

// Turn is that a node may work, and no other.
type Turn interface {
	// Keep says that the node is alive, and shows something to the others. The error is [ErrTaken] when it is
	// not its turn any more.
	Keep(ctx context.Context, shown []byte) error

	// Release gives the turn back.
	Release(ctx context.Context) error
}

// ErrTaken says that another node was faster.
var ErrTaken = errors.New("another node has the job")

const (
	// lookTogether is how often a node looks what others have begun and changed, and keepEvery how often it
	// says that it is alive.
	lookTogether = time.Second
	keepEvery    = time.Second

	// lookAllEvery is how often it looks at jobs that have ended, too, whose results may be gone since.
	lookAllEvery = time.Minute

	// releasePatience is how long it tries to give its turn back when it stops.
	releasePatience = 3 * time.Second
)

// look takes note of what other nodes have begun and changed, of jobs that have not ended and of further places.
// Where no others have the jobs, it does nothing.
func (s *Set) look(ctx context.Context, further ...int) error {
	if s.nodes == nil {
		return nil
	}
	for more := true; more; {
		s.mu.Lock()
		asked := map[int]Version{s.last + 1: {}}
		for place, j := range s.jobs {
			if !j.state.over() || slices.Contains(further, place) {
				asked[place] = j.version
			}
		}
		s.mu.Unlock()
		found, err := s.nodes.Look(ctx, slices.Sorted(maps.Keys(asked)))
		if err != nil {
			return kept(err)
		}
		if more, err = s.learn(asked, found); err != nil {
			return err
		}
	}
	return nil
}

// learn takes note of jobs that were looked at, and reports whether there was one that was not known: then there
// may be more. asked has the versions that were known before.
func (s *Set) learn(asked map[int]Version, found map[int]Kept) (more bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, place := range slices.Sorted(maps.Keys(asked)) {
		now, there := found[place]
		j := s.jobs[place]
		switch {
		case !there && j != nil && j.version == asked[place] && asked[place] != Version{}: // it was removed
			if j.stop != nil {
				j.stop(ErrTaken)
			}
			delete(s.jobs, place)
		case there && j == nil && place > s.last: // what was forgotten stays so
			if j, err = s.add(place, now); err != nil {
				return false, err
			}
			more = true
			s.tell(&j.state)
		case there && j != nil:
			if err := s.adopt(j, now); err != nil {
				return false, err
			}
		}
	}
	return more, nil
}

// adopt takes a state of a job that is newer than what is known here. Of a job that runs here it is the phase
// alone that others may have changed. It is called under mu.
func (s *Set) adopt(j *job, now Kept) error {
	if !now.Version.after(j.version) {
		return nil
	}
	var state State
	if err := json.Unmarshal(now.State, &state); err != nil {
		return fmt.Errorf("reading the state of job %d: %w", j.place, err)
	}
	j.version = now.Version
	phase := &j.state.Phase
	switch {
	case j.stop == nil:
		news := state.Phase == Done && *phase != Done
		j.state = state
		if news {
			s.tell(&state)
		}
	case state.Turn != j.state.Turn:
		j.stop(ErrTaken)
		j.state, j.stop = state, nil
	case state.Phase == Cancelled && !phase.Ended(), state.Phase == Paused && phase.goesOn():
		*phase, j.state.Waits = state.Phase, ""
		j.stop(errStopped)
	case state.Phase.goesOn() && *phase == Paused: // it was resumed before it had stopped
		*phase = Waiting
	}
	return nil
}

// tell remembers a job that another node has done, for who wants to know. It is called under mu.
func (s *Set) tell(state *State) {
	if s.noted == nil || state.Phase != Done {
		return
	}
	s.news = append(s.news, state.clone())
	s.poke()
}

// contested is called when a state could not be saved, and reports whether to try again: it runs here still, in
// that turn, and another node has only steered it.
func (s *Set) contested(ctx context.Context, j *job, turn int64, err error) (again bool, _ error) {
	taken := errors.Is(err, ErrTaken)
	if taken {
		if looked := s.look(ctx, j.place); looked != nil {
			taken, err = false, looked
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case taken && j.stop != nil && j.state.Turn == turn:
		return true, nil
	case taken:
		return false, ErrTaken
	case j.stop == nil:
		j.version = Version{} // nobody knows what is there
	}
	return false, kept(err)
}

// leave notes that a run has ended without a word: another node has the job, or it could not be begun.
func (s *Set) leave(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j.stop, s.running = nil, nil
	j.version = Version{}
}

// sweep removes what jobs have in scratch that they do not go on with from here.
func (s *Set) sweep() {
	if s.scratch == s.keeper {
		return
	}
	gone := s.those(func(j *job) bool {
		is := j.here != 0 && j.stop == nil && (j.state.over() || j.state.Turn != j.here)
		if is {
			j.here = 0
		}
		return is
	})
	for _, j := range gone {
		if err := s.scratch.Remove(s.ctx, j.place); err != nil {
			s.log.Warn().Err(err).Msg("what a job has written for itself cannot be removed")
		}
	}
}

// round looks what there is to do for all nodes, and works if it is this node's turn.
func (s *Set) round() {
	var all []int
	s.mu.Lock()
	if now := time.Now(); now.Sub(s.lookedAtAll) >= lookAllEvery {
		s.lookedAtAll = now
		all = slices.Collect(maps.Keys(s.jobs))
	}
	s.mu.Unlock()

	err := s.look(s.ctx, all...)
	if err == nil {
		s.tellAll()
		s.sweep()
		if s.due() {
			err = s.takeTurn()
		}
	}
	if err != nil && !s.failing && s.ctx.Err() == nil {
		s.log.Warn().Err(err).Msg("the jobs of all nodes cannot be looked at; it is tried again")
	}
	s.failing = err != nil
}

// tellAll tells which jobs other nodes have done.
func (s *Set) tellAll() {
	s.mu.Lock()
	news := s.news
	s.news = nil
	s.mu.Unlock()
	for _, state := range news {
		s.noted(s.ctx, state)
	}
}

// due reports whether there is something to do, for whichever node.
func (s *Set) due() bool {
	return s.nextJob(time.Now()) != nil || len(s.those(isLeft)) > 0
}

// isLeft reports whether a job was cancelled while some process worked on it which did not come to note its end.
func isLeft(j *job) bool { return j.state.Phase.Ended() && j.state.Ended == 0 && j.stop == nil }

// takeTurn works, if it is this node's turn, until there is nothing to do.
func (s *Set) takeTurn() error {
	turn, err := s.nodes.Take(s.ctx)
	if err != nil || turn == nil {
		return err
	}
	ctx, stop := context.WithCancelCause(s.ctx)
	s.leading.Store(true)
	keeping := newLock()
	keep := func() error {
		keeping.Lock()
		defer keeping.Unlock()
		return turn.Keep(ctx, s.shown())
	}
	var alive sync.WaitGroup
	alive.Go(func() { s.keepAlive(ctx, keep, stop) })
	defer func() {
		s.leading.Store(false)
		stop(nil)
		alive.Wait()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releasePatience)
		defer cancel()
		if err := turn.Release(ctx); err != nil && !errors.Is(err, ErrTaken) {
			s.log.Warn().Err(err).Msg("the turn to work on jobs cannot be given back; others wait until it is over")
		}
	}()

	if !s.tidied {
		s.tidy(ctx, s.those(func(j *job) bool { return j.state.over() })...)
		s.tidied = true
	}
	for ctx.Err() == nil {
		// Whoever had the turn before may have written something since it was looked for the last time.
		if err := s.look(ctx); err != nil {
			return err
		}
		s.endLeft(ctx)
		j := s.nextJob(time.Now())
		if j == nil {
			return nil
		}
		// This node may have stood still since: a job that another has begun with is not as it was looked at.
		if err := keep(); err != nil {
			if errors.Is(err, ErrTaken) {
				return nil
			}
			return err
		}
		s.run(ctx, j)
	}
	return nil
}

// endLeft notes the end of jobs that were cancelled.
func (s *Set) endLeft(ctx context.Context) {
	for _, j := range s.those(isLeft) {
		s.mu.Lock()
		if j.state.Phase.Ended() && j.state.Ended == 0 {
			s.end(j)
			j.state.Owner = ""
		}
		s.mu.Unlock()
		if err := s.save(ctx, j); err == nil {
			s.tidy(ctx, j)
		}
	}
}

// keepAlive says that this node is alive, and looks whether somebody has steered what it does, until the context
// ends, or it is not its turn any more: then it stops what it does.
func (s *Set) keepAlive(ctx context.Context, keep func() error, stop context.CancelCauseFunc) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for failing := false; ; {
		err := keep()
		if errors.Is(err, ErrTaken) {
			stop(ErrTaken)
			return
		}
		if err == nil {
			err = s.look(ctx)
		}
		if err != nil && !failing && ctx.Err() == nil {
			s.log.Warn().Err(err).Msg("it cannot be said that jobs are being worked on; it is tried again")
		}
		failing = err != nil

		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// showing is what a node shows of the job that it works on, which is not kept.
type showing struct {
	Place       int     `json:"place"` // 0: it works on none
	Turn        int64   `json:"turn"`
	Phase       Phase   `json:"phase"`
	Total       uint64  `json:"total"`
	Done        uint64  `json:"done"`
	Rate        float64 `json:"rate"`
	SecondsLeft int64   `json:"secondsLeft"`
	Waits       string  `json:"waits"`
}

// shown is what this node shows.
func (s *Set) shown() []byte {
	s.mu.Lock()
	var is showing
	if j := s.running; j != nil {
		state := &j.state
		is = showing{
			j.place, state.Turn, state.Phase, state.Total, state.Done, state.Rate, state.SecondsLeft, state.Waits,
		}
	}
	s.mu.Unlock()
	text, err := json.Marshal(is)
	if err != nil {
		return nil // a rate that is no number
	}
	return text
}

// overlay puts what another node shows of its job over the state of it, if that is among them.
func (s *Set) overlay(ctx context.Context, states []State) error {
	another := func(state State) bool {
		return state.Owner != "" && state.Owner != s.node && state.Phase.goesOn()
	}
	if s.nodes == nil || !slices.ContainsFunc(states, another) {
		return nil
	}
	text, err := s.nodes.Shown(ctx)
	if err != nil || len(text) == 0 {
		return kept(err)
	}
	var is showing
	if err := json.Unmarshal(text, &is); err != nil {
		return fmt.Errorf("reading what a node shows of a job: %w", err)
	}

	for i := range states {
		j, err := s.get(states[i].ContactCenter, states[i].Number)
		if err == nil && j.place == is.Place && another(states[i]) {
			is.over(&states[i])
		}
	}
	return nil
}

// over puts what is shown over the state of the job, if it is of the same turn.
func (is *showing) over(s *State) {
	if is.Turn != s.Turn || !is.Phase.goesOn() {
		return
	}
	done := is.Done
	if is.Phase == s.Phase { // then it may have been written since
		done = max(done, s.Done)
	}
	s.Phase, s.Total, s.Done, s.Waits = is.Phase, is.Total, done, is.Waits
	s.Rate, s.SecondsLeft = is.Rate, is.SecondsLeft
}
