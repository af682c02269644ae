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

// readPassword asks for the password where there is a terminal, and reads it where there is none.
func (p *program) readPassword(ctx context.Context) (string, error) {
	if f, ok := p.stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return prompt{fd: int(f.Fd()), out: p.stderr}.newPassword(ctx)
	}
	return readLine(p.stdin)
}

// maxPassword bounds what is read of standard input.
const maxPassword = 4096 // bytes

// readLine reads the first line, without its end as Unix or Windows writes it. Nothing else is cut
// off: a password may begin or end with a space.
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

// prompt is where somebody sits who can be asked for a password.
type prompt struct {
	fd  int       // of standard input
	out io.Writer // what is asked is written here: standard output is for the hash alone
}

// newPassword asks twice. When ctx ends, it gives the terminal its echo back; the read that
// nothing can interrupt ends with the process.
func (p prompt) newPassword(ctx context.Context) (string, error) {
	before, err := term.GetState(p.fd)
	if err != nil {
		return "", err
	}

	type answer struct {
		password string
		err      error
	}

	answers := make(chan answer, 1)
	go func() {
		password, err := p.askTwice()
		answers <- answer{password, err}
	}()

	select {
	case a := <-answers:
		return a.password, a.err
	case <-ctx.Done():
		fmt.Fprintln(p.out)
		return "", errors.Join(errors.New("interrupted"), term.Restore(p.fd, before))
	}
}

// askTwice refuses two different answers: a typing error would otherwise show only when the user
// cannot log in.
func (p prompt) askTwice() (string, error) {
	first, err := p.ask("Password: ")
	if err != nil {
		return "", err
	}

	second, err := p.ask("The same again: ")
	if err != nil {
		return "", err
	}

	if first != second {
		return "", usage("the two are not the same; nothing was made")
	}
	return first, nil
}

// ask asks once. What is typed is not shown, nor is its end, which is why a line end is written.
func (p prompt) ask(question string) (string, error) {
	fmt.Fprint(p.out, question)
	answer, err := term.ReadPassword(p.fd)
	fmt.Fprintln(p.out)
	return string(answer), err
}
