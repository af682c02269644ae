package client

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

// Criteria are those of a search, by the names of their parameters, such as
// [recordings/mapping.ParamUserName]. All of them must match. startTime=0 matches everything.
type Criteria map[string]string

// The orders of what is found. Without one, the newest recordings are first.
const (
	OldestFirst       = "startTime"   // the exact reverse
	OldestChangeFirst = "changedTime" // by their last change
)

// Query is what is searched for.
type Query struct {
	Criteria Criteria
	Sort     string // OldestFirst or OldestChangeFirst; empty: newest first
	Offset   int    // from where on, 0 being the first
	Limit    int    // recordings of a page, at most 100; 0: 100
	Total    bool   // count all that match
	Explain  bool   // count what each criterion finds alone
}

// values are the parameters of the criteria and the order.
func (q *Query) values() url.Values {
	v := url.Values{}
	for name, value := range q.Criteria {
		v.Set(name, value)
	}
	if q.Sort != "" {
		v.Set("sort", q.Sort)
	}
	return v
}

// page are all parameters.
func (q *Query) page() url.Values {
	v := q.values()
	if q.Offset > 0 {
		v.Set("offset", strconv.Itoa(q.Offset))
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Total {
		v.Set("total", "true")
	}
	if q.Explain {
		v.Set("explain", "true")
	}
	return v
}

// Page is a part of what a search has found.
type Page struct {
	Recordings []*Recording  `json:"recordings"`
	Total      int64         `json:"total"`   // all that match, where the query asks for it
	Explain    []Explanation `json:"explain"` // where the query asks for it
	Notice     []string      `json:"notice"`  // what was probably meant otherwise
	NextURI    string        `json:"nextUri"` // empty: this is the last one
	PrevURI    string        `json:"prevUri"` // empty: this is the first one
}

// Explanation is how many recordings a criterion finds alone.
type Explanation struct {
	Parameter string `json:"parameter"`
	Value     string `json:"value"`
	Matches   int64  `json:"matches"`
}

// Search returns a page of the recordings that match.
func (c *Center) Search(ctx context.Context, q Query) (*Page, error) { return c.page(ctx, q.page()) }

// page returns a page by its parameters.
func (c *Center) page(ctx context.Context, query url.Values) (*Page, error) {
	p := new(Page)
	if err := c.call(ctx, http.MethodGet, c.Path("/recordings"), query, p); err != nil {
		return nil, err
	}
	return p, nil
}

// Pages are the pages of a search from its offset on, each asked for when it is wanted. The first error
// ends them.
//
// Pages move where recordings come or go meanwhile: one may be seen twice, or be missed. An export
// (see [Center.Export]) shows one state.
func (c *Center) Pages(ctx context.Context, q Query) iter.Seq2[*Page, error] {
	return func(yield func(*Page, error) bool) {
		for query := q.page(); ; {
			p, err := c.page(ctx, query)
			if !yield(p, err) || err != nil || p.NextURI == "" {
				return
			}

			next, err := url.Parse(p.NextURI)
			if err != nil {
				yield(nil, fmt.Errorf("the URI of the next page cannot be read: %w", err))
				return
			}
			query = next.Query()
		}
	}
}

// All are the recordings of all pages of a search, from its offset on. The first error ends them.
func (c *Center) All(ctx context.Context, q Query) iter.Seq2[*Recording, error] {
	return func(yield func(*Recording, error) bool) {
		for page, err := range c.Pages(ctx, q) {
			if err != nil {
				yield(nil, err)
				return
			}
			for _, r := range page.Recordings {
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}

// Count is how many recordings match.
func (c *Center) Count(ctx context.Context, criteria Criteria) (int64, error) {
	page, err := c.Search(ctx, Query{Criteria: criteria, Limit: 1, Total: true})
	if err != nil {
		return 0, err
	}
	return page.Total, nil
}
