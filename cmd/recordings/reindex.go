package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/cmd/recordings/internal/progress"
	"recordings/index"
	"recordings/index/embedded"
)

var reindexCommand = command{
	name:  "reindex",
	args:  "[--status | --pause | --resume | --cancel | --data DIR] [--detach] [--json] [--server URL]",
	brief: "build the search index anew",
	help: `Has the running service build a new search index from the recordings, beside the one in use, which goes on answering searches.
Before it takes the place of the old one, the two are compared. The old one is kept for ten minutes, in case that the new one fails.
It goes on after a restart of the service. This command waits for it, shows how far it is, and ends with the verdict: exit status 0
if the new index is in use, 1 if not, as when somebody pauses it. The service goes on with it if this command is stopped.

With --status it shows how it is doing, and if that goes on, waits for it. With --pause, --resume and --cancel it does that, and
does not wait. With --data it does the work on the data directory of a service that is stopped.

` + clientHelp,
	prepare: func(p *program, flags *flag.FlagSet) func(context.Context) error {
		r := reindexRun{program: p}
		flags.StringVar(&r.data, "data", "", "the data `DIR` of a service that is stopped")
		flags.BoolVar(&r.status, "status", false, "show how it is doing, without starting it")
		for _, a := range []index.Action{index.Pause, index.Resume, index.Cancel} {
			flags.BoolFunc(string(a), string(a)+" what is running", func(string) error { r.actions = append(r.actions, a); return nil })
		}
		flags.BoolVar(&r.detach, "detach", false, "do not wait for the end")
		flags.BoolVar(&r.json, "json", false, "tell the last state as one line of JSON")
		r.client = p.clientFlags(flags)
		return r.run
	},
}

const reindexPath = "/api/v2/ops/reindex"

// reindexRun is one run of the command.
type reindexRun struct {
	*program
	data                 string
	status, detach, json bool
	actions              []index.Action // that were asked for by flags
	client               func() (*client, error)
}

func (r *reindexRun) run(ctx context.Context) error {
	asked := len(r.actions)
	if r.status {
		asked++
	}
	switch {
	case asked > 1 || r.data != "" && asked > 0:
		return usage("--status, --pause, --resume, --cancel and --data exclude each other")
	case r.data != "" && r.detach:
		return usage("--data and --detach exclude each other: nobody else would do the work")
	case r.data != "":
		return r.stopped(ctx)
	}
	return r.running(ctx)
}

// running has the service do it.
func (r *reindexRun) running(ctx context.Context) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	defer c.close()
	ask := func(method, path string) (index.Reindex, error) {
		var answer struct {
			Reindex index.Reindex `json:"reindex"`
		}
		err := c.call(ctx, method, path, nil, &answer)
		return answer.Reindex, err
	}
	state, err := index.Reindex{}, error(nil)
	switch {
	case r.status:
		state, err = ask(http.MethodGet, reindexPath)
	case len(r.actions) > 0:
		state, err = ask(http.MethodPost, reindexPath+"/"+string(r.actions[0]))
	default:
		state, err = ask(http.MethodPost, reindexPath)
	}
	if err != nil {
		return err
	}
	if r.detach || len(r.actions) > 0 || state.Phase == index.Paused {
		return r.tell(state, false)
	}
	return r.watch(ctx, func() (index.Reindex, error) { return ask(http.MethodGet, reindexPath) })
}

// stopped does it in the data directory of a service that is not running.
func (r *reindexRun) stopped(ctx context.Context) (err error) {
	x, err := r.openStopped(ctx, r.data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	meter := progress.New(r.stderr)
	err = awaitIndex(ctx, x, meter)
	meter.End()
	if err != nil {
		return err
	}
	if _, err := x.ControlReindex(ctx, index.Start); err != nil {
		return err
	}
	return r.watch(ctx, func() (index.Reindex, error) { return x.Reindex(), nil })
}

// openStopped opens the index in the data directory of a service that is not running.
func (p *program) openStopped(ctx context.Context, dir string) (*embedded.Index, error) {
	b := backupRun{program: p, data: dir}
	return b.openStopped(ctx)
}

// watch shows how far it is until it has ended.
func (r *reindexRun) watch(ctx context.Context, state func() (index.Reindex, error)) error {
	var last index.Reindex
	err := follow(ctx, progress.New(r.stderr), "the search index", func() (s progress.State, ended bool, err error) {
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
	return r.tell(last, true)
}

// follow shows how far work of the service is until it has ended.
func follow(ctx context.Context, meter *progress.Meter, what string, look func() (s progress.State, ended bool, err error)) error {
	defer meter.End()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		s, ended, err := look()
		if ctx.Err() != nil {
			return fmt.Errorf("not waiting any more for %s; a service that is running goes on with it", what)
		}
		if err != nil {
			return err
		}
		if ended {
			return nil
		}
		meter.Show(s)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// tell tells the state, and the verdict, if there is one. Where the end was waited for, it is an error if that is no success.
func (r *reindexRun) tell(s index.Reindex, waited bool) error {
	if r.json {
		if err := r.line(s); err != nil {
			return err
		}
	} else {
		text := s.Verdict
		if !s.Phase.Ended() || text == "" {
			text = fmt.Sprintf("%s: %d of %d recordings", s.Phase, s.Done, s.Total)
		}
		fmt.Fprintln(r.stdout, text)
	}
	switch {
	case waited && s.Phase == index.Paused:
		return errors.New("the search index is not rebuilt yet: it was paused, and goes on with recordings reindex --resume")
	case waited && (s.Phase == index.Failed || s.Phase == index.Cancelled):
		return errors.New("the search index was not rebuilt")
	}
	return nil
}

// line writes one line of JSON.
func (p *program) line(v any) error {
	text, err := json.Marshal(v)
	if err == nil {
		_, err = fmt.Fprintf(p.stdout, "%s\n", text)
	}
	return err
}
