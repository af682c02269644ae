// Package retention deletes what policies say is old enough.
//
// The one fact to know: each run of a policy in a contact center is a bulk deletion (see package
// deletion), with all that this promises: holds win, it can be paused, it goes on after a restart,
// and it has a verdict. This package only decides when one is begun.
package retention

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"recordings/erase/deletion"
	"recordings/erase/jobs"
	"recordings/erase/policy"
	"recordings/index"
	"recordings/mapping"
)

const (
	// every is how long after a run the next one may begin. It is a little less than a day, so that
	// runs do not wander through it.
	every = 23 * time.Hour

	lookEvery = time.Minute     // how often it is looked whether a run is due
	lookAgain = 2 * time.Second // at first, while that cannot be known: the search index is not ready, say
	ahead     = 30 * 24 * time.Hour
)

// Options are what retention works with. All but Turns and Known are required.
type Options struct {
	Policies  []policy.Policy // without problems
	Deletions *deletion.Deletions
	Turns     Turns // nil: no other node has these policies
	Centers   index.ContactCenters
	Known     []string // the contact centers that exist; empty: those that have recordings
	Log       zerolog.Logger
}

// Turns has one node of several decide whether runs are due: see [jobs.Nodes].
type Turns interface {
	Take(ctx context.Context) (jobs.Turn, error)
}

// Retention runs policies. Its methods may be called concurrently.
type Retention struct {
	Options
	rules  atomic.Pointer[rules] // those of the options, or what took their place
	wake   chan struct{}         // has an element when there are others
	cancel context.CancelFunc
	ended  sync.WaitGroup

	mu      sync.Mutex
	nothing map[runKey]time.Time // when a run found nothing to delete
}

// rules are what is to be deleted, and where.
type rules struct {
	policies []policy.Policy
	known    []string // see Options
}

// runKey is what runs are counted by.
type runKey struct{ policy, contactCenter string }

// New returns retention that begins runs only when it is told to [Retention.Look].
func New(o Options) *Retention {
	r := &Retention{
		Options: o, wake: make(chan struct{}, 1), cancel: func() {}, nothing: map[runKey]time.Time{},
	}
	r.Replace(o.Policies, o.Known)
	return r
}

// Start begins to run policies, in the background. It must be closed before the deletions are.
func Start(o Options) *Retention {
	r := New(o)
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(context.Background())
	r.ended.Go(func() {
		if r.Turns == nil {
			r.loop(ctx)
		} else {
			r.take(ctx)
		}
	})
	return r
}

// Replace puts other policies, without problems, and other contact centers in the place of those that there
// are. A run that was begun goes on: it is a deletion by itself, and can be cancelled as such.
func (r *Retention) Replace(policies []policy.Policy, known []string) {
	r.mu.Lock()
	clear(r.nothing) // what the others found says nothing of these
	r.mu.Unlock()
	r.rules.Store(&rules{policies, known})
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Close begins no further run. One that goes on is the deletions' business.
func (r *Retention) Close() {
	r.cancel()
	r.ended.Wait()
}

const (
	// takeEvery is how often a node tries to get the turn, and keepEvery how often the one that has it says that
	// it is alive. Nothing is lost when a run begins some seconds later.
	takeEvery = 5 * time.Second
	keepEvery = 5 * time.Second

	// releasePatience is how long it is tried to give the turn back.
	releasePatience = 3 * time.Second
)

// take runs policies while it is this node's turn, until the context ends. A node without policies has none.
func (r *Retention) take(ctx context.Context) {
	for failing := false; ctx.Err() == nil; {
		var turn jobs.Turn
		var err error
		if len(r.rules.Load().policies) > 0 {
			turn, err = r.Turns.Take(ctx)
		}
		if err != nil && !failing && ctx.Err() == nil {
			r.Log.Warn().Err(err).Msg("whose turn it is to run policies cannot be known; it is tried again")
		}
		if failing = err != nil; turn != nil {
			r.lead(ctx, turn)
		}

		select {
		case <-time.After(takeEvery):
		case <-r.wake:
		case <-ctx.Done():
		}
	}
}

// lead runs policies until it is another node's turn, or the context ends.
func (r *Retention) lead(ctx context.Context, turn jobs.Turn) {
	leading, stop := context.WithCancel(ctx)
	var alive sync.WaitGroup
	alive.Go(func() {
		defer stop()
		tick := time.NewTicker(keepEvery)
		defer tick.Stop()
		for !errors.Is(turn.Keep(leading, nil), jobs.ErrTaken) {
			select {
			case <-tick.C:
			case <-leading.Done():
				return
			}
		}
	})
	r.loop(leading)
	stop()
	alive.Wait()

	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releasePatience)
	defer cancel()
	if err := turn.Release(ctx); err != nil && !errors.Is(err, jobs.ErrTaken) {
		r.Log.Warn().Err(err).Msg("the turn to run policies cannot be given back; others wait until it is over")
	}
}

