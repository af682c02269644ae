package firsthour

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/cli"
	"recordings/cmd/recordings/internal/config"
	"recordings/cmd/recordings/internal/service"
	"recordings/index"
	"recordings/index/embedded/backup"
)

// state is how something is.
type state string

// The states, from good to bad.
const (
	well    state = "ok"
	unknown state = "unknown" // it could not be looked at
	warning state = "warning" // it works, and may not for long
	broken  state = "broken"
)

// finding is what a check has found.
type finding struct {
	Check   string `json:"check"`
	State   state  `json:"state"`
	Message string `json:"message"`     // how it is
	Do      string `json:"do,omitzero"` // what to do about it
}

// doctor is one run of the command.
type doctor struct {
	*cli.Program
	connection *cli.Connection
	config     string
	json       bool

	findings []finding
}

// Doctor is the command that looks whether everything is there that a service needs.
func Doctor(p *cli.Program) *cobra.Command {
	d := doctor{Program: p}
	c := &cobra.Command{
		Use:     "doctor [--config FILE] [--json] [flags]",
		GroupID: GroupOperations,
		Short:   "look whether all is well, and say what to do",
		Long: `Looks at the configuration, the disk, the clock, the certificate, the storages of media (it
asks for files that nobody has, and reads nothing), and by a service that runs, with a user of
operations, at the index and the age of backups. It changes nothing. Exit status 0 if all is well, 3 if
something should be done soon, 1 if something is broken.`,
		Example: `  recordings doctor --config /etc/recordings/recordings.yaml
  recordings doctor --json | jq -r 'select(.state == "broken") | .do'`,

		DisableFlagsInUseLine: true,
		Args:                  cli.Operands(0),
		RunE:                  func(c *cobra.Command, _ []string) error { return d.run(c.Context()) },
	}
	c.Flags().StringVar(&d.config, "config", "", "the configuration `FILE` (default recordings.yaml)")
	c.Flags().BoolVar(&d.json, "json", false, "one line of JSON for each check")
	d.connection = p.AddServer(c)
	return c
}

func (d *doctor) run(ctx context.Context) error {
	if c := d.configuration(ctx); c != nil {
		d.data(c)
		d.backupDirectory(c)
		d.certificate(c)
		d.storages(ctx, c)
		d.running(ctx, c)
	}
	d.clock()

	counts := map[state]int{}
	for _, f := range d.findings {
		counts[f.State]++
		if err := d.show(f); err != nil {
			return err
		}
	}
	switch {
	case counts[broken] > 0:
		return fmt.Errorf("%s", cli.Count(counts[broken], "thing")+" to be mended")
	case counts[warning] > 0:
		return cli.ErrPartly
	}
	return nil
}

// add notes what was found.
func (d *doctor) add(check string, s state, message, do string) {
	d.findings = append(d.findings, finding{check, s, message, do})
}

// indent is where messages begin, in columns.
const indent = 22

// show writes what was found.
func (d *doctor) show(f finding) error {
	if d.json {
		return d.Line(f)
	}

	mark := map[state]string{well: "ok", unknown: "?", warning: "SOON", broken: "BROKEN"}[f.State]
	style := map[state]cli.Style{well: cli.Faint, unknown: cli.Faint, warning: cli.Bold, broken: cli.Red}[f.State]
	// Folded first, since what changes the style takes no columns.
	text := cli.Folded(fmt.Sprintf("%-6s  %-13s %s", mark, f.Check, cli.Printable(f.Message)), indent, d.Width())
	text = strings.Replace(text, mark, d.Styled(style, mark), 1)
	if f.Do != "" {
		do := strings.Repeat(" ", indent) + "→ " + cli.Printable(f.Do)
		text += "\n" + cli.Folded(do, indent+2, d.Width())
	}
	_, err := fmt.Fprintln(d.Stdout, text)
	return err
}

// configuration reads it; nil: there is none that could be used.
func (d *doctor) configuration(ctx context.Context) *config.Config {
	const check = "configuration"
	file := cmp.Or(d.config, "recordings.yaml")
	c, strange, err := config.Load(config.Sources{File: file, Optional: d.config == "", Environ: d.Environ})
	if err == nil {
		err = service.Check(ctx, c)
	}
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			d.add(check, broken, strings.TrimSpace(line), "")
		}
		d.findings[len(d.findings)-1].Do = "mend it, and try again; `recordings init` writes one, " +
			"`recordings help configuration` explains every setting"
		return nil
	}

	d.add(check, well, file+", region "+c.Region, "")
	for _, name := range strange {
		d.add(check, warning, "the environment variable "+name+" is no setting, and is ignored", "unset it")
	}
	if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o007 != 0 && hasSecrets(c) {
		d.add(check, warning, "everybody on this machine can read the secrets in "+file, "chmod o-rwx "+file)
	}
	return c
}

// hasSecrets reports whether a configuration has what nobody else should read.
func hasSecrets(c *config.Config) bool {
	secrets := c.Storage.S3.SecretKey + c.OIDC.ClientSecret
	for _, o := range c.Storage.WebDAV.Origins {
		secrets += o.Password
	}
	return secrets != ""
}

