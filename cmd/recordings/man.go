package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

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
