package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"recordings/cmd/recordings/internal/client"
	"recordings/cmd/recordings/internal/progress"
	"recordings/internal/durable"
	"recordings/mapping"
)

// export is one run of the command.
type export struct {
	*program
	client *client.Client

	contactCenter, sort, file      string
	changedSince                   string
	format, zone, separator, guard string
}

func (p *program) exportCommand() *cobra.Command {
	e := export{program: p}
	var service func() (*client.Client, error) // known only when the flags are declared, below
	c := &cobra.Command{
		Use: "export [--contact-center ID] [--format ndjson|csv|xlsx] [--zone ZONE] [--separator NAME]" +
			" [--guard spreadsheet] [--changed-since TIME] [--sort changedTime] [-o FILE] [--server URL]" +
			" CRITERION=VALUE…",
		GroupID: groupRecordings,
		Short:   "write all recordings that match to a file",
		Long: `Writes all recordings that match a search, newest first, as NDJSON (a line of JSON for each, with all
there is to know), as XLSX (a workbook for spreadsheets) or as CSV (an exact table for programs; with
--guard spreadsheet an apostrophe keeps spreadsheets from making numbers and dates of its text). The
criteria are those of a search, such as startTime=2026-05-01T00:00:00Z or userName='alice AND amber';
startTime=0 matches everything.

The file is written under another name first, and gets its own when it is whole: that the service has
said how many recordings there are, and that they are as many, is checked. An export that was
interrupted leaves no file, and is begun anew. Without -o it goes to standard output, and only the exit
status says whether it is whole: 0, or 1 if it is not.

What was posted or changed since the last export, late uploads too, is exported by --changed-since, with
the changedTime of the last recording of that export, and --sort changedTime.

A user with the role ops names the contact center; one with the role admin does not.`,
		Example: `  recordings export --format xlsx --zone Europe/Berlin -o may.xlsx startTime=2026-05-01T00:00:00Z ` +
			`startedBefore=2026-06-01T00:00:00Z
  recordings export userName='alice AND amber' | wc -l
  recordings export --changed-since 2026-05-17T00:00:00Z --sort changedTime -o late.ndjson`,

		DisableFlagsInUseLine: true,
		Args:                  operands(len(mapping.CriteriaParams)),
		ValidArgsFunction:     completeCriteria,
		RunE: func(c *cobra.Command, args []string) (err error) {
			if e.client, err = service(); err != nil {
				return err
			}
			defer e.client.Close()
			return e.run(c.Context(), args)
		},
	}

	flags := c.Flags()
	flags.StringVar(&e.contactCenter, "contact-center", "",
		"the `ID` of the contact center, for a user with the role ops")
	flags.StringVar(&e.format, "format", "ndjson", "the `FORMAT`: ndjson, csv or xlsx")
	flags.StringVar(&e.zone, "zone", "", "the time `ZONE` of a table, such as America/Los_Angeles (default UTC)")
	flags.StringVar(&e.separator, "separator", "",
		"the `NAME` of what divides the cells of a CSV: comma, semicolon or tab (default comma)")
	flags.StringVar(&e.guard, "guard", "",
		"spreadsheet puts an apostrophe in front of text of a CSV that a spreadsheet `WOULD` change")
	flags.StringVar(&e.changedSince, "changed-since", "",
		"only what was last changed at this `TIME` or later, as the criterion changedSince")
	flags.StringVar(&e.sort, "sort", "", "the `ORDER`: changedTime, the oldest change first (default newest first)")
	flags.StringVarP(&e.file, "output", "o", "", "the `FILE` to write (default standard output)")
	service = p.addServer(c)
	return c
}

// completeCriteria completes the names of the criteria that are not there yet.
func completeCriteria(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []cobra.Completion
	for _, name := range mapping.CriteriaParams {
		given := func(arg string) bool { return strings.HasPrefix(arg, name+"=") }
		if !slices.ContainsFunc(args, given) {
			names = append(names, name+"=")
		}
	}
	return names, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
}

