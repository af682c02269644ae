package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/config"
	"recordings/cmd/recordings/internal/service"
)

const defaultConfig = "recordings.yaml"

func (p *program) checkConfigCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:     "check-config [--config FILE]",
		GroupID: groupService,
		Short:   "say everything that is wrong with the configuration",
		Long: `Reads the configuration as ` + "`recordings serve`" + ` would, environment variables included, and says
everything that is wrong with it at once, each with the line of the file or the name of the variable.
Exit status 2 if anything is.`,
		Example: "  recordings check-config --config /etc/recordings.yaml",

		DisableFlagsInUseLine: true,
		Args:                  operands(0),
		RunE:                  func(c *cobra.Command, _ []string) error { return p.checkConfig(c.Context(), file) },
	}

	c.Flags().StringVar(&file, "config", "", "the configuration `FILE` (default "+defaultConfig+")")
	return c
}

// checkConfig says what is wrong. What is only odd is a note, and does not change the exit status.
func (p *program) checkConfig(ctx context.Context, file string) error {
	c, unknown, err := config.Load(p.sources(file))
	for _, name := range unknown {
		fmt.Fprintf(p.stderr, "note: the environment variable %s is no setting, and is ignored\n", name)
	}

	if err != nil {
		return err
	}
	if err := service.Check(ctx, c); err != nil {
		return usage("%v", err)
	}
	for _, n := range c.Notes(time.Now()) {
		fmt.Fprintf(p.stderr, "note: %s\n", n)
	}

	_, err = fmt.Fprintln(p.stdout, "ok")
	return err
}

// sources are those of a configuration without flags. Without a file name, the usual one is read if
// there is such a file: the environment alone will do.
func (p *program) sources(file string) config.Sources {
	if file == "" {
		return config.Sources{File: defaultConfig, Optional: true, Environ: p.environ}
	}
	return config.Sources{File: file, Environ: p.environ}
}

func (p *program) reloadCommand() *cobra.Command {
	var service func() (*client.Client, error)
	c := &cobra.Command{
		Use:     "reload [--server URL]",
		GroupID: groupOperations,
		Short:   "have the running service read its configuration again",
		Long: `Has the running service read its configuration again, as the signal SIGHUP does. It takes
over users, tokens, contact centers, single sign-on, retention and the TLS certificate, at one moment,
without losing a request; sessions of users who are gone, or may something else now, end. What has
changed beside that is named: it needs a restart. A configuration with an error changes nothing; what is
wrong is told, and the exit status is 1. The user needs the role ops, bound to no contact center.`,
		Example: "  recordings reload",

		DisableFlagsInUseLine: true,
		Args:                  operands(0),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := service()
			if err != nil {
				return err
			}
			defer cl.Close()
			return p.reload(c.Context(), cl)
		},
	}
	service = p.addServer(c)
	return c
}

// reload asks the service for it, and says what it did not take over.
func (p *program) reload(ctx context.Context, c *client.Client) error {
	var answer struct {
		Notice []string `json:"notice"`
	}
	if err := c.Call(ctx, http.MethodPost, "/api/v2/ops/reload", nil, &answer); err != nil {
		return err
	}

	for _, n := range answer.Notice {
		fmt.Fprintf(p.stderr, "note: %s\n", n)
	}
	_, err := fmt.Fprintln(p.stdout, "the configuration was read again")
	return err
}
