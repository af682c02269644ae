package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/jdx/go-netrc"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/profile"
)

// The environment variables of commands that call a service.
const (
	EnvServer        = "RECORDINGS_SERVER"
	EnvContactCenter = "RECORDINGS_CONTACT_CENTER"
	EnvProfile       = "RECORDINGS_PROFILE"
	EnvUser          = "RECORDINGS_USER"
	EnvPassword      = "RECORDINGS_PASSWORD"
	EnvToken         = "RECORDINGS_TOKEN"
)

// Connection is how a command reaches a service: what its flags say, over the environment, over a
// profile, over the netrc file.
type Connection struct {
	program         *Program
	server, profile string  // as flags
	preferred       string  // a server; empty: none is
	center          *string // nil: the command is about no contact center

	// Flags are the flags that stand for parameters of the API, by the names of these: what the service
	// refuses is told by them.
	Flags map[string]string

	from string // where the credentials are from, for who wonders why they are refused
	user string // whose they are; empty: of a token
}

// AddServer declares the flags of a command that calls a service.
func (p *Program) AddServer(c *cobra.Command) *Connection {
	x := &Connection{program: p}
	c.Flags().StringVar(&x.server, "server", "", "`URL` of the service (default "+client.DefaultServer+")")
	c.Flags().StringVar(&x.profile, "profile", "", "`NAME` of a profile; see recordings login")
	return x
}

// AddCenter declares the flag that names the contact center.
func (x *Connection) AddCenter(c *cobra.Command, to *string, what string) {
	x.center = to
	c.Flags().StringVar(to, "contact-center", "", "`ID` of the contact center"+what)
	before := c.PreRunE
	c.PreRunE = func(c *cobra.Command, args []string) error {
		if before != nil {
			if err := before(c, args); err != nil {
				return err
			}
		}
		return x.fillCenter(c.Flags())
	}
}

// fillCenter takes the contact center from the environment or the profile, unless a flag has it.
func (x *Connection) fillCenter(flags *pflag.FlagSet) error {
	if flags.Changed("contact-center") {
		return nil
	}
	if *x.center = x.program.Getenv(EnvContactCenter); *x.center != "" {
		return nil
	}

	one, _, err := x.chosen()
	*x.center = one.ContactCenter
	return err
}

// Prefer names the service that is called unless a flag or the environment says which.
func (x *Connection) Prefer(server string) { x.preferred = server }

// chosen is the profile that is used; without one, it has at least a server.
func (x *Connection) chosen() (one profile.Profile, name string, err error) {
	p := x.program
	named, server := x.profile, x.server
	if named == "" && server == "" {
		named, server = p.Getenv(EnvProfile), p.Getenv(EnvServer)
	}
	if named == "" && server == "" {
		server = x.preferred
	}

	all, err := profile.Read(profile.Path(p.Getenv))
	if err != nil {
		return one, "", err
	}
	if server != "" {
		if server, err = serverURL(server); err != nil {
			return one, "", err
		}
	}

	one, ok := all.Profiles[named]
	switch {
	case named != "" && !ok:
		return one, "", Usage("there is no profile %q%s; `recordings login --profile %s` makes it", named,
			DidYouMean(named, all.Names()), named)
	case named != "" && server != "" && one.Server != server:
		return one, "", Usage("the profile %s is for %s, and its password is for no other server; leave out "+
			"--server, or --profile", named, one.Server)
	case named != "":
		return one, named, nil
	case server == "" && all.Default != "":
		return all.Profiles[all.Default], all.Default, nil
	case server == "":
		server = client.DefaultServer
	}

	// Credentials go to the server that they are for, and to no other.
	if name, ok := all.Of(server); ok {
		return all.Profiles[name], name, nil
	}
	return profile.Profile{Server: server}, "", nil
}

// serverURL is the URL of a service in the one form that is compared.
func serverURL(text string) (string, error) {
	c, err := client.New(text, client.Options{})
	if err != nil {
		return "", Usage("--server %v", err)
	}
	return c.Server(), nil
}

