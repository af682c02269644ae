package calls

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/cli"
	"recordings/cmd/recordings/internal/criteria"
	"recordings/cmd/recordings/internal/progress"
	"recordings/internal/durable"
	"recordings/mapping"
)

// export is one run of the command.
type export struct {
	*cli.Program
	connection *cli.Connection
	criteria   *criteria.Set
	center     *client.Center

	contactCenter, sort, file string
	changedSince              string
	options                   client.ExportOptions
}

// Export is the command that writes all recordings that match.
func Export(p *cli.Program) *cobra.Command {
	e := export{Program: p}
	c := &cobra.Command{
		Use:     "export [--since TIME] [CRITERION=VALUE…] [--format ndjson|csv|xlsx] [-o FILE] [flags]",
		GroupID: Group,
		Short:   "write all recordings that match to a file",
		Long: `Writes all recordings that match, newest first: as NDJSON (a line of JSON each), XLSX (for
spreadsheets) or CSV (exact; --guard spreadsheet keeps spreadsheets from changing it). startTime=0
matches all. The file is there only if it is whole. --retry-for resumes NDJSON where the connection
breaks. What was changed since an export: --changed-since its last changedTime, with --sort changedTime.`,
		Example: `  recordings export --format xlsx -o may.xlsx --since 2026-05-01
  recordings export userName='alice AND amber' | wc -l`,

		DisableFlagsInUseLine: true,
		Args:                  cli.Operands(criteria.Most),
		RunE:                  func(c *cobra.Command, args []string) error { return e.run(c.Context(), args) },
	}

	e.criteria = criteria.Add(p, c)
	flags := c.Flags()
	flags.StringVar(&e.options.Format, "format", client.NDJSON, "ndjson, csv or xlsx")
	flags.StringVar(&e.options.Zone, "zone", "", "the `ZONE` of a table, as Asia/Tokyo (default UTC)")
	flags.StringVar(&e.options.Separator, "separator", "", "of a CSV: comma, semicolon or tab")
	flags.StringVar(&e.options.Guard, "guard", "", "of a CSV: spreadsheet")
	flags.StringVar(&e.changedSince, "changed-since", "", "last changed at this `TIME` or later")
	flags.StringVar(&e.sort, "sort", "", "startTime (oldest first), changedTime (of changes)")
	flags.DurationVar(&e.options.RetryFor, "retry-for", 0, "how `LONG` to try to go on")
	flags.StringVarP(&e.file, "output", "o", "", "the `FILE` to write (default standard output)")
	e.connection = p.AddServer(c)
	e.connection.AddCenter(c, &e.contactCenter, " (role ops)")
	e.connection.Flags = criteria.Names()
	e.connection.Flags[mapping.ParamChangedSince] = "--changed-since"
	for _, name := range []string{"zone", "format", "separator", "guard", "sort"} {
		e.connection.Flags[name] = "--" + name
	}
	cli.CompleteValues(c, "format", client.NDJSON, client.CSV, client.XLSX)
	cli.CompleteValues(c, "sort", orders...)
	cli.CompleteValues(c, "separator", "comma", "semicolon", "tab")
	cli.CompleteValues(c, "guard", "spreadsheet")
	return c
}

// check refuses what cannot be meant.
func (e *export) check() error {
	o := &e.options
	switch {
	case o.Format != client.NDJSON && o.Format != client.CSV && o.Format != client.XLSX:
		return cli.Usage("--format %q is neither ndjson, csv nor xlsx", o.Format)
	case o.Zone != "" && o.Format == client.NDJSON:
		return cli.Usage("--zone is for --format csv and xlsx only; in NDJSON all times are in UTC")
	case (o.Separator != "" || o.Guard != "") && o.Format != client.CSV:
		return cli.Usage("--separator and --guard are for --format csv only")
	case o.RetryFor != 0 && o.Format != client.NDJSON:
		return cli.Usage("--retry-for is for --format ndjson only: a table is begun anew")
	}
	return checkOrder(e.sort)
}

func (e *export) run(ctx context.Context, args []string) (err error) {
	if e.changedSince != "" {
		args = append(args, mapping.ParamChangedSince+"="+e.changedSince)
	}
	asked, err := e.criteria.Parse(args)
	if err == nil {
		err = e.check()
	}
	if err != nil {
		return err
	}
	if len(asked) == 0 {
		return cli.Usage("which recordings? startTime=0 exports all; `recordings help export` says more")
	}

	var c *client.Client
	if e.center, c, err = e.connection.Center(ctx); err != nil {
		return err
	}
	defer c.Close()

	if e.file == "" || e.file == "-" {
		return e.copy(ctx, asked, e.Stdout)
	}
	write := func(w io.Writer) error { return e.copy(ctx, asked, w) }
	return durable.ReplaceBy(e.file, write)
}

// pieceSize is how many bytes of an export are copied at a time.
const pieceSize = 256 << 10

// copy writes the export, and makes sure that it is whole.
func (e *export) copy(ctx context.Context, asked client.Criteria, w io.Writer) error {
	// A moment later there may be more or fewer: the total is for the progress, never for the check.
	total := e.total(ctx, asked)

	meter := progress.New(e.Stderr)
	defer meter.End()
	e.options.Resumed = func(err error, in time.Duration) { meter.Printf("%s; going on in %v", cli.Words(err), in) }
	x, err := e.center.Export(ctx, client.Query{Criteria: asked, Sort: e.sort}, e.options)
	if err != nil {
		return err
	}
	defer x.Close()

	began, size := time.Now(), int64(0)
	show := func() {
		state := progress.State{Phase: "exporting", Done: x.Recordings(), Unit: "recordings"}
		state.Total = max(total, state.Done)
		if e.options.Format == client.XLSX { // nobody knows how many recordings it has so far
			state.Done, state.Total, state.Unit = size, 0, progress.Bytes
		}
		meter.Show(state)
	}
	buf := make([]byte, pieceSize)
	for {
		n, err := x.Read(buf)
		if _, err := w.Write(buf[:n]); err != nil {
			return fmt.Errorf("writing the export: %w", err)
		}
		size += int64(n)
		show()

		if err == io.EOF {
			meter.Clear()
			e.verdict(x, total, size, time.Since(began))
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// verdict says how much was exported, and where it is.
func (e *export) verdict(x *client.Export, total, size int64, took time.Duration) {
	what := cli.Count(x.Recordings(), "recording")
	if e.options.Format == client.XLSX {
		what = "about " + cli.Count(total, "recording")
	}
	where := ""
	if e.file != "" && e.file != "-" {
		where = " to " + e.file
	}
	fmt.Fprintf(e.Stderr, "exported %s%s: %s in %v\n", what, where, cli.Bytes(size), took.Round(100*time.Millisecond))
}

// total is about how many recordings there will be, to show how far it is; 0 where that cannot be
// had. It also shows what the service has to say about the criteria.
func (e *export) total(ctx context.Context, asked client.Criteria) int64 {
	page, err := e.center.Search(ctx, client.Query{Criteria: asked, Limit: 1, Total: true})
	if err != nil {
		return 0 // the export itself says what is wrong
	}

	for _, notice := range page.Notice {
		e.Note("%s", cli.Printable(notice))
	}
	return page.Total
}
