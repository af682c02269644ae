package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/cli"
	"recordings/cmd/recordings/internal/config"
	"recordings/cmd/recordings/internal/service"
	"recordings/index"
)

func (p *program) statusCommand() *cobra.Command {
	var asJSON bool
	var service func() (*client.Client, error)
	c := &cobra.Command{
		Use:     "status [--json] [--server URL]",
		GroupID: groupOperations,
		Short:   "show how the service is doing",
		Long: `Shows whether searches are answered and if not, why; how many recordings there are; how far the
search index lags; disk space; and what goes on in the background. The user needs the role ops. Exit
status 0 if all is well, 3 if the service answers and something is wrong, the last reindex, verification
or backup having failed included, 1 if it does not answer.`,
		Example: `  recordings status
  recordings status --json --server https://recordings.example.com`,

		DisableFlagsInUseLine: true,
		Args:                  operands(0),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := service()
			if err != nil {
				return err
			}
			defer cl.Close()
			return p.status(c.Context(), cl, asJSON)
		},
	}

	c.Flags().BoolVar(&asJSON, "json", false, "one line of JSON")
	service = p.addServer(c)
	return c
}

func (p *program) healthCommand() *cobra.Command {
	var file string
	var ready bool
	c := &cobra.Command{
		Use:     "health [--ready] [--config FILE]",
		GroupID: groupOperations,
		Short:   "say whether the service of this machine is alive",
		Long: `Asks the service that runs on this machine with the configuration whether it is alive, or whether it
answers searches (--ready), for health checks of containers and the like. It needs no credentials. Exit
status 0 if so, else 1.`,
		Example: `  recordings health
  recordings health --ready --config /etc/recordings/recordings.yaml`,

		DisableFlagsInUseLine: true,
		Args:                  operands(0),
		RunE: func(c *cobra.Command, _ []string) error {
			settings, _, err := config.Load(p.sources(file))
			if err != nil {
				return err
			}
			return service.Ask(c.Context(), settings, ready)
		},
	}
	c.Flags().StringVar(&file, "config", "", "the configuration `FILE` (default "+defaultConfig+")")
	c.Flags().BoolVar(&ready, "ready", false, "ask whether it answers searches")
	return c
}

// status shows the status, and makes the exit status of what it says.
func (p *program) status(ctx context.Context, c *client.Client, asJSON bool) error {
	// With --json everything is passed on as it is, also what this version of the command does not know.
	var answer struct {
		Status jsontext.Value `json:"status"`
	}

	if err := c.Call(ctx, http.MethodGet, "/api/v2/ops/status", nil, &answer); err != nil {
		return err
	}

	var s serviceStatus
	if err := json.Unmarshal(answer.Status, &s); err != nil {
		return fmt.Errorf("understanding the answer of the service: %w", err)
	}

	text := s.text()
	if asJSON {
		text = string(answer.Status) + "\n"
	}

	if _, err := fmt.Fprint(p.stdout, text); err != nil {
		return fmt.Errorf("writing the status: %w", err)
	}

	if s.wrong() {
		return errPartly
	}

	return nil
}

// serviceStatus is the answer of the service, as far as it is shown.
type serviceStatus struct {
	Ready         bool    `json:"ready"`
	Reason        string  `json:"reason"`
	Version       string  `json:"version"`
	Region        string  `json:"region"`
	Uptime        float64 `json:"uptime"`
	Pending       int     `json:"pending"`
	Exports       int     `json:"exports"`
	StorageErrors int     `json:"storageErrors"`
	index.Usage
	Rebuild struct {
		Done  uint64 `json:"done"`
		Total uint64 `json:"total"`
	} `json:"rebuild"`
	Reindex backgroundWork `json:"reindex"`
	Verify  backgroundWork `json:"verify"`
	Backup  backgroundWork `json:"backup"`
	Jobs    *allJobs       `json:"jobs"`    // nil: they cannot be read now
	Cluster *index.Cluster `json:"cluster"` // nil: one machine keeps the index
	Audit   struct {
		Sequence uint64 `json:"sequence"`
		Hash     string `json:"hash"`
		Reason   string `json:"reason"`
	} `json:"audit"`
}

// allJobs are how many jobs have not ended.
type allJobs struct {
	Deletions       jobCounts `json:"deletions"`
	Reconciliations jobCounts `json:"reconciliations"`
}

