package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/cli"
	"recordings/cmd/recordings/internal/progress"
	"recordings/index"
)

const reindexPath = "/api/v2/ops/reindex"

// reindexRun is one run of the command.
type reindexRun struct {
	*program
	data    string
	status  bool
	actions map[index.Action]*bool // that are asked for by flags
	detach  bool
	json    bool
	client  func() (*client.Client, error)
}

func (p *program) reindexCommand() *cobra.Command {
	r := reindexRun{program: p, actions: map[index.Action]*bool{}}
	c := &cobra.Command{
		Use:     "reindex [--status | --pause | --resume | --cancel | --data DIR] [--detach] [--json] [--server URL]",
		GroupID: groupOperations,
		Short:   "build the search index anew",
		Long: `Has the running service build a new search index from the recordings, beside the one in use, which
goes on answering searches. Before it takes the place of the old one, the two are compared. The old one
is kept for ten minutes, in case that the new one fails. It goes on after a restart of the service. This
command waits for it, shows how far it is, and ends with the verdict: exit status 0 if the new index is
in use, 1 if not, as when somebody pauses it. The service goes on with it if this command is stopped.

With --status it shows how it is doing, and if that goes on, waits for it. With --pause, --resume and
--cancel it does that, and does not wait. With --data it does the work on the data directory of a
service that is stopped.`,
		Example: `  recordings reindex
  recordings reindex --status`,

		DisableFlagsInUseLine: true,
		Args:                  operands(0),
		RunE:                  func(c *cobra.Command, _ []string) error { return r.run(c.Context()) },
	}

	flags := c.Flags()
	flags.StringVar(&r.data, "data", "", "the data `DIR` of a service that is stopped")
	flags.BoolVar(&r.status, "status", false, "show how it is doing, without starting it")
	for _, a := range []index.Action{index.Pause, index.Resume, index.Cancel} {
		r.actions[a] = flags.Bool(string(a), false, string(a)+" what is running")
	}

	flags.BoolVar(&r.detach, "detach", false, "do not wait for the end")
	flags.BoolVar(&r.json, "json", false, "write the last state as one line of JSON")
	r.client = p.addServer(c)
	return c
}

// action is what the flags ask for, "" where they ask for nothing.
func (r *reindexRun) action() (action index.Action, err error) {
	asked := 0
	if r.status {
		asked++
	}

	for a, given := range r.actions {
		if *given {
			action = a
			asked++
		}
	}

	if asked > 1 || r.data != "" && asked > 0 {
		return "", usage("--status, --pause, --resume, --cancel and --data exclude each other")
	}

	return action, nil
}

// run refuses flags that exclude each other, and has the work done by whoever can.
func (r *reindexRun) run(ctx context.Context) error {
	action, err := r.action()
	switch {
	case err != nil:
		return err
	case r.data != "" && r.detach:
		return usage("--data and --detach exclude each other: nobody else would do the work")
	case r.data != "":
		return r.stopped(ctx)
	}
	return r.running(ctx, action)
}

// running has the service do it.
func (r *reindexRun) running(ctx context.Context, action index.Action) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	defer c.Close()

	// Every request about it has the same answer: its state.
	ask := func(method, path string) (index.Reindex, error) {
		var answer struct {
			Reindex index.Reindex `json:"reindex"`
		}
		err := c.Call(ctx, method, path, nil, &answer)
		return answer.Reindex, err
	}

	var state index.Reindex
	switch {
	case r.status:
		state, err = ask(http.MethodGet, reindexPath)
	case action != "":
		state, err = ask(http.MethodPost, reindexPath+"/"+string(action))
	default:
		state, err = ask(http.MethodPost, reindexPath)
	}

	if err != nil {
		return err
	}

	// Nothing to wait for: what was asked for is done, or goes on only when somebody resumes it.
	if r.detach || action != "" || state.Phase == index.Paused {
		return r.show(state, false)
	}

	return r.await(ctx, func() (index.Reindex, error) { return ask(http.MethodGet, reindexPath) })
}

// stopped does it in the data directory of a service that is not running.
func (r *reindexRun) stopped(ctx context.Context) (err error) {
	x, err := r.openStopped(ctx, r.data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.Close()) }()

	if err := r.awaitIndex(ctx, x); err != nil {
		return err
	}

	if _, err := x.ControlReindex(ctx, index.Start); err != nil {
		return err
	}
	return r.await(ctx, func() (index.Reindex, error) { return x.Reindex(), nil })
}

// await waits for the end, and shows it.
func (r *reindexRun) await(ctx context.Context, state func() (index.Reindex, error)) error {
	var last index.Reindex
	err := r.watch(ctx, "the search index", func() (s progress.State, ended bool, err error) {
		if last, err = state(); err != nil {
			return s, false, err
		}
		return progress.State{
			Phase: string(last.Phase), Done: int64(last.Done), Total: int64(last.Total), Unit: "recordings",
			Rate: last.Rate, Left: time.Duration(last.SecondsLeft) * time.Second,
		}, last.Phase.Ended() || last.Phase == index.Paused, nil
	})

	if err != nil {
		return err
	}

	return r.show(last, true)
}

// show writes the state, or the verdict where there is one. Where the end was waited for, it is an
// error if that is no success.
func (r *reindexRun) show(s index.Reindex, waited bool) error {
	if r.json {
		if err := r.line(s); err != nil {
			return err
		}
	} else {
		text := s.Verdict
		if !s.Phase.Ended() || text == "" {
			text = fmt.Sprintf("%s: %s of %s", s.Phase, cli.Number(s.Done), cli.Count(s.Total, "recording"))
		}
		fmt.Fprintln(r.stdout, text)
	}

	switch {
	case waited && s.Phase == index.Paused:
		return errors.New("the search index is not rebuilt yet: it was paused, " +
			"and goes on with recordings reindex --resume")
	case waited && (s.Phase == index.Failed || s.Phase == index.Cancelled):
		return errors.New("the search index was not rebuilt")
	}

	return nil
}
