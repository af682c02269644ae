package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/cli"
	"recordings/erase/retention"
)

// retentionRun is one run of the command.
type retentionRun struct {
	*program
	dryRun, json bool
	service      func() (*client.Client, error)
}

func (p *program) retentionCommand() *cobra.Command {
	r := retentionRun{program: p}
	c := &cobra.Command{
		Use:     "retention [--dry-run] [--json] [--server URL]",
		GroupID: groupOperations,
		Short:   "show the policies of retention, and what they do",
		Long: `Shows each policy of retention in each of its contact centers, and how its last run that
found something has ended. With --dry-run it tells for each what it would delete today, and in 30 days
if nothing was deleted before. Recordings under a hold are kept.`,
		Example: "  recordings retention --dry-run",

		DisableFlagsInUseLine: true,
		Args:                  operands(0),
		RunE:                  func(c *cobra.Command, _ []string) error { return r.run(c.Context()) },
	}
	c.Flags().BoolVar(&r.dryRun, "dry-run", false, "tell what each policy would delete")
	c.Flags().BoolVar(&r.json, "json", false, "one line of JSON for each policy")
	r.service = p.addServer(c)
	return c
}

func (r *retentionRun) run(ctx context.Context) error {
	c, err := r.service()
	if err != nil {
		return err
	}
	defer c.Close()

	query := url.Values{}
	if r.dryRun {
		query.Set("dryRun", "true")
	}
	var answer struct {
		Policies []retention.Report `json:"policies"`
	}
	if err := c.Call(ctx, http.MethodGet, "/api/v2/ops/retention", query, &answer); err != nil {
		return err
	}
	if len(answer.Policies) == 0 {
		fmt.Fprintln(r.stderr, "there are no policies of retention: the configuration has none")
	}
	for _, p := range answer.Policies {
		if err := r.show(p); err != nil {
			return err
		}
	}
	return nil
}

// show writes what a policy does.
func (r *retentionRun) show(p retention.Report) error {
	if r.json {
		return r.line(p)
	}
	for _, c := range p.Centers {
		text := "it has not run yet"
		if c.Last != nil {
			text = fmt.Sprintf("deletion %d, %s: %s%s", c.Last.Number, c.Last.Phase, c.Last.Verdict, c.Last.Waits)
		}
		if c.Today != nil && c.In30Days != nil {
			text = fmt.Sprintf("today %s, in 30 days %s", forecast(c.Today), forecast(c.In30Days))
		}
		if _, err := fmt.Fprintf(r.stdout, "%s  %s  %s\n", p.Name, c.ContactCenter, text); err != nil {
			return fmt.Errorf("writing a policy: %w", err)
		}
	}
	return nil
}

// forecast is what would go, in words.
func forecast(f *retention.Forecast) string {
	text := cli.Count(f.Matched-f.Held, "recording")
	if f.Held > 0 {
		text += fmt.Sprintf(" (and %s held, which are kept)", cli.Number(f.Held))
	}
	if f.Unconfirmed {
		text += ", more than max_share: to be confirmed"
	}
	return text
}

// copyLines writes lines of the service as they are.
func (p *program) copyLines(ctx context.Context, c *client.Client, path string) error {
	return p.common().CopyLines(ctx, c, path)
}
