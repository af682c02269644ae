package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"recordings/audit"
	"recordings/cmd/recordings/internal/cli"
	"recordings/cmd/recordings/internal/config"
	"recordings/cmd/recordings/internal/mover"
	"recordings/cmd/recordings/internal/progress"
	"recordings/cmd/recordings/internal/service"
	"recordings/index/embedded"
)

// moveRun is one run of the command.
type moveRun struct {
	*program
	from, to    string // files
	check, json bool
}

func (p *program) moveCommand() *cobra.Command {
	m := moveRun{program: p}
	c := &cobra.Command{
		Use:     "move --from FILE --to FILE [--check] [--json]",
		GroupID: groupOperations,
		Short:   "move everything from one machine to a cluster, or back",
		Long: `Copies all recordings of the place that one configuration names to that of the other, in the same
words: their holds, labels and comments, the definitions of labels, saved searches, and the media left
behind. Then it compares both, recording by recording, and has the new place count them by searches. Of a
recording only the time of its last change is another. Nothing is removed from either place.

No service may use the two meanwhile, of a cluster no other either. A move that was interrupted goes on
where it was when it is begun again, so most of it can be done beforehand, from a backup that was
restored. With --check it only compares. Environment variables are not looked at. Exit status 3 if the
places are not the same in the end; what differs is listed, the first thousand.

The audit log is not moved: it stays in the data directory, which the new configuration may name, too.`,
		Example: `  recordings move --from one-machine.yaml --to cluster.yaml
  recordings move --from one-machine.yaml --to cluster.yaml --check --json`,

		DisableFlagsInUseLine: true,
		Args:                  operands(0),
		RunE:                  func(c *cobra.Command, _ []string) error { return m.run(c.Context()) },
	}

	flags := c.Flags()
	flags.StringVar(&m.from, "from", "", "the configuration `FILE` of where everything is (required)")
	flags.StringVar(&m.to, "to", "", "the configuration `FILE` of where it shall be (required)")
	flags.BoolVar(&m.check, "check", false, "write nothing, only compare")
	flags.BoolVar(&m.json, "json", false, "write what was done and found as one line of JSON")
	return c
}

