package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/calls"
	"recordings/cmd/recordings/internal/cli"
	"recordings/cmd/recordings/internal/firsthour"
)

// example is a configuration with every setting explained.
//
//go:embed recordings.yaml
var example string

// exampleTopic is what help calls it.
const exampleTopic = "configuration"

// The groups that the overview puts commands into.
const (
	groupService    = "service"
	groupRecordings = "recordings"
	groupOperations = "operations"
)

// root is the whole command line, about to run with the arguments.
func (p *program) root(args []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "recordings",
		Short: "keeps, finds and deletes the call recordings of contact centers",
		Long:  "Recordings keeps, finds and deletes the call recordings of contact centers.",

		Args:          noSuchCommand,
		RunE:          noCommand,
		SilenceErrors: true, // they are written in one place, with the exit status
		SilenceUsage:  true,

		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true}, // see completionCommand

		SuggestionsMinimumDistance: 2,    // letters
		DisableAutoGenTag:          true, // of man pages, which are then the same whenever they are made
	}

	root.SetArgs(args)
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)

	// Without this, a wrong flag would be an error like any other, and end with the status 1.
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return cli.FlagError(c, err)
	})

	// The help of the library is longer and groups nothing; ours fits a screen.
	root.SetHelpFunc(func(c *cobra.Command, _ []string) {
		_, _ = io.WriteString(c.OutOrStdout(), helpText(c))
	})

	root.SetHelpCommand(helpCommand(root))
	root.Flags().BoolP("version", "v", false, "which version this is")

	root.AddGroup(
		&cobra.Group{ID: groupService, Title: "The service"},
		&cobra.Group{ID: groupRecordings, Title: "Recordings in and out"},
		&cobra.Group{ID: groupOperations, Title: "Looking after it"},
	)

	root.AddCommand(firsthour.Init(p.common()), firsthour.Login(p.common()), firsthour.Logout(p.common()),
		firsthour.Doctor(p.common()),
		p.serveCommand(), p.checkConfigCommand(), p.hashPasswordCommand(), p.createTokenCommand(),
		versionCommand(p),
		calls.Search(p.common()), calls.Get(p.common()), calls.Play(p.common()), calls.Download(p.common()),
		calls.Export(p.common()), p.importCommand(),
		calls.Delete(p.common()), calls.Deletions(p.common()), p.retentionCommand(), p.orphansCommand(),
		p.statusCommand(), p.healthCommand(),
		p.reindexCommand(), p.verifyCommand(), p.backupCommand(), p.restoreCommand(), p.moveCommand(),
		p.auditCommand(), p.reconcileCommand(),
		holdCommand(p), releaseCommand(p), labelCommand(p), commentCommand(p),
		p.reloadCommand(),
		completionCommand(), manCommand())

	return root
}

// noSuchCommand refuses what is no command, and suggests what may have been meant.
func noSuchCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range root.Commands() {
		names = append(names, c.Name())
	}
	return usage("there is no command %q%s; `recordings help` lists them", args[0], cli.DidYouMean(args[0], names))
}

// noCommand is what the program alone does: it tells its version, or somebody who knows no command yet sees them all.
//
// The library's own flag of this kind prints by a template, and templates keep the linker from leaving out what is
// never called.
func noCommand(root *cobra.Command, _ []string) error {
	if asked, err := root.Flags().GetBool("version"); asked || err != nil {
		_, writing := fmt.Fprintln(root.OutOrStdout(), describeVersion())
		return errors.Join(err, writing)
	}
	return usage("what should be done?\n\n%s", helpText(root))
}

// operands is the rule for the arguments of a command that takes at most so many beside its flags.
func operands(most int) cobra.PositionalArgs { return cli.Operands(most) }

// helpCommand shows all commands, one of them, or the example of a configuration.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:               "help [COMMAND | " + exampleTopic + "]",
		Short:             "what a command does, and its flags",
		Long:              "Shows all commands, what one of them does, or an example of a configuration.",
		ValidArgsFunction: cobra.NoFileCompletions,
		Args:              operands(1),
		RunE: func(c *cobra.Command, args []string) error {
			text := helpText(root)
			if len(args) > 0 && args[0] == exampleTopic {
				text = example
			} else if len(args) > 0 {
				found, rest, err := root.Find(args)
				if err != nil || found == root || len(rest) > 0 {
					return noSuchCommand(root, args)
				}
				text = helpText(found)
			}

			_, err := io.WriteString(c.OutOrStdout(), text)
			return err
		},
	}
}

// helpText is all there is to know of a command.
func helpText(c *cobra.Command) string {
	if !c.HasParent() {
		return overview(c)
	}

	return cli.Help(c)
}

// overview is the help of the program: all commands, each with a line.
func overview(root *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", root.Long)
	line := func(name, what string) { fmt.Fprintf(&b, "  recordings %-20s %s\n", name, what) }

	for _, g := range root.Groups() {
		fmt.Fprintf(&b, "\n%s:\n", g.Title)
		for _, c := range root.Commands() {
			if c.GroupID == g.ID {
				line(c.Name(), c.Short)
			}
		}
	}

	b.WriteString("\nHelp:\n")
	line("help COMMAND", "what a command does, and its flags")
	line("help "+exampleTopic, "an example of a configuration, with every setting explained")
	line("completion SHELL", "a script that completes commands and flags in bash, zsh, fish or PowerShell")
	line("man DIR", "write the manual pages into a directory")

	b.WriteString("\nExit status: 0 done, 1 failed, 2 wrong usage or configuration, 3 partly done.\n")
	return b.String()
}

// addServer declares the flags of commands that call a service, and returns how to make their client.
func (p *program) addServer(c *cobra.Command) func() (*client.Client, error) {
	return p.common().AddServer(c).Client
}

// addCenter is addServer for commands that are about a contact center.
func (p *program) addCenter(c *cobra.Command, to *string, what string) func() (*client.Client, error) {
	x := p.common().AddServer(c)
	x.AddCenter(c, to, what)
	return x.Client
}
