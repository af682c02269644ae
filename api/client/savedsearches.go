package client

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"recordings/mapping"
)

// SavedSearch is a search that a user has given a name.
type SavedSearch struct {
	Name     string       `json:"name"`
	Criteria Criteria     `json:"criteria"`
	Period   string       `json:"period"`   // a span of days up to the present, see [SavedSearch.Asked]
	Zone     string       `json:"zone"`     // whose days these are; empty: not said
	Sort     string       `json:"sort"`     // as in a [Query]
	LookedAt mapping.Time `json:"lookedAt"` // when the user has last looked at it; 0: never
	Time     mapping.Time `json:"time"`     // when it was last saved
}

// ErrPeriod is the error of a period that this version does not know.
var ErrPeriod = errors.New("the saved search has a period that is not known here")

// Asked returns the criteria, with the times that its period stands for at a moment, in whose zone the
// days are counted.
func (s *SavedSearch) Asked(now time.Time) (Criteria, error) {
	asked := Criteria{}
	for name, value := range s.Criteria {
		asked[name] = value
	}
	year, month, day := now.Date()
	at := func(name string, month time.Month, day int) {
		t := time.Date(year, month, day, 0, 0, 0, 0, now.Location())
		asked[name] = strconv.FormatInt(t.UnixMilli(), 10)
	}
	switch s.Period {
	case "":
	case "today":
		at(mapping.ParamStartTime, month, day)
	case "yesterday":
		at(mapping.ParamStartTime, month, day-1)
		at(mapping.ParamStartedBefore, month, day)
	case "7days":
		at(mapping.ParamStartTime, month, day-6)
	case "month":
		at(mapping.ParamStartTime, month, 1)
	default:
		return nil, ErrPeriod
	}
	return asked, nil
}

// saved is where the saved searches of the user are; with a name one of them.
func (c *Center) saved(name string) string {
	if name == "" {
		return c.Path("/saved-searches")
	}
	return c.Path("/saved-searches/" + EscapeSegment(name))
}

// SavedSearches returns the searches that the user has saved, ordered by their names.
func (c *Center) SavedSearches(ctx context.Context) ([]SavedSearch, error) {
	var answer struct {
		Searches []SavedSearch `json:"savedSearches"`
	}
	err := c.call(ctx, http.MethodGet, c.saved(""), nil, &answer)
	return answer.Searches, err
}

// SavedSearch returns one of them. One that is not there is a [*RefusedError] with [CodeNotFound].
func (c *Center) SavedSearch(ctx context.Context, name string) (*SavedSearch, error) {
	var answer struct {
		Search *SavedSearch `json:"savedSearch"`
	}
	if err := c.call(ctx, http.MethodGet, c.saved(name), nil, &answer); err != nil {
		return nil, err
	}
	return answer.Search, nil
}

// SaveSearch keeps a search under its name, in the place of that of this name.
func (c *Center) SaveSearch(ctx context.Context, s SavedSearch) error {
	body := struct {
		Criteria Criteria     `json:"criteria,omitempty"`
		Period   string       `json:"period,omitzero"`
		Zone     string       `json:"zone,omitzero"`
		Sort     string       `json:"sort,omitzero"`
		LookedAt mapping.Time `json:"lookedAt,omitzero"`
	}{s.Criteria, s.Period, s.Zone, s.Sort, s.LookedAt}
	return c.Do(ctx, http.MethodPut, "/saved-searches/"+EscapeSegment(s.Name), nil, body, new(struct{}))
}

// DeleteSavedSearch removes a saved search.
func (c *Center) DeleteSavedSearch(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodDelete, c.saved(name), nil, new(struct{}))
}
