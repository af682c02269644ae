package main

import (
	"context"
	"errors"
	"flag"
	"strings"

	"github.com/rs/zerolog"

	"recordings/cmd/recordings/internal/config"
)

var serveCommand = command{
	name:  "serve",
	args:  "[--config FILE | --demo] [--listen ADDRESS] [--data DIR] [--log-level LEVEL]",
	brief: "run the service",
	help: `Runs the service until SIGTERM or SIGINT (Ctrl-C). It then stops accepting, lets running requests end for up to 20 s, and
exits with status 0. A second signal ends it at once; nothing that was acknowledged is lost by that.

The configuration is a YAML file, recordings.yaml in the current directory if no other is named. Over it stand environment
variables: RECORDINGS_ and the key in capitals, with _ for what is within another (RECORDINGS_LISTEN,
RECORDINGS_TLS_KEY). A list of names is divided by commas, users and origins are written as in the file ([{name: …}, …]). Over
them stand the flags. ` + "`recordings help configuration`" + ` prints an example with every setting explained, and
` + "`recordings check-config`" + ` tells what is wrong with one.

With --demo it needs no configuration and reads none, environment variables included: it makes up a contact center with a few
thousand calls, listens on a loopback address only, and forgets everything when it stops, unless --data is given.`,
	prepare: func(p *program, flags *flag.FlagSet) func(context.Context) error {
		o := serveOptions{given: map[string]string{}}
		flags.StringVar(&o.config, "config", "", "the configuration `FILE` (default "+defaultConfig+")")
		flags.BoolVar(&o.demo, "demo", false, "show the service with made-up recordings")
		setting := func(name, usage string) {
			key := strings.ReplaceAll(name, "-", "_")
			flags.Func(name, usage, func(value string) error { o.given[key] = value; return nil })
		}
		setting("listen", "the `ADDRESS` to listen on, host:port; port 0 takes a free one (default 127.0.0.1:8080)")
		setting("data", "the `DIR` of the recordings and their search index (default ./data)")
		setting("log-level", "the least `LEVEL` to log: debug, info, warn or error (default info)")
		return func(ctx context.Context) error { return p.serve(ctx, &o) }
	},
}

type serveOptions struct {
	config string
	demo   bool
	given  map[string]string // settings that flags give, by their key
}

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
	return runService(ctx, c, log, nil)
}

// runService runs a service until ctx ends. prepare, if there is one, runs before the first request is let through.
func runService(ctx context.Context, c *config.Config, log zerolog.Logger, prepare func(context.Context, *service) error) (err error) {
	s, err := startService(c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.open(ctx); err != nil {
		return unlessStopped(ctx, err)
	}
	if prepare != nil {
		if err := prepare(ctx, s); err != nil {
			return unlessStopped(ctx, err)
		}
	}
	if err := s.answer(); err != nil {
		return err
	}
	return s.wait(ctx)
}

// unlessStopped is err, or nil where err only says that the service was asked to stop.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