// The space that a disk should have.
const (
	littleSpace = 1 << 30  // bytes
	noSpace     = 64 << 20 // bytes
	littlePart  = 20       // a 20th of the disk
)

// data looks at the data directory, or where it will be.
func (d *doctor) data(c *config.Config) {
	const check = "data"
	dir, err := filepath.Abs(c.Data)
	if err != nil {
		d.add(check, broken, err.Error(), "")
		return
	}

	_, err = os.Stat(filepath.Join(dir, "records"))
	switch {
	case err == nil:
		d.add(check, well, dir+" has recordings", "")
	case errors.Is(err, os.ErrPermission):
		d.add(check, broken, "this user may not look into "+dir, "run this command as the user of the service")
		return
	default:
		d.add(check, well, dir+" has no recordings yet", "")
	}
	d.directory(check, dir)
}

// directory looks whether a directory, or the one that it would be made in, can be written to, and has
// space.
func (d *doctor) directory(check, dir string) {
	there := dir
	for there != filepath.Dir(there) {
		if _, err := os.Stat(there); err == nil {
			break
		}
		there = filepath.Dir(there)
	}
	if !writable(there) {
		d.add(check, broken, "this user may not write to "+there,
			"run this command as the user of the service, or chown it to that user")
	}

	free, size, err := space(there)
	text := fmt.Sprintf("%s free of %s", cli.Bytes(free), cli.Bytes(size))
	switch {
	case err != nil:
		d.add("disk", unknown, there+": "+cli.Words(err), "")
	case free < noSpace:
		d.add("disk", broken, there+" is full: "+text, "make space, or move the directory to a larger disk")
	case free < littleSpace || free < size/littlePart:
		d.add("disk", warning, there+" is nearly full: "+text, "make space, before nothing can be posted any more")
	default:
		d.add("disk", well, there+": "+text, "")
	}
}

// The ages of the newest backup, and of a certificate before its end.
const (
	oldBackup      = 48 * time.Hour
	endsSoon       = 14 * 24 * time.Hour
	longestToWait  = 10 * time.Second // for the service that may run, and for each storage
	acceptablePend = 5 * time.Minute  // of the oldest change that is not in the search index
)

// backupDirectory looks how old the newest backup is.
func (d *doctor) backupDirectory(c *config.Config) {
	const check = "backup"
	if c.BackupDirectory == "" {
		d.add(check, warning, "no backups can be made: there is no backup_directory",
			"set backup_directory, best to a disk of its own, and run `recordings backup` every night")
		return
	}

	all, err := backup.List(c.BackupDirectory)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		d.add(check, unknown, cli.Words(err), "run this command as the user of the service")
		return
	}
	d.newest(all)
	if same, err := sameDisk(c.Data, c.BackupDirectory); err == nil && same {
		d.add(check, warning, "the backups are on the disk of the recordings, and are lost with it",
			"set backup_directory to another disk, or copy backups away, as by rsync -aH")
	}
}

// newest judges the age of the newest backup.
func (d *doctor) newest(all []index.Backup) {
	const check, do = "backup", "run `recordings backup` every night, as from cron"
	if len(all) == 0 {
		d.add(check, warning, "there is no backup yet", do)
		return
	}

	last := all[0]
	for _, b := range all {
		if b.Time > last.Time {
			last = b
		}
	}
	age := d.Time().Sub(time.UnixMilli(int64(last.Time))).Round(time.Minute)
	text := fmt.Sprintf("the newest, %s, is of %s and has %s", last.Name, d.Moment(last.Time),
		cli.Count(last.Recordings, "recording"))
	if age > oldBackup {
		d.add(check, warning, text+fmt.Sprintf("; that is %.0f days ago", age.Hours()/24), do)
		return
	}
	d.add(check, well, text, "")
}

// certificate looks how long it is good.
func (d *doctor) certificate(c *config.Config) {
	if c.TLS.Certificate == "" {
		return
	}
	const check = "certificate"
	text, err := os.ReadFile(c.TLS.Certificate)
	if err != nil {
		d.add(check, broken, cli.Words(err), "")
		return
	}
	block, _ := pem.Decode(text)
	if block == nil {
		d.add(check, broken, c.TLS.Certificate+" has no certificate", "")
		return
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		d.add(check, broken, c.TLS.Certificate+": "+err.Error(), "")
		return
	}

	until, now := cert.NotAfter.In(d.Local()).Format("2006-01-02 15:04"), d.Time()
	const do = "renew it; a service that runs takes the new files by itself"
	switch {
	case now.After(cert.NotAfter):
		d.add(check, broken, "it was good until "+until, do)
	case now.Before(cert.NotBefore):
		d.add(check, broken, "it is not good before "+cert.NotBefore.In(d.Local()).Format("2006-01-02 15:04"),
			"is the clock right?")
	case cert.NotAfter.Sub(now) < endsSoon:
		d.add(check, warning, "it is good until "+until, do)
	default:
		d.add(check, well, "it is good until "+until, "")
	}
}

