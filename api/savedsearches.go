package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"recordings/index"
	"recordings/mapping"
)

// savedSearches are the handlers of the searches that users have saved: each user's own.
type savedSearches struct {
	*pipeline
	*scope
	bodies   *bodies
	searches index.SavedSearches
}

// The periods of a saved search, which the page makes times of when it is made: spans of days of its zone,
// up to the present.
var searchPeriods = []string{"today", "yesterday", "7days", "month"}

// The bounds of a saved search.
const (
	maxSearchName = 64       // characters
	maxSearchSize = 16 << 10 // bytes of all criteria
)

// periodCriteria are those that a period stands for.
var periodCriteria = []string{mapping.ParamStartTime, mapping.ParamStartedBefore}

// searchBody is a search as it is saved. The name is that of the path.
type searchBody struct {
	Criteria map[string]string `json:"criteria,omitzero"`
	Period   *string           `json:"period,omitzero"`
	Zone     *string           `json:"zone,omitzero"`
	Sort     *string           `json:"sort,omitzero"`
	LookedAt *string           `json:"lookedAt,omitzero"`
}

// savedAnswer has a saved search.
type savedAnswer struct {
	StatusCode int               `json:"statusCode"`
	Search     index.SavedSearch `json:"savedSearch"`
}

// allSavedAnswer has all of a user.
type allSavedAnswer struct {
	StatusCode int                 `json:"statusCode"`
	Searches   []index.SavedSearch `json:"savedSearches"`
}

// savedRequest is about the saved searches of the caller.
type savedRequest struct {
	contactCenter, user string
	name                string
	search              index.SavedSearch
}

// decode reads whose saved searches are asked for, and which.
func (h *savedSearches) decode(r *http.Request) (in savedRequest, err error) {
	if err := refuseParams(r.URL.RawQuery); err != nil {
		return in, err
	}
	if in.contactCenter, err = h.contactCenter(r); err != nil {
		return in, err
	}

	in.user = infoOf(r).user.Owner()
	in.name, err = pathValue(r, "search")
	return in, err
}

// decodeSave reads a search that is to be saved.
func (h *savedSearches) decodeSave(r *http.Request) (in savedRequest, err error) {
	if in, err = h.decode(r); err != nil {
		return in, err
	}
	text, err := h.bodies.read(r)
	if err != nil {
		return in, err
	}
	var body searchBody
	if err := decodeObject(text, &body, namesOf[searchBody]()); err != nil {
		return in, err
	}

	s, problems := body.read()
	if wrong := checkSearchName(in.name); wrong != "" {
		problems = append(problems, mapping.Problem{Path: "the name of the path", Message: wrong})
	}
	s.Name, s.Time = in.name, mapping.Time(time.Now().UnixMilli())
	in.search = s
	t := infoOf(r).trail
	t.Detail("name", in.name)
	for name, value := range s.Criteria {
		t.Detail(name, value)
	}
	return in, orNil(problems)
}

// read checks a search as it is posted, and returns it without its name.
func (b *searchBody) read() (s index.SavedSearch, problems mapping.Problems) {
	refuse := func(path, message string) {
		problems = append(problems, mapping.Problem{Path: path, Message: message})
	}
	size := 0
	for name, value := range b.Criteria {
		if size += len(name) + len(value); !mapping.IsCriterion(name) {
			refuse("criteria."+(&param{name: name}).shown(), "is not a criterion; accepted are "+
				strings.Join(mapping.CriteriaParams, ", "))
		}
	}
	if size > maxSearchSize {
		refuse("criteria", fmt.Sprintf("are longer than %d bytes", maxSearchSize))
	}
	if _, err := mapping.ParseCriteria(b.Criteria); err != nil {
		for _, p := range err.(mapping.Problems) {
			refuse("criteria."+p.Path, p.Message)
		}
	}

	switch {
	case b.Period == nil && len(b.Criteria) == 0:
		problems = append(problems, mapping.Problem{
			Path: "criteria", Missing: true, Message: "is missing: a criterion, or a period, has to be there",
		})
	case b.Period != nil && !slices.Contains(searchPeriods, *b.Period):
		refuse("period", "is none of "+strings.Join(searchPeriods, ", "))
	case b.Period != nil:
		s.Period = *b.Period
		for _, name := range periodCriteria {
			if _, both := b.Criteria[name]; both {
				refuse("criteria."+name, "is there beside a period, which stands for it; leave one of them out")
			}
		}
	}
	if b.Zone != nil {
		s.Zone = *b.Zone
		if _, err := time.LoadLocation(s.Zone); err != nil || s.Zone == "" || s.Zone == time.Local.String() {
			refuse("zone", noZone)
		}
	}
	if b.Sort != nil {
		s.Sort = *b.Sort
		if !slices.Contains(index.Orders, index.Order(s.Sort)) {
			refuse("sort", "is none of the orders of a search")
		}
	}
	if b.LookedAt != nil {
		at, err := mapping.ParseTime(*b.LookedAt)
		if err != nil {
			refuse("lookedAt", err.Error())
		}
		s.LookedAt = at
	}
	if s.Criteria = b.Criteria; s.Criteria == nil {
		s.Criteria = map[string]string{}
	}
	slices.SortStableFunc(problems, func(a, b mapping.Problem) int { return strings.Compare(a.Path, b.Path) })
	return s, problems
}

// checkSearchName says what is wrong with the name of a saved search; empty: nothing.
func checkSearchName(name string) string {
	isControl := func(c rune) bool { return c < ' ' || c == 0x7f }
	if name == "" || strings.TrimSpace(name) != name || !utf8.ValidString(name) ||
		utf8.RuneCountInString(name) > maxSearchName || strings.ContainsFunc(name, isControl) {
		return fmt.Sprintf("is not a name; accepted are 1 to %d characters in one line, without spaces around them",
			maxSearchName)
	}
	return ""
}

func (h *savedSearches) list(ctx context.Context, in savedRequest) (a allSavedAnswer, err error) {
	all, err := h.searches.SavedSearches(ctx, in.contactCenter, in.user)
	a.Searches = append([]index.SavedSearch{}, all...)
	return a, err
}

func (h *savedSearches) one(ctx context.Context, in savedRequest) (a savedAnswer, err error) {
	all, err := h.searches.SavedSearches(ctx, in.contactCenter, in.user)
	if err != nil {
		return a, err
	}
	i := slices.IndexFunc(all, func(s index.SavedSearch) bool { return index.SameSearch(s.Name, in.name) })
	if i < 0 {
		return a, index.ErrNoSavedSearch
	}
	return savedAnswer{Search: all[i]}, nil
}

func (h *savedSearches) save(ctx context.Context, in savedRequest) (savedAnswer, error) {
	err := h.searches.ChangeSavedSearches(ctx, in.contactCenter, in.user, index.SaveSearch(in.search))
	return savedAnswer{Search: in.search}, err
}

// decodeDrop reads which saved search is deleted.
func (h *savedSearches) decodeDrop(r *http.Request) (in savedRequest, err error) {
	in, err = h.decode(r)
	infoOf(r).trail.Detail("removed", in.name)
	return in, err
}

func (h *savedSearches) drop(ctx context.Context, in savedRequest) (doneAnswer, error) {
	return doneAnswer{}, h.searches.ChangeSavedSearches(ctx, in.contactCenter, in.user, index.DropSearch(in.name))
}
