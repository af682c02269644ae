package main

import (
	"context"
	"flag"
	"fmt"

	"recordings/cmd/recordings/internal/config"
)

const defaultConfig = "recordings.yaml"

var checkConfigCommand = command{
	name:  "check-config",
	args:  "[--config FILE]",
	brief: "tell everything that is wrong with the configuration",
	help: `Reads the configuration as ` + "`recordings serve`" + ` would, environment variables included, and tells everything
that is wrong with it at once, each with the line of the file or the name of the variable. Exit status 2 if anything is.`,
	prepare: func(p *program, flags *flag.FlagSet) func(context.Context) error {
		file := flags.String("config", "", "the configuration `FILE` (default "+defaultConfig+")")
		return func(context.Context) error {
			_, unknown, err := config.Load(p.sources(*file))
			for _, name := range unknown {
				fmt.Fprintf(p.stderr, "note: the environment variable %s is no setting, and is ignored\n", name)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.stdout, "ok")
			return err
		}
	},
}

// sources are those of a configuration without flags. Without a file name, the usual one is read if there is such a file: the
// environment alone will do.
func (p *program) sources(file string) config.Sources {
	if file == "" {
		return config.Sources{File: defaultConfig, Optional: true, Environ: p.environ}
	}
	return config.Sources{File: file, Environ: p.environ}
}
