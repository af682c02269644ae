package client

import (
	"context"
	"net/http"
	"strconv"
)

// Suggestions are the values that complete a text, from the newest recordings that match and have such a
// value.
type Suggestions struct {
	Values   []Suggestion `json:"suggestions"` // what most of these recordings have is first
	LookedAt int          `json:"lookedAt"`    // how many recordings these are from, at most 200
	More     bool         `json:"more"`        // there are older ones, which may have other values
}

// Suggestion is a value that completes a text.
type Suggestion struct {
	Value      string `json:"value"`      // as the newest recording with it has it, in one line
	Recordings int    `json:"recordings"` // how many of those that were looked at have it
}

// SuggestQuery is what is being typed.
type SuggestQuery struct {
	// Field is whose values are wanted: a criterion about phone numbers, names or user data, by its name,
	// such as [recordings/mapping.ParamUserName] or userDataKey.Queue; or
	// [recordings/mapping.FieldUserDataKeys].
	Field    string
	Text     string   // what was typed of one value; empty: any value
	Criteria Criteria // of the recordings that the values are from, but none about the field; may be nil
	Limit    int      // values, at most 50; 0: 10
}

// Suggest returns the values that complete a text. A phone number is completed that has the text in it,
// any other value that begins with it; as searches do, it looks at neither letter case nor separators, and
// accents may be left out.
func (c *Center) Suggest(ctx context.Context, q SuggestQuery) (*Suggestions, error) {
	query := (&Query{Criteria: q.Criteria}).values()
	query.Set("field", q.Field)
	if q.Text != "" {
		query.Set("text", q.Text)
	}
	if q.Limit > 0 {
		query.Set("limit", strconv.Itoa(q.Limit))
	}

	s := new(Suggestions)
	if err := c.call(ctx, http.MethodGet, c.Path("/recordings/suggestions"), query, s); err != nil {
		return nil, err
	}
	return s, nil
}
