package main

import (
	"context"
	"flag"
	"fmt"

	"recordings/cmd/recordings/internal/progress"
	"recordings/index/embedded"
)

var restoreCommand = command{
	name:     "restore",
	args:     "BACKUP --data DIR",
	brief:    "make a data directory of a backup",
	operands: 1,
	help: `Makes the data directory DIR of the backup in the directory BACKUP. DIR must not exist, or be empty: nothing is ever restored over
something else, least of all over the directory of a running service.

All files are compared with the sums of the backup, and the recordings are read and counted, before DIR gets its name. The user
whom the service runs as must own it. If the search index is not in the backup, or of another version, the service builds it when
it starts.`,
	prepare: func(p *program, flags *flag.FlagSet) func(context.Context) error {
		data := flags.String("data", "", "the data `DIR` to make (required)")
		return func(ctx context.Context) error {
			if flags.Arg(0) == "" || *data == "" {
				return usage("which backup, and where to? recordings restore BACKUP --data DIR")
			}
			return p.restore(ctx, flags.Arg(0), *data)
		}
	},
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
	_, err = fmt.Fprintf(p.stdout, "%s: The backup of %s is restored: %d recordings; %s.\n", dir, info.Time, info.Recordings, search)
	return err
}
