package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/cli"
	"recordings/cmd/recordings/internal/importer"
	"recordings/cmd/recordings/internal/progress"
)

// maxFiles is how many files one import takes.
const maxFiles = 10_000

// importRun is one import of all its files.
type importRun struct {
	*program
	contactCenter string
	data, config  string
	dryRun, marks bool
	resume        bool
	rejects       string
	retryFor      time.Duration
	json          bool
	files         []string
	client        func() (*client.Client, error)

	place    string // what is imported into, for the state file
	deliver  importer.Deliver
	meter    *progress.Meter
	total    int64 // bytes of all files, 0: not known
	done     int64 // bytes of the files before
	totals   importer.Totals
	rejected []string // files for rejected lines
}

func (p *program) importCommand() *cobra.Command {
	i := importRun{program: p}
	c := &cobra.Command{
		Use: "import --contact-center ID [--data DIR | --server URL] [--resume] [--dry-run]" +
			" [--marks] [--rejects FILE] [--json] [FILE…]",
		GroupID: groupRecordings,
		Short:   "put recordings from files, one JSON object a line",
		Long: `Puts the recordings of files, or of standard input, into the service, one JSON object a
line, as they would be posted, or as an array; either may be compressed by gzip. Importing something
again is safe: recordings merge, they are never doubled. With --data it writes to the data directory of
a stopped service (max_body, accept_empty_history and contact_centers are those of --config).

With --marks the holds and labels of exported lines are taken over, too; labels have to be defined
before.

A rejected line does not disturb the others: it goes with its reason to FILE.rejects, and the exit
status is 3. While the service is away, or its disk is full, it is tried again for as long as
--retry-for says. How far it is is kept in FILE.import until it is done: when it was interrupted,
--resume goes on from there.`,
		Example: `  recordings import --contact-center berlin calls.ndjson
  recordings import --contact-center berlin --resume calls.ndjson`,

		DisableFlagsInUseLine: true,
		Args:                  operands(maxFiles),
		RunE: func(c *cobra.Command, args []string) error {
			i.files = args
			return i.run(c.Context())
		},
	}

	flags := c.Flags()
	flags.StringVar(&i.data, "data", "", "the data `DIR` of a stopped service, to write to it without one")
	flags.StringVar(&i.config, "config", "", "with --data: the configuration `FILE` of the service")
	flags.BoolVar(&i.dryRun, "dry-run", false, "put nothing, but say what would become of each line")
	flags.BoolVar(&i.marks, "marks", false, "take the holds and labels of the lines, too")
	flags.BoolVar(&i.resume, "resume", false, "go on where an import of the same file was interrupted")
	flags.StringVar(&i.rejects, "rejects", "", "the `FILE` for rejected lines (default FILE.rejects)")
	flags.DurationVar(&i.retryFor, "retry-for", 10*time.Minute, "how `LONG` to try again without any progress")
	flags.BoolVar(&i.json, "json", false, "the totals as one line of JSON on standard output")
	i.client = p.addCenter(c, &i.contactCenter, " (required)")
	return c
}

// importResult is what --json writes.
type importResult struct {
	DryRun      bool     `json:"dryRun"`
	Interrupted bool     `json:"interrupted"`
	Rejects     []string `json:"rejects"` // the files for rejected lines that were written
	Seconds     float64  `json:"seconds"`
	importer.Totals
}

// run imports the files in turn, and ends with the totals of all of them, whatever went wrong.
func (c *importRun) run(ctx context.Context) (err error) {
	if err := c.check(); err != nil {
		return err
	}

	end, err := c.connect(ctx)
	if err != nil {
		return err
	}

	began := time.Now()
	c.meter = progress.New(c.stderr)
	for _, file := range c.files {
		if err = c.file(ctx, file); err != nil {
			break
		}
	}

	c.meter.Clear()

	// The totals are the last thing to read, behind what may go wrong at the end.
	err = errors.Join(err, end())
	if shown := c.show(time.Since(began), err != nil); shown != nil {
		return errors.Join(err, shown)
	}

	if err == nil && c.totals.Rejected > 0 {
		err = errPartly
	}

	return err
}

