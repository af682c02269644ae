package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"recordings/cmd/recordings/internal/config"
	"recordings/cmd/recordings/internal/service"
)

func (p *program) serveCommand() *cobra.Command {
	o := serveOptions{given: map[string]string{}}
	c := &cobra.Command{
		Use:     "serve [--config FILE | --demo] [--listen ADDRESS] [--data DIR] [--log-level LEVEL]",
		GroupID: groupService,
		Short:   "run the service",
		Long: `Runs the service until SIGTERM or SIGINT (Ctrl-C). It then stops accepting, lets running requests end
for up to 20 s, and exits with status 0. A second signal ends it at once; nothing that was
acknowledged is lost by that.

The configuration is a YAML file, recordings.yaml in the current directory if no other is named. Over
it stand environment variables: RECORDINGS_ and the key in capitals, with _ for what is within another
(RECORDINGS_LISTEN, RECORDINGS_TLS_KEY). A list of names is divided by commas, users and origins are
written as in the file ([{name: …}, …]). Over them stand the flags. ` + "`recordings help configuration`" + `
prints an example with every setting explained, and ` + "`recordings check-config`" + ` says what is wrong
with one.

With --demo it needs no configuration and reads none, environment variables included: it makes up a
contact center with a few thousand calls, listens on a loopback address only, and forgets everything
when it stops, unless --data is given.`,
		Example: `  recordings serve --demo
  recordings serve --config /etc/recordings.yaml --log-level warn`,

		DisableFlagsInUseLine: true,
		Args:                  operands(0),
		RunE:                  func(c *cobra.Command, _ []string) error { return p.serve(c.Context(), &o) },
	}

	flags := c.Flags()
	flags.StringVar(&o.config, "config", "", "the configuration `FILE` (default "+defaultConfig+")")
	flags.BoolVar(&o.demo, "demo", false, "show the service with made-up recordings")
	// Their defaults stand in the text alone: a flag that is not given must not hide the file's value.
	for name, usage := range map[string]string{
		"listen":    "the `ADDRESS` to listen on, host:port; port 0 takes a free one (default 127.0.0.1:8080)",
		"data":      "the `DIR` of the recordings and their search index (default ./data)",
		"log-level": "the least `LEVEL` to log: debug, info, warn or error (default info)",
	} {
		key := strings.ReplaceAll(name, "-", "_")
		flags.Func(name, usage, func(value string) error { o.given[key] = value; return nil })
	}

	return c
}

// serveOptions are the flags of the command.
type serveOptions struct {
	config string
	demo   bool
	given  map[string]string // settings that flags give, by their key
}

// serve runs the service until ctx ends.
func (p *program) serve(ctx context.Context, o *serveOptions) error {
	if o.demo {
		return p.serveDemo(ctx, o)
	}

	sources := p.sources(o.config)
	sources.Flags = o.given
	c, unknown, err := config.Load(sources)
	if err != nil {
		return err
	}

	log := newLog(p.stderr, c.LogLevel)
	for _, name := range unknown {
		log.Warn().Str("variable", name).Msg("the environment variable is no setting, and is ignored")
	}

	return service.Run(ctx, service.Options{Config: c, Log: log, Version: version})
}
