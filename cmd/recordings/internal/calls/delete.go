package calls

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/cli"
	"recordings/cmd/recordings/internal/criteria"
)

// deleteRun is one run of the command.
type deleteRun struct {
	*cli.Program
	connection    *cli.Connection
	which         *selection
	contactCenter string
	media         bool
	yes           bool
	dryRun        bool
	expected      int64 // negative: it is asked for
	detach, json  bool
}

// Delete is the command that deletes recordings.
func Delete(p *cli.Program) *cobra.Command {
	d := deleteRun{Program: p}
	c := &cobra.Command{
		Use:     "delete ID… | --since TIME … | --criteria NAME=VALUE… [--media] [flags]",
		GroupID: Group,
		Short:   "delete recordings, or all that match",
		Long: `Deletes recordings, or with flags and criteria of a search all that match; with --media,
their media, too. On a terminal it asks before. What matches is shown before, and its number asked for,
or given by --expected: if another number matches, nothing is deleted. The service goes on if this
command is stopped; see deletions. Exit status 3 if some could not be deleted, or media is left behind.`,
		Example: `  recordings delete --media 5JOL6CB0O16VR7GV
  recordings delete --media --until 2025-12-31 --agent alice
  recordings delete --criteria startTime=0 --expected 120`,

		DisableFlagsInUseLine: true,
		Args:                  cli.Operands(maxIDs),
		RunE:                  func(c *cobra.Command, args []string) error { return d.run(c.Context(), args) },
	}

	d.which = addSelection(p, c)
	flags := c.Flags()
	flags.BoolVar(&d.media, "media", false, "delete the media, too")
	flags.BoolVar(&d.yes, "yes", false, "do not ask")
	flags.BoolVar(&d.dryRun, "dry-run", false, "only show what would be deleted")
	flags.Int64Var(&d.expected, "expected", -1, "their number `N`, so that it is not asked for")
	flags.BoolVar(&d.detach, "detach", false, "do not wait for the end")
	flags.BoolVar(&d.json, "json", false, "write the last state as one line of JSON")
	d.connection = p.AddServer(c)
	d.connection.AddCenter(c, &d.contactCenter, " (required)")
	d.connection.Flags = criteria.Names()
	return c
}

// run refuses what is not clear, and deletes some recordings or all that match.
func (d *deleteRun) run(ctx context.Context, args []string) error {
	named, asked, err := d.which.parse("delete", args)

	switch {
	case d.contactCenter == "":
		return cli.NoCenter("delete")
	case err != nil:
		return err
	case len(named) == 0 && len(asked) == 0:
		return cli.Usage("which recordings? recordings delete ID, or --criteria startTime=0 for all; " +
			"`recordings help delete` says more")
	case len(named) > 0 && (d.dryRun || d.expected >= 0 || d.detach || d.json):
		return cli.Usage("--dry-run, --expected, --detach and --json are for deletions of all that match, not of ids")
	}

	center, c, err := d.connection.Center(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if len(asked) > 0 {
		return d.many(ctx, center, asked)
	}
	return d.some(ctx, center, named)
}

// some deletes recordings by their ids.
func (d *deleteRun) some(ctx context.Context, center *client.Center, ids []string) error {
	if d.Asks() && !d.yes {
		if ok, err := d.sure(ctx, center, ids); err != nil || !ok {
			return err
		}
	}

	failed := 0
	for _, id := range ids {
		deleted, err := center.Delete(ctx, id, d.media)
		refused, ok := errors.AsType[*client.RefusedError](err)
		switch {
		case ok && len(ids) > 1 && (refused.Code == client.CodeNotFound || refused.Code == client.CodeForbidden):
			fmt.Fprintf(d.Stderr, "%s: %s\n", cli.Printable(id), refused.Message)
			failed++
			continue
		case ok && refused.Code == client.CodeNotFound && strings.Contains(id, "="):
			return fmt.Errorf("%s: %w; all that match are deleted by --criteria %s", id, err, id)
		case err != nil:
			return fmt.Errorf("%s: %w", cli.Printable(id), err)
		}

		fmt.Fprintf(d.Stdout, "deleted %s\n", cli.Printable(id))
		for _, notice := range deleted.Notice {
			d.Note("%s", cli.Printable(notice))
		}
		for _, f := range deleted.Failed {
			fmt.Fprintln(d.Stderr, cli.Printable(f.StatusMessage))
		}
		if len(deleted.Failed) > 0 {
			failed++
		}
	}

	if failed > 0 {
		return cli.ErrPartly
	}
	return nil
}

// sure shows what is to be deleted, and asks.
func (d *deleteRun) sure(ctx context.Context, center *client.Center, ids []string) (bool, error) {
	for _, id := range ids {
		r, err := center.Get(ctx, id)
		refused, ok := errors.AsType[*client.RefusedError](err)
		switch {
		case ok && refused.Code == client.CodeNotFound: // perhaps of another region, which can be deleted here
			fmt.Fprintf(d.Stderr, "%s, which is not seen here\n", cli.Printable(id))
		case err != nil:
			return false, err
		default:
			fmt.Fprintln(d.Stderr, cli.Printable(fmt.Sprintf("%s  %s  %s  %s  %s", d.Moment(r.StartTime),
				cli.Lasting(r.Seconds()), r.CallerPhoneNumber, strings.Join(agents(r), ", "), r.ID)))
		}
	}

	what := "Delete it for good"
	if len(ids) > 1 {
		what = "Delete these " + cli.Number(len(ids)) + " for good"
	}
	if d.media {
		what += ", with the media"
	}
	ok, err := d.Confirm(what + "?")
	if err == nil && !ok {
		d.Note("nothing was deleted")
	}
	return ok, err
}
