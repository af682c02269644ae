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

	"recordings/cmd/recordings/internal/client"
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
}

// backgroundWork is how far work in the background is, of whatever kind.
type backgroundWork struct {
	Phase       index.Phase `json:"phase"`
	Done        uint64      `json:"done"`
	Total       uint64      `json:"total"`
	SecondsLeft int64       `json:"secondsLeft"`
	Verdict     string      `json:"verdict"`
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
	return !s.Ready || s.Reason != ""
}

// text is the status for a person to read.
func (s *serviceStatus) text() string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-15s %s\n", name, fmt.Sprintf(format, args...))
	}

	switch {
	case !s.Ready:
		line("state", "NOT READY: %s; %d of %d done", s.Reason, s.Rebuild.Done, s.Rebuild.Total)
	case s.Reason != "":
		line("state", "ready, but: %s", s.Reason)
	default:
		line("state", "ready")
	}

	line("version", "%s, up %v, region %s", s.Version, (time.Duration(s.Uptime) * time.Second), s.Region)
	line("recordings", "%d", s.Recordings)
	line("pending", "%d changes, %s, the oldest %.1f s old", s.Pending, bytesText(uint64(s.PendingBytes)), s.PendingAge)
	line("disk", "%s used, %s free", bytesText(s.DiskUsed), bytesText(s.DiskFree))

	line("reindex", "%s", s.Reindex.text())
	line("verify", "%s", s.Verify.text())
	line("backup", "%s", s.Backup.text())

	line("exports", "%d running", s.Exports)
	line("media storage", "%d errors in the last 15 minutes", s.StorageErrors)
	return b.String()
}

// bytesText is a number of bytes, rounded.
func bytesText(n uint64) string {
	value, unit := float64(n), "B"
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if value < 1024 {
			break
		}
		value, unit = value/1024, u
	}

	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}
