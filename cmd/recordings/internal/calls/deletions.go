package calls

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/cli"
	"recordings/cmd/recordings/internal/progress"
	"recordings/erase/deletion"
	"recordings/erase/jobs"
	"recordings/index"
)

// deletionBody asks for a bulk deletion.
type deletionBody struct {
	Criteria     client.Criteria `json:"criteria"`
	Subresources bool            `json:"subresources"`
	DryRun       bool            `json:"dryRun,omitzero"`
	Expected     int64           `json:"expected"`
}

// deletionAnswer is what the service says to it.
type deletionAnswer struct {
	DryRun   deletion.Preview  `json:"dryRun"`
	Deletion deletion.Deletion `json:"deletion"`
}

// many deletes all that match.
func (d *deleteRun) many(ctx context.Context, center *client.Center, asked client.Criteria) error {
	body := deletionBody{Subresources: d.media, Expected: d.expected, Criteria: asked}
	post := func(answer *deletionAnswer) error {
		err := center.Do(ctx, http.MethodPost, "/deletions", nil, body, answer)
		return err
	}

	var answer deletionAnswer
	if d.dryRun || d.expected < 0 {
		body.DryRun, body.Expected = true, 0
		if err := post(&answer); err != nil {
			return err
		}
		if err := d.preview(answer.DryRun); err != nil || d.dryRun {
			return err
		}

		var err error
		if body.Expected, err = d.ask(answer.DryRun.Matched); err != nil {
			return err
		}
	}

	body.DryRun = false
	if err := post(&answer); err != nil {
		return err
	}
	fmt.Fprintf(d.Stderr, "deletion %d\n", answer.Deletion.Number)
	if d.detach {
		return showDeletion(d.Program, answer.Deletion, d.json)
	}
	return awaitDeletion(ctx, d.Program, center, "/deletions/"+strconv.Itoa(answer.Deletion.Number), d.json)
}

// preview shows what would be deleted.
func (d *deleteRun) preview(p deletion.Preview) error {
	if d.json && d.dryRun {
		return d.Line(p)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s match; %s of them are kept, as they are under a hold\n", cli.Count(p.Matched, "recording"),
		cli.Number(p.Held))
	if p.Matched > 0 {
		fmt.Fprintf(&b, "the oldest is of %s, the newest of %s\n", d.Moment(p.Oldest), d.Moment(p.Newest))
	}
	for _, s := range p.Samples {
		fmt.Fprintf(&b, "  %s  %s\n", d.Moment(s.StartTime), cli.Printable(s.ID))
	}
	if left := p.Matched - uint64(len(p.Samples)); left > 0 {
		fmt.Fprintf(&b, "  and %s more\n", cli.Number(left))
	}
	to := d.Stderr // what is asked behind it is read there, too
	if d.dryRun {
		to = d.Stdout
	}
	if _, err := fmt.Fprint(to, b.String()); err != nil {
		return fmt.Errorf("writing what would be deleted: %w", err)
	}
	return nil
}

// ask asks for the number of recordings that match, so that nobody deletes what they have not seen.
func (d *deleteRun) ask(matched uint64) (int64, error) {
	if matched == 0 {
		return 0, errors.New("nothing matches, so nothing is deleted")
	}
	fmt.Fprint(d.Stderr, "To delete them for good, type their number: ")
	line, err := cli.ReadLine(d.Stdin)
	if err != nil {
		return 0, err
	}
	line = strings.ReplaceAll(strings.TrimSpace(line), ",", "") // as it was shown
	if n, err := strconv.ParseUint(line, 10, 63); err != nil || n != matched {
		return 0, errors.New("that is not their number, so nothing is deleted")
	}
	return int64(matched), nil
}

// awaitDeletion shows how far a deletion is, until it ends or somebody stops it.
func awaitDeletion(ctx context.Context, p *cli.Program, center *client.Center, path string, asJSON bool) error {
	var last deletion.Deletion
	err := progress.Watch(ctx, p.Stderr, "the deletion", func() (s progress.State, ended bool, err error) {
		var answer deletionAnswer
		if err := center.Do(ctx, http.MethodGet, path, nil, nil, &answer); err != nil {
			return s, false, err
		}
		last = answer.Deletion
		return progress.State{
			Phase: string(last.Phase), Done: int64(last.Done), Total: int64(last.Matched), Unit: "recordings",
			Rate: last.Rate, Left: time.Duration(last.SecondsLeft) * time.Second, Note: last.Waits,
		}, last.Phase.Ended() && last.Ended > 0 || last.Phase == jobs.Paused || last.Phase == jobs.Unconfirmed, nil
	})
	if err != nil {
		return err
	}

	if err := showDeletion(p, last, asJSON); err != nil {
		return err
	}
	switch {
	case last.Phase != jobs.Done:
		return errors.New("the deletion is " + string(last.Phase))
	case last.Failed > 0 || last.MediaLeftBehind > 0:
		return cli.ErrPartly
	}
	return nil
}

