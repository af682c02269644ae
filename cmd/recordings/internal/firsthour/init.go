package firsthour

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"recordings/api/auth"
	"recordings/cmd/recordings/internal/cli"
	"recordings/cmd/recordings/internal/config"
	"recordings/cmd/recordings/internal/service"
	"recordings/internal/durable"
)

// answers are what init was told.
type answers struct {
	*cli.Program
	config                             string
	overwrite, json                    bool
	Region, Listen, Data, Backups      string
	ContactCenter                      string
	Ops, Admin                         string // names of users; empty: there is none
	OpsHash, AdminHash                 string
	Buckets                            []string
	S3Region, S3Endpoint, S3Key        string
	S3Secret                           string
	WebDAV, WebDAVUser, WebDAVPassword string

	made map[string]string // passwords that were made up, by the names of their users
}

// envSecrets are the environment variables with secrets that a script gives to init.
const (
	envS3Secret       = "RECORDINGS_STORAGE_AWSS3_SECRET_KEY"
	envWebDAVPassword = "RECORDINGS_INIT_WEBDAV_PASSWORD"
)

// Init is the command that writes a first configuration.
func Init(p *cli.Program) *cobra.Command {
	a := answers{Program: p, made: map[string]string{}}
	c := &cobra.Command{
		Use:     "init [--config FILE] [flags]",
		GroupID: GroupService,
		Short:   "write a first configuration, by asking",
		Long: `Asks for region, first users and storage, checks the answers, and writes the configuration,
readable by you alone. Where nobody can be asked, the flags are the answers: --region is required, and
passwords are made up and printed this once. A file that is there is never overwritten without asking,
or --overwrite. Secrets of storages are asked for, or taken from RECORDINGS_STORAGE_AWSS3_SECRET_KEY and
RECORDINGS_INIT_WEBDAV_PASSWORD.`,
		Example: `  recordings init
  recordings init --region us-west --webdav http://10.10.15.83:8080/ --json`,

		DisableFlagsInUseLine: true,
		Args:                  cli.Operands(0),
		RunE:                  func(c *cobra.Command, _ []string) error { return a.run(c.Context()) },
	}

	flags := c.Flags()
	flags.StringVar(&a.config, "config", "recordings.yaml", "the `FILE` to write")
	flags.BoolVar(&a.overwrite, "overwrite", false, "take the place of a file that is there")
	flags.StringVar(&a.Region, "region", "", "the `NAME` of the region whose recordings this server reads")
	flags.StringVar(&a.Listen, "listen", "127.0.0.1:8080", "the `ADDRESS` to listen on")
	flags.StringVar(&a.Data, "data", "./data", "the `DIR` of the recordings")
	flags.StringVar(&a.Backups, "backup-directory", "", "the `DIR` of backups, best on another disk")
	flags.StringVar(&a.ContactCenter, "contact-center", "", "the `ID` of the administrator's (default: one is made up)")
	flags.StringVar(&a.Ops, "ops", "ops", "the `NAME` of the first user of operations")
	flags.StringVar(&a.Admin, "admin", "admin", "the `NAME` of the first administrator")
	flags.StringSliceVar(&a.Buckets, "s3-bucket", nil, "the `NAMES` of the Amazon S3 buckets with the media")
	flags.StringVar(&a.S3Region, "s3-region", "", "their `REGION`, such as us-east-1")
	flags.StringVar(&a.S3Endpoint, "s3-endpoint", "", "the `URL` of a compatible server")
	flags.StringVar(&a.S3Key, "s3-access-key", "", "the `KEY` (default: the credentials of the machine)")
	flags.StringVar(&a.WebDAV, "webdav", "", "the `URL` of the WebDAV server with the media")
	flags.StringVar(&a.WebDAVUser, "webdav-user", "", "the `NAME` of its user")
	flags.BoolVar(&a.json, "json", false, "say what was written as one line of JSON")
	return c
}

