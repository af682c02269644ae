package calls

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/cli"
	"recordings/cmd/recordings/internal/criteria"
	"recordings/mapping"
)

// periods are what a saved search may have for days.
var periods = []string{"today", "yesterday", "7days", "month"}

// keeping is one run of the command that looks after saved searches.
type keeping struct {
	*cli.Program
	connection *cli.Connection
	criteria   *criteria.Set

	contactCenter, period, zone, sort string
}

// savedCommand is the command that looks after the saved searches of the user.
func savedCommand(p *cli.Program) *cobra.Command {
	k := keeping{Program: p}
	c := &cobra.Command{
		Use:   "saved list|save|delete [NAME] [CRITERION=VALUE…] [flags]",
		Short: "list, save and remove your searches",
		Long: `Lists the searches that you have saved in a contact center, with what they ask for; saves one under a
name, in the place of that of this name; or removes one. Nobody else sees them. Make one again by
recordings search --saved NAME. A period stays one: yesterday is another day tomorrow, in the zone that is
given, or in that of who makes the search.`,
		Example: `  recordings search saved save "Refunds" --comment refund --period yesterday
  recordings search saved list
  recordings search --saved Refunds`,

		Hidden:                true, // it is told of by search
		DisableFlagsInUseLine: true,
		Args:                  cli.Operands(criteria.Most + 2),
		ValidArgs:             []cobra.Completion{"list", "save", "delete"},
	}
	k.criteria = criteria.Add(p, c)
	c.Flags().StringVar(&k.period, "period", "", "`DAYS` up to the present: "+strings.Join(periods, ", "))
	c.Flags().StringVar(&k.zone, "zone", "", "the time `ZONE` of the days, such as Europe/Berlin")
	c.Flags().StringVar(&k.sort, "sort", "", "the `ORDER`: startTime (oldest first), changedTime")
	k.connection = p.AddServer(c)
	k.connection.AddCenter(c, &k.contactCenter, " (role ops)")
	k.connection.Flags = criteria.Names()
	cli.CompleteValues(c, "period", periods...)
	cli.CompleteValues(c, "sort", orders...)
	c.RunE = func(c *cobra.Command, args []string) error { return k.run(c.Context(), args) }
	return c
}

// run does what the first operand says.
func (k *keeping) run(ctx context.Context, args []string) error {
	list, save := len(args) == 1 && args[0] == "list", len(args) > 1 && args[0] == "save"
	drop := len(args) == 2 && args[0] == "delete"
	if !list && !save && !drop {
		return cli.Usage("what? recordings search saved list, save NAME or delete NAME")
	}
	s := client.SavedSearch{Period: k.period, Zone: k.zone, Sort: k.sort}
	if save {
		var err error
		if s.Name = args[1]; k.period != "" && !slices.Contains(periods, k.period) {
			return cli.Usage("--period %q is none of %s%s", k.period, strings.Join(periods, ", "),
				cli.DidYouMean(k.period, periods))
		}
		if err := checkOrder(k.sort); err != nil {
			return err
		}
		if s.Criteria, err = k.criteria.Parse(args[2:]); err != nil {
			return err
		}
	}

	center, c, err := k.connection.Center(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	switch {
	case save:
		return center.SaveSearch(ctx, s)
	case drop:
		return center.DeleteSavedSearch(ctx, args[1])
	}
	all, err := center.SavedSearches(ctx)
	if err != nil {
		return err
	}
	for i := range all {
		line := strings.TrimRight(all[i].Name+"\t"+cli.Printable(asking(&all[i])), "\t")
		if _, err := fmt.Fprintln(k.Stdout, line); err != nil {
			return err
		}
	}
	return nil
}

// asking is what a saved search asks for, in one line.
func asking(s *client.SavedSearch) string {
	var parts []string
	if s.Period != "" {
		parts = append(parts, strings.TrimSpace(s.Period+" "+s.Zone))
	}
	if len(s.Criteria) > 0 {
		parts = append(parts, criteria.Text(s.Criteria))
	}
	if s.Sort != "" {
		parts = append(parts, "by "+s.Sort)
	}
	return strings.Join(parts, " ")
}

// ask is what the search asks for: what was given, and what a saved search asks for.
func (s *search) ask(ctx context.Context, center *client.Center, given client.Criteria) (client.Criteria, error) {
	asked := client.Criteria{}
	if s.saved != "" {
		saved, err := center.SavedSearch(ctx, s.saved)
		if err != nil {
			return nil, err
		}
		if s.sort == "" {
			s.sort = saved.Sort
		}
		if s.zone == "" && saved.Zone != "" {
			s.zone = saved.Zone
			if err := s.inZone(); err != nil {
				return nil, err
			}
		}
		if asked, err = saved.Asked(s.Time().In(s.Local())); err != nil {
			return nil, fmt.Errorf("%q: %w", saved.Name, err)
		}
	}

	for name, value := range given {
		if was, there := asked[name]; there {
			named := name
			if flag, ok := criteria.Names()[name]; ok {
				named = flag
			}
			return nil, cli.Usage("the saved search has %s=%s; leave %s out", name, was, named)
		}
		asked[name] = value
	}
	if len(asked) == 0 {
		asked[mapping.ParamStartTime] = "0"
	}
	return asked, nil
}
