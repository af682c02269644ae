package main

import (
	"context"
	"io"
	"os"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"recordings/cmd/recordings/internal/config"
	"recordings/cmd/recordings/internal/service"
)

func (p *program) serveCommand() *cobra.Command {
	o := serveOptions{given: map[string]string{}}
	c := &cobra.Command{
		Use: "serve [--config FILE | --demo] [--opensearch URLS] [--listen ADDRESS] [--data DIR] " +
			"[--log-level LEVEL] [--log-format FORM]",
		GroupID: groupService,
		Short:   "run the service; with --demo, one with made-up recordings to look around",
		Long: `Runs the service until SIGTERM or SIGINT (Ctrl-C). It then stops accepting, lets running
requests end for up to 20 s, and exits with status 0. A second signal ends it at once; nothing that was
acknowledged is lost by that. On SIGHUP it reads the configuration again, as` + "`recordings reload`" + ` asks for.

The configuration is a YAML file, recordings.yaml in the current directory if no other is named. Over
it stand environment variables: RECORDINGS_ and the key in capitals, with _ for what is within another
(RECORDINGS_LISTEN, RECORDINGS_TLS_KEY). A list of names is divided by commas, users and origins are
written as in the file ([{name: …}, …]). Over them stand the flags. ` + "`recordings help configuration`" + `
prints an example with every setting explained, and ` + "`recordings check-config`" + ` says what is wrong
with one.

With --demo it needs no configuration and reads none, environment variables included: it makes up a
contact center with a few thousand calls, listens on a loopback address only, and forgets everything
when it stops, unless --data is given. With --opensearch, the calls are in an OpenSearch cluster and stay
there; several such services share them.`,
		Example: `  recordings serve --demo
  recordings serve --config /etc/recordings.yaml --log-level warn`,

		DisableFlagsInUseLine: true,
		Args:                  operands(0),
		RunE:                  func(c *cobra.Command, _ []string) error { return p.serve(c.Context(), &o) },
	}

	flags := c.Flags()
	flags.StringVar(&o.config, "config", "", "the configuration `FILE` (default "+defaultConfig+")")
	flags.BoolVar(&o.demo, "demo", false, "show the service with made-up recordings")
	flags.StringVar(&o.cluster, "opensearch", "", "with --demo, the nodes of a cluster: `URLS` divided by commas")
	// Their defaults stand in the text alone: a flag that is not given must not hide the file's value.
	for name, usage := range map[string]string{
		"listen":    "the `ADDRESS` to listen on, host:port; port 0 takes a free one (default 127.0.0.1:8080)",
		"data":      "the `DIR` of the recordings and their search index (default ./data)",
		"log-level": "the least `LEVEL` to log: debug, info, warn or error (default info)",
		"log-format": "the `FORM` of the log: auto, text or json; auto is text on a terminal, JSON elsewhere " +
			"(default auto)",
	} {
		key := strings.ReplaceAll(name, "-", "_")
		flags.Func(name, usage, func(value string) error { o.given[key] = value; return nil })
	}

	return c
}

// serveOptions are the flags of the command.
type serveOptions struct {
	config  string
	demo    bool
	cluster string            // addresses of its nodes, for the demonstration
	given   map[string]string // settings that flags give, by their key
}

// serve runs the service until ctx ends.
func (p *program) serve(ctx context.Context, o *serveOptions) error {
	if o.demo {
		return p.serveDemo(ctx, o)
	}
	if o.cluster != "" {
		return usage("--opensearch is for --demo: a configuration names its cluster itself")
	}

	sources := p.sources(o.config)
	sources.Flags = o.given
	c, unknown, err := config.Load(sources)
	if err != nil {
		return err
	}

	log := newLogIn(c.LogFormat, p.stderr, c.LogLevel)
	for _, name := range unknown {
		log.Warn().Str("variable", name).Msg("the environment variable is no setting, and is ignored")
	}

	for _, n := range c.Notes(time.Now()) {
		log.Warn().Msg(n)
	}

	hangups, forget := p.hangups()
	defer forget()
	read := func() (*config.Config, error) {
		c, _, err := config.Load(sources)
		return c, err
	}
	return service.Run(ctx, service.Options{
		Config: c, Log: log, Version: version, Read: read, Hangups: hangups, Supervisor: p.supervisor,
	})
}

// newLog writes for people on a terminal, and JSON lines to everything else.
func newLog(w io.Writer, level string) zerolog.Logger { return newLogIn(config.LogAuto, w, level) }

// newLogIn writes in one of the forms that a configuration may ask for.
func newLogIn(format string, w io.Writer, level string) zerolog.Logger {
	f, ok := w.(*os.File)
	terminal := ok && term.IsTerminal(int(f.Fd()))
	switch {
	case format == config.LogJSON || format == config.LogAuto && !terminal:
	case terminal:
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: "15:04:05.000"}
	default: // a file is read on another day, too, and by what shows no colours
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: "2006-01-02 15:04:05.000", NoColor: true}
	}

	// The configuration has refused others already.
	l, err := zerolog.ParseLevel(level)
	if err != nil {
		l = zerolog.InfoLevel
	}
	return zerolog.New(w).Level(l).Hook(zerolog.HookFunc(stampTime))
}

// stampTime adds the time in UTC with milliseconds. The library's own form is a global variable,
// and has seconds only.
func stampTime(e *zerolog.Event, _ zerolog.Level, _ string) {
	e.Str(zerolog.TimestampFieldName, time.Now().UTC().Format("2006-01-02T15:04:05.000Z07:00"))
}
