package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"recordings/cmd/recordings/internal/cli"
	"recordings/mapping"
)

// marking is one run of a command that marks recordings, or defines labels.
type marking struct {
	*program
	contactCenter, reason, value, display, at string
	force                                     bool
	connection                                *cli.Connection
}

// definitions is where the labels of a contact center are defined.
const definitions = "/recording-label-definitions"

// maxMarked is how many recordings the service marks at a time.
const maxMarked = 1000

func holdCommand(p *program) *cobra.Command {
	m := marking{program: p}
	c := m.command("hold [--contact-center ID] [--reason TEXT] [--server URL] RECORDING…",
		"protect recordings from deletion",
		`Puts recordings under a hold: nothing deletes them or their media, neither a DELETE nor a deletion of many
nor retention, and what is stored of them does not change but by what is added. One that is under a hold
already stays as it is. Exit status 3 if some are not there.`,
		`  recordings hold --contact-center berlin --reason "lawsuit 4711" 1KIULSQ9`)
	c.Flags().StringVar(&m.reason, "reason", "", "why, as a `TEXT` of at most 1,024 characters")
	c.RunE = func(c *cobra.Command, ids []string) error {
		return m.mark(c.Context(), ids, "held", map[string]any{"operationName": "applyNonDelete", "reason": m.reason})
	}
	return c
}

func releaseCommand(p *program) *cobra.Command {
	m := marking{program: p}
	c := m.command("release [--contact-center ID] [--server URL] RECORDING…", "end the hold of recordings",
		`Ends the hold of recordings: they can be deleted again, by retention, too. Exit status 3 if some are not
there.`,
		`  recordings release --contact-center berlin 1KIULSQ9357SD5VM`)
	c.RunE = func(c *cobra.Command, ids []string) error {
		return m.mark(c.Context(), ids, "released", map[string]any{"operationName": "unapplyNonDelete"})
	}
	return c
}

func labelCommand(p *program) *cobra.Command {
	m := marking{program: p}
	c := m.command("label list|define|drop|add|remove [--contact-center ID] [--value TEXT] [--display TEXT] [--force]"+
		" [--server URL] [NAME] [RECORDING…]", "define labels, and put them on recordings",
		`Lists the labels that recordings may bear; defines one, or removes (drop) its definition, with --force from
the recordings that bear it, too; puts one on recordings, with a value or without; or takes it off them.
A name has no white space, and letter case does not count. Exit status 3 if some recordings are not there.`,
		`  recordings label define complaint --display "Complaints"
  recordings label add complaint --value "case 12" 1KIULSQ935
  recordings label list`)
	flags := c.Flags()
	flags.StringVar(&m.value, "value", "", "of an added label: a `TEXT` of at most 256 characters")
	flags.StringVar(&m.display, "display", "", "of a defined label: how it is shown")
	flags.BoolVar(&m.force, "force", false, "of a dropped label: take it off the recordings that bear it")
	c.ValidArgs = []cobra.Completion{"list", "define", "drop", "add", "remove"}
	c.RunE = func(c *cobra.Command, args []string) error { return m.label(c.Context(), args) }
	return c
}

func commentCommand(p *program) *cobra.Command {
	m := marking{program: p}
	c := m.command("comment list|add|change|delete [--contact-center ID] [--at TIME] [--server URL] RECORDING"+
		" [COMMENT] [TEXT]", "read and write comments on recordings",
		`Lists the comments on a recording; adds one, or takes the place of one by its id, which only who has written it
may; or deletes one. With --at it is about that moment of the call, else about all of it. Searches find
comments by their words: recordings search --comment refund.`,
		`  recordings comment add --at 1m23s 1KIULSQ9357SD5VM "asks for a refund"
  recordings comment list 1KIULSQ9357SD5VM`)
	c.Flags().StringVar(&m.at, "at", "", "the moment of the call that it is about, such as `1m23s`, or 83.2 seconds")
	c.ValidArgs = []cobra.Completion{"list", "add", "change", "delete"}
	c.RunE = func(c *cobra.Command, args []string) error { return m.comment(c.Context(), args) }
	return c
}

// commentOperands are how many operands each of them has, itself included.
var commentOperands = map[string]int{"list": 2, "add": 3, "change": 4, "delete": 3}

// comment does what its first operand says.
func (m *marking) comment(ctx context.Context, args []string) error {
	if len(args) == 0 || commentOperands[args[0]] == 0 {
		return usage("what? recordings comment list, add, change or delete")
	}
	if n := commentOperands[args[0]]; len(args) != n {
		return usage("recordings comment %s has %d operands: the recording%s", args[0], n-1,
			map[string]string{
				"add": ", and the text in quotes", "change": ", the id of the comment, and the text in quotes",
				"delete": ", and the id of the comment",
			}[args[0]])
	}
	at, err := momentOfCall(m.at)
	if err != nil {
		return err
	}
	center, c, err := m.connection.Center(ctx)
	if err != nil {
		return err
	}
	defer c.Close()

	switch recording := args[1]; args[0] {
	case "add":
		written, err := center.Comment(ctx, recording, at, args[2])
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(m.stdout, written.ID)
		return err
	case "change":
		_, err := center.ChangeComment(ctx, recording, args[2], at, args[3])
		return err
	case "delete":
		return center.DeleteComment(ctx, recording, args[2])
	default:
		all, err := center.Comments(ctx, recording)
		if err != nil {
			return err
		}
		return m.printComments(all)
	}
}