// backgroundWork is how far work in the background is, of whatever kind.
type backgroundWork struct {
	Phase       index.Phase `json:"phase"`
	Done        uint64      `json:"done"`
	Total       uint64      `json:"total"`
	SecondsLeft int64       `json:"secondsLeft"`
	Verdict     string      `json:"verdict"`
}

// jobCounts are how many jobs have not ended, by what they do.
type jobCounts struct {
	Running     int `json:"running"`
	Waiting     int `json:"waiting"`
	Unconfirmed int `json:"unconfirmed"`
	Paused      int `json:"paused"`
}

// text is what the jobs do, in short.
func (c jobCounts) text() string {
	var parts []string
	for _, x := range []struct {
		n    int
		what string
	}{{c.Running, "running"}, {c.Waiting, "waiting"}, {c.Unconfirmed, "to be confirmed"}, {c.Paused, "paused"}} {
		if x.n > 0 {
			parts = append(parts, cli.Number(x.n)+" "+x.what)
		}
	}
	return cmp.Or(strings.Join(parts, ", "), "none")
}

// clusterText is how a cluster is doing.
func clusterText(c *index.Cluster) string {
	text := fmt.Sprintf("%s, %s, %s", c.Health, cli.Count(c.Nodes, "node"), cli.Count(c.Shards, "shard"))
	for _, x := range []struct {
		n    int
		what string
	}{{c.Unassigned, "without a node"}, {c.Moving, "moving"}, {c.Starting, "being made"}} {
		if x.n > 0 {
			text += fmt.Sprintf(", %s %s", cli.Number(x.n), x.what)
		}
	}
	return text
}

// text is the verdict, or while there is none, how far the work is.
func (w backgroundWork) text() string {
	if w.Phase.Ended() {
		return cmp.Or(w.Verdict, string(w.Phase))
	}

	text := string(w.Phase)
	if w.Total > 0 {
		text += fmt.Sprintf(", %d%%", 100*min(w.Done, w.Total)/w.Total)
	}
	if w.SecondsLeft > 0 {
		text += fmt.Sprintf(", %v left", time.Duration(w.SecondsLeft)*time.Second)
	}
	return text
}

// wrong reports whether somebody has to look after something.
func (s *serviceStatus) wrong() bool {
	for _, w := range []backgroundWork{s.Reindex, s.Verify, s.Backup} {
		if w.Phase == index.Failed {
			return true
		}
	}
	return !s.Ready || s.Reason != "" || s.Audit.Reason != ""
}

// auditText is the newest entry of the audit log, in the form that `recordings audit --known` takes.
func (s *serviceStatus) auditText() string {
	text := fmt.Sprintf("%d:%s", s.Audit.Sequence, s.Audit.Hash)
	if s.Audit.Reason != "" {
		text += ", but: " + s.Audit.Reason
	}
	return text
}

// text is the status for a person to read.
func (s *serviceStatus) text() string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-15s %s\n", name, fmt.Sprintf(format, args...))
	}

	switch {
	case !s.Ready:
		line("state", "NOT READY: %s; %s of %s done", s.Reason, cli.Number(s.Rebuild.Done), cli.Number(s.Rebuild.Total))
	case s.Reason != "":
		line("state", "ready, but: %s", s.Reason)
	default:
		line("state", "ready")
	}

	line("version", "%s, up %v, region %s", s.Version, (time.Duration(s.Uptime) * time.Second), s.Region)
	line("recordings", "%s", cli.Number(s.Recordings))
	line("pending", "%s, %s, the oldest %.1f s old", cli.Count(s.Pending, "change"), cli.Bytes(int64(s.PendingBytes)),
		s.PendingAge)
	line("disk", "%s used, %s free", cli.Bytes(int64(s.DiskUsed)), cli.Bytes(int64(s.DiskFree)))

	line("reindex", "%s", s.Reindex.text())
	line("verify", "%s", s.Verify.text())
	line("backup", "%s", s.Backup.text())

	if s.Jobs != nil {
		line("deletions", "%s", s.Jobs.Deletions.text())
		line("reconciling", "%s", s.Jobs.Reconciliations.text())
	} else {
		line("deletions", "not known: the jobs cannot be read now")
	}
	if s.Cluster != nil {
		line("cluster", "%s", clusterText(s.Cluster))
	}

	line("audit", "%s", s.auditText())

	line("exports", "%d running", s.Exports)
	line("media storage", "%s in the last 15 minutes", cli.Count(s.StorageErrors, "error"))
	return b.String()
}
