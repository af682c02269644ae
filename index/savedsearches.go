package index

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"recordings/mapping"
)

// SavedSearch is a search that somebody has given a name, to make it again.
type SavedSearch struct {
	Name     string            `json:"name"`
	Criteria map[string]string `json:"criteria"`          // as those of a search; some, unless there is a period
	Period   string            `json:"period,omitzero"`   // a span of days up to the present, such as yesterday
	Zone     string            `json:"zone,omitzero"`     // whose days these are, such as Europe/Berlin
	Sort     string            `json:"sort,omitzero"`     // the order of a search; empty: the newest first
	LookedAt mapping.Time      `json:"lookedAt,omitzero"` // when its user has last looked at it; 0: never
	Time     mapping.Time      `json:"time"`              // when it was last saved
}

// Equal reports whether two are the same, but for when they were saved.
func (s *SavedSearch) Equal(o *SavedSearch) bool {
	return s.Name == o.Name && maps.Equal(s.Criteria, o.Criteria) && s.Period == o.Period && s.Zone == o.Zone &&
		s.Sort == o.Sort && s.LookedAt == o.LookedAt
}

// SavedSearches keeps the saved searches of each user of each contact center, for nobody else. A user is
// any text that names one, but an empty one. All methods may be called concurrently; what they return nil
// for is durable.
type SavedSearches interface {
	// SavedSearches returns those of a user, in the order in which they are kept.
	SavedSearches(ctx context.Context, contactCenter, user string) ([]SavedSearch, error)

	// ChangeSavedSearches keeps what change makes of those of a user, in one durable step: nobody else
	// changes them meanwhile. It must not change what it is given, and may be called more than once. What
	// it returns as an error is returned, and nothing is written then.
	ChangeSavedSearches(
		ctx context.Context, contactCenter, user string, change func([]SavedSearch) ([]SavedSearch, error),
	) error

	// SavedSearchUsers returns the users of a contact center who have saved searches, in order.
	SavedSearchUsers(ctx context.Context, contactCenter string) ([]string, error)
}

// MaxSavedSearches is how many searches a user saves in a contact center at most.
const MaxSavedSearches = 100

// The errors of saved searches.
var (
	ErrNoSavedSearch = errors.New("there is no saved search of this name")

	ErrTooManySavedSearches = fmt.Errorf("there are %d saved searches, which is as many as there may be",
		MaxSavedSearches)
)

// SameSearch reports whether two names are of one saved search: letter case does not count.
func SameSearch(a, b string) bool { return mapping.Fold(a) == mapping.Fold(b) }

// SaveSearch is the change that keeps a search, in the place of that of its name. The same again changes
// nothing.
func SaveSearch(s SavedSearch) func([]SavedSearch) ([]SavedSearch, error) {
	return func(all []SavedSearch) ([]SavedSearch, error) {
		all = slices.Clone(all)
		i := slices.IndexFunc(all, func(x SavedSearch) bool { return SameSearch(x.Name, s.Name) })
		switch {
		case i >= 0 && all[i].Equal(&s):
			return all, nil
		case i >= 0:
			all[i] = s
		case len(all) >= MaxSavedSearches:
			return nil, ErrTooManySavedSearches
		default:
			all = append(all, s)
		}
		slices.SortFunc(all, func(a, b SavedSearch) int {
			return strings.Compare(mapping.Fold(a.Name), mapping.Fold(b.Name))
		})
		return all, nil
	}
}

// DropSearch is the change that removes a saved search, or returns [ErrNoSavedSearch].
func DropSearch(name string) func([]SavedSearch) ([]SavedSearch, error) {
	return func(all []SavedSearch) ([]SavedSearch, error) {
		is := func(s SavedSearch) bool { return SameSearch(s.Name, name) }
		if !slices.ContainsFunc(all, is) {
			return nil, ErrNoSavedSearch
		}
		return slices.DeleteFunc(slices.Clone(all), is), nil
	}
}
