package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/cli"
	"recordings/cmd/recordings/internal/progress"
	"recordings/erase/jobs"
	"recordings/erase/reconcile"
)

// reconcileRun is one run of the command.
type reconcileRun struct {
	*program
	contactCenter         string
	deleteUnnamed         bool
	expected              int64 // negative: it was not given
	results, detach, json bool
	service               func() (*client.Client, error)
}

func (p *program) reconcileCommand() *cobra.Command {
	r := reconcileRun{program: p}
	c := &cobra.Command{
		Use: "reconcile --contact-center ID [--delete-unnamed --expected N] [--results [NUMBER]] [--detach] [--json]" +
			" [--server URL]",
		GroupID: groupOperations,
		Short:   "compare recordings with what the storages have",
		Long: `Compares the recordings of a contact center with what the storages have, by listing them:
media files that are missing or of another length than was posted, storages that could not be asked, and
objects in the configured buckets and origins that no recording names, of any contact center, and that
are older than a day. The service does it in the background, and goes on if this command is stopped;
with --detach it is not waited for. With --results it writes what was found, a line of JSON each: by the
newest reconciliation, or that of the number. Recordings show what was found at their media files
(mediaState).

Nothing is ever deleted, but with --delete-unnamed and the number of unnamed objects that a
reconciliation has told: if another number is found, nothing is. Exit status 3 if something is not as it
should be.`,
		Example: `  recordings reconcile --contact-center berlin
  recordings reconcile --contact-center berlin --results > found.ndjson`,

		DisableFlagsInUseLine: true,
		Args:                  operands(1),
		RunE:                  func(c *cobra.Command, args []string) error { return r.run(c.Context(), args) },
	}

	flags := c.Flags()
	flags.BoolVar(&r.deleteUnnamed, "delete-unnamed", false, "delete the objects that no recording names")
	flags.Int64Var(&r.expected, "expected", -1, "their number `N`, as a reconciliation has told it")
	flags.BoolVar(&r.results, "results", false, "write what was found")
	flags.BoolVar(&r.detach, "detach", false, "do not wait for the end")
	flags.BoolVar(&r.json, "json", false, "write the last state as one line of JSON")
	r.service = p.addCenter(c, &r.contactCenter, " (required)")
	return c
}

// reconciliationAnswer is what the service says of one.
type reconciliationAnswer struct {
	Reconciliation reconcile.Reconciliation `json:"reconciliation"`
}

func (r *reconcileRun) run(ctx context.Context, args []string) error {
	switch {
	case r.contactCenter == "":
		return cli.NoCenter("reconcile")
	case r.deleteUnnamed != (r.expected >= 0):
		return usage("--delete-unnamed and --expected go together: the number is that of the unnamed objects that a " +
			"reconciliation has told")
	case len(args) > 0 && !r.results:
		return usage("a number is for --results only")
	}
	c, err := r.service()
	if err != nil {
		return err
	}
	defer c.Close()

	path := centerPath(r.contactCenter) + "/reconciliations"
	if r.results {
		return r.writeResults(ctx, c, path, args)
	}
	body := map[string]any{}
	if r.deleteUnnamed {
		body["deleteUnnamed"], body["expected"] = true, r.expected
	}
	var answer reconciliationAnswer
	if err := c.Post(ctx, path, body, &answer); err != nil {
		return err
	}
	fmt.Fprintf(r.stderr, "reconciliation %d\n", answer.Reconciliation.Number)
	if r.detach {
		return r.show(answer.Reconciliation)
	}
	return r.await(ctx, c, path+"/"+strconv.Itoa(answer.Reconciliation.Number))
}

// writeResults writes what the newest reconciliation has found, or that of a number.
func (r *reconcileRun) writeResults(ctx context.Context, c *client.Client, path string, args []string) error {
	if len(args) > 0 {
		return r.copyLines(ctx, c, path+"/"+url.PathEscape(args[0])+"/results")
	}
	var all struct {
		Reconciliations []reconcile.Reconciliation `json:"reconciliations"`
	}
	if err := c.Call(ctx, http.MethodGet, path, nil, &all); err != nil {
		return err
	}
	if len(all.Reconciliations) == 0 {
		return errors.New("there is no reconciliation yet; without --results one is made")
	}
	return r.copyLines(ctx, c, path+"/"+strconv.Itoa(all.Reconciliations[0].Number)+"/results")
}

// await shows how far a reconciliation is, until it ends or somebody stops it.
func (r *reconcileRun) await(ctx context.Context, c *client.Client, path string) error {
	var last reconcile.Reconciliation
	err := r.watch(ctx, "the reconciliation", func() (s progress.State, ended bool, err error) {
		var answer reconciliationAnswer
		if err := c.Call(ctx, http.MethodGet, path, nil, &answer); err != nil {
			return s, false, err
		}
		last = answer.Reconciliation
		return progress.State{
			Phase: string(last.Phase), Done: int64(last.Done), Total: int64(last.Total), Unit: "things",
			Rate: last.Rate, Left: time.Duration(last.SecondsLeft) * time.Second, Note: last.Waits,
		}, last.Phase.Ended() && last.Ended > 0 || last.Phase == jobs.Paused, nil
	})
	if err != nil {
		return err
	}

	if err := r.show(last); err != nil {
		return err
	}
	switch {
	case last.Phase != jobs.Done:
		return errors.New("the reconciliation is " + string(last.Phase))
	case last.Missing+last.OtherSize+last.NotAsked+last.Kept > 0, last.Unnamed > last.Deleted:
		return errPartly
	}
	return nil
}

// show writes the state of a reconciliation, or its verdict.
func (r *reconcileRun) show(one reconcile.Reconciliation) error {
	if r.json {
		return r.line(one)
	}
	text := one.Verdict
	if text == "" {
		text = "it goes on in the background"
	}
	_, err := fmt.Fprintf(r.stdout, "%d  %s: %s\n", one.Number, one.Phase, text)
	return err
}
