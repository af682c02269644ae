package policy

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"recordings/mapping"
)

// ParamNotLabel is a criterion that only retention has, beside those of a search: the recording bears no label
// that matches, in the grammar of label. The index does not know it: each recording that the others find is
// looked at.
const ParamNotLabel = "notLabel"

// Filter is which recordings are to be deleted.
type Filter struct {
	Criteria mapping.Criteria // what the index can be asked for

	notLabel *mapping.Criteria // what a recording must not match; nil: nothing
}

// ParseFilter reads criteria by their names: those of a search, and if retention is set the one that
// only retention has. The error is a [mapping.Problems] that tells all that is wrong.
func ParseFilter(params map[string]string, retention bool) (Filter, error) {
	var f Filter
	var problems mapping.Problems
	for _, name := range slices.Sorted(maps.Keys(params)) {
		known, err := f.take(name, params[name], retention)
		if known = known || mapping.IsCriterion(name); !known {
			err = errors.New("is not a criterion; accepted are " + strings.Join(accepted(retention), ", "))
		}
		if err != nil {
			problems = append(problems, mapping.Problem{Path: name, Message: err.Error()})
		}
	}

	criteria, err := mapping.ParseCriteria(params)
	var wrong mapping.Problems
	if errors.As(err, &wrong) {
		problems = append(problems, wrong...)
	} else if err != nil {
		return f, err
	}
	if len(problems) > 0 {
		return Filter{}, problems
	}
	f.Criteria = criteria
	return f, nil
}

// accepted are the names of all criteria.
func accepted(retention bool) []string {
	if !retention {
		return mapping.CriteriaParams
	}
	return slices.Concat(mapping.CriteriaParams, []string{ParamNotLabel})
}

// take takes a criterion that only retention has, and reports whether it is one.
func (f *Filter) take(name, value string, retention bool) (known bool, err error) {
	if !retention || name != ParamNotLabel {
		return false, nil
	}
	label, err := one(mapping.ParamLabel, value)
	f.notLabel = &label
	return true, err
}

// one reads one criterion as a search reads it.
func one(name, value string) (mapping.Criteria, error) {
	c, err := mapping.ParseCriteria(map[string]string{name: value})
	var problems mapping.Problems
	if errors.As(err, &problems) {
		return c, errors.New(problems[0].Message)
	}
	return c, err
}

// Indexed reports whether the index alone knows what matches.
func (f *Filter) Indexed() bool {
	return f.notLabel == nil
}

// Match reports whether a recording is to be deleted.
func (f *Filter) Match(r *mapping.Recording) bool {
	return mapping.Match(&f.Criteria, r) && f.MatchBeyond(r)
}

// MatchBeyond is the part of Match that the index does not know.
func (f *Filter) MatchBeyond(r *mapping.Recording) bool {
	return f.notLabel == nil || !mapping.Match(f.notLabel, r)
}

// MatchesEverything reports whether criteria, given by their names, leave nothing out: there are
// none, or each is known to match every recording.
func MatchesEverything(params map[string]string) bool {
	for name, value := range params {
		nothing := strings.Trim(value, `*" `) == "" && name != mapping.ParamStartTime
		zero := strings.Trim(value, "0") == "" && slices.Contains([]string{
			mapping.ParamStartTime, mapping.ParamChangedSince, mapping.ParamMinDuration,
		}, name)
		if !nothing && !zero {
			return false
		}
	}
	return true
}
