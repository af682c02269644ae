package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/cli"
	"recordings/cmd/recordings/internal/progress"
	"recordings/index"
	"recordings/index/embedded"
	"recordings/index/embedded/backup"
)

const verifyPath = "/api/v2/ops/verify"

// verifyRun is one run of the command.
type verifyRun struct {
	*program
	data                         string
	repair, status, cancel, json bool
	client                       func() (*client.Client, error)
}

func (p *program) verifyCommand() *cobra.Command {
	v := verifyRun{program: p}
	c := &cobra.Command{
		Use:     "verify [--repair] [--status | --cancel | --data DIR] [--json] [--server URL]",
		GroupID: groupOperations,
		Short:   "compare all that is stored with its checksums, and with the search index",
		Long: `Has the running service read everything that it has stored: it compares the checksums of all files,
and makes sure that each recording can be read and is in the search index once and with the right terms,
and nothing else is. Searches go first, so it may take long. This command waits for it and shows each
problem that was found, the first thousand of them, and the verdict: exit status 0 if all is well, 1 if
not.

With --repair a search index that is damaged is built anew, from the recordings; this command waits for
that, too. A damaged recording is named by its contact center and id; nothing can mend it but a backup,
and nothing of it is removed. The service does all that by itself every now and then (scrub_interval).

With --data it verifies the data directory of a service that is stopped, where it writes nothing unless
there is --repair. Of a backup it compares all files with their sums, as backup --verify does.`,
		Example: `  recordings verify
  recordings verify --data /var/lib/recordings --repair`,

		DisableFlagsInUseLine: true,
		Args:                  operands(0),
		RunE:                  func(c *cobra.Command, _ []string) error { return v.run(c.Context()) },
	}

	flags := c.Flags()
	flags.StringVar(&v.data, "data", "", "the data `DIR` of a service that is stopped")
	flags.BoolVar(&v.repair, "repair", false, "rebuild a damaged search index")
	flags.BoolVar(&v.status, "status", false, "show how it is doing, without starting it")
	flags.BoolVar(&v.cancel, "cancel", false, "cancel what is running")
	flags.BoolVar(&v.json, "json", false, "write what was found as one line of JSON")
	v.client = p.addServer(c)
	return c
}

// run refuses flags that exclude each other, and has the work done by whoever can.
func (v *verifyRun) run(ctx context.Context) error {
	switch {
	case v.status && v.cancel || (v.status || v.cancel) && (v.repair || v.data != ""):
		return usage("--status and --cancel take no other argument but --json and --server")
	case v.data != "":
		return v.stopped(ctx)
	}
	return v.running(ctx)
}

// running has the service do it.
func (v *verifyRun) running(ctx context.Context) error {
	c, err := v.client()
	if err != nil {
		return err
	}
	defer c.Close()

	ask := func(method, path string, query url.Values) (index.Verification, error) {
		var answer struct {
			Verify index.Verification `json:"verify"`
		}
		err := c.Call(ctx, method, path, query, &answer)
		return answer.Verify, err
	}

	switch {
	case v.cancel:
		state, err := ask(http.MethodPost, verifyPath+"/cancel", nil)
		if err != nil {
			return err
		}
		return v.show(state)
	case !v.status:
		if _, err := ask(http.MethodPost, verifyPath, url.Values{"repair": {fmt.Sprint(v.repair)}}); err != nil {
			return err
		}
	}

	var last index.Verification
	err = v.watch(ctx, "the verification", func() (s progress.State, ended bool, err error) {
		if last, err = ask(http.MethodGet, verifyPath, nil); err != nil {
			return s, false, err
		}
		return verifyProgress(last), last.Phase.Ended(), nil
	})

	if err != nil {
		return err
	}

	// The repair is a rebuild, which the service has begun. It ends with a verdict of its own.
	found := v.show(last)
	if v.repair && damagedIndex(last) {
		r := reindexRun{program: v.program, json: v.json, status: true, client: v.client}
		return errors.Join(found, r.running(ctx, ""))
	}

	return found
}

// verifyProgress is how far a verification is, as a meter shows it.
func verifyProgress(s index.Verification) progress.State {
	return progress.State{
		Phase: string(s.Phase), Done: int64(s.Done), Total: int64(s.Total), Unit: "recordings", Rate: s.Rate,
		Left: time.Duration(s.SecondsLeft) * time.Second, Note: cli.Count(s.Problems, "problem"),
	}
}

// damagedIndex reports whether something is wrong that can be built anew from the recordings.
func damagedIndex(s index.Verification) bool {
	return slices.ContainsFunc(s.Findings, func(f index.Finding) bool { return f.Kind.Derived() })
}

// stopped verifies the data directory of a service that is not running. The search index is built
// anew when the directory is opened without one.
func (v *verifyRun) stopped(ctx context.Context) (err error) {
	if backup.Is(v.data) {
		if v.repair {
			return usage("%s is a backup, which is never changed; restore it first, and repair what that makes", v.data)
		}
		b := backupRun{program: v.program, verify: v.data, json: v.json}
		return b.check(ctx)
	}

	meter := progress.New(v.stderr)
	defer meter.End()
	options := embedded.Options{Dir: v.data, Log: newLog(v.stderr, "error")}
	state, err := embedded.Verify(ctx, options, func(s index.Verification) { meter.Show(verifyProgress(s)) })
	meter.End()
	if err != nil {
		return err
	}

	found := v.show(state)
	if !v.repair || !damagedIndex(state) {
		return found
	}

	if err := embedded.DropSearchIndex(v.data); err != nil {
		return err
	}

	x, err := v.openStopped(ctx, v.data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.Close()) }()

	if err := v.awaitIndex(ctx, x); err != nil {
		return err
	}

	fmt.Fprintln(v.stdout, x.Reindex().Verdict)
	return found
}

// show writes what was found. Any problem is an error.
func (v *verifyRun) show(s index.Verification) error {
	if v.json {
		if err := v.line(s); err != nil {
			return err
		}
	} else {
		v.showFindings(s)
	}

	if s.Phase == index.Failed {
		return errors.New("not all is well")
	}
	return nil
}

// showFindings writes each problem on a line, then the verdict.
func (v *verifyRun) showFindings(s index.Verification) {
	for _, f := range s.Findings {
		text := string(f.Kind) + ":"
		if f.ID != "" {
			text += fmt.Sprintf(" recording %q of contact center %q", f.ID, f.ContactCenter)
		}
		fmt.Fprintln(v.stdout, text, f.File, f.Detail)
	}

	if more := s.Problems - uint64(len(s.Findings)); more > 0 {
		fmt.Fprintf(v.stdout, "and %s more\n", cli.Count(more, "problem"))
	}

	fmt.Fprintln(v.stdout, cmp.Or(s.Verdict, string(s.Phase)))
}
