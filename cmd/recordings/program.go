package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"recordings/cmd/recordings/internal/config"
)

// status is an exit status.
type status int

const (
	done    status = 0
	failed  status = 1
	misused status = 2 // wrong usage or configuration: doing it again cannot help
	partly  status = 3 // some of it could not be done, which was told one by one
)

// errPartly is the end of a command that told already what it could not do.
var errPartly = errors.New("some of it could not be done")

// program is one run of the command line. It touches nothing of the process but what it is given.
type program struct {
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	environ []string // as os.Environ returns it
}

// command is one of the things that the program can do.
type command struct {
	name  string
	args  string // what its usage line shows behind the name
	brief string // one line, for the list of commands
	help  string // what there is to know, before the flags
	// operands is how many arguments there may be beside the flags. What prepare returns finds them in its flags.
	operands int
	// prepare declares the flags, and returns what to do once they are parsed.
	prepare func(p *program, flags *flag.FlagSet) func(ctx context.Context) error
}

var commands = []command{serveCommand, checkConfigCommand, hashPasswordCommand, importCommand, exportCommand, mediaLeftCommand, reindexCommand, verifyCommand, backupCommand, restoreCommand, statusCommand, versionCommand}

// example is a configuration with every setting explained.
//
//go:embed recordings.yaml
var example string

// exampleTopic is what help calls it.
const exampleTopic = "configuration"

// usageError says that the command line is wrong.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func usage(format string, args ...any) error {
	return &usageError{message: fmt.Sprintf(format, args...)}
}

// run does what the arguments say, and tells on stderr what went wrong.
func (p *program) run(ctx context.Context, args []string) status {
	err := p.dispatch(ctx, args)
	switch {
	case err == nil:
		return done
	case errors.Is(err, errPartly):
		return partly
	}
	var problems config.Problems
	if errors.As(err, &problems) {
		fmt.Fprintln(p.stderr, problems)
		return misused
	}
	fmt.Fprintf(p.stderr, "recordings: %v\n", err)
	if _, ok := errors.AsType[*usageError](err); ok {
		return misused
	}
	return failed
}

func (p *program) dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return usage("what should be done?\n\n%s", overview())
	}
	switch name := args[0]; name {
	case "help", "-h", "-help", "--help":
		return p.help(args[1:])
	case "-version", "--version":
		args = append([]string{versionCommand.name}, args[1:]...)
	}
	c, err := find(args[0])
	if err != nil {
		return err
	}
	return c.run(ctx, p, args[1:])
}

func find(name string) (*command, error) {
	for i := range commands {
		if commands[i].name == name {
			return &commands[i], nil
		}
	}
	return nil, usage("there is no command %q; `recordings help` lists them", name)
}

func (c *command) run(ctx context.Context, p *program, args []string) error {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	do := c.prepare(p, flags)
	if err := parse(flags, args); errors.Is(err, flag.ErrHelp) {
		return c.show(p.stdout, flags)
	} else if err != nil {
		return usage("%v; `recordings help %s` lists the flags", err, c.name)
	}
	if flags.NArg() > c.operands {
		return usage("%s takes no argument %q; `recordings help %s` tells what it takes", c.name, flags.Arg(c.operands), c.name)
	}
	return do(ctx)
}

// parse parses flags and other arguments in any order; flags.Args has the others.
func parse(flags *flag.FlagSet, args []string) error {
	operands := []string{"--"}
	for {
		if err := flags.Parse(args); err != nil {
			return err
		}
		ended := flags.NArg() < len(args) && args[len(args)-flags.NArg()-1] == "--"
		if flags.NArg() == 0 || ended {
			return flags.Parse(append(operands, flags.Args()...))
		}
		operands, args = append(operands, flags.Arg(0)), flags.Args()[1:]
	}
}

// help shows all commands, or one.
func (p *program) help(args []string) error {
	if len(args) == 0 {
		_, err := io.WriteString(p.stdout, overview())
		return err
	}
	if args[0] == exampleTopic {
		_, err := io.WriteString(p.stdout, example)
		return err
	}
	c, err := find(args[0])
	if err != nil {
		return err
	}
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	c.prepare(p, flags)
	return c.show(p.stdout, flags)
}

func overview() string {
	var b strings.Builder
	b.WriteString("Recordings keeps, finds and deletes the call recordings of contact centers.\n\nUsage:\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "  recordings %-20s %s\n", c.name, c.brief)
	}
	fmt.Fprintf(&b, "  recordings %-20s %s\n", "help COMMAND", "what a command does, and its flags")
	fmt.Fprintf(&b, "  recordings %-20s %s\n", "help "+exampleTopic, "an example of a configuration, with every setting explained")
	b.WriteString("\nExit status: 0 done, 1 failed, 2 wrong usage or configuration, 3 partly done.\n")
	b.WriteString("To look around: recordings serve --demo\n")
	return b.String()
}

// show writes all there is to know of a command.
func (c *command) show(w io.Writer, flags *flag.FlagSet) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Usage: recordings %s\n\n%s\n", strings.TrimSpace(c.name+" "+c.args), strings.TrimSpace(c.help))
	hasFlags := false
	flags.VisitAll(func(f *flag.Flag) {
		if !hasFlags {
			b.WriteString("\nFlags:\n")
			hasFlags = true
		}
		kind, text := flag.UnquoteUsage(f)
		fmt.Fprintf(&b, "  %-22s %s\n", strings.TrimSpace("--"+f.Name+" "+kind), text)
	})
	_, err := b.WriteTo(w)
	return err
}
