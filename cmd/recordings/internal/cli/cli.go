// Package cli is what the commands have in common: the streams and the environment that they run with,
// how they end, how they reach a service, and how they write for people.
//
// A command touches nothing of the process but what its [Program] has, so that tests run commands in
// their own process.
package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/term"
)

// ErrPartly is the end of a command that has written already what it could not do.
var ErrPartly = errors.New("some of it could not be done")

// Program is what one run of the command line has.
type Program struct {
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Environ []string // as os.Environ returns it

	Now  func() time.Time // nil: the time of the machine
	Zone *time.Location   // nil: that of the machine, or of the variable TZ

	used *Connection // by which the command called a service; nil: it has called none
}

// UsageError says that the command line is wrong: doing it again cannot help.
type UsageError struct{ Message string }

// Error implements [error].
func (e *UsageError) Error() string { return e.Message }

// Usage returns a [*UsageError].
func Usage(format string, args ...any) error {
	return &UsageError{Message: fmt.Sprintf(format, args...)}
}

// Getenv is the value of an environment variable, the last one if it is there twice.
func (p *Program) Getenv(name string) (value string) {
	for _, v := range p.Environ {
		if n, x, ok := strings.Cut(v, "="); ok && n == name {
			value = x
		}
	}
	return value
}

// Explain is an error that a command ends with, with what is to be done about what a service refused.
func (p *Program) Explain(err error) error {
	if p.used == nil || err == nil {
		return err
	}
	return p.used.explain(err)
}

// Time is the time.
func (p *Program) Time() time.Time {
	if p.Now == nil {
		return time.Now()
	}
	return p.Now()
}

// Local is the zone of the user.
func (p *Program) Local() *time.Location {
	if p.Zone == nil {
		return time.Local
	}
	return p.Zone
}

// Line writes one line of JSON to standard output.
func (p *Program) Line(v any) error {
	text, err := json.Marshal(v)
	if err == nil {
		_, err = fmt.Fprintf(p.Stdout, "%s\n", text)
	}
	if err != nil {
		return fmt.Errorf("writing the outcome: %w", err)
	}
	return nil
}

// Note writes a line for people to standard error.
func (p *Program) Note(format string, args ...any) {
	fmt.Fprintln(p.Stderr, p.Folded(fmt.Sprintf("note: "+format, args...), 6))
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 4096

// ReadLine reads the first line, without its end as Unix or Windows writes it. Nothing else is cut
// off: a password may begin or end with a space.
func ReadLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxAnswer+1)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if len(line) > maxAnswer {
		return "", Usage("it is longer than %d bytes", maxAnswer)
	}
	return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), nil
}

// Asks reports whether somebody sits at standard input who can be asked.
func (p *Program) Asks() bool { return isTerminal(p.Stdin) }

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Ask asks for a line. What is answered by nothing is the default.
func (p *Program) Ask(question, otherwise string) (string, error) {
	if otherwise != "" {
		question += " [" + otherwise + "]"
	}
	fmt.Fprint(p.Stderr, question+": ")

	line, err := p.readLine()
	if line = strings.TrimSpace(line); err == nil && line == "" {
		line = otherwise
	}
	return line, err
}

// readLine reads a line of standard input and nothing behind it, since more may be asked for.
func (p *Program) readLine() (string, error) {
	var line []byte
	for b := make([]byte, 1); len(line) <= maxAnswer; {
		n, err := p.Stdin.Read(b)
		switch {
		case n > 0 && b[0] == '\n':
			return strings.TrimSuffix(string(line), "\r"), nil
		case n > 0:
			line = append(line, b[0])
		case errors.Is(err, io.EOF) && len(line) == 0:
			return "", errors.New("there is no answer: standard input has ended")
		case errors.Is(err, io.EOF):
			return string(line), nil
		case err != nil:
			return "", err
		}
	}
	return "", Usage("it is longer than %d bytes", maxAnswer)
}

// Confirm asks for a yes.
func (p *Program) Confirm(question string) (bool, error) {
	answer, err := p.Ask(question+" (yes or no)", "no")
	return strings.EqualFold(answer, "yes") || strings.EqualFold(answer, "y"), err
}

// Secret asks for something that is not shown while it is typed, where somebody can be asked. Else it is
// the next line of standard input.
func (p *Program) Secret(ctx context.Context, questions ...string) (string, error) {
	if !p.Asks() {
		return p.readLine()
	}
	return Prompt{Terminal: int(p.Stdin.(*os.File).Fd()), Out: p.Stderr}.Secret(ctx, questions...)
}

// Prompt is where somebody sits who can be asked for a secret.
type Prompt struct {
	Terminal int       // file descriptor of standard input
	Out      io.Writer // what is asked is written here: standard output is for what comes of it
}

// ErrDifferent says that the answers to several questions for one secret differ: a typing error would
// otherwise show only when the secret is used.
var ErrDifferent = &UsageError{Message: "the two are not the same; nothing was made"}

// Secret asks each question, all of which must have the same answer. When ctx ends, it gives the terminal
// its echo back; the read that nothing can interrupt ends with the process.
func (p Prompt) Secret(ctx context.Context, questions ...string) (string, error) {
	before, err := term.GetState(p.Terminal)
	if err != nil {
		return "", err
	}

	type answer struct {
		secret string
		err    error
	}

	answers := make(chan answer, 1)
	go func() {
		secret, err := p.askAll(questions)
		answers <- answer{secret, err}
	}()

	select {
	case a := <-answers:
		return a.secret, a.err
	case <-ctx.Done():
		fmt.Fprintln(p.Out)
		return "", errors.Join(errors.New("interrupted"), term.Restore(p.Terminal, before))
	}
}

// askAll asks each question in turn.
func (p Prompt) askAll(questions []string) (secret string, err error) {
	for i, question := range questions {
		fmt.Fprint(p.Out, question)
		answer, err := term.ReadPassword(p.Terminal)
		fmt.Fprintln(p.Out) // the end of the line that was typed is not shown either
		if err != nil {
			return "", err
		}
		if i > 0 && string(answer) != secret {
			return "", ErrDifferent
		}
		secret = string(answer)
	}
	return secret, nil
}
