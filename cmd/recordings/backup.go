package main

import (
	"cmp"
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
	"recordings/cmd/recordings/internal/config"
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
	data, verify   string
	remove, config string
	list           bool
	withoutIndex   bool
	json           bool
	client         func() (*client.Client, error)
}

func (p *program) backupCommand() *cobra.Command {
	b := backupRun{program: p}
	c := &cobra.Command{
		Use: "backup [NAME | DIR --data DIR | --verify DIR | --list | --delete NAME --config FILE] " +
			"[--without-index] [--json] [--server URL]",
		GroupID: groupOperations,
		Short:   "make a backup, check one, or list them",
		Long: `Makes a backup while the service is running, in the directory NAME below the service's
backup_directory, on its machine; without a NAME it is called after the time. The service goes on with
it if this command is stopped.

With --data it makes the backup DIR of the data directory of a service that is stopped. With --verify it
checks a backup, which is also what sha256sum -c SHA256SUMS does within it; no service is called.

A backup is a directory of its own, with all that was answered before it began. What it shares with the
data directory or the backup before are hard links, so it takes little time and space there; copy it to
another machine (cp -a, rsync -aH), and remove those that are not wanted any more by rm -r. A search
index that was left out is built anew from the recordings.

On a cluster, a backup is a snapshot in the repository that opensearch.snapshot_repository names, search
index included. --delete deletes one, by the configuration of a service, which is not called.`,
		Example: `  recordings backup monday
  recordings backup /mnt/backup/monday --data /var/lib/recordings
  recordings backup --verify /mnt/backup/monday
  recordings backup --delete monday --config /etc/recordings/recordings.yaml`,

		DisableFlagsInUseLine: true,
		Args:                  operands(1),
		RunE: func(c *cobra.Command, args []string) error {
			return b.run(c.Context(), strings.Join(args, "")) // there is at most one
		},
	}

	flags := c.Flags()
	flags.StringVar(&b.data, "data", "", "the data `DIR` of a service that is stopped")
	flags.StringVar(&b.verify, "verify", "", "check the backup `DIR`")
	flags.BoolVar(&b.list, "list", false, "list the backups that there are")
	flags.StringVar(&b.remove, "delete", "", "delete the backup `NAME` of a cluster")
	flags.StringVar(&b.config, "config", "", "for --delete, the configuration `FILE` of a service")
	flags.BoolVar(&b.withoutIndex, "without-index", false, "leave out the search index")
	flags.BoolVar(&b.json, "json", false, "describe the backup as one line of JSON")
	b.client = p.addServer(c)
	return c
}

