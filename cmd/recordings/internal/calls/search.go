// Package calls has the commands that work with recordings of a running service: search, get, play,
// delete and export.
package calls

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/cli"
	"recordings/cmd/recordings/internal/criteria"
	"recordings/internal/durable"
)

// Group is the group of these commands in the overview.
const Group = "recordings"

// The formats of search.
const (
	formatTable  = "table"
	formatNDJSON = client.NDJSON
)

// search is one run of the command.
type search struct {
	*cli.Program
	connection *cli.Connection
	criteria   *criteria.Set

	contactCenter, format, zone, sort, by, file string
	saved                                       string
	columns                                     []string
	limit                                       int
	all, count                                  bool
}

// Search is the command that finds recordings.
func Search(p *cli.Program) *cobra.Command {
	s := search{Program: p}
	c := &cobra.Command{
		Use:     "search [--since TIME] [--agent NAME] [CRITERION=VALUE…] [flags]",
		GroupID: Group,
		Short:   "find recordings",
		Long: `Finds recordings, the newest first: all, or those that match all of the flags and criteria.
Criteria are those of the API, such as callType=Inbound or userDataKey.Queue=Billing. Times are in your zone.
csv and xlsx have all that match. --by counts them by when they start. See also: recordings search saved.`,
		Example: `  recordings search --since yesterday --agent müller
  recordings search --caller '*4668' --all --format ndjson | jq -r .id
  recordings search --since 'last month' --by day`,

		DisableFlagsInUseLine: true,
		Args:                  cli.Operands(criteria.Most),
		RunE: func(c *cobra.Command, args []string) error {
			if err := s.checkBy(c.Flags().Changed); err != nil {
				return err
			}
			return s.run(c.Context(), args)
		},
	}

	s.criteria = criteria.Add(p, c)
	flags := c.Flags()
	flags.IntVar(&s.limit, "limit", 100, "so many `N` at most")
	flags.BoolVar(&s.all, "all", false, "all that match")
	flags.BoolVar(&s.count, "count", false, "only how many match")
	flags.StringVar(&s.by, "by", "", "count by `INTERVAL`: hour, day, week or month")
	flags.StringVar(&s.sort, "sort", "", "the `ORDER`: startTime (oldest first), changedTime")
	flags.StringVar(&s.format, "format", formatTable, "table, ndjson, csv or xlsx")
	flags.StringSliceVar(&s.columns, "columns", nil, "of a table, by their `NAMES`: "+strings.Join(columnNames(), ","))
	flags.StringVar(&s.zone, "zone", "", "another time `ZONE`, such as Europe/Berlin")
	flags.StringVar(&s.saved, "saved", "", "what was saved under this `NAME`")
	flags.StringVarP(&s.file, "output", "o", "", "the `FILE` to write")
	s.connection = p.AddServer(c)
	s.connection.AddCenter(c, &s.contactCenter, " (role ops)")
	s.connection.Flags = criteria.Names()
	s.connection.Flags["interval"], s.connection.Flags["zone"] = "--by", "--zone"
	cli.CompleteValues(c, "by", intervals()...)
	cli.CompleteValues(c, "format", formatTable, client.NDJSON, client.CSV, client.XLSX)
	cli.CompleteValues(c, "sort", orders...)
	cli.CompleteValues(c, "columns", columnNames()...)
	c.AddCommand(savedCommand(p))
	return c
}

// orders are what --sort may ask for.
var orders = []string{client.OldestFirst, client.OldestChangeFirst}

// checkOrder refuses an order that there is not.
func checkOrder(sort string) error {
	if sort == "" || slices.Contains(orders, sort) {
		return nil
	}
	return cli.Usage("--sort %q is neither startTime (oldest first) nor changedTime (by changes)%s; without it the "+
		"newest recordings are first", sort, cli.DidYouMean(sort, orders))
}

// check refuses what cannot be meant.
func (s *search) check() error {
	switch {
	case !slices.Contains([]string{formatTable, client.NDJSON, client.CSV, client.XLSX}, s.format):
		return cli.Usage("--format %q is none of table, ndjson, csv and xlsx, as in --format csv", s.format)
	case s.limit < 1:
		return cli.Usage("--limit %d finds nothing; --limit 10 finds the newest ten, --all finds all", s.limit)
	case s.format == client.XLSX && s.file == "" && s.Width() > 0:
		return cli.Usage("a workbook is nothing for a terminal; write it to a file, as in -o calls.xlsx")
	}
	if err := checkOrder(s.sort); err != nil {
		return err
	}

	for _, name := range s.columns {
		if !slices.Contains(columnNames(), name) {
			return cli.Usage("--columns: there is no column %q%s; there are %s", name,
				cli.DidYouMean(name, columnNames()), strings.Join(columnNames(), ","))
		}
	}
	return s.inZone()
}

// inZone has times be shown in the zone that is wanted, and days be counted in it.
func (s *search) inZone() error {
	if s.zone == "" {
		return nil
	}
	zone, err := time.LoadLocation(s.zone)
	if err != nil {
		return cli.Usage("--zone %q is not the name of a time zone, such as Europe/Berlin", s.zone)
	}
	s.Zone = zone
	return nil
}