// run opens both places and moves.
func (m *moveRun) run(ctx context.Context) (err error) {
	from, to, err := m.configurations()
	if err != nil {
		return err
	}
	source, err := service.OpenAny(ctx, from, version, newLog(m.stderr, "error"), false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := service.OpenAny(ctx, to, version, newLog(m.stderr, "error"), !m.check)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()

	if !m.check {
		e := audit.Entry{Action: audit.Post, Outcome: audit.Begun, Facts: map[string]any{"movedFrom": placeOf(from)}}
		if err := service.Audited(ctx, to.Data, newLog(m.stderr, "error"), e); err != nil {
			return err
		}
	}
	if err := m.settle(ctx, target); err != nil {
		return err
	}
	centers := centersOf(from, to)
	if one, ok := source.(*embedded.Index); ok {
		noted, err := embedded.NotedCenters(ctx, one)
		if err != nil {
			return fmt.Errorf("listing the contact centers: %w", err)
		}
		centers = append(centers, noted...)
	}
	report, err := m.move(ctx, source, target, centers)
	if err == nil {
		err = m.settle(ctx, target)
	}
	return errors.Join(err, m.show(report, placeOf(to), err == nil))
}

// configurations reads both, and refuses what cannot be meant.
func (m *moveRun) configurations() (from, to *config.Config, err error) {
	if m.from == "" || m.to == "" {
		return nil, nil, usage("--from and --to are required: the configurations of where everything is, and of " +
			"where it shall be, as in --from one-machine.yaml --to cluster.yaml")
	}
	if from, _, err = config.Load(config.Sources{File: m.from}); err != nil {
		return nil, nil, err
	}
	if to, _, err = config.Load(config.Sources{File: m.to}); err != nil {
		return nil, nil, err
	}
	if placeOf(from) == placeOf(to) {
		return nil, nil, usage("--from and --to name the same place, %s", placeOf(to))
	}
	return from, to, nil
}

// placeOf names where a configuration has its recordings.
func placeOf(c *config.Config) string {
	if c.Index == config.IndexOpenSearch {
		addresses := slices.Sorted(slices.Values(c.OpenSearch.Addresses))
		return fmt.Sprintf("the index %s of the cluster %s", c.OpenSearch.Index, strings.Join(addresses, ", "))
	}
	dir, err := filepath.Abs(c.Data)
	if err != nil {
		dir = c.Data
	}
	return "the data directory " + dir
}

// centersOf are the contact centers that the configurations name.
func centersOf(all ...*config.Config) (centers []string) {
	for _, c := range all {
		centers = append(centers, c.ContactCenters...)
		for _, u := range c.Users {
			centers = append(centers, u.ContactCenters...)
		}
		for _, t := range c.Tokens {
			centers = append(centers, t.ContactCenters...)
		}
	}
	return centers
}

// settle waits until a place answers searches, and is durable.
func (m *moveRun) settle(ctx context.Context, x service.Index) error {
	if one, ok := x.(*embedded.Index); ok {
		return m.awaitIndex(ctx, one)
	}
	return x.WaitReady(ctx)
}

// move moves, and shows how far it is.
func (m *moveRun) move(ctx context.Context, from, to service.Index, centers []string) (mover.Report, error) {
	meter := progress.New(m.stderr)
	defer meter.Clear()
	total := int64(from.Usage().Recordings)
	return mover.Run(ctx, from, to, mover.Options{
		Centers: centers, Check: m.check,
		Tell: func(phase mover.Phase, done uint64) {
			meter.Show(progress.State{Phase: string(phase), Done: int64(done), Total: total, Unit: "recordings"})
		},
	})
}

// show writes what was done and found. Any problem is the end of a command that has told it.
func (m *moveRun) show(r mover.Report, place string, whole bool) error {
	if m.json {
		err := m.line(struct {
			Interrupted bool `json:"interrupted"`
			mover.Report
		}{!whole, r})
		if err != nil {
			return err
		}
	} else {
		m.text(r, place, whole)
	}
	if r.Problems > 0 {
		return errPartly
	}
	return nil
}

// text writes it for people.
func (m *moveRun) text(r mover.Report, place string, whole bool) {
	for _, f := range r.Findings {
		text := fmt.Sprintf("%s: contact center %q", f.Kind, f.ContactCenter)
		if f.ID != "" {
			text = fmt.Sprintf("%s: recording %q of contact center %q", f.Kind, f.ID, f.ContactCenter)
		}
		if f.Detail != "" {
			text += ": " + f.Detail
		}
		fmt.Fprintln(m.stdout, cli.Printable(text))
	}
	if more := r.Problems - uint64(len(r.Findings)); more > 0 {
		fmt.Fprintf(m.stdout, "and %s more\n", cli.Count(more, "problem"))
	}

	if !m.check {
		fmt.Fprintf(m.stdout, "%s, %s, %s and %s were written to %s\n", cli.Count(r.Written, "recording"),
			cli.Count(r.Labels, "label"), saved(r.Searches), cli.Count(r.Orphans, "media file")+" left behind", place)
	}
	switch {
	case !whole:
		fmt.Fprintln(m.stdout, "it was interrupted; the same command goes on where it was")
	case r.Problems > 0:
		fmt.Fprintf(m.stdout, "of %s, %s\n", cli.Count(r.Recordings, "recording"), cli.Count(r.Problems, "problem"))
	default:
		fmt.Fprintf(m.stdout, "both places have the same %s\n", cli.Count(r.Recordings, "recording"))
	}
}

// saved is how many searches users have saved.
func saved(n int) string {
	if n == 1 {
		return "1 saved search"
	}
	return cli.Number(n) + " saved searches"
}