// storages asks each place of media.
func (d *doctor) storages(ctx context.Context, c *config.Config) {
	const check = "storage"
	ctx, cancel := context.WithTimeout(ctx, longestToWait)
	defer cancel()
	probes, err := service.ProbeStorages(ctx, c.Storage)
	if err != nil {
		d.add(check, broken, cli.Words(err), "")
		return
	}
	if len(probes) == 0 {
		d.add(check, warning, "no storage of media is configured: nothing can be played",
			"list the buckets or WebDAV origins below storage")
	}
	for _, p := range probes {
		if p.Err == nil {
			d.add(check, well, p.Place+" lets this service in", "")
			continue
		}
		do := "are the address and the credentials right? The service needs to read there, and to delete"
		if strings.HasPrefix(p.Place, "s3://") {
			do += "; and s3:ListBucket, without which S3 does not say that a file is missing"
		}
		d.add(check, broken, p.Place+": "+cli.Words(p.Err), do)
	}
}

// clock asks the system whether its clock is kept right.
func (d *doctor) clock() {
	const check = "clock"
	synchronized, err := clockSynchronized()
	switch {
	case err != nil:
		d.add(check, unknown, "whether it is right is not known: "+cli.Words(err), "")
	case !synchronized:
		d.add(check, warning, "nothing keeps it right; it says "+d.Time().In(d.Local()).Format(time.DateTime),
			"run chrony or systemd-timesyncd, as by timedatectl set-ntp true")
	default:
		d.add(check, well, "it is kept right", "")
	}
}

// serviceState is what a service that runs says of itself, as far as it is judged.
type serviceState struct {
	Ready         bool    `json:"ready"`
	Reason        string  `json:"reason"`
	Version       string  `json:"version"`
	Recordings    uint64  `json:"recordings"`
	PendingAge    float64 `json:"pendingAge"` // seconds
	StorageErrors int     `json:"storageErrors"`
	Verify        struct {
		Phase    index.Phase `json:"phase"`
		Problems uint64      `json:"problems"`
		Verdict  string      `json:"verdict"`
	} `json:"verify"`
	Audit struct {
		Reason string `json:"reason"`
	} `json:"audit"`
}

// running asks a service that runs.
func (d *doctor) running(ctx context.Context, c *config.Config) {
	const check = "service"
	ctx, cancel := context.WithTimeout(ctx, longestToWait)
	defer cancel()

	d.connection.Prefer(address(c))
	x, err := d.connection.Client()
	if usage, ok := errors.AsType[*cli.UsageError](err); ok {
		first, _, _ := strings.Cut(usage.Message, "\n")
		d.add(check, unknown, "it was not asked: "+strings.TrimSuffix(first, " One of these will do:"),
			"`recordings login` with a user of operations, and try again")
		return
	}
	if err != nil {
		d.add(check, unknown, cli.Words(err), "")
		return
	}
	defer x.Close()

	var answer struct {
		Status serviceState `json:"status"`
	}
	err = x.Call(ctx, http.MethodGet, "/api/v2/ops/status", nil, &answer)
	if _, ok := errors.AsType[*client.UnreachableError](err); ok {
		d.add(check, unknown, cli.Words(err), "start it, and try again: recordings serve")
		return
	}
	if err != nil {
		d.add(check, unknown, cli.Words(d.Explain(err)), "the user needs the role ops, bound to no contact center")
		return
	}
	d.judge(x.Server(), &answer.Status)
}

// address is where the service of a configuration is reached from this machine.
func address(c *config.Config) string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	scheme := "http://"
	if c.TLS.Certificate != "" {
		scheme = "https://"
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if ip := net.ParseIP(host); err != nil || host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + net.JoinHostPort(host, port)
}

// judge judges what a service says of itself.
func (d *doctor) judge(server string, s *serviceState) {
	d.add("service", well, fmt.Sprintf("%s answers at %s", s.Version, server), "")

	const check = "index"
	switch {
	case !s.Ready:
		d.add(check, broken, "searches are not answered: "+s.Reason,
			"wait until it is built; recordings status shows how far")
	case s.Reason != "":
		d.add(check, broken, s.Reason, "recordings status says more")
	case s.PendingAge > acceptablePend.Seconds():
		d.add(check, warning, fmt.Sprintf("it lags behind by %.0f minutes", s.PendingAge/60),
			"is the disk slow, or the machine too busy?")
	default:
		d.add(check, well, "searches find all of "+cli.Count(s.Recordings, "recording"), "")
	}

	switch {
	case s.Verify.Phase == index.Failed:
		d.add("verification", broken, cmp.Or(s.Verify.Verdict, "it has found problems"),
			"recordings verify --repair, and a backup for what that cannot mend")
	case s.Verify.Verdict != "":
		d.add("verification", well, s.Verify.Verdict, "")
	}
	if s.StorageErrors > 0 {
		d.add("storage", warning, fmt.Sprintf("%s in the last 15 minutes", cli.Count(s.StorageErrors, "error")),
			"the log of the service has them")
	}
	if s.Audit.Reason != "" {
		d.add("audit", broken, s.Audit.Reason,
			"mend it and restart the service: until then what must be logged is refused")
	}
}
