package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"recordings/cmd/recordings/internal/progress"
	"recordings/mapping"
)

var exportCommand = command{
	name:  "export",
	args:  "[--contact-center ID] [--format ndjson|csv] [--zone ZONE] [-o FILE] [--server URL] CRITERION=VALUE…",
	brief: "write all recordings that match to a file",
	help: `Writes all recordings that match a search, newest first, as NDJSON (a line of JSON for each, with all there is to know) or as CSV
(a table for spreadsheets). The criteria are those of a search, such as startTime=2026-05-01T00:00:00Z or userName='alice AND
amber'; startTime=0 matches everything.

The file is written under another name first, and gets its own when it is whole: that the service has said how many recordings
there are, and that they are as many, is checked. An export that was interrupted leaves no file, and is begun anew. Without -o
it goes to standard output, and only the exit status tells whether it is whole: 0, or 1 if it is not.

A user with the role ops names the contact center; one with the role admin does not.

` + clientHelp,
	operands: len(mapping.CriteriaParams),
	prepare: func(p *program, flags *flag.FlagSet) func(context.Context) error {
		e := export{program: p, flags: flags}
		flags.StringVar(&e.contactCenter, "contact-center", "", "the `ID` of the contact center, for a user with the role ops")
		flags.StringVar(&e.format, "format", "ndjson", "the `FORMAT`: ndjson or csv")
		flags.StringVar(&e.zone, "zone", "", "the time `ZONE` of a CSV, such as America/Los_Angeles (default UTC)")
		flags.StringVar(&e.file, "o", "", "the `FILE` to write (default standard output)")
		client := p.clientFlags(flags)
		return func(ctx context.Context) (err error) {
			if e.client, err = client(); err != nil {
				return err
			}
			defer e.client.close()
			return e.run(ctx)
		}
	},
}

// export is one run of the command.
type export struct {
	*program
	flags  *flag.FlagSet
	client *client

	contactCenter, format, zone, file string
}

func (e *export) run(ctx context.Context) error {
	criteria, err := parseOperands(e.flags.Args())
	switch {
	case err != nil:
		return err
	case e.format != "ndjson" && e.format != "csv":
		return usage("--format is neither ndjson nor csv")
	case e.zone != "" && e.format != "csv":
		return usage("--zone is for --format csv only; in NDJSON all times are in UTC")
	}
	if e.file == "" || e.file == "-" {
		return e.copy(ctx, criteria, e.stdout)
	}
	return writeWhole(e.file, func(w io.Writer) error { return e.copy(ctx, criteria, w) })
}

// parseOperands reads criteria as they are written on the command line.
func parseOperands(operands []string) (url.Values, error) {
	criteria := make(url.Values)
	for _, o := range operands {
		name, value, ok := strings.Cut(o, "=")
		if !ok || !slices.Contains(mapping.CriteriaParams, name) {
			return nil, usage("%q is no criterion; accepted are %s, each with = and a value", o, strings.Join(mapping.CriteriaParams, ", "))
		}
		if criteria.Has(name) {
			return nil, usage("%s is given more than once", name)
		}
		criteria.Set(name, value)
	}
	if len(criteria) == 0 {
		return nil, usage("which recordings? startTime=0 exports all; `recordings help export` tells more")
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

// copy writes the export, and makes sure that it is whole.
func (e *export) copy(ctx context.Context, criteria url.Values, w io.Writer) error {
	total := e.total(ctx, criteria)
	query := url.Values{"format": {e.format}}
	if e.zone != "" {
		query.Set("zone", e.zone)
	}
	for name, values := range criteria {
		query[name] = values
	}
	body, err := e.client.open(ctx, e.path("/export"), query)
	if err != nil {
		return err
	}
	defer body.Close()
	meter := progress.New(e.stderr)
	defer meter.End()
	check := &exportCheck{csv: e.format == "csv"}
	buf := make([]byte, 256<<10)
	for {
		n, err := body.Read(buf)
		check.add(buf[:n])
		if _, err := w.Write(buf[:n]); err != nil {
			return fmt.Errorf("writing the export: %w", err)
		}
		meter.Show(progress.State{Phase: "exporting", Done: check.recordings(), Total: max(total, check.recordings()), Unit: "recordings"})
		if errors.Is(err, io.EOF) {
			return check.whole()
		}
		if err != nil {
			return fmt.Errorf("the export broke off after %d recordings: %w", check.recordings(), cmp.Or(context.Cause(ctx), err))
		}
	}
}

// total is about how many recordings there will be, to show how far it is; 0 where that cannot be had.
func (e *export) total(ctx context.Context, criteria url.Values) int64 {
	query := url.Values{"total": {"true"}, "limit": {"1"}}
	for name, values := range criteria {
		query[name] = values
	}
	var answer struct {
		Total int64 `json:"total"`
	}
	if e.client.call(ctx, http.MethodGet, e.path("/recordings"), query, &answer) != nil {
		return 0 // the export itself tells what is wrong
	}
	return answer.Total
}

// writeWhole writes a file that is there only when it is whole, and then survives a power cut.
func writeWhole(name string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*.partial")
	if err != nil {
		return fmt.Errorf("creating a file: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := errors.Join(f.Chmod(0o600), f.Sync()); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	_ = f.Close() // everything is synced
	return syncDirOf(name)
}

func syncDirOf(name string) error {
	dir, err := os.Open(filepath.Dir(name))
	if err != nil {
		return fmt.Errorf("making %s durable: %w", name, err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("making %s durable: %w", name, err)
	}
	return nil
}