func (a *answers) run(ctx context.Context) error {
	_, err := os.Stat(a.config)
	there := !errors.Is(err, fs.ErrNotExist)
	if there && !a.overwrite {
		if !a.Asks() {
			return cli.Usage("%s is there already; --overwrite takes its place, --config writes another file", a.config)
		}
		ok, err := a.Confirm(a.config + " is there already. Shall another take its place?")
		if err == nil && !ok {
			a.Note("nothing was written")
		}
		if err != nil || !ok {
			return err
		}
	}

	if err := a.complete(ctx); err != nil {
		return err
	}
	text, err := a.yaml()
	if err != nil {
		return err
	}
	if err := a.check(ctx, text); err != nil {
		return err
	}
	if err := durable.Replace(a.config, text); err != nil {
		return err
	}
	return a.tell()
}

// complete asks for what the flags leave open, or makes it up.
func (a *answers) complete(ctx context.Context) error {
	if a.Asks() {
		if err := a.ask(ctx); err != nil {
			return err
		}
	} else {
		a.S3Secret, a.WebDAVPassword = a.Getenv(envS3Secret), a.Getenv(envWebDAVPassword)
	}
	if a.Region == "" {
		return cli.Usage("--region is required, as in --region us-west")
	}
	a.ContactCenter = cmp.Or(a.ContactCenter, uuid.NewString())

	for _, u := range []struct {
		name string
		hash *string
	}{{a.Ops, &a.OpsHash}, {a.Admin, &a.AdminHash}} {
		if u.name == "" || *u.hash != "" {
			continue
		}
		password := rand.Text()
		hash, err := auth.HashPassword(password)
		if err != nil {
			return err
		}
		a.made[u.name], *u.hash = password, hash
	}
	return nil
}

// ask asks for all that matters; what flags have given are the defaults.
func (a *answers) ask(ctx context.Context) error {
	fmt.Fprintln(a.Stderr, "A few questions; Enter takes what stands in brackets, and everything can be changed later.")
	for _, q := range []struct {
		question, otherwise string
		to                  *string
	}{
		{"Region of this server", cmp.Or(a.Region, "us-west"), &a.Region},
		{"Address to listen on", a.Listen, &a.Listen},
		{"Directory of the recordings", a.Data, &a.Data},
		{"Directory of backups, best on another disk; none is an answer", a.Backups, &a.Backups},
		{"First user of operations, who posts and deletes", a.Ops, &a.Ops},
	} {
		answer, err := a.Ask(q.question, q.otherwise)
		if err != nil {
			return err
		}
		*q.to = answer
	}
	if err := a.password(ctx, a.Ops, &a.OpsHash); err != nil {
		return err
	}

	var err error
	if a.Admin, err = a.Ask("First administrator, who searches and listens", a.Admin); err != nil {
		return err
	}
	center := cmp.Or(a.ContactCenter, uuid.NewString())
	if a.ContactCenter, err = a.Ask("Contact center of "+a.Admin, center); err != nil {
		return err
	}
	if err := a.password(ctx, a.Admin, &a.AdminHash); err != nil {
		return err
	}
	return a.askStorage(ctx)
}

// password asks for the password of a user. None is one that is made up.
func (a *answers) password(ctx context.Context, user string, hash *string) error {
	question := "Password of " + user + " (Enter makes one up): "
	password, err := a.Secret(ctx, question)
	if err != nil || password == "" {
		return err
	}
	again, err := a.Secret(ctx, "The same again: ")
	if err != nil {
		return err
	}
	if again != password {
		return cli.ErrDifferent
	}
	*hash, err = auth.HashPassword(password)
	return err
}

