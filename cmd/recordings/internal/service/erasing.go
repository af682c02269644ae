package service

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"

	"recordings/audit"
	"recordings/erase"
	"recordings/erase/deletion"
	"recordings/erase/jobs"
	"recordings/erase/jobs/cluster"
	"recordings/erase/reconcile"
	"recordings/erase/retention"
	"recordings/index/opensearch"
)

// The directories of jobs, below that of the data. In a cluster the documents of jobs are called so, and the
// directory has only what a reconciliation that runs here compares.
const (
	deletionsDir       = "deletions"
	reconciliationsDir = "reconciliations"
	scratchDir         = "reconciling"
)

// keepers are where the jobs of a service are.
type keepers struct {
	deletions, reconciliations jobs.Keeper

	scratch jobs.Keeper     // of reconciliations; nil: their keeper
	turns   retention.Turns // nil: no other service has the same policies
}

// keepers are the documents of a cluster, which all services see, or else the data directory.
func (s *Service) keepers() (keepers, error) {
	x, shared := s.index.(*opensearch.Index)
	if !shared {
		return keepers{
			deletions:       jobs.NewFiles(filepath.Join(s.Config.Data, deletionsDir)),
			reconciliations: jobs.NewFiles(filepath.Join(s.Config.Data, reconciliationsDir)),
		}, nil
	}

	// What another process has listed is of no use to this one.
	scratch := filepath.Join(s.Config.Data, scratchDir)
	if err := os.RemoveAll(scratch); err != nil {
		return keepers{}, fmt.Errorf("removing what reconciliations have left in the data directory: %w", err)
	}
	docs := x.Documents()
	return keepers{
		deletions: cluster.New(docs, deletionsDir), reconciliations: cluster.New(docs, reconciliationsDir),
		scratch: jobs.NewFiles(scratch), turns: cluster.NewTurns(docs, "retention"),
	}, nil
}

// openErasing makes what deletes recordings, and goes on with what was being deleted.
func (s *Service) openErasing(ctx context.Context) error {
	kept, err := s.keepers()
	if err != nil {
		return err
	}
	s.eraser = erase.New(s.index, s.media)
	s.deletions, err = deletion.Open(ctx, deletion.Options{
		Index: s.index, Orphans: s.index, Eraser: s.eraser,
		Keeper: kept.deletions,
		Audit:  auditor{s.audit}, Region: s.Config.Region, Rate: s.Config.DeletionRate, Log: s.Log,
	})
	if err != nil {
		return fmt.Errorf("going on with deletions: %w", err)
	}
	s.reconciliations, err = reconcile.Open(ctx, reconcile.Options{
		Index: s.index, Eraser: s.eraser, Media: s.media,
		Keeper: kept.reconciliations, Scratch: kept.scratch,
		Audit: auditor{s.audit}, Rate: s.Config.DeletionRate, Log: s.Log,
	})
	if err != nil {
		return fmt.Errorf("going on with reconciliations: %w", err)
	}
	s.retention = retention.Start(retention.Options{
		Policies: s.Config.Retention, Deletions: s.deletions, Turns: kept.turns, Centers: s.index,
		Known: s.Config.ContactCenters, Log: s.Log,
	})
	return nil
}

// closeErasing stops what is running in the background, as far as it was begun.
func (s *Service) closeErasing() {
	if s.retention != nil {
		s.retention.Close()
	}
	if s.reconciliations != nil {
		s.reconciliations.Close()
	}
	if s.deletions != nil {
		s.deletions.Close()
	}
}

// auditor writes down in the audit log what jobs delete.
type auditor struct{ log audit.Log }

// Record implements [erase.Auditor].
func (a auditor) Record(ctx context.Context, entries []erase.Entry) error {
	all := make([]audit.Entry, len(entries))
	for i, e := range entries {
		all[i] = audit.Entry{
			User: e.User, ContactCenter: e.ContactCenter, Action: audit.Delete, Recording: e.Recording,
			Outcome: outcomeOf(e.Outcome), Facts: map[string]any{factJob: e.Detail},
		}
		switch e.Action {
		case erase.ActionDeleteUnnamed:
			all[i].Action = audit.Reconcile
		case erase.ActionRetention:
			all[i].Action = audit.Retention
		}
	}
	_, err := a.log.Record(ctx, all...)
	return err
}

// factJob is which job an entry is of.
const factJob = "job"

// Recorded implements [erase.Auditor], for entries about recordings.
func (a auditor) Recorded(ctx context.Context, e erase.Entry) (found bool, err error) {
	want := outcomeOf(e.Outcome)
	q := audit.Query{ContactCenters: []string{e.ContactCenter}, Action: audit.Delete, Recording: e.Recording}
	_, err = a.log.Walk(ctx, q, func(text []byte) error {
		var line struct {
			Outcome audit.Outcome  `json:"outcome"`
			Facts   map[string]any `json:"facts"`
		}
		err := json.Unmarshal(text, &line)
		found = found || line.Outcome == want && line.Facts[factJob] == e.Detail
		return err
	})
	return found, err
}

// outcomeOf is what the audit log calls an outcome of a deletion.
func outcomeOf(outcome string) audit.Outcome {
	switch outcome {
	case "":
		return audit.Begun
	case deletion.Deleted:
		return audit.Done
	case deletion.Failed:
		return audit.Failed
	}
	return audit.Refused
}

// Erased implements [erase.Auditor].
func (a auditor) Erased(ctx context.Context, contactCenter string, recordings []string) error {
	return a.log.EraseDetails(ctx, contactCenter, recordings...)
}
