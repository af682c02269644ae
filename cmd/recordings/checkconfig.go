package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

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