// check finds out what is imported, and refuses what cannot be meant.
func (c *importRun) check() error {
	if len(c.files) == 0 {
		c.files = []string{"-"}
	}

	switch {
	case c.contactCenter == "":
		return cli.NoCenter("import")
	case c.config != "" && c.data == "":
		return usage("--config is for --data only; a service has its own configuration")
	case c.rejects != "" && len(c.files) > 1:
		return usage("--rejects is for one file; those of several files are beside each")
	}

	for _, file := range c.files {
		if file == "-" {
			c.total = 0 // nobody knows how much comes by standard input
			if c.resume {
				return usage("--resume needs a file: standard input cannot be read once more")
			}
			return nil
		}

		info, err := os.Stat(file)
		if err != nil {
			return fmt.Errorf("importing: %w", err)
		}

		c.total += info.Size()
	}

	return nil
}

// connect finds out where to put the recordings.
func (c *importRun) connect(ctx context.Context) (end func() error, err error) {
	if c.data != "" {
		return c.openData(ctx)
	}

	cl, err := c.client()
	if err != nil {
		return nil, err
	}

	c.place = cl.Server()
	c.deliver = (&batchPost{
		center: cl.Center(c.contactCenter), options: client.BatchOptions{DryRun: c.dryRun, Marks: c.marks},
	}).deliver
	return func() error { cl.Close(); return nil }, nil
}

// file imports one file.
func (c *importRun) file(ctx context.Context, name string) error {
	o := importer.Options{
		Deliver: c.deliver, Rejects: c.rejects, RetryFor: c.retryFor, Warn: c.meter.Printf,
		Identity: fmt.Sprintf("contact center %q of %s", c.contactCenter, c.place),
	}

	base, input := "standard-input", importer.NewInput(c.stdin)
	if name == "-" && c.common().Asks() {
		c.common().Note("reading standard input, a recording a line; Ctrl-D ends it")
	}
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("importing: %w", err)
		}
		defer f.Close()
		base, input = name, importer.NewInput(f)
		if !c.dryRun { // what was only tried is tried again as a whole
			// Of several files, those that were not begun have no state, and are imported as a whole.
			o.State, o.Resume = name+".import", c.resume && exists(name+".import")
		}
	}
	if o.Rejects == "" {
		o.Rejects = base + ".rejects"
	}

	o.Input = input
	o.Progress = func(bytes int64, t importer.Totals) {
		if input.Converted() {
			c.total = 0 // bytes of lines say nothing of those of the file
		}
		c.progress(bytes, t)
	}

	totals, err := importer.Import(ctx, o)
	c.totals.Add(totals)
	if totals.Rejected > 0 {
		c.rejected = append(c.rejected, o.Rejects)
	}

	if info, statErr := os.Stat(name); statErr == nil {
		c.done += info.Size()
	}

	if err != nil {
		return fmt.Errorf("importing %s: %w", name, err)
	}

	return nil
}

// exists reports whether there is a file, as far as it may be looked at.
func exists(name string) bool {
	_, err := os.Stat(filepath.Clean(name))
	return err == nil
}

// progress shows how far the import is; bytes are those of the present file.
func (c *importRun) progress(bytes int64, t importer.Totals) {
	t.Add(c.totals)
	note := cli.Count(t.Lines, "recording")
	if t.Rejected > 0 {
		note += ", " + progress.Number(t.Rejected) + " rejected"
	}

	phase := "importing"
	if c.dryRun {
		phase = "trying"
	}

	c.meter.Show(progress.State{Phase: phase, Done: c.done + bytes, Total: c.total, Unit: progress.Bytes, Note: note})
}

// show writes the totals.
func (c *importRun) show(took time.Duration, interrupted bool) error {
	t := &c.totals
	did := "imported"
	if c.dryRun {
		did = "would import"
	}

	rate := int64(float64(t.Lines) / max(took.Seconds(), 0.001))
	n := progress.Number
	fmt.Fprintf(c.stderr, "%s %s in %v (%s/s): %s created, %s merged, %s unchanged, %s rejected\n",
		did, cli.Count(t.Lines, "line"), took.Round(100*time.Millisecond), n(rate), n(t.Created), n(t.Merged),
		n(t.Unchanged), n(t.Rejected))

	for _, file := range c.rejected {
		fmt.Fprintf(c.stderr, "the rejected lines, and why they were, are in %s\n", file)
	}

	if interrupted && !c.dryRun && c.files[0] != "-" {
		fmt.Fprintln(c.stderr, "the same command with --resume goes on from here")
	}
	if !c.json {
		return nil
	}

	return c.line(importResult{
		DryRun: c.dryRun, Interrupted: interrupted, Rejects: append([]string{}, c.rejected...),
		Seconds: took.Seconds(), Totals: *t,
	})
}
