package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"recordings/api/auth"
	"recordings/cmd/recordings/internal/cli"
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
	if !p.common().Asks() {
		return cli.ReadLine(p.stdin)
	}
	return p.common().Secret(ctx, "Password: ", "The same again: ")
}
