package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"recordings/cmd/recordings/internal/progress"
	"recordings/index/embedded"
)

func (p *program) restoreCommand() *cobra.Command {
	var data string
	c := &cobra.Command{
		Use:     "restore BACKUP --data DIR",
		GroupID: groupOperations,
		Short:   "make a data directory of a backup",
		Long: `Makes the data directory DIR of the backup in the directory BACKUP. DIR must not exist, or be empty:
nothing is ever restored over something else, least of all over the directory of a running service.

All files are compared with the sums of the backup, and the recordings are read and counted, before DIR
gets its name. The user whom the service runs as must own it. If the search index is not in the backup,
or of another version, the service builds it when it starts.`,
		Example: "  recordings restore /mnt/backup/monday --data /var/lib/recordings",

		DisableFlagsInUseLine: true,
		Args:                  operands(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 || data == "" {
				return usage("which backup, and where to? recordings restore BACKUP --data DIR")
			}
			return p.restore(c.Context(), args[0], data)
		},
	}

	c.Flags().StringVar(&data, "data", "", "the data `DIR` to make (required)")
	return c
}

func (p *program) restore(ctx context.Context, from, dir string) error {
	meter := progress.New(p.stderr)
	defer meter.End()
	info, err := embedded.Restore(ctx, from, dir, newLog(p.stderr, "error"), func(done, total int64) {
		meter.Show(progress.State{Phase: "restoring", Done: done, Total: total, Unit: progress.Bytes})
	})

	if err != nil {
		return err
	}

	meter.End()

	search := "the search index is in it"
	if !info.Index {
		search = "the search index is built when the service starts"
	}

	_, err = fmt.Fprintf(p.stdout, "%s: The backup of %s is restored: %d recordings; %s.\n",
		dir, info.Time, info.Recordings, search)
	return err
}
