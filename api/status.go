package api

import (
	"context"
	"time"

	"recordings/index"
)

// statusView is how the service is doing, as operations see it.
type statusView struct {
	Ready         bool    `json:"ready"`
	Reason        string  `json:"reason,omitzero"` // why not, or what is wrong
	Broken        bool    `json:"broken"`          // nothing can be written until a restart
	Version       string  `json:"version"`
	Region        string  `json:"region"`
	Uptime        float64 `json:"uptime"`  // seconds
	Pending       int     `json:"pending"` // changes that the search index does not have yet
	DiskFull      bool    `json:"diskFull"`
	Exports       int     `json:"exports"`       // that are running
	StorageErrors int     `json:"storageErrors"` // of the last 15 minutes
	index.Usage

	Rebuild *rebuildView       `json:"rebuild,omitzero"` // while searches wait for it
	Reindex index.Reindex      `json:"reindex"`
	Verify  verifyView         `json:"verify"`
	Backup  index.BackupStatus `json:"backup"`
}

// rebuildView is how far the search index is without which searches are not answered.
type rebuildView struct {
	Done  uint64 `json:"done"`
	Total uint64 `json:"total"`
}

// verifyView is a verification without its findings, which /api/v2/ops/verify tells.
type verifyView struct {
	index.Verification
	Findings hidden `json:"findings,omitzero"` // takes the place of the embedded ones
}

type statusAnswer struct {
	StatusCode int        `json:"statusCode"`
	Status     statusView `json:"status"`
}

// status tells operations at one glance what there is to know.
func (s *Server) status(context.Context, struct{}) (statusAnswer, error) {
	st := s.o.Health.Status()
	v := statusView{
		Ready: st.Ready, Reason: st.Reason, Broken: st.Broken, Pending: st.Pending, DiskFull: st.DiskFull,
		Version: s.o.Version, Region: s.o.Region, Uptime: time.Since(s.began).Seconds(),
		Exports: len(s.exports), StorageErrors: s.metrics.troubles.count(time.Now()),
		Usage:   s.o.Operations.Usage(),
		Reindex: s.o.Operations.Reindex(),
		Verify:  verifyView{Verification: s.o.Operations.Verification()},
		Backup:  s.o.Backups.BackupStatus(),
	}
	if !st.Ready {
		v.Rebuild = &rebuildView{Done: st.Done, Total: st.Total}
	}
	return statusAnswer{Status: v}, nil
}
