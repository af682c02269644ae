// Package criteria reads the criteria of a search from a command line: as flags for people
// (--since yesterday), and under the names that they have in the API (startTime=…).
package criteria

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/cli"
	"recordings/cmd/recordings/internal/when"
	"recordings/mapping"
)

// flag is a flag that stands for a criterion.
type flag struct {
	name, param, usage string
	read               func(s *Set, value string) (string, error)
}

// flags are all of them.
var flags = []flag{
	{"since", mapping.ParamStartTime, "begun at this `TIME` or later: yesterday, 2h", (*Set).since},
	{"until", mapping.ParamStartedBefore, "begun before this `TIME`, or the end of the day", (*Set).until},
	{"caller", mapping.ParamCallerPhoneNumber, "the `NUMBER` of the caller; * stands for anything", (*Set).text},
	{"dialed", mapping.ParamDialedPhoneNumber, "the `NUMBER` that was dialed", (*Set).text},
	{"number", mapping.ParamPhoneNumber, "the `NUMBER` of anybody in the call", (*Set).text},
	{"agent", mapping.ParamUserName, "the `NAME` of an agent; two with AND or OR", (*Set).text},
	{"data", mapping.ParamUserData, "a `VALUE` of the attached data", (*Set).text},
	{"label", mapping.ParamLabel, "a label, by its `NAME`", (*Set).text},
	{"comment", mapping.ParamComment, "a `WORD` of a comment, or a piece of one with *", (*Set).text},
	{"min-duration", mapping.ParamMinDuration, "as `LONG` or longer: 90, 2m, 1h30m", (*Set).seconds},
	{"max-duration", mapping.ParamMaxDuration, "as `LONG` or shorter", (*Set).seconds},
}

// flagHeld is the one that has no value.
const flagHeld = "held"

// Most is how many criteria a command may be given.
var Most = len(mapping.CriteriaTable) + mapping.MaxKeys

// Set is what the flags of a command ask for.
type Set struct {
	program *cli.Program
	given   map[string]string // by the names of the flags
	held    bool
}

// Add declares the flags of a command, and completes the names of criteria among its arguments.
func Add(p *cli.Program, c *cobra.Command) *Set {
	s := &Set{program: p, given: map[string]string{}}
	for _, f := range flags {
		c.Flags().Func(f.name, f.usage, func(value string) error {
			s.given[f.name] = value
			return nil
		})
	}
	c.Flags().BoolVar(&s.held, flagHeld, false, "under a hold")
	c.ValidArgsFunction = Complete
	return s
}

// Names are the flags that stand for parameters, by the names of these.
func Names() map[string]string {
	names := map[string]string{mapping.ParamNonDelete: "--" + flagHeld}
	for _, f := range flags {
		names[f.param] = "--" + f.name
	}
	return names
}

// Complete completes the names of the criteria that are not there yet.
func Complete(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []cobra.Completion
	for _, c := range mapping.CriteriaTable {
		given := func(arg string) bool { return strings.HasPrefix(arg, c.Name+"=") }
		switch {
		case c.Keyed():
			names = append(names, c.Name)
		case !slices.ContainsFunc(args, given):
			names = append(names, c.Name+"=")
		}
	}
	return names, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
}

// Parse reads the flags, and the arguments NAME=VALUE.
func (s *Set) Parse(args []string) (client.Criteria, error) {
	criteria := client.Criteria{}
	for _, f := range flags {
		value, ok := s.given[f.name]
		if !ok {
			continue
		}
		value, err := f.read(s, value)
		if err != nil {
			return nil, cli.Usage("--%s %q %v", f.name, s.given[f.name], err)
		}
		criteria[f.param] = value
	}
	if s.held {
		criteria[mapping.ParamNonDelete] = "true"
	}

	named, err := s.operands(args)
	if err != nil {
		return nil, err
	}
	for name, value := range named {
		if _, ok := criteria[name]; ok {
			return nil, cli.Usage("%s and %s= are the same criterion; one of them is enough", Names()[name], name)
		}
		criteria[name] = value
	}
	return criteria, nil
}

// Operands reads criteria that are written as NAME=VALUE.
func Operands(p *cli.Program, args []string) (client.Criteria, error) {
	return (&Set{program: p}).operands(args)
}

// times are the criteria whose values are times, of which the end counts or not.
var times = map[string]bool{
	mapping.ParamStartTime: false, mapping.ParamChangedSince: false, mapping.ParamEndedAfter: false,
	mapping.ParamStartedBefore: true, mapping.ParamEndTime: true,
}

// operands reads criteria that are written as NAME=VALUE.
func (s *Set) operands(args []string) (client.Criteria, error) {
	criteria := client.Criteria{}
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		switch {
		case !ok:
			return nil, cli.Usage("%q is no criterion; write a flag such as --agent %s, or NAME=VALUE", arg, arg)
		case !mapping.IsCriterion(name):
			return nil, cli.Usage("%q is no criterion%s; there are %s", name,
				cli.DidYouMean(name, mapping.CriteriaParams), strings.Join(mapping.CriteriaParams, ", "))
		}
		if _, ok := criteria[name]; ok {
			return nil, cli.Usage("%s is given more than once", name)
		}

		// What the service reads itself goes to it as it is, with its own words where it is wrong.
		if end, ok := times[name]; ok {
			if span, err := when.Parse(value, s.now()); err == nil && !isAPITime(value) {
				value = span.From.String()
				if end {
					value = span.Until.String()
				}
			}
		}
		criteria[name] = value
	}
	return criteria, nil
}

// isAPITime reports whether the service reads a time itself.
func isAPITime(value string) bool {
	_, err := mapping.ParseQueryTime(value)
	return err == nil
}

// now is the time, in the zone of the user.
func (s *Set) now() time.Time { return s.program.Time().In(s.program.Local()) }

func (s *Set) text(value string) (string, error) { return value, nil }

func (s *Set) since(value string) (string, error) {
	span, err := when.Parse(value, s.now())
	return span.From.String(), err
}

func (s *Set) until(value string) (string, error) {
	span, err := when.Parse(value, s.now())
	return span.Until.String(), err
}

// seconds reads a duration: seconds, or with units.
func (s *Set) seconds(value string) (string, error) {
	if _, err := strconv.ParseUint(value, 10, 32); err == nil {
		return value, nil
	}
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 || d%time.Second != 0 {
		return "", fmt.Errorf("is not a duration in seconds, such as 90, 2m or 1h30m")
	}
	return strconv.FormatInt(int64(d/time.Second), 10), nil
}

// Text writes criteria for people, in the order of their names.
func Text(c client.Criteria) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(c)) {
		parts = append(parts, name+"="+c[name])
	}
	return strings.Join(parts, " ")
}
