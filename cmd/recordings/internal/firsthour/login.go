// Package firsthour has the commands of the first hour: login, logout, init and doctor.
package firsthour

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/cli"
	"recordings/cmd/recordings/internal/profile"
)

// The groups of these commands in the overview.
const (
	GroupService    = "service"
	GroupOperations = "operations"
)

// defaultProfile is what a profile is called that nobody has given a name.
const defaultProfile = "default"

// login is one run of the command.
type login struct {
	*cli.Program
	name, server, user, contactCenter string
	token, list, use                  bool
}

// Login is the command that keeps who calls which service.
func Login(p *cli.Program) *cobra.Command {
	l := login{Program: p}
	c := &cobra.Command{
		Use:     "login [--profile NAME] [--server URL] [--user NAME | --token] [--contact-center ID] | --list",
		GroupID: GroupService,
		Short:   "keep who you are at a service, so that commands need not be told",
		Long: `Asks for what is not given, finds out whether the service knows you, and keeps it as a
profile in a file that only you can read. Commands then use the first profile, the one of --profile or
RECORDINGS_PROFILE, or the one of the --server. Where nobody can be asked, the password or token is the
first line of standard input. The environment (RECORDINGS_USER and so on) goes before a profile.`,
		Example: `  recordings login --server https://recordings.example.com
  recordings login --profile nightly --token --contact-center berlin < token
  recordings login --list`,

		DisableFlagsInUseLine: true,
		Args:                  cli.Operands(0),
		RunE:                  func(c *cobra.Command, _ []string) error { return l.run(c.Context()) },
	}

	flags := c.Flags()
	flags.StringVar(&l.name, "profile", "", "the `NAME` of the profile (default \"default\")")
	flags.StringVar(&l.server, "server", "", "the `URL` of the service")
	flags.StringVar(&l.user, "user", "", "your `NAME` at the service")
	flags.BoolVar(&l.token, "token", false, "a token in place of a user and a password")
	flags.StringVar(&l.contactCenter, "contact-center", "", "the `ID` of the contact center that commands are about")
	flags.BoolVar(&l.use, "default", false, "use this profile where none is named")
	flags.BoolVar(&l.list, "list", false, "list the profiles")
	return c
}

func (l *login) run(ctx context.Context) error {
	all, err := profile.Read(profile.Path(l.Getenv))
	switch {
	case err != nil:
		return err
	case l.list:
		return l.show(all)
	case l.token && l.user != "":
		return cli.Usage("--user and --token exclude each other: a token says whose it is")
	}

	l.name = cmp.Or(l.name, l.Getenv(cli.EnvProfile), defaultProfile)
	if strings.ContainsAny(l.name, " \t\n") {
		return cli.Usage("--profile %q: a name has no white space, as in --profile production", l.name)
	}
	one, err := l.ask(ctx, all.Profiles[l.name])
	if err != nil {
		return err
	}
	me, err := l.known(ctx, &one)
	if err != nil {
		return err
	}
	if err := l.center(&one, me); err != nil {
		return err
	}

	all.Set(l.name, one)
	if l.use {
		all.Default = l.name
	}
	if err := all.Write(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(l.Stdout, "You are %s (%s) at %s, by the profile %s%s.\n", cli.Printable(me.UserName), me.Role,
		one.Server, l.name, standard(l.name == all.Default))
	return err
}

// standard completes the name of a profile.
func standard(is bool) string {
	if is {
		return ", which commands use"
	}
	return ""
}

// ask asks for what was not given. What the profile had before is the default.
func (l *login) ask(ctx context.Context, before profile.Profile) (one profile.Profile, err error) {
	one.Server = cmp.Or(l.server, l.Getenv(cli.EnvServer))
	if otherwise := cmp.Or(before.Server, client.DefaultServer); one.Server == "" && l.Asks() {
		if one.Server, err = l.Ask("Server", otherwise); err != nil {
			return one, err
		}
	} else if one.Server == "" {
		one.Server = otherwise
	}
	c, err := client.New(one.Server, client.Options{})
	if err != nil {
		return one, cli.Usage("--server %v", err)
	}
	one.Server = c.Server()

	if l.token {
		one.Token, err = l.Secret(ctx, "Token: ")
		return one, err
	}
	if one.User = l.user; one.User == "" && !l.Asks() {
		return one, cli.Usage("--user is required where nobody can be asked, as in --user alice; or --token")
	}
	if one.User == "" {
		if one.User, err = l.Ask("User", before.User); err != nil {
			return one, err
		}
	}
	one.Password, err = l.Secret(ctx, "Password: ")
	return one, err
}

// known asks the service who that is.
func (l *login) known(ctx context.Context, one *profile.Profile) (*client.User, error) {
	if one.Token == "" && (one.User == "" || one.Password == "") {
		return nil, cli.Usage("the user and the password must not be empty; nothing was kept")
	}
	c, err := client.New(one.Server, client.Options{User: one.User, Password: one.Password, Token: one.Token})
	if err != nil {
		return nil, err
	}
	defer c.Close()

	me, err := c.Me(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w; nothing was kept", err)
	}
	return me, nil
}

// center is the contact center that commands are about, where it is not clear by itself.
func (l *login) center(one *profile.Profile, me *client.User) (err error) {
	one.ContactCenter = l.contactCenter
	bound := me.ContactCenters
	if me.ContactCenter != "" {
		bound = []string{me.ContactCenter}
	}
	if one.ContactCenter != "" || me.Role == "admin" && len(bound) == 1 || !l.Asks() {
		return nil
	}

	otherwise := ""
	if len(bound) > 0 {
		otherwise = bound[0]
		fmt.Fprintf(l.Stderr, "Yours are %s.\n", strings.Join(bound, ", "))
	}
	one.ContactCenter, err = l.Ask("Contact center that commands are about; none is an answer, too", otherwise)
	return err
}

// show lists the profiles.
func (l *login) show(all *profile.Profiles) error {
	for _, name := range all.Names() {
		one := all.Profiles[name]
		mark, who := " ", one.User
		if name == all.Default {
			mark = "*"
		}
		if one.Token != "" {
			who = "a token"
		}
		text := fmt.Sprintf("%s %-12s  %s  %s  %s", mark, name, one.Server, who, one.ContactCenter)
		if _, err := fmt.Fprintln(l.Stdout, strings.TrimRight(text, " ")); err != nil {
			return err
		}
	}
	if len(all.Profiles) == 0 {
		l.Note("there are no profiles; recordings login makes one")
	}
	return nil
}

// Logout is the command that forgets who somebody is.
func Logout(p *cli.Program) *cobra.Command {
	var name string
	c := &cobra.Command{
		Use:     "logout [--profile NAME]",
		GroupID: GroupService,
		Short:   "forget a profile",
		Long: `Forgets a profile that login has made, with its password: the one that commands use, or
another one that is named.`,
		Example: "  recordings logout --profile nightly",

		DisableFlagsInUseLine: true,
		Args:                  cli.Operands(0),
		RunE: func(*cobra.Command, []string) error {
			all, err := profile.Read(profile.Path(p.Getenv))
			if err != nil {
				return err
			}

			name := cmp.Or(name, p.Getenv(cli.EnvProfile), all.Default)
			if _, ok := all.Profiles[name]; !ok {
				return cli.Usage("there is no profile %q%s; recordings login --list lists them", name,
					cli.DidYouMean(name, all.Names()))
			}
			all.Remove(name)
			if err := all.Write(); err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.Stdout, "The profile %s is forgotten.\n", name)
			return err
		},
	}
	c.Flags().StringVar(&name, "profile", "", "the `NAME` of the profile")
	return c
}
