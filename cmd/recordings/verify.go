package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"recordings/cmd/recordings/internal/progress"
	"recordings/index"
	"recordings/index/embedded"
)

var verifyCommand = command{
	name:  "verify",
	args:  "[--repair] [--status | --cancel | --data DIR] [--json] [--server URL]",
	brief: "compare all that is stored with its checksums, and with the search index",
	help: `Has the running service read everything that it has stored: it compares the checksums of all files, and makes sure that
each recording can be read and is in the search index once and with the right terms, and nothing else is. Searches go first, so it may
take long. This command waits for it and tells each problem that was found, the first thousand of them, and the verdict: exit status
0 if all is well, 1 if not.

With --repair a search index that is damaged is built anew, from the recordings; this command waits for that, too. A damaged recording
is told by its contact center and id; nothing can mend it but a backup, and nothing of it is removed. The service does all that by
itself every now and then (scrub_interval).

With --data it verifies the data directory of a service that is stopped, where it writes nothing unless there is --repair.

` + clientHelp,
	prepare: func(p *program, flags *flag.FlagSet) func(context.Context) error {
		v := verifyRun{program: p}
		flags.StringVar(&v.data, "data", "", "the data `DIR` of a service that is stopped")
		flags.BoolVar(&v.repair, "repair", false, "rebuild a damaged search index")
		flags.BoolVar(&v.status, "status", false, "show how it is doing, without starting it")
		flags.BoolVar(&v.cancel, "cancel", false, "cancel what is running")
		flags.BoolVar(&v.json, "json", false, "tell what was found as one line of JSON")
		v.client = p.clientFlags(flags)
		return v.run
	},
}

const verifyPath = "/api/v2/ops/verify"

// verifyRun is one run of the command.
type verifyRun struct {
	*program
	data                         string
	repair, status, cancel, json bool
	client                       func() (*client, error)
}

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
	defer c.close()
	ask := func(method, path string, query url.Values) (index.Verification, error) {
		var answer struct {
			Verify index.Verification `json:"verify"`
		}
		err := c.call(ctx, method, path, query, &answer)
		return answer.Verify, err
	}
	switch {
	case v.cancel:
		state, err := ask(http.MethodPost, verifyPath+"/cancel", nil)
		if err != nil {
			return err
		}
		return v.tell(state)
	case !v.status:
		if _, err := ask(http.MethodPost, verifyPath, url.Values{"repair": {fmt.Sprint(v.repair)}}); err != nil {
			return err
		}
	}
	var last index.Verification
	err = follow(ctx, progress.New(v.stderr), "the verification", func() (s progress.State, ended bool, err error) {
		if last, err = ask(http.MethodGet, verifyPath, nil); err != nil {
			return s, false, err
		}
		return verifyProgress(last), last.Phase.Ended(), nil
	})
	if err != nil {
		return err
	}
	found := v.tell(last)
	if v.repair && damagedIndex(last) {
		r := reindexRun{program: v.program, json: v.json, status: true, client: v.client}
		return errors.Join(found, r.running(ctx))
	}
	return found
}

func verifyProgress(s index.Verification) progress.State {
	return progress.State{
		Phase: string(s.Phase), Done: int64(s.Done), Total: int64(s.Total), Unit: "recordings", Rate: s.Rate,
		Left: time.Duration(s.SecondsLeft) * time.Second, Note: fmt.Sprintf("%d problems", s.Problems),
	}
}

func damagedIndex(s index.Verification) bool {
	for _, f := range s.Findings {
		if f.Kind.Derived() {
			return true
		}
	}
	return false
}

// stopped verifies the data directory of a service that is not running. The search index is built anew when the directory is
// opened without one.
func (v *verifyRun) stopped(ctx context.Context) (err error) {
	meter := progress.New(v.stderr)
	defer meter.End()
	state, err := embedded.Verify(ctx, embedded.Options{Dir: v.data, Log: newLog(v.stderr, "error")}, func(s index.Verification) {
		meter.Show(verifyProgress(s))
	})
	meter.End()
	if err != nil {
		return err
	}
	found := v.tell(state)
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
	if err := awaitIndex(ctx, x, meter); err != nil {
		return err
	}
	fmt.Fprintln(v.stdout, x.Reindex().Verdict)
	return found
}

// tell tells what was found. Any problem is an error.
func (v *verifyRun) tell(s index.Verification) error {
	if v.json {
		if err := v.line(s); err != nil {
			return err
		}
	} else {
		for _, f := range s.Findings {
			text := string(f.Kind) + ":"
			if f.ID != "" {
				text += fmt.Sprintf(" recording %q of contact center %q", f.ID, f.ContactCenter)
			}
			fmt.Fprintln(v.stdout, text, f.File, f.Detail)
		}
		if more := s.Problems - uint64(len(s.Findings)); more > 0 {
			fmt.Fprintf(v.stdout, "and %d problems more\n", more)
		}
		fmt.Fprintln(v.stdout, cmp.Or(s.Verdict, string(s.Phase)))
	}
	if s.Phase == index.Failed {
		return errors.New("not all is well")
	}
	return nil
}