// showDeletion writes the state of a deletion, or its verdict.
func showDeletion(p *cli.Program, d deletion.Deletion, asJSON bool) error {
	if asJSON {
		return p.Line(d)
	}
	text := d.Verdict
	if text == "" {
		text = fmt.Sprintf("%s of %s", cli.Number(d.Done), cli.Count(d.Matched, "recording"))
	}
	if d.Waits != "" {
		text += "; it waits " + d.Waits
	}
	_, err := fmt.Fprintf(p.Stdout, "%d  %s  %s: %s\n", d.Number, d.Cause, d.Phase, text)
	return err
}

// deletions is one run of the command.
type deletions struct {
	*cli.Program
	connection    *cli.Connection
	contactCenter string
	actions       map[index.Action]*bool
	results, json bool
}

// Deletions is the command that shows bulk deletions.
func Deletions(p *cli.Program) *cobra.Command {
	d := deletions{Program: p, actions: map[index.Action]*bool{}}
	c := &cobra.Command{
		Use:     "deletions [NUMBER [--pause | --resume | --cancel | --results]] [flags]",
		GroupID: Group,
		Short:   "show bulk deletions, and pause, resume or cancel one",
		Long: `Lists the bulk deletions of a contact center, also those of policies of retention, the newest first.
With a number it shows that one, and waits for its end; with --pause, --resume or --cancel it does that
to it. --resume also confirms a policy that would delete more than its max_share. With --results it
writes what became of each recording so far, a line of JSON each.`,
		Example: `  recordings deletions --contact-center berlin
  recordings deletions 3 --results --contact-center berlin > deleted.ndjson`,

		DisableFlagsInUseLine: true,
		Args:                  cli.Operands(1),
		RunE:                  func(c *cobra.Command, args []string) error { return d.run(c.Context(), args) },
	}

	flags := c.Flags()
	for _, a := range []index.Action{index.Pause, index.Resume, index.Cancel} {
		d.actions[a] = flags.Bool(string(a), false, string(a)+" the deletion")
	}
	flags.BoolVar(&d.results, "results", false, "write what became of each recording")
	flags.BoolVar(&d.json, "json", false, "one line of JSON for each deletion")
	d.connection = p.AddServer(c)
	d.connection.AddCenter(c, &d.contactCenter, " (required)")
	return c
}

func (d *deletions) run(ctx context.Context, args []string) error {
	asked := 0
	var action index.Action
	for a, given := range d.actions {
		if *given {
			action, asked = a, asked+1
		}
	}
	if d.results {
		asked++
	}
	switch {
	case d.contactCenter == "":
		return cli.NoCenter("deletions")
	case asked > 1:
		return cli.Usage("--pause, --resume, --cancel and --results exclude each other")
	case asked > 0 && len(args) == 0:
		return cli.Usage("the number of the deletion is missing, as in recordings deletions 3 --results")
	}

	center, c, err := d.connection.Center(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return d.do(ctx, center, c, action, args)
}

// do lists all deletions, or does with one what is asked for.
func (d *deletions) do(
	ctx context.Context, center *client.Center, c *client.Client, action index.Action, args []string,
) error {
	if len(args) == 0 {
		return d.list(ctx, center)
	}

	path := "/deletions/" + url.PathEscape(args[0])
	switch {
	case d.results:
		return d.CopyLines(ctx, c, center.Path(path+"/results"))
	case action != "":
		var answer deletionAnswer
		if err := center.Do(ctx, http.MethodPost, path+"/"+string(action), nil, nil, &answer); err != nil {
			return err
		}
		return showDeletion(d.Program, answer.Deletion, d.json)
	}
	return awaitDeletion(ctx, d.Program, center, path, d.json)
}

// list shows all deletions.
func (d *deletions) list(ctx context.Context, center *client.Center) error {
	var answer struct {
		Deletions []deletion.Deletion `json:"deletions"`
	}
	if err := center.Do(ctx, http.MethodGet, "/deletions", nil, nil, &answer); err != nil {
		return err
	}
	for _, one := range answer.Deletions {
		if err := showDeletion(d.Program, one, d.json); err != nil {
			return err
		}
	}
	return nil
}
