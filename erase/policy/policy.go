// Package policy is what can be said about which recordings go: criteria beyond those of a search, parts
// of the day, and policies of retention. It knows of no index, so that whoever reads a configuration
// can ask it what is wrong.
package policy

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"recordings/internal/problem"
	"recordings/mapping"
)

// Policy says which recordings go, and when.
type Policy struct {
	Name           string            `json:"name"`
	After          string            `json:"after"` // since their stopTime, such as 90d or 12h
	ContactCenters []string          `json:"contactCenters,omitzero"`
	Criteria       map[string]string `json:"criteria,omitzero"`
	Everything     bool              `json:"everything,omitzero"` // it is meant to have no criteria
	Subresources   bool              `json:"subresources"`        // media goes, too
	Between        string            `json:"between,omitzero"`    // such as 01:00-05:00; empty: it may run at any time
	MaxShare       int               `json:"maxShare"`            // percent that may go without being confirmed
}

// DefaultMaxShare is the MaxShare of a policy that does not say anything else.
const DefaultMaxShare = 10

// Problems returns everything that is wrong with a policy, by the names that its settings have in the
// configuration.
func (p *Policy) Problems() (problems problem.List) {
	problems.Check(p.Name != "" && problem.Trimmed(p.Name), "name", "is required, without spaces around it")
	if _, err := ParseAge(p.After); err != nil {
		problems.Check(false, "after", err.Error())
	}
	if _, err := p.Window(); err != nil {
		problems.Check(false, "between", err.Error())
	}
	problems.CheckNames("contact_centers", p.ContactCenters)
	problems.Check(p.MaxShare >= 0 && p.MaxShare <= 100, "max_share", "must be a number of percent from 0 to 100")

	_, err := ParseFilter(p.Criteria, true)
	var wrong mapping.Problems
	if errors.As(err, &wrong) {
		for _, w := range wrong {
			problems.Check(false, "criteria."+w.Path, w.Message)
		}
		return problems
	}
	all := MatchesEverything(p.Criteria)
	problems.Check(!all || p.Everything, "criteria",
		"match every recording: give such as leave some out, or say everything: true if that is meant")
	problems.Check(all || !p.Everything, "everything", "must not be true where there are criteria that leave some out")
	return problems
}

// Problems returns everything that is wrong with policies, each below its place in their list.
func Problems(policies []Policy) (problems problem.List) {
	for i := range policies {
		at := "retention[" + strconv.Itoa(i) + "]"
		same := func(q Policy) bool { return q.Name == policies[i].Name && q.Name != "" }
		problems.Check(!slices.ContainsFunc(policies[:i], same), at+".name", "is the name of another policy already")
		problems.Add(at, policies[i].Problems())
	}
	return problems
}

// maxAge is in days.
const maxAge = 100 * 366

// ParseAge reads how old something is, in days or hours.
func ParseAge(text string) (time.Duration, error) {
	wrong := errors.New("must be how long after its end a recording goes, in days or hours: such as 90d or 12h")
	digits, days := strings.CutSuffix(text, "d")
	if !days {
		var hours bool
		if digits, hours = strings.CutSuffix(text, "h"); !hours {
			return 0, wrong
		}
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	unit := time.Hour
	if days {
		unit *= 24
	}
	if err != nil || n == 0 || n > uint64(maxAge*24*time.Hour/unit) {
		return 0, wrong
	}
	return time.Duration(n) * unit, nil
}

// Window is when the policy may run.
func (p *Policy) Window() (Window, error) {
	if p.Between == "" {
		return Window{}, nil
	}
	return ParseWindow(p.Between)
}

// CriteriaAt are the criteria of what the policy deletes at a moment. A recording whose end is not
// known has none that is long enough ago.
func (p *Policy) CriteriaAt(now time.Time) (map[string]string, error) {
	age, err := ParseAge(p.After)
	if err != nil {
		return nil, err
	}
	until := mapping.Time(now.Add(-age).UnixMilli())
	criteria := map[string]string{mapping.ParamEndedAfter: "0"}
	maps.Copy(criteria, p.Criteria)
	if own := criteria[mapping.ParamEndTime]; own != "" {
		t, err := mapping.ParseQueryTime(own)
		if err != nil {
			return nil, err
		}
		until = min(until, t)
	}
	criteria[mapping.ParamEndTime] = until.String()
	return criteria, nil
}
