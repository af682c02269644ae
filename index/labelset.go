package index

import (
	"fmt"
	"slices"
	"strings"

	"recordings/mapping"
)

// MaxLabelDefinitions is how many labels a contact center has at most: all of them are read whenever one is
// put on a recording.
const MaxLabelDefinitions = 1000

// Define adds a definition to those of a contact center, or has it take the place of that of its name, as
// [Labels] says. What it returns is in order. It changes nothing of what it is given.
func Define(
	all []mapping.LabelDefinition, d mapping.LabelDefinition, replace bool,
) ([]mapping.LabelDefinition, error) {
	at, taken := -1, false
	for i := range all {
		if mapping.SameLabel(all[i].Name, d.Name) {
			at = i
		} else if mapping.Fold(all[i].DisplayName) == mapping.Fold(d.DisplayName) {
			taken = true
		}
	}
	switch {
	case at >= 0 && !replace:
		return nil, ErrLabelExists
	case at < 0 && replace:
		return nil, ErrNoLabel
	case taken:
		return nil, ErrDisplayName
	case at < 0 && len(all) >= MaxLabelDefinitions:
		return nil, ErrTooManyLabels
	}

	all = slices.Clone(all)
	if at >= 0 {
		all[at] = d
	} else {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b mapping.LabelDefinition) int {
		return strings.Compare(mapping.Fold(a.Name), mapping.Fold(b.Name))
	})
	return all, nil
}

// LabelSet are the labels that recordings of a contact center may bear, by their folded names. It is the
// rule that all implementations of [Marks] share.
type LabelSet map[string]mapping.LabelDefinition

// Check refuses labels that a recording did not bear before and that are not defined, with [ErrNoLabel],
// and more than [mapping.MaxLabels], with [ErrTooLarge]. What remains is spelled as it is defined. Of
// comments it refuses more than [mapping.MaxComments], likewise, and any but new ones under a hold, with
// [ErrHeld].
func (s LabelSet) Check(before, after *mapping.Recording) error {
	switch n := len(after.Comments); {
	case before.NonDelete != nil && !mapping.OnlyAddsComments(before, after):
		return fmt.Errorf("a comment is changed or removed: %w", ErrHeld)
	case n > max(mapping.MaxComments, len(before.Comments)):
		return fmt.Errorf("%d comments, %d are allowed: %w", n, mapping.MaxComments, ErrTooLarge)
	}

	for i := range after.Labels {
		l := &after.Labels[i]
		if was := before.Label(l.Name); was != nil && *was == *l {
			continue
		}
		d, ok := s[mapping.Fold(l.Name)]
		if !ok {
			return fmt.Errorf("%q: %w", l.Name, ErrNoLabel)
		}
		l.Name = d.Name
	}
	if len(after.Labels) > max(mapping.MaxLabels, len(before.Labels)) {
		return fmt.Errorf("%d labels, %d are allowed: %w", len(after.Labels), mapping.MaxLabels, ErrTooLarge)
	}
	return nil
}

// AddMarks puts the marks of a posted recording on a merged one, if [LabelSet.Check] has
// nothing against it.
func (s LabelSet) AddMarks(merged, posted *mapping.Recording) error {
	before := *merged
	merged.AddMarks(posted)
	return s.Check(&before, merged)
}
