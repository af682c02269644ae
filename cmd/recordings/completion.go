package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// completionCommand takes the place of the library's own, whose shells are commands without examples.
func completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "a script that completes commands and flags",
		Long: `Prints a script for a shell, which then completes the commands, their flags, and the names
of criteria. To have it in every new shell, write it to where the shell looks for such scripts.`,
		Example: `  source <(recordings completion bash)
  recordings completion bash > /etc/bash_completion.d/recordings
  recordings completion zsh > "${fpath[1]}/_recordings"
  recordings completion fish > ~/.config/fish/completions/recordings.fish`,

		DisableFlagsInUseLine: true,
		ValidArgs:             []cobra.Completion{"bash", "zsh", "fish", "powershell"},
		Args:                  operands(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("for which shell? recordings completion bash, zsh, fish or powershell")
			}

			root, out, err := c.Root(), c.OutOrStdout(), error(nil)
			switch args[0] {
			case "bash":
				err = root.GenBashCompletionV2(out, true)
			case "zsh":
				err = root.GenZshCompletion(out)
			case "fish":
				err = root.GenFishCompletion(out, true)
			case "powershell":
				err = root.GenPowerShellCompletionWithDesc(out)
			default:
				return usage("there is no completion for %q; accepted are bash, zsh, fish and powershell", args[0])
			}
			if err != nil {
				return fmt.Errorf("writing the completion: %w", err)
			}
			return nil
		},
	}
}

// manCommand writes the manual pages of all commands, for those who make packages.
func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "write the manual pages into a directory",
		Long: `Writes a manual page for each command into the directory DIR, which is made if it is not there. The
pages of a version are the same whenever they are made.`,
		Example: "  recordings man /usr/local/share/man/man1",

		DisableFlagsInUseLine: true,
		Args:                  operands(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("into which directory? recordings man DIR")
			}

			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("writing the manual pages: %w", err)
			}

			header := &doc.GenManHeader{Section: "1", Source: "recordings " + version, Manual: "recordings"}
			if err := doc.GenManTree(c.Root(), header, args[0]); err != nil {
				return fmt.Errorf("writing the manual pages: %w", err)
			}
			return nil
		},
	}
}
