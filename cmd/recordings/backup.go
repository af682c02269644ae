package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"recordings/api/client"
	"recordings/audit"
	"recordings/cmd/recordings/internal/cli"
	"recordings/cmd/recordings/internal/progress"
	"recordings/cmd/recordings/internal/service"
	"recordings/index"
	"recordings/index/embedded"
	"recordings/index/embedded/backup"
)

const backupPath = "/api/v2/ops/backup"

// backupRun is one run of the command.
type backupRun struct {
	*program
	data, verify string
	withoutIndex bool
	json         bool
	client       func() (*client.Client, error)
}

func (p *program) backupCommand() *cobra.Command {
	b := backupRun{program: p}
	c := &cobra.Command{
		Use:     "backup [NAME | DIR --data DIR | --verify DIR] [--without-index] [--json] [--server URL]",
		GroupID: groupOperations,
		Short:   "make a backup, or check one",
		Long: `Makes a backup while the service is running, in the directory NAME below the service's
backup_directory, on its machine. Without a NAME it is called after the time, as in 20260517T194532Z.
The service goes on with it if this command is stopped.

With --data it makes the backup DIR of the data directory of a service that is stopped, wherever that
is. With --verify it checks a backup, which is also what sha256sum -c SHA256SUMS does within it; no
service is called.

A backup is a directory of its own. What it shares with the data directory or the backup before it are
hard links, so it takes little time and space there; copy it to another machine (cp -a, rsync -aH), and
remove those that are not wanted any more by rm -r. It has all that was answered before it began. The
search index may be left out: it is then built anew from the recordings.`,
		Example: `  recordings backup monday
  recordings backup /mnt/backup/monday --data /var/lib/recordings
  recordings backup --verify /mnt/backup/monday`,

		DisableFlagsInUseLine: true,
		Args:                  operands(1),
		RunE: func(c *cobra.Command, args []string) error {
			return b.run(c.Context(), strings.Join(args, "")) // there is at most one
		},
	}

	flags := c.Flags()
	flags.StringVar(&b.data, "data", "", "the data `DIR` of a service that is stopped")
	flags.StringVar(&b.verify, "verify", "", "check the backup `DIR`")
	flags.BoolVar(&b.withoutIndex, "without-index", false, "leave out the search index")
	flags.BoolVar(&b.json, "json", false, "describe the backup as one line of JSON")
	b.client = p.addServer(c)
	return c
}

// run refuses what cannot be meant, and makes or checks the backup.
func (b *backupRun) run(ctx context.Context, name string) error {
	switch {
	case b.verify != "" && (name != "" || b.data != "" || b.withoutIndex):
		return usage("--verify takes no other argument: it checks the backup that it names")
	case b.verify != "":
		return b.check(ctx)
	case b.data != "" && name == "":
		return usage("where should the backup go? recordings backup DIR --data %s", b.data)
	case b.data != "":
		return b.stopped(ctx, name)
	case strings.ContainsRune(name, filepath.Separator):
		return usage("a running service makes its backups in its backup_directory only: " +
			"give a NAME, or --data if the service is stopped")
	case name != "" && !index.ValidBackupName(name):
		return usage("the NAME is not %s", index.BackupNameRule)
	}

	return b.running(ctx, name)
}

// backupAnswer is the answer of the service to either method.
type backupAnswer struct {
	Backup  index.BackupStatus `json:"backup"`
	Backups []index.Backup     `json:"backups"` // of a GET
}

