package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"recordings/api/auth"
)

func (p *program) hashPasswordCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "hash-password",
		GroupID: groupService,
		Short:   "make the password_hash of a user for the configuration",
		Long: `Prints the argon2id hash of a password, which is what the configuration wants as password_hash.

On a terminal the password is asked for twice and not shown. Otherwise it is the first line of
standard input.`,
		Example: `  recordings hash-password
  printf '%s\n' "$PASSWORD" | recordings hash-password`,

		DisableFlagsInUseLine: true,
		Args:                  operands(0),
		RunE: func(c *cobra.Command, _ []string) error {
			password, err := p.readPassword(c.Context())
			if err != nil {
				return fmt.Errorf("reading the password: %w", err)
			}

			hash, err := auth.HashPassword(password)
			if err != nil {
				return usage("%v", err)
			}

			_, err = fmt.Fprintln(p.stdout, hash)
			return err
		},
	}
}

func (p *program) readPassword(ctx context.Context) (string, error) {
	if f, ok := p.stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return p.promptPassword(ctx, int(f.Fd()))
	}
	return readLine(p.stdin)
}

// maxPassword bounds what is read of standard input.
const maxPassword = 4096 // bytes

func readLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxPassword+1)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if len(line) > maxPassword {
		return "", usage("it is longer than %d bytes", maxPassword)
	}
	return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), nil
}

// promptPassword asks twice. When ctx ends, it gives the terminal its echo back; the read that
// nothing can interrupt ends with the process.
func (p *program) promptPassword(ctx context.Context, fd int) (string, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}

	type answer struct {
		password string
		err      error
	}

	answers := make(chan answer, 1)
	go func() {
		password, err := p.askTwice(fd)
		answers <- answer{password, err}
	}()

	select {
	case a := <-answers:
		return a.password, a.err
	case <-ctx.Done():
		fmt.Fprintln(p.stderr)
		return "", errors.Join(errors.New("interrupted"), term.Restore(fd, before))
	}
}

func (p *program) askTwice(fd int) (string, error) {
	first, err := p.ask(fd, "Password: ")
	if err != nil {
		return "", err
	}

	second, err := p.ask(fd, "The same again: ")
	if err != nil {
		return "", err
	}

	if first != second {
		return "", usage("the two are not the same; nothing was made")
	}
	return first, nil
}

func (p *program) ask(fd int, prompt string) (string, error) {
	fmt.Fprint(p.stderr, prompt)
	answer, err := term.ReadPassword(fd)
	fmt.Fprintln(p.stderr)
	return string(answer), err
}
