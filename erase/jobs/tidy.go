package jobs

import (
	"context"
	"errors"
	"maps"
	"slices"
)

// maxJobs is how many jobs are kept, beside the newest of each contact center. When there are more, the
// oldest that have ended go. With the newest its number would go, which the next one must not have again:
// it stands in links and in the audit log.
const maxJobs = 1000

// MaxResults is how many bytes the results of jobs that have ended may take, where nothing else is set,
// beside the newest of each contact center.
const MaxResults = 1 << 30

// tidy removes what is not kept: the oldest jobs that have ended, where there are too many; the oldest
// results, where they are too large; and what jobs that have just ended have written for themselves. What
// cannot be removed now is removed another time.
func (s *Set) tidy(ctx context.Context, ended ...*job) {
	ctx = context.WithoutCancel(ctx)
	var errs []error
	var dropped []*job
	if s.nodes == nil || s.leading.Load() { // of several nodes, one does
		dropped = s.dropResults()
	}
	for _, j := range dropped {
		if err := s.save(ctx, j); err != nil { // they must not be gone before everybody is told so
			s.mu.Lock()
			j.state.ResultsDropped = false
			s.mu.Unlock()
			errs = append(errs, err)
			continue
		}
		ended = append(ended, j)
	}
	for _, j := range ended {
		errs = append(errs, s.keepResults(ctx, j))
	}
	for _, place := range s.forgetOldest() {
		errs = append(errs, kept(s.keeper.Remove(ctx, place)))
	}
	if err := errors.Join(errs...); err != nil {
		s.log.Warn().Err(err).Msg("what is left of jobs that have ended cannot be removed")
	}
}

// keepResults removes all that is kept of a job that has ended, but its state and its results, and these,
// too, if they were dropped. Meanwhile its state is not written: what that is written to first would go, too.
func (s *Set) keepResults(ctx context.Context, j *job) error {
	j.write.Lock()
	defer j.write.Unlock()
	s.mu.Lock()
	forgotten, ended, dropped := s.jobs[j.place] != j, j.state.Phase.Ended(), j.state.ResultsDropped
	s.mu.Unlock()
	switch {
	case forgotten || !ended:
		return nil
	case dropped:
		return kept(s.keeper.Keep(ctx, j.place))
	}
	return kept(s.keeper.Keep(ctx, j.place, ResultsName))
}

// dropResults notes of which jobs the results are not kept any more, and returns them. Those of the
// newest job of each contact center stay, and of the newest that was done: their numbers are still
// looked at, and tell only how many.
func (s *Set) dropResults() (dropped []*job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var size int64
	newest, newestDone := map[string]bool{}, map[string]bool{}
	for _, place := range slices.Backward(slices.Sorted(maps.Keys(s.jobs))) {
		j := s.jobs[place]
		state := &j.state
		if !state.Phase.Ended() || state.ResultsDropped || state.Results == 0 {
			continue
		}
		stays := !newest[state.ContactCenter] || state.Phase == Done && !newestDone[state.ContactCenter]
		newest[state.ContactCenter] = true
		newestDone[state.ContactCenter] = newestDone[state.ContactCenter] || state.Phase == Done
		if stays {
			continue
		}
		if size += state.Results; size > s.maxResults {
			state.ResultsDropped = true
			dropped = append(dropped, j)
		}
	}
	return dropped
}
