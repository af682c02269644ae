package jobs

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"
)

// table is what is known of all jobs.
type table struct {
	mu      sync.Mutex
	jobs    map[int]*job   // by their places
	last    int            // the place of the newest job
	numbers map[string]int // of the newest job of each contact center
}

// add takes note of a job that is kept. It is called under mu, or before anybody else has the set.
func (t *table) add(place int, kept Kept) (*job, error) {
	j := &job{place: place, write: newLock(), version: kept.Version}
	if err := json.Unmarshal(kept.State, &j.state); err != nil {
		return nil, fmt.Errorf("reading the state of job %d: %w", place, err)
	}
	t.jobs[place], t.last = j, max(t.last, place)
	t.numbers[j.state.ContactCenter] = max(t.numbers[j.state.ContactCenter], j.state.Number)
	return j, nil
}

// states are those of the jobs that a function wants, the newest first, as they are known here.
func (t *table) states(want func(*State) bool) []State {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []State
	for _, place := range slices.Backward(slices.Sorted(maps.Keys(t.jobs))) {
		if j := t.jobs[place]; want(&j.state) {
			all = append(all, j.state.clone())
		}
	}
	return all
}

func (t *table) get(contactCenter string, number int) (*job, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, j := range t.jobs {
		if j.state.Number == number && j.state.ContactCenter == contactCenter {
			return j, nil
		}
	}
	return nil, ErrNoJob
}

// stateOf is a copy of the state of a job.
func (t *table) stateOf(j *job) State {
	t.mu.Lock()
	defer t.mu.Unlock()
	return j.state.clone()
}

// those are the jobs that a function wants, which is called under mu.
func (t *table) those(want func(*job) bool) (all []*job) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, j := range t.jobs {
		if want(j) {
			all = append(all, j)
		}
	}
	return all
}

// forgetOldest forgets the oldest jobs that have ended, where there are too many, and returns their places.
func (t *table) forgetOldest() (gone []int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	newest := map[string]bool{}
	for i, place := range slices.Backward(slices.Sorted(maps.Keys(t.jobs))) {
		state := &t.jobs[place].state
		if i < len(t.jobs)-maxJobs && state.Phase.Ended() && newest[state.ContactCenter] {
			gone = append(gone, place)
		}
		newest[state.ContactCenter] = true
	}
	for _, place := range gone {
		delete(t.jobs, place)
	}
	return gone
}

// lock is a [sync.Locker] for what may take long: tests whose clock is made up know that who waits for it waits.
type lock chan struct{}

func newLock() lock { return make(lock, 1) }

// Lock implements [sync.Locker].
func (l lock) Lock() { l <- struct{}{} }

// Unlock implements [sync.Locker].
func (l lock) Unlock() { <-l }