// askStorage asks where the media lies.
func (a *answers) askStorage(ctx context.Context) (err error) {
	otherwise := "none"
	switch {
	case len(a.Buckets) > 0:
		otherwise = "s3"
	case a.WebDAV != "":
		otherwise = "webdav"
	}
	kind, err := a.Ask("Storage of the media: s3, webdav or none yet", otherwise)
	if err != nil {
		return err
	}

	ask := func(to *string, question, otherwise string) {
		if err == nil {
			*to, err = a.Ask(question, cmp.Or(*to, otherwise))
		}
	}
	secret := func(to *string, question string) {
		if err == nil {
			*to, err = a.Secret(ctx, question)
		}
	}
	switch strings.ToLower(kind) {
	case "none", "":
	case "s3":
		buckets := strings.Join(a.Buckets, ",")
		ask(&buckets, "Buckets, with commas in between", "")
		a.Buckets = strings.FieldsFunc(buckets, func(r rune) bool { return r == ',' || r == ' ' })
		ask(&a.S3Region, "Their region", "us-east-1")
		ask(&a.S3Endpoint, "URL of the server; none is Amazon", "")
		ask(&a.S3Key, "Access key; none is the credentials of the machine", "")
		if a.S3Key != "" {
			secret(&a.S3Secret, "Secret key: ")
		}
	case "webdav":
		ask(&a.WebDAV, "URL of the WebDAV server", "")
		ask(&a.WebDAVUser, "Its user; none is an answer, too", "")
		if a.WebDAVUser != "" {
			secret(&a.WebDAVPassword, "Its password: ")
		}
	default:
		return cli.Usage("%q is none of s3, webdav and none", kind)
	}
	return err
}

// flagsOf are the flags that stand for settings.
var flagsOf = map[string]string{
	"region": "--region", "listen": "--listen", "data": "--data", "backup_directory": "--backup-directory",
	"users[0].name": "--ops", "users[1].name": "--admin", "users[1].contact_center": "--contact-center",
	"storage.awsS3.region": "--s3-region", "storage.awsS3.endpoint": "--s3-endpoint",
	"storage.awsS3.access_key": "--s3-access-key", "storage.awsS3.secret_key": envS3Secret,
	"storage.webDAV.origins[0].url": "--webdav", "storage.webDAV.origins[0].username": "--webdav-user",
	"storage.webDAV.default": "--webdav",
}

// check refuses answers that make no configuration that a service would start with.
func (a *answers) check(ctx context.Context, text []byte) error {
	c, err := config.Parse(text, config.Sources{File: a.config})
	if problems, ok := errors.AsType[config.Problems](err); ok {
		var lines []string
		for _, p := range problems {
			lines = append(lines, cmp.Or(flagsOf[p.Path], p.Path)+" "+p.Message)
		}
		return cli.Usage("nothing was written: %s", strings.Join(lines, "; "))
	}
	if err != nil {
		return err
	}

	if err := service.Check(ctx, c); err != nil {
		return cli.Usage("nothing was written: %v", err)
	}
	return nil
}

// tell says what was written, and what comes next.
func (a *answers) tell() error {
	if a.json {
		type user struct {
			Name     string `json:"name"`
			Role     string `json:"role"`
			Password string `json:"password,omitzero"` // that was made up
		}
		users := []user{}
		for name, role := range map[string]string{a.Ops: "ops", a.Admin: "admin"} {
			if name != "" {
				users = append(users, user{name, role, a.made[name]})
			}
		}
		return a.Line(struct {
			Config        string `json:"config"`
			ContactCenter string `json:"contactCenter"`
			Users         []user `json:"users"`
		}{a.config, a.ContactCenter, users})
	}

	var b strings.Builder
	fmt.Fprintf(&b, "%s is written.\n", a.config)
	for _, name := range []string{a.Ops, a.Admin} {
		if password := a.made[name]; password != "" {
			fmt.Fprintf(&b, "The password of %s, which is shown this once: %s\n", name, password)
		}
	}
	flag := ""
	if filepath.Clean(a.config) != "recordings.yaml" {
		flag = " --config " + a.config
	}
	fmt.Fprintf(&b, "\nNext:\n  recordings doctor%s    is everything there that it needs?\n", flag)
	fmt.Fprintf(&b, "  recordings serve%s     run it; http://%s in a browser\n", flag, a.Listen)
	fmt.Fprintf(&b, "  recordings login --user %s   and then: recordings search\n", cmp.Or(a.Admin, a.Ops))
	_, err := fmt.Fprint(a.Stdout, b.String())
	return err
}