// running has the service make a backup, and waits for it.
func (b *backupRun) running(ctx context.Context, name string) error {
	c, err := b.client()
	if err != nil {
		return err
	}
	defer c.Close()

	body := struct {
		Name  string `json:"name,omitzero"`
		Index bool   `json:"index"`
	}{name, !b.withoutIndex}

	var begun, now backupAnswer
	if err := c.Post(ctx, backupPath, body, &begun); err != nil {
		return err
	}

	name = begun.Backup.Name

	err = b.watch(ctx, "the backup "+name, func() (progress.State, bool, error) {
		now = backupAnswer{} // decoding leaves alone what an answer does not have
		if err := c.Call(ctx, http.MethodGet, backupPath, nil, &now); err != nil {
			return progress.State{}, false, fmt.Errorf("watching the backup %s, which goes on: %w", name, err)
		}

		s := now.Backup
		switch {
		// A service that was restarted has forgotten it, or somebody has begun another one since.
		case s.Name != name || s.Began != begun.Backup.Began:
			err = fmt.Errorf("the service has been restarted, and the backup %s was not finished", name)
		case s.Phase == index.Failed:
			err = errors.New(s.Verdict)
		}

		state := progress.State{
			Phase: string(s.Phase), Done: s.Done, Total: s.Total, Unit: progress.Bytes, Rate: float64(s.Rate),
		}

		return state, s.Phase == index.Done, err
	})

	if err != nil {
		return err
	}

	return b.show(now.Backup.Directory, now.Backup.Verdict, backupNamed(now.Backups, name))
}

// backupNamed is the backup of a name.
func backupNamed(all []index.Backup, name string) index.Backup {
	for _, b := range all {
		if b.Name == name {
			return b
		}
	}
	return index.Backup{Name: name}
}

// stopped makes a backup of the data directory of a service that is not running.
func (b *backupRun) stopped(ctx context.Context, dir string) (err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("the directory %s: %w", dir, err)
	}
	if !index.ValidBackupName(filepath.Base(dir)) {
		return usage("the last part of the directory is not %s", index.BackupNameRule)
	}

	x, err := b.openStopped(ctx, b.data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.Close()) }()

	if !b.withoutIndex {
		if err := b.awaitIndex(ctx, x); err != nil {
			return err
		}
	}

	e := audit.Entry{Action: audit.Backup, Outcome: audit.Begun, Facts: map[string]any{"name": filepath.Base(dir)}}
	if err := service.Audited(ctx, b.data, newLog(b.stderr, "error"), e); err != nil {
		return err
	}

	meter := progress.New(b.stderr)
	defer meter.End()
	made, err := x.MakeBackup(ctx, dir, b.withoutIndex, func(done, total int64) {
		meter.Show(progress.State{Phase: string(index.Copying), Done: done, Total: total, Unit: progress.Bytes})
	})

	if err != nil {
		return err
	}

	meter.End() // before the verdict, which would stand within the bar
	return b.show(dir, backup.Verdict(made, b.withoutIndex), made.Backup)
}

// check checks a backup, and shows all that is wrong with it.
func (b *backupRun) check(ctx context.Context) error {
	meter := progress.New(b.stderr)
	defer meter.End()

	problems := 0
	options := backup.Options{Progress: func(done, total int64) {
		meter.Show(progress.State{Phase: "checking", Done: done, Total: total, Unit: progress.Bytes})
	}}

	info, err := backup.Check(ctx, b.verify, options, func(err error) {
		problems++
		meter.Printf("%v", err)
	})

	if err != nil {
		return err
	}

	meter.End()

	if problems > 0 {
		return fmt.Errorf("the backup %s is not as it was made: %s; it cannot be restored", b.verify,
			cli.Count(problems, "problem"))
	}

	whole := fmt.Sprintf("The backup is whole: %s of %s in %s.", cli.Count(info.Recordings, "recording"), info.Time,
		cli.Count(info.Files, "file"))
	return b.show(b.verify, whole, info)
}

// show writes what has become of a backup.
func (b *backupRun) show(dir, verdict string, info index.Backup) error {
	if b.json {
		return b.line(info)
	}
	_, err := fmt.Fprintf(b.stdout, "%s: %s\n", dir, verdict)
	return err
}

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
	e := audit.Entry{Action: audit.Restore, Facts: map[string]any{"backup": info.Name, "time": info.Time.String()}}
	if err := service.Audited(ctx, dir, newLog(p.stderr, "error"), e); err != nil {
		return fmt.Errorf("writing the audit log of what is restored: %w", err)
	}

	search := "the search index is in it"
	if !info.Index {
		search = "the search index is built when the service starts"
	}

	_, err = fmt.Fprintf(p.stdout, "%s: The backup of %s is restored: %s; %s.\n",
		dir, info.Time, cli.Count(info.Recordings, "recording"), search)
	return err
}
