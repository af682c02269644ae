package service

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/go-json-experiment/json"

	"recordings/audit"
	"recordings/erase"
	"recordings/erase/deletion"
	"recordings/erase/jobs"
	"recordings/erase/reconcile"
	"recordings/erase/retention"
)

// The directories of jobs, below that of the data.
const (
	deletionsDir       = "deletions"
	reconciliationsDir = "reconciliations"
)

// openErasing makes what deletes recordings, and goes on with what was being deleted.
func (s *Service) openErasing(ctx context.Context) (err error) {
	s.eraser = erase.New(s.index, s.media)
	s.deletions, err = deletion.Open(ctx, deletion.Options{
		Index: s.index, Orphans: s.index, Eraser: s.eraser,
		Keeper: jobs.NewFiles(filepath.Join(s.Config.Data, deletionsDir)),
		Audit:  auditor{s.audit}, Region: s.Config.Region, Rate: s.Config.DeletionRate, Log: s.Log,
	})
	if err != nil {
		return fmt.Errorf("going on with deletions: %w", err)
	}
	s.reconciliations, err = reconcile.Open(ctx, reconcile.Options{
		Index: s.index, Eraser: s.eraser, Media: s.media,
		Keeper: jobs.NewFiles(filepath.Join(s.Config.Data, reconciliationsDir)),
		Audit:  auditor{s.audit}, Rate: s.Config.DeletionRate, Log: s.Log,
	})
	if err != nil {
		return fmt.Errorf("going on with reconciliations: %w", err)
	}
	s.retention = retention.Start(retention.Options{
		Policies: s.Config.Retention, Deletions: s.deletions, Centers: s.index, Known: s.Config.ContactCenters,
		Log: s.Log,
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