// momentOfCall reads a moment of a call: seconds, or a duration as Go writes it; empty is none.
func momentOfCall(text string) (*float64, error) {
	if text == "" {
		return nil, nil
	}
	at, err := strconv.ParseFloat(text, 64)
	if err != nil {
		var d time.Duration
		if d, err = time.ParseDuration(text); err != nil {
			return nil, usage("--at %q is not a moment of a call; accepted is one such as 1m23s, or 83.2", text)
		}
		at = d.Seconds()
	}
	if err := mapping.CheckAt(at); err != nil {
		return nil, usage("--at %q %v", text, err)
	}
	return &at, nil
}

// printComments prints comments, one a line: the id, when, who, the second of the call, and the text.
func (m *marking) printComments(all []mapping.Comment) error {
	for _, c := range all {
		at := "-"
		if c.At != nil {
			at = strconv.FormatFloat(*c.At, 'f', -1, 64)
		}
		user, text := cli.Printable(c.User), cli.Printable(c.Text)
		_, err := fmt.Fprintf(m.stdout, "%s\t%s\t%s\t%s\t%s\n", c.ID, c.Time, user, at, text)
		if err != nil {
			return err
		}
	}
	return nil
}

// command is what these commands have in common.
func (m *marking) command(use, short, long, example string) *cobra.Command {
	c := &cobra.Command{
		Use: use, GroupID: groupRecordings, Short: short, Example: example,
		Long: long + "\n\nA user with the role ops names the contact center; one with the role admin does not.",

		DisableFlagsInUseLine: true,
		Args:                  operands(maxFiles),
	}
	m.connection = m.common().AddServer(c)
	m.connection.AddCenter(c, &m.contactCenter, " (role ops)")
	return c
}

// mark does an operation with recordings, and says with how many.
func (m *marking) mark(ctx context.Context, ids []string, done string, operation map[string]any) error {
	if len(ids) == 0 {
		return usage("which recordings? give their ids")
	}
	center, c, err := m.connection.Center(ctx)
	if err != nil {
		return err
	}
	defer c.Close()

	failed := 0
	for some := range slices.Chunk(ids, maxMarked) {
		operation["recordings"] = some
		var answer struct {
			Failed []struct {
				StatusMessage string `json:"statusMessage"`
			} `json:"failed"`
		}
		if err := center.Do(ctx, http.MethodPost, "/recordings", nil, operation, &answer); err != nil {
			return err
		}
		for _, f := range answer.Failed {
			fmt.Fprintln(m.stderr, f.StatusMessage)
		}
		failed += len(answer.Failed)
	}

	if _, err := fmt.Fprintf(m.stdout, "%d of %d %s\n", len(ids)-failed, len(ids), done); err != nil {
		return err
	}
	if failed > 0 {
		return errPartly
	}
	return nil
}

// label does what its first operand says.
func (m *marking) label(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return usage("what? recordings label list, define, drop, add or remove")
	}
	what, rest := args[0], args[1:]
	if what == "list" {
		return m.list(ctx)
	}
	if len(rest) == 0 {
		return usage("of which label? give its name")
	}

	name := rest[0]
	switch what {
	case "add":
		operation := map[string]any{"operationName": "addLabel", "name": name, "value": m.value}
		return m.mark(ctx, rest[1:], "labelled", operation)
	case "remove":
		return m.mark(ctx, rest[1:], "without the label", map[string]any{"operationName": "removeLabel", "name": name})
	}

	center, c, err := m.connection.Center(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	switch what {
	case "define":
		definition := map[string]any{"name": name, "displayName": m.display}
		return center.Do(ctx, http.MethodPost, definitions, nil, definition, new(struct{}))
	case "drop":
		query := url.Values{}
		if m.force {
			query.Set("force", "true")
		}
		return center.Do(ctx, http.MethodDelete, definitions+"/"+url.PathEscape(name), query, nil, new(struct{}))
	}
	return usage("%q is not list, define, drop, add or remove", what)
}

// list prints the labels, one a line.
func (m *marking) list(ctx context.Context) error {
	center, c, err := m.connection.Center(ctx)
	if err != nil {
		return err
	}
	defer c.Close()

	var answer struct {
		Definitions []struct {
			Name        string `json:"name"`
			DisplayName string `json:"displayName"`
			Description string `json:"description"`
		} `json:"definitions"`
	}
	if err := center.Do(ctx, http.MethodGet, definitions, nil, nil, &answer); err != nil {
		return err
	}
	for _, d := range answer.Definitions {
		line := strings.TrimRight(strings.Join([]string{d.Name, d.DisplayName, d.Description}, "\t"), "\t")
		if _, err := fmt.Fprintln(m.stdout, line); err != nil {
			return err
		}
	}
	return nil
}
