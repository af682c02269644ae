package calls

import (
	"slices"

	"github.com/spf13/cobra"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/cli"
	"recordings/cmd/recordings/internal/criteria"
)

// selection is what says which recordings a command is about: their ids, as its arguments, or criteria
// that find them.
type selection struct {
	set      *criteria.Set
	criteria []string // of --criteria
}

// addSelection adds the flags of a selection to a command.
func addSelection(p *cli.Program, c *cobra.Command) *selection {
	s := &selection{set: criteria.Add(p, c)}
	c.Flags().StringArrayVar(&s.criteria, "criteria", nil, "a criterion `NAME=VALUE`; more may follow")
	return s
}

// parse returns the ids or the criteria: never both, and neither if there is none. With --criteria the
// arguments are further criteria. The verb is what the command does.
func (s *selection) parse(verb string, args []string) (ids []string, asked client.Criteria, err error) {
	if len(s.criteria) > 0 {
		asked, err = s.set.Parse(slices.Concat(s.criteria, args))
		return nil, asked, err
	}

	asked, err = s.set.Parse(nil)
	if err == nil && len(args) > 0 && len(asked) > 0 {
		err = cli.Usage("%q is the id of a recording, and the flags ask for others: %s either; a criterion follows "+
			"--criteria", args[0], verb)
	}
	return args, asked, err
}
