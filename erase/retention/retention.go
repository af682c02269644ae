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

// Options are what retention works with. All but Known are required.
type Options struct {
	Policies  []policy.Policy // without problems
	Deletions *deletion.Deletions
	Centers   index.ContactCenters
	Known     []string // the contact centers that exist; empty: those that have recordings
	Log       zerolog.Logger
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
	r.ended.Go(func() { r.loop(ctx) })
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
			if r.busy() {
				return errors.Join(errs...)
			}
			if err := r.runIfDue(ctx, p, center, now); err != nil {
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
func (r *Retention) busy() bool {
	return slices.ContainsFunc(r.Deletions.All(""), func(d deletion.Deletion) bool {
		return d.Policy != "" && !d.Phase.Ended() && d.Phase != jobs.Paused && d.Phase != jobs.Unconfirmed
	})
}

// last is the newest run of a policy in a contact center that there is a deletion of, or nil.
func (r *Retention) last(name, contactCenter string) *deletion.Deletion {
	for _, d := range r.Deletions.All(contactCenter) {
		if d.Policy == name {
			return &d
		}
	}
	return nil
}

// runIfDue begins a run, unless the last one has not ended or was just now, or there is nothing to
// delete.
func (r *Retention) runIfDue(ctx context.Context, p *policy.Policy, center string, now time.Time) error {
	k := runKey{p.Name, center}
	if d := r.last(p.Name, center); d != nil && (!d.Phase.Ended() || now.Sub(timeOf(d.Created)) < every) {
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
	preview, err := r.Deletions.Preview(ctx, center, f)
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
	d, err := r.Deletions.BeginPolicy(ctx, center, deletion.Request{
		Criteria: criteria, Subresources: p.Subresources, Policy: p.Name, Between: between,
		MaxShare: float64(p.MaxShare),
	})
	if err == nil {
		r.Log.Info().Str("policy", p.Name).Str("contactCenter", center).Int("job", d.Number).Msg("retention begins")
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
	all := make([]Report, 0, len(rules.policies))
	for i := range rules.policies {
		p := &rules.policies[i]
		centers, err := r.centersOf(ctx, rules, p)
		if err != nil {
			return nil, err
		}
		report := Report{Policy: *p, Centers: []CenterReport{}}
		for _, center := range centers {
			c := CenterReport{ContactCenter: center, Last: r.last(p.Name, center)}
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
