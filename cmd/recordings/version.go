package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	auditstore "recordings/audit/store"
	"recordings/index/embedded"
)

func versionCommand(p *program) *cobra.Command {
	var formats bool
	c := &cobra.Command{
		Use:     "version [--formats]",
		GroupID: groupService,
		Short:   "which version this is",
		Long: `Prints the version, the revision of the source that it was built from, and the Go version; with
--formats the versions of what it writes to a data directory instead. An older program refuses a data
directory with a higher one, so an upgrade that changes them cannot be undone without a backup.`,
		Example: "  recordings version",

		DisableFlagsInUseLine: true,
		Args:                  operands(0),
		RunE: func(*cobra.Command, []string) error {
			text := describeVersion()
			if formats {
				text = fmt.Sprintf("%s audit=%d", embedded.Formats(), auditstore.Layout)
			}
			_, err := fmt.Fprintln(p.stdout, text)
			return err
		},
	}
	c.Flags().BoolVar(&formats, "formats", false, "the versions of the stored formats")
	return c
}

// describeVersion is the version on one line, as version and --version print it.
func describeVersion() string {
	return fmt.Sprintf("recordings %s (revision %s) %s %s/%s",
		version, revision(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// revision is that of the source, as the Go tool recorded it.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}

	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}

	// Built outside of a checkout, as from an archive of the source, it has none.
	r := cmp.Or(settings["vcs.revision"], "unknown")
	if settings["vcs.modified"] == "true" {
		r += ", modified"
	}

	return r
}