// Client makes the client of the service. Nothing is sent yet.
func (x *Connection) Client() (*client.Client, error) {
	one, name, err := x.chosen()
	if err != nil {
		return nil, err
	}

	o, err := x.credentials(one, name)
	if err != nil {
		return nil, err
	}
	x.user, x.program.used = o.User, x
	c, err := client.New(one.Server, o)
	if err != nil {
		return nil, Usage("--server %v", err)
	}
	return c, nil
}

// credentials finds out who calls.
func (x *Connection) credentials(one profile.Profile, name string) (o client.Options, err error) {
	p := x.program
	user, password, token := p.Getenv(EnvUser), p.Getenv(EnvPassword), p.Getenv(EnvToken)
	switch {
	case x.profile != "" && one.Token+one.User != "": // which was asked for
	case user != "" && password == "" && token == "":
		return o, Usage("%s is set and %s is not; set it, too", EnvUser, EnvPassword)
	case user != "":
		x.from = EnvUser
		return client.Options{User: user, Password: password}, nil
	case token != "":
		x.from = EnvToken
		return client.Options{Token: token}, nil
	}

	if one.Token+one.User != "" {
		x.from = "the profile " + name
		return client.Options{User: one.User, Password: one.Password, Token: one.Token}, nil
	}
	return x.netrc(one.Server)
}

// netrc takes the user of the host from the netrc file, as curl does.
func (x *Connection) netrc(server string) (o client.Options, err error) {
	p := x.program
	file := p.Getenv("NETRC")
	if file == "" {
		file = filepath.Join(p.Getenv("HOME"), ".netrc")
	}

	u, err := url.Parse(server)
	if err != nil {
		return o, err
	}
	n, err := netrc.Parse(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return o, fmt.Errorf("reading %s: %w", file, err)
	}
	if err == nil {
		if m := n.Machine(u.Hostname()); m != nil {
			x.from = file
			return client.Options{User: m.Get("login"), Password: m.Get("password")}, nil
		}
	}
	return o, Usage(`no user is known for %s. One of these will do:
  recordings login --server %s
      asks for the user and the password once, and keeps them for you alone
  export RECORDINGS_USER=alice RECORDINGS_PASSWORD=…       or RECORDINGS_TOKEN=…
  a line in %s:  machine %s login alice password …`, server, server, file, u.Hostname())
}

// Center is the contact center that the command is about, and its client, which the caller closes.
func (x *Connection) Center(ctx context.Context) (*client.Center, *client.Client, error) {
	c, err := x.Client()
	if err != nil {
		return nil, nil, err
	}
	center, err := c.CenterOf(ctx, *x.center)
	if err != nil {
		c.Close()
		return nil, nil, err
	}
	return center, c, nil
}

// explain is what a service has refused, with what is to be done about it on the command line.
func (x *Connection) explain(err error) error {
	refused, ok := errors.AsType[*client.RefusedError](err)
	if !ok {
		return err
	}

	switch {
	case refused.Code == client.CodeRole && x.center != nil && *x.center == "":
		return fmt.Errorf("%w; a user with the role ops names the contact center: --contact-center ID, or %s",
			err, EnvContactCenter)
	case refused.Code == client.CodeUnauthenticated, refused.Code == client.CodeRole:
		who := "a token"
		if x.user != "" {
			who = "the user " + x.user
		}
		return fmt.Errorf("%w (it was %s, from %s)", err, who, x.from)
	case refused.Code == client.CodeMissing && strings.Contains(refused.Message, "ContactCenterId"):
		text := strings.Replace(refused.Message, "the header ContactCenterId is missing: ", "", 1)
		return Usage("%s, by --contact-center ID or %s", text, EnvContactCenter)
	case refused.Code != client.CodeInvalid && refused.Code != client.CodeMissing || len(refused.Problems) == 0:
		return err
	}

	var lines []string
	for _, p := range refused.Problems {
		name := p.Path
		if flag := x.Flags[strings.TrimPrefix(name, "criteria.")]; flag != "" {
			name = flag
		}
		lines = append(lines, strings.TrimSpace(name+" "+p.Message))
	}
	return Usage("%s", strings.Join(lines, "; "))
}