func (s *search) run(ctx context.Context, args []string) error {
	program := *s.Program // its zone is that of this run
	s.Program = &program
	if err := s.check(); err != nil {
		return err
	}
	asked, err := s.criteria.Parse(args)
	if err != nil {
		return err
	}
	center, c, err := s.connection.Center(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if asked, err = s.ask(ctx, center, asked); err != nil {
		return err
	}

	write := func(w io.Writer) error { return s.write(ctx, center, asked, w) }
	if s.file == "" || s.file == "-" {
		err = write(s.Stdout)
	} else {
		err = durable.ReplaceBy(s.file, write)
	}
	return err
}

// write writes what was found in its format.
func (s *search) write(ctx context.Context, center *client.Center, asked client.Criteria, w io.Writer) error {
	q := client.Query{Criteria: asked, Sort: s.sort}
	s.Stdout = w // a file is no terminal, wherever the command runs
	switch {
	case s.by != "":
		return s.histogram(ctx, center, asked, w)
	case s.count:
		n, err := center.Count(ctx, asked)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(w, n)
		return err
	case s.format == client.CSV, s.format == client.XLSX:
		return s.export(ctx, center, q, w)
	case s.format == client.NDJSON && s.all:
		return s.export(ctx, center, q, w)
	case s.format == client.NDJSON:
		return s.pages(ctx, center, q, &lineWriter{w: w})
	}
	return s.pages(ctx, center, q, newTable(s.Program, w, s.columns))
}

// export writes all that match, as the service writes them.
func (s *search) export(ctx context.Context, center *client.Center, q client.Query, w io.Writer) error {
	o := client.ExportOptions{Format: s.format}
	if s.format != client.NDJSON {
		o.Zone = cmp.Or(s.zone, zoneName(s.Program))
	}

	e, err := center.Export(ctx, q, o)
	if err != nil {
		return err
	}
	defer e.Close()
	if s.format == client.NDJSON {
		w = &withoutEnd{w: w}
	}
	if _, err := io.Copy(w, e); err != nil {
		return err
	}
	return nil
}

// recordingWriter writes recordings one by one.
type recordingWriter interface {
	page(all []*client.Recording) error
}

// pages writes as many recordings as are wanted, page by page.
func (s *search) pages(ctx context.Context, center *client.Center, q client.Query, to recordingWriter) error {
	left := s.limit
	if q.Limit = min(100, left); s.all {
		q.Limit, left = 0, 1<<62
	}

	written, more := 0, false
	for page, err := range center.Pages(ctx, q) {
		if err != nil {
			return err
		}
		for _, notice := range page.Notice {
			s.Note("%s", cli.Printable(notice))
		}

		found := page.Recordings[:min(len(page.Recordings), left)]
		if err := to.page(found); err != nil {
			return fmt.Errorf("writing what was found: %w", err)
		}
		written, left = written+len(found), left-len(found)
		if more = page.NextURI != "" || len(found) < len(page.Recordings); left == 0 {
			break
		}
	}

	switch {
	case written == 0:
		return s.nothing(ctx, center, q)
	case more && s.Width() > 0:
		s.Note("these are the first %s; --all shows all, --count how many there are", cli.Number(written))
	}
	return nil
}

// nothing says why nothing was found: what each of several criteria finds alone.
func (s *search) nothing(ctx context.Context, center *client.Center, q client.Query) error {
	s.Note("nothing matches")
	if len(q.Criteria) < 2 || s.Width() == 0 {
		return nil
	}

	q.Limit, q.Explain = 1, true
	page, err := center.Search(ctx, q)
	if err != nil {
		return nil // it was worth a try
	}
	names := criteria.Names()
	for _, e := range page.Explain {
		s.Note("alone, %s %s finds %s", cmp.Or(names[e.Parameter], e.Parameter+"="), cli.Printable(e.Value),
			cli.Count(e.Matches, "recording"))
	}
	return nil
}

// lineWriter writes each recording as a line of JSON.
type lineWriter struct{ w io.Writer }

func (l *lineWriter) page(all []*client.Recording) error {
	for _, r := range all {
		text, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if _, err := l.w.Write(append(text, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// withoutEnd leaves out the last line of an export, which is no recording. It holds back a line until
// it knows that another one follows.
type withoutEnd struct {
	w    io.Writer
	held []byte // the last line, as far as it is there
}

// Write implements [io.Writer].
func (e *withoutEnd) Write(p []byte) (int, error) {
	e.held = append(e.held, p...)
	// The last byte of what is there may end the last line.
	body := e.held[:max(0, len(e.held)-1)]
	if i := bytes.LastIndexByte(body, '\n'); i >= 0 {
		if _, err := e.w.Write(e.held[:i+1]); err != nil {
			return 0, err
		}
		e.held = append(e.held[:0], e.held[i+1:]...)
	}
	return len(p), nil
}
