package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/cmd/recordings/internal/progress"
	"recordings/index"
	"recordings/index/embedded"
	"recordings/index/embedded/backup"
)

var backupCommand = command{
	name:     "backup",
	args:     "[NAME | DIR --data DIR | --verify DIR] [--without-index] [--json] [--server URL]",
	brief:    "make a backup, or check one",
	operands: 1,
	help: `Makes a backup while the service is running, in the directory NAME below the service's backup_directory, on its machine. Without
a NAME it is called after the time, as in 20260517T194532Z. The service goes on with it if this command is stopped.

With --data it makes the backup DIR of the data directory of a service that is stopped, wherever that is. With --verify it checks a
backup, which is also what sha256sum -c SHA256SUMS does within it; no service is called.

A backup is a directory of its own. What it shares with the data directory or the backup before it are hard links, so it takes
little time and space there; copy it to another machine (cp -a, rsync -aH), and remove those that are not wanted any more by rm -r.
It has all that was answered before it began. The search index may be left out: it is then built anew from the recordings.

` + clientHelp,
	prepare: func(p *program, flags *flag.FlagSet) func(context.Context) error {
		b := backupRun{program: p, flags: flags}
		flags.StringVar(&b.data, "data", "", "the data `DIR` of a service that is stopped")
		flags.StringVar(&b.verify, "verify", "", "check the backup `DIR`")
		flags.BoolVar(&b.withoutIndex, "without-index", false, "leave out the search index")
		flags.BoolVar(&b.json, "json", false, "tell of the backup as one line of JSON")
		b.client = p.clientFlags(flags)
		return b.run
	},
}

const backupPath = "/api/v2/ops/backup"

// backupRun is one run of the command.
type backupRun struct {
	*program
	flags        *flag.FlagSet
	data, verify string
	withoutIndex bool
	json         bool
	client       func() (*client, error)
}

func (b *backupRun) run(ctx context.Context) error {
	name := b.flags.Arg(0)
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
		return usage("a running service makes its backups in its backup_directory only: give a NAME, or --data if the service is stopped")
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
	defer c.close()
	body := struct {
		Name  string `json:"name,omitzero"`
		Index bool   `json:"index"`
	}{name, !b.withoutIndex}
	var begun, now backupAnswer
	if err := c.post(ctx, backupPath, body, &begun); err != nil {
		return err
	}
	meter := progress.New(b.stderr)
	defer meter.End()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		now = backupAnswer{}
		if err := c.call(ctx, http.MethodGet, backupPath, nil, &now); err != nil {
			return fmt.Errorf("watching the backup %s, which goes on: %w", begun.Backup.Name, err)
		}
		s := now.Backup
		if s.Name != begun.Backup.Name || s.Began != begun.Backup.Began {
			return fmt.Errorf("the service has been restarted, and the backup %s was not finished", begun.Backup.Name)
		}
		if s.Phase == index.Failed {
			return errors.New(s.Verdict)
		}
		if s.Phase == index.Done {
			break
		}
		meter.Show(progress.State{Phase: string(s.Phase), Done: s.Done, Total: s.Total, Unit: progress.Bytes, Rate: float64(s.Rate)})
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("not waiting any more; the backup %s goes on", begun.Backup.Name)
		}
	}
	meter.End()
	return b.tell(now.Backup.Directory, now.Backup.Verdict, backupNamed(now.Backups, now.Backup.Name))
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
	x, err := b.openStopped(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	meter := progress.New(b.stderr)
	defer meter.End()
	if !b.withoutIndex {
		if err := awaitIndex(ctx, x, meter); err != nil {
			return err
		}
	}
	made, err := x.MakeBackup(ctx, dir, b.withoutIndex, func(done, total int64) {
		meter.Show(progress.State{Phase: string(index.Copying), Done: done, Total: total, Unit: progress.Bytes})
	})
	if err != nil {
		return err
	}
	meter.End()
	return b.tell(dir, embedded.Verdict(made, b.withoutIndex), made.Backup)
}

func (b *backupRun) openStopped(ctx context.Context) (*embedded.Index, error) {
	if _, err := os.Stat(filepath.Join(b.data, "records")); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is no data directory: it has no records", b.data)
	}
	x, err := embedded.Open(ctx, embedded.Options{Dir: b.data, Version: version, Log: newLog(b.stderr, "error")})
	if err != nil {
		return nil, fmt.Errorf("opening the data directory %s (without --data, a running service makes the backup): %w", b.data, err)
	}
	return x, nil
}

// awaitIndex waits until the search index is up to date and durable, which takes long only where it must be built anew.
func awaitIndex(ctx context.Context, x *embedded.Index, meter *progress.Meter) error {
	ready := make(chan error, 1)
	go func() {
		err := x.WaitReady(ctx)
		if err == nil {
			err = x.Flush(ctx)
		}
		ready <- err
	}()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ready:
			return err
		case <-tick.C:
			s := x.Status()
			meter.Show(progress.State{Phase: "preparing the search index", Done: int64(s.Done), Total: int64(s.Total), Unit: "recordings"})
		}
	}
}

// check checks a backup, and tells all that is wrong with it.
func (b *backupRun) check(ctx context.Context) error {
	meter := progress.New(b.stderr)
	defer meter.End()
	problems := 0
	info, err := backup.Check(ctx, b.verify, backup.Options{Progress: func(done, total int64) {
		meter.Show(progress.State{Phase: "checking", Done: done, Total: total, Unit: progress.Bytes})
	}}, func(err error) {
		problems++
		meter.Printf("%v", err)
	})
	if err != nil {
		return err
	}
	meter.End()
	if problems > 0 {
		return fmt.Errorf("the backup %s is not as it was made: %d problems; it cannot be restored", b.verify, problems)
	}
	return b.tell(b.verify, fmt.Sprintf("The backup is whole: %d recordings of %s in %d files.", info.Recordings, info.Time, info.Files), info)
}

// tell writes what has become of a backup.
func (b *backupRun) tell(dir, verdict string, info index.Backup) error {
	text := fmt.Sprintf("%s: %s", dir, verdict)
	if b.json {
		line, err := json.Marshal(info)
		if err != nil {
			return err
		}
		text = string(line)
	}
	_, err := fmt.Fprintln(b.stdout, text)
	return err
}