func (r *Retention) loop(ctx context.Context) {
	wait, failing := lookEvery, false
	for ctx.Err() == nil {
		err := r.Look(ctx, time.Now())
		switch {
		case err == nil:
			wait = lookEvery
		case failing:
			wait = min(2*wait, lookEvery)
		case ctx.Err() == nil:
			wait = lookAgain
			r.Log.Warn().Err(err).Msg("a policy of retention cannot be run now; it is tried again")
		}
		failing = err != nil

		select {
		case <-time.After(wait):
		case <-r.wake:
		case <-ctx.Done():
		}
	}
}

// Look begins the runs that are due at a moment: one at a time, in the order of the policies. A policy that
// cannot be run keeps no other from it.
func (r *Retention) Look(ctx context.Context, now time.Time) error {
	var errs []error
	all := r.rules.Load()
	for i := range all.policies {
		p := &all.policies[i]
		if w, err := p.Window(); err != nil || !w.Contains(now) {
			continue
		}
		centers, err := r.centersOf(ctx, all, p)
		if err != nil {
			errs = append(errs, fmt.Errorf("policy %q: %w", p.Name, err))
		}
		for _, center := range centers {
			there, err := r.Deletions.All(ctx, "")
			if err != nil || busy(there) {
				return errors.Join(append(errs, err)...)
			}
			if err := r.runIfDue(ctx, p, runKey{p.Name, center}, there, now); err != nil {
				errs = append(errs, fmt.Errorf("policy %q: %w", p.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// centersOf are the contact centers of a policy.
func (r *Retention) centersOf(ctx context.Context, all *rules, p *policy.Policy) ([]string, error) {
	switch {
	case len(p.ContactCenters) > 0:
		return p.ContactCenters, nil
	case len(all.known) > 0:
		return all.known, nil
	}
	return r.Centers.ContactCenters(ctx)
}

// busy reports whether a policy is being run. One that waits for somebody keeps no other from it.
func busy(all []deletion.Deletion) bool {
	return slices.ContainsFunc(all, func(d deletion.Deletion) bool {
		return d.Policy != "" && !d.Phase.Ended() && d.Phase != jobs.Paused && d.Phase != jobs.Unconfirmed
	})
}

// last is the newest run of a policy in a contact center, or nil.
func last(all []deletion.Deletion, k runKey) *deletion.Deletion {
	for _, d := range all {
		if d.Policy == k.policy && d.ContactCenter == k.contactCenter {
			return &d
		}
	}
	return nil
}

// due reports whether a run may begin: the last one has ended, and was not just now.
func due(all []deletion.Deletion, k runKey, now time.Time) bool {
	d := last(all, k)
	return d == nil || d.Phase.Ended() && now.Sub(timeOf(d.Created)) >= every
}

// runIfDue begins a run, unless the last one has not ended or was just now, or there is nothing to
// delete.
func (r *Retention) runIfDue(
	ctx context.Context, p *policy.Policy, k runKey, all []deletion.Deletion, now time.Time,
) error {
	if !due(all, k, now) {
		return nil
	}
	r.mu.Lock()
	nothing := r.nothing[k]
	r.mu.Unlock()
	if now.Sub(nothing) < every {
		return nil
	}

	criteria, err := p.CriteriaAt(now)
	if err != nil {
		return err
	}
	f, err := policy.ParseFilter(criteria, true)
	if err != nil {
		return err
	}
	preview, err := r.Deletions.Preview(ctx, k.contactCenter, f)
	if err != nil {
		return err
	}
	if preview.Matched == preview.Held {
		r.mu.Lock()
		r.nothing[k] = now
		r.mu.Unlock()
		return nil
	}

	between, err := p.Window()
	if err != nil {
		return err
	}
	request := deletion.Request{
		Criteria: criteria, Subresources: p.Subresources, Policy: p.Name, Between: between,
		MaxShare: float64(p.MaxShare),
	}
	d, err := r.Deletions.BeginPolicy(ctx, k.contactCenter, request, func(all []deletion.Deletion) bool {
		return !busy(all) && due(all, k, now)
	})
	if errors.Is(err, jobs.ErrRefused) {
		return nil // another node was faster, although it is not its turn any more
	}
	if err == nil {
		r.Log.Info().Str("policy", p.Name).Str("contactCenter", k.contactCenter).Int("job", d.Number).
			Msg("retention begins")
	}
	return err
}

func timeOf(t mapping.Time) time.Time { return time.UnixMilli(int64(t)) }

// Report is a policy, and what it does in each of its contact centers.
type Report struct {
	policy.Policy
	Centers []CenterReport `json:"centers"`
}

// CenterReport is what a policy does in a contact center.
type CenterReport struct {
	ContactCenter string             `json:"contactCenter"`
	Last          *deletion.Deletion `json:"last,omitzero"` // the last run that found something

	// Of a dry run: what would go now, and what would in 30 days if nothing went before.
	Today    *Forecast `json:"today,omitzero"`
	In30Days *Forecast `json:"in30Days,omitzero"`
}

// Forecast is what would go.
type Forecast struct {
	Matched uint64 `json:"matched"`
	Held    uint64 `json:"held"` // of these, kept as they are under a hold

	// Unconfirmed: it is more than max_share, so somebody would have to confirm it first.
	Unconfirmed bool `json:"unconfirmed,omitzero"`
}

// Report returns what the policies do, or with dryRun also what they would do.
func (r *Retention) Report(ctx context.Context, dryRun bool, now time.Time) ([]Report, error) {
	rules := r.rules.Load()
	there, err := r.Deletions.All(ctx, "")
	if err != nil {
		return nil, err
	}
	all := make([]Report, 0, len(rules.policies))
	for i := range rules.policies {
		p := &rules.policies[i]
		centers, err := r.centersOf(ctx, rules, p)
		if err != nil {
			return nil, err
		}
		report := Report{Policy: *p, Centers: []CenterReport{}}
		for _, center := range centers {
			c := CenterReport{ContactCenter: center, Last: last(there, runKey{p.Name, center})}
			if dryRun {
				if c.Today, err = r.forecast(ctx, p, center, now); err != nil {
					return nil, err
				}
				if c.In30Days, err = r.forecast(ctx, p, center, now.Add(ahead)); err != nil {
					return nil, err
				}
			}
			report.Centers = append(report.Centers, c)
		}
		all = append(all, report)
	}
	return all, nil
}

// forecast is what a policy would delete at a moment.
func (r *Retention) forecast(ctx context.Context, p *policy.Policy, center string, at time.Time) (*Forecast, error) {
	criteria, err := p.CriteriaAt(at)
	if err != nil {
		return nil, err
	}
	f, err := policy.ParseFilter(criteria, true)
	if err != nil {
		return nil, err
	}
	preview, err := r.Deletions.Preview(ctx, center, f)
	if err != nil {
		return nil, err
	}
	all, err := r.Deletions.Count(ctx, center, policy.Filter{})
	if err != nil {
		return nil, err
	}
	over := 100*preview.Matched > uint64(p.MaxShare)*max(all, preview.Matched)
	return &Forecast{Matched: preview.Matched, Held: preview.Held, Unconfirmed: over}, nil
}
