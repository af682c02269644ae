package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"

	"recordings/cmd/recordings/internal/client"
	"recordings/cmd/recordings/internal/config"
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
var errPartly = errors.New("some of it could not be done")

// program is one run of the command line. It touches nothing of the process but what it is given.
type program struct {
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	environ []string // as os.Environ returns it
}

// usageError says that the command line is wrong.
type usageError struct{ message string }

// Error implements [error].
func (e *usageError) Error() string { return e.message }

// usage returns a [*usageError].
func usage(format string, args ...any) error {
	return &usageError{message: fmt.Sprintf(format, args...)}
}

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

	fmt.Fprintf(p.stderr, "recordings: %v\n", err)
	if _, ok := errors.AsType[*usageError](err); ok {
		return misused
	}

	if _, ok := errors.AsType[*client.SetupError](err); ok {
		return misused
	}

	return failed
}

// getenv is the value of an environment variable, the last one if it is there twice.
func (p *program) getenv(name string) (value string) {
	for _, v := range p.environ {
		if n, x, ok := strings.Cut(v, "="); ok && n == name {
			value = x
		}
	}
	return value
}

// line writes one line of JSON to standard output.
func (p *program) line(v any) error {
	text, err := json.Marshal(v)
	if err == nil {
		_, err = fmt.Fprintf(p.stdout, "%s\n", text)
	}
	if err != nil {
		return fmt.Errorf("writing the outcome: %w", err)
	}
	return nil
}
