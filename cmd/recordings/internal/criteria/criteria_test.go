package criteria_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"recordings/api/client"
	"recordings/cmd/recordings/internal/cli"
	"recordings/cmd/recordings/internal/criteria"
	"recordings/mapping"
)

// parse reads a command line as a command does, on a Sunday afternoon in Berlin.
func parse(t *testing.T, line ...string) (client.Criteria, error) {
	t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	p := &cli.Program{Zone: berlin, Now: func() time.Time { return time.Date(2026, 5, 17, 15, 30, 0, 0, berlin) }}
	c := &cobra.Command{Use: "search"}
	s := criteria.Add(p, c)
	if err := c.ParseFlags(line); err != nil {
		t.Fatal(err)
	}
	return s.Parse(c.Flags().Args())
}

// TestParse: flags and names of the API mean the same, and times are those of the user's zone.
func TestParse(t *testing.T) {
	const yesterday, today = "2026-05-15T22:00:00.000+0000", "2026-05-16T22:00:00.000+0000"
	for line, want := range map[string]client.Criteria{
		"":                            {},
		"--agent=Bob":                 {mapping.ParamUserName: "Bob"},
		"--since=yesterday":           {mapping.ParamStartTime: yesterday},
		"--until=yesterday":           {mapping.ParamStartedBefore: today},
		"startTime=yesterday":         {mapping.ParamStartTime: yesterday},
		"startedBefore=yesterday":     {mapping.ParamStartedBefore: today},
		"startTime=0":                 {mapping.ParamStartTime: "0"},
		"startTime=nonsense":          {mapping.ParamStartTime: "nonsense"}, // the service says what is wrong
		"--min-duration=1m30s":        {mapping.ParamMinDuration: "90"},
		"--max-duration=90":           {mapping.ParamMaxDuration: "90"},
		"--held":                      {mapping.ParamNonDelete: "true"},
		"--caller=+49* label=Checked": {mapping.ParamCallerPhoneNumber: "+49*", mapping.ParamLabel: "Checked"},
		"userDataKey.Queue=a=b":       {"userDataKey.Queue": "a=b"},
		"--number=1 --dialed=2 --data=x --label=y": {mapping.ParamPhoneNumber: "1", mapping.ParamDialedPhoneNumber: "2",
			mapping.ParamUserData: "x", mapping.ParamLabel: "y"},
	} {
		got, err := parse(t, strings.Fields(line)...)
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("%s: %v, %v; want %v", line, got, err, want)
		}
	}
}

// TestParseWrong: what is wrong is told with what is accepted, and as a matter of the command line.
func TestParseWrong(t *testing.T) {
	for line, want := range map[string]string{
		"Bob":                           `"Bob" is no criterion; write a flag such as --agent Bob, or NAME=VALUE`,
		"userNames=Bob":                 "did you mean userName",
		"label=a label=b":               "label is given more than once",
		"--agent=a userName=b":          "--agent and userName= are the same criterion",
		"--held nonDelete=false":        "--held and nonDelete= are the same criterion",
		"--since=nonsense":              "--since \"nonsense\"",
		"--min-duration=1500ms":         "is not a duration in seconds, such as 90, 2m or 1h30m",
		"--min-duration=-5s":            "is not a duration in seconds",
		"--max-duration=99999999999999": "is not a duration in seconds",
	} {
		_, err := parse(t, strings.Fields(line)...)
		var usage *cli.UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s", line, err, want)
		}
	}
}

// TestComplete: the criteria that are not there yet are offered; of a key of the user data there may be many.
func TestComplete(t *testing.T) {
	all, _ := criteria.Complete(nil, nil, "")
	rest, _ := criteria.Complete(nil, []string{"label=x", "userDataKey.Queue=y"}, "")
	if len(all) != len(mapping.CriteriaTable) || len(rest) != len(all)-1 {
		t.Errorf("%d are offered of %d, then %d", len(all), len(mapping.CriteriaTable), len(rest))
	}
	for _, name := range rest {
		if name == "label=" {
			t.Error("label is offered again")
		}
	}
}

// TestText has every criterion, in an order that does not change.
func TestText(t *testing.T) {
	c := client.Criteria{mapping.ParamUserName: "Bob", mapping.ParamLabel: "x", mapping.ParamCallerPhoneNumber: "+1"}
	const want = "callerPhoneNumber=+1 label=x userName=Bob"
	for range 20 {
		if got := criteria.Text(c); got != want {
			t.Fatalf("it is %q", got)
		}
	}
}

// TestNames: each flag stands for a criterion that there is.
func TestNames(t *testing.T) {
	for param, flag := range criteria.Names() {
		if !mapping.IsCriterion(param) || !strings.HasPrefix(flag, "--") {
			t.Errorf("%s stands for %s", flag, param)
		}
	}
}
