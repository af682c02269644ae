package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"recordings/cmd/recordings/internal/cli"
	"recordings/cmd/recordings/internal/config"
	"recordings/cmd/recordings/internal/supervisor"
)

// status is an exit status.
type status int

const (
	done    status = 0
	failed  status = 1
	misused status = 2 // wrong usage or configuration: doing it again cannot help
	partly  status = 3 // some of it could not be done; what, was written out already
)

// errPartly is the end of a command that has written already what it could not do.
var errPartly = cli.ErrPartly

// program is one run of the command line. It touches nothing of the process but what it is given.
type program struct {
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	environ []string // as os.Environ returns it

	// listen has what asks a service to read its configuration again sent to a channel, until forget is
	// called; nil: nothing does.
	listen func(chan<- os.Signal) (forget func())

	// supervisor is told how a service is doing.
	supervisor supervisor.Supervisor

	shared *cli.Program // see common
}

// common is what the rooms of commands have of the program.
func (p *program) common() *cli.Program {
	if p.shared == nil {
		p.shared = &cli.Program{Stdin: p.stdin, Stdout: p.stdout, Stderr: p.stderr, Environ: p.environ}
	}
	return p.shared
}

// usage returns an error that says that the command line is wrong.
func usage(format string, args ...any) error { return cli.Usage(format, args...) }

// run does what the arguments say, and writes to stderr what went wrong.
func (p *program) run(ctx context.Context, args []string) status {
	err := p.root(args).ExecuteContext(ctx)
	switch {
	case err == nil:
		return done
	case errors.Is(err, errPartly):
		return partly
	}

	// Each of these names its own file and line, so that the name of the program would only disturb.
	var problems config.Problems
	if errors.As(err, &problems) {
		fmt.Fprintln(p.stderr, problems)
		return misused
	}

	err = p.common().Explain(err)
	fmt.Fprintln(p.stderr, p.common().Folded("recordings: "+cli.Words(err), 2))
	if _, ok := errors.AsType[*cli.UsageError](err); ok {
		return misused
	}
	return failed
}

// hangups is a channel of what asks a service to read its configuration again.
func (p *program) hangups() (c <-chan os.Signal, forget func()) {
	if p.listen == nil {
		return nil, func() {}
	}
	signals := make(chan os.Signal, 1)
	return signals, p.listen(signals)
}

// line writes one line of JSON to standard output.
func (p *program) line(v any) error { return p.common().Line(v) }