// run refuses what cannot be meant, and makes or checks the backup.
func (b *backupRun) run(ctx context.Context, name string) error {
	switch {
	case b.list && (name != "" || b.data != "" || b.verify != "" || b.withoutIndex || b.remove != ""):
		return usage("--list takes no other argument but --json and --server")
	case b.list:
		return b.showAll(ctx)
	case b.remove != "" && (name != "" || b.data != "" || b.verify != "" || b.withoutIndex || b.config == ""):
		return usage("--delete takes no other argument but --config, which names a service on the cluster; " +
			"on one machine, a backup is a directory, which rm -r removes")
	case b.remove != "":
		return b.delete(ctx)
	case b.config != "":
		return usage("--config is for --delete only; a service has its own configuration")
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

	return b.show(cmp.Or(now.Backup.Directory, name), now.Backup.Verdict, backupNamed(now.Backups, name))
}

// showAll lists the backups that the service has.
func (b *backupRun) showAll(ctx context.Context) error {
	c, err := b.client()
	if err != nil {
		return err
	}
	defer c.Close()
	answer := backupAnswer{Backups: []index.Backup{}}
	if err := c.Call(ctx, http.MethodGet, backupPath, nil, &answer); err != nil {
		return err
	}
	if b.json {
		return b.line(answer.Backups)
	}

	for _, made := range answer.Backups {
		_, err := fmt.Fprintf(b.stdout, "%s: of %s, %s in %s of %d bytes\n", made.Name, made.Time,
			cli.Count(made.Recordings, "recording"), cli.Count(made.Files, "file"), made.Bytes)
		if err != nil {
			return err
		}
	}
	return nil
}

// delete deletes a backup of a cluster.
func (b *backupRun) delete(ctx context.Context) error {
	c, err := b.onCluster(b.config)
	if err != nil {
		return err
	}
	log := newLog(b.stderr, "error")
	e := audit.Entry{Action: audit.Backup, Outcome: audit.Begun, Facts: map[string]any{"deleted": b.remove}}
	if err := service.Audited(ctx, c.Data, log, e); err != nil {
		return err
	}
	if err := service.DeleteBackup(ctx, c, version, log, b.remove); err != nil {
		return err
	}
	_, err = fmt.Fprintf(b.stdout, "%s: The backup is deleted.\n", b.remove)
	return err
}

// onCluster reads a configuration, which must name a cluster.
func (p *program) onCluster(file string) (*config.Config, error) {
	c, _, err := config.Load(p.sources(file))
	if err != nil {
		return nil, err
	}
	if c.Index != config.IndexOpenSearch {
		return nil, usage("%s names no cluster: of one machine, a backup is a directory", file)
	}
	return c, nil
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
	var data, file, of string
	c := &cobra.Command{
		Use:     "restore BACKUP --data DIR | restore NAME --config FILE [--of INDEX]",
		GroupID: groupOperations,
		Short:   "make a data directory, or the indexes of a cluster, of a backup",
		Long: `Makes the data directory DIR of the backup in the directory BACKUP. DIR must not exist, or be empty:
nothing is ever restored over something else, least of all over the directory of a running service.

All files are compared with the sums of the backup, and the recordings are read and counted, before DIR
gets its name. The user whom the service runs as must own it. If the search index is not in the backup,
or of another version, the service builds it when it starts.

With --config it makes the indexes of the service of that configuration of the backup NAME in the
snapshot repository of its cluster. They must not be there, and no service may be started until this is
done. With --of the backup is that of another opensearch.index: so a backup is restored beside what is in
use. Every recording is read and compared with what can be searched of it before the indexes are taken
into use; exit status 1 if that finds problems, which verify lists again.`,
		Example: `  recordings restore /mnt/backup/monday --data /var/lib/recordings
  recordings restore monday --config beside.yaml --of recordings`,

		DisableFlagsInUseLine: true,
		Args:                  operands(1),
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) == 0 || data == "" && file == "":
				return usage("which backup, and where to? recordings restore BACKUP --data DIR, or, on a cluster, " +
					"recordings restore NAME --config FILE")
			case data != "" && (file != "" || of != ""):
				return usage("--data is of one machine, --config and --of are of a cluster")
			case file != "":
				return p.restoreCluster(c.Context(), args[0], file, of)
			}
			return p.restore(c.Context(), args[0], data)
		},
	}

	flags := c.Flags()
	flags.StringVar(&data, "data", "", "the data `DIR` to make")
	flags.StringVar(&file, "config", "", "the configuration `FILE` of the service on a cluster")
	flags.StringVar(&of, "of", "", "the opensearch.index `INDEX` that the backup is of (default that of FILE)")
	return c
}

// restoreCluster makes the indexes of a service on a cluster of a backup.
func (p *program) restoreCluster(ctx context.Context, name, file, of string) error {
	c, err := p.onCluster(file)
	if err != nil {
		return err
	}
	meter := progress.New(p.stderr)
	defer meter.End()
	log := newLog(p.stderr, "error")
	tell := func(phase index.Phase, done, total int64) {
		s := progress.State{Phase: "restoring", Done: done, Total: total, Unit: progress.Bytes}
		if phase == index.Comparing {
			s.Phase, s.Unit = "verifying", "recordings"
		}
		meter.Show(s)
	}
	made, err := service.RestoreCluster(ctx, c, version, log, name, of, tell)
	if err != nil {
		return err
	}
	meter.End()

	e := audit.Entry{Action: audit.Restore, Facts: map[string]any{"backup": made.Name, "time": made.Time.String()}}
	if err := service.Audited(ctx, c.Data, log, e); err != nil {
		return fmt.Errorf("writing the audit log of what is restored: %w", err)
	}
	verdict := cmp.Or(made.Verified.Verdict, "it is of an older version, and is made anew when the service starts")
	_, err = fmt.Fprintf(p.stdout, "%s: The backup of %s is restored: %s; %s.\n", placeOf(c), made.Time,
		cli.Count(made.Recordings, "recording"), verdict)
	if err == nil && made.Verified.Phase == index.Failed {
		err = errors.New("not all is well in what is restored")
	}
	return err
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