func (e *export) run(ctx context.Context, args []string) error {
	if e.changedSince != "" {
		args = append(args, mapping.ParamChangedSince+"="+e.changedSince)
	}
	criteria, err := parseOperands(args)
	switch {
	case err != nil:
		return err
	case !slices.Contains([]string{"ndjson", "csv", "xlsx"}, e.format):
		return usage("--format is neither ndjson, csv nor xlsx")
	case e.sort != "" && e.sort != "changedTime":
		return usage("--sort is not changedTime; without it the newest recordings are first")
	case e.zone != "" && e.format == "ndjson":
		return usage("--zone is for --format csv and xlsx only; in NDJSON all times are in UTC")
	case (e.separator != "" || e.guard != "") && e.format != "csv":
		return usage("--separator and --guard are for --format csv only")
	}

	if e.file == "" || e.file == "-" {
		return e.copy(ctx, criteria, e.stdout)
	}

	return durable.ReplaceBy(e.file, func(w io.Writer) error { return e.copy(ctx, criteria, w) })
}

// parseOperands reads criteria as they are written on the command line.
func parseOperands(operands []string) (url.Values, error) {
	criteria := make(url.Values)
	for _, o := range operands {
		name, value, ok := strings.Cut(o, "=")
		if !ok || !slices.Contains(mapping.CriteriaParams, name) {
			return nil, usage("%q is no criterion; accepted are %s, each with = and a value",
				o, strings.Join(mapping.CriteriaParams, ", "))
		}
		if criteria.Has(name) {
			return nil, usage("%s is given more than once", name)
		}

		criteria.Set(name, value)
	}

	if len(criteria) == 0 {
		return nil, usage("which recordings? startTime=0 exports all; `recordings help export` says more")
	}

	return criteria, nil
}

// path is that of a resource of the contact center.
func (e *export) path(name string) string {
	if e.contactCenter != "" {
		return "/api/v2/ops/contact-centers/" + url.PathEscape(e.contactCenter) + name
	}
	return "/api/v2" + name
}

// pieceSize is how many bytes of an export are copied at a time.
const pieceSize = 256 << 10

// copy writes the export, and makes sure that it is whole.
func (e *export) copy(ctx context.Context, criteria url.Values, w io.Writer) error {
	// A moment later there may be more or fewer: the total is for the progress, never for the check.
	total := e.total(ctx, criteria)

	query := maps.Clone(criteria)
	query.Set("format", e.format)
	for name, value := range map[string]string{
		"sort": e.sort, "zone": e.zone, "separator": e.separator, "guard": e.guard,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}

	body, err := e.client.Open(ctx, e.path("/export"), query)
	if err != nil {
		return err
	}
	defer body.Close()

	meter := progress.New(e.stderr)
	defer meter.End()
	check := e.check()
	buf := make([]byte, pieceSize)
	for {
		// A reader may return bytes together with its error, so the bytes come first.
		n, err := body.Read(buf)
		check.add(buf[:n])
		if _, err := w.Write(buf[:n]); err != nil {
			return fmt.Errorf("writing the export: %w", err)
		}

		count, unit := check.done()
		state := progress.State{Phase: "exporting", Done: count, Unit: unit}
		if unit == "recordings" {
			state.Total = max(total, count)
		}
		meter.Show(state)

		if errors.Is(err, io.EOF) {
			return check.whole()
		}
		if err != nil {
			return fmt.Errorf("the export broke off after %d %s: %w", count, unit, cmp.Or(context.Cause(ctx), err))
		}
	}
}

// check is what makes sure that an export of its format is whole.
func (e *export) check() exportCheck {
	switch {
	case e.format == "xlsx":
		return new(workbookCheck)
	case e.separator == "semicolon":
		return &lineCheck{separator: ';'}
	case e.separator == "tab":
		return &lineCheck{separator: '\t'}
	case e.format == "csv":
		return &lineCheck{separator: ','}
	}
	return new(lineCheck)
}

// total is about how many recordings there will be, to show how far it is; 0 where that cannot be
// had. It also shows what the service has to say about the criteria.
func (e *export) total(ctx context.Context, criteria url.Values) int64 {
	query := maps.Clone(criteria)
	query.Set("total", "true")
	query.Set("limit", "1")

	var answer struct {
		Total  int64    `json:"total"`
		Notice []string `json:"notice"`
	}

	if e.client.Call(ctx, http.MethodGet, e.path("/recordings"), query, &answer) != nil {
		return 0 // the export itself says what is wrong
	}

	for _, notice := range answer.Notice {
		fmt.Fprintf(e.stderr, "note: %s\n", notice)
	}
	return answer.Total
}
