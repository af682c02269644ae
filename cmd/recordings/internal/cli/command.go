package cli

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"

	"recordings/api/client"
)

// Operands is the rule for the arguments of a command that takes at most so many beside its flags.
func Operands(most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > most {
			return Usage("%s takes no argument %q; `recordings help %s` says what it takes", c.Name(), args[most],
				c.Name())
		}
		return nil
	}
}

// NoCenter is the refusal of a command that was not told the contact center.
func NoCenter(command string) error {
	return Usage("--contact-center is required, as in --contact-center berlin (or %s); `recordings help %s` says more",
		EnvContactCenter, command)
}

// CompleteValues completes the values of a flag.
func CompleteValues(c *cobra.Command, flag string, values ...string) {
	// It fails only for a flag that is not there, or has been registered before.
	_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// LookPath finds a program as the shell of the user would; empty: it is not there.
func (p *Program) LookPath(name string) string {
	if filepath.Base(name) != name {
		path, _ := exec.LookPath(name)
		return path
	}
	for _, dir := range filepath.SplitList(p.Getenv("PATH")) {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil && dir != "" {
			return path
		}
	}
	return ""
}

// CopyLines writes lines of the service as they are.
func (p *Program) CopyLines(ctx context.Context, c *client.Client, path string) error {
	lines, err := c.Open(ctx, path, nil)
	if err != nil {
		return err
	}
	defer lines.Close()
	if _, err := io.Copy(p.Stdout, lines); err != nil {
		return fmt.Errorf("copying the results: %w", err)
	}
	return nil
}
