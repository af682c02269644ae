package query

import (
	"fmt"
	"strings"

	"github.com/blevesearch/bleve/v2/search/query"
)

// String prints a query, so that it can be logged and explained. Values stand in quotes; ~ is a
// wildcard or a regular expression (the latter between slashes). It holds what was searched for,
// phone numbers and names: for debugging only.
func String(q query.Query) string {
	switch q := q.(type) {
	case *query.ConjunctionQuery:
		return join(q.Conjuncts, " AND ", "everything of nothing")
	case *query.DisjunctionQuery:
		s := join(q.Disjuncts, " OR ", "any of nothing")
		if q.Min > 1 {
			s = fmt.Sprintf("at least %g of %s", q.Min, s)
		}
		return s
	case *query.TermQuery:
		return fmt.Sprintf("%s = %q", q.FieldVal, q.Term)
	case *query.WildcardQuery:
		return fmt.Sprintf("%s ~ %q", q.FieldVal, q.Wildcard)
	case *query.PrefixQuery:
		return fmt.Sprintf("%s begins with %q", q.FieldVal, q.Prefix)
	case *query.RegexpQuery:
		return fmt.Sprintf("%s ~ /%s/", q.FieldVal, q.Regexp)
	case *query.TermRangeQuery:
		return printRange(q)
	case *query.MatchAllQuery:
		return "everything"
	case *query.MatchNoneQuery:
		return "nothing"
	case nil:
		return "no query"
	}

	return fmt.Sprintf("a %T", q)
}

// join prints parts with a word between them, in brackets; none is printed where there are no
// parts.
func join(parts []query.Query, with, none string) string {
	if len(parts) == 0 {
		return none
	}
	printed := make([]string, len(parts))
	for i, q := range parts {
		printed[i] = String(q)
	}
	return "(" + strings.Join(printed, with) + ")"
}

// printRange leaves out a bound that is not there. By default the lower one is part of a range, the
// upper one is not.
func printRange(q *query.TermRangeQuery) string {
	var bounds []string
	if q.Min != "" {
		op := ">="
		if q.InclusiveMin != nil && !*q.InclusiveMin {
			op = ">"
		}
		bounds = append(bounds, fmt.Sprintf("%s %s %q", q.FieldVal, op, q.Min))
	}

	if q.Max != "" {
		op := "<"
		if q.InclusiveMax != nil && *q.InclusiveMax {
			op = "<="
		}
		bounds = append(bounds, fmt.Sprintf("%s %s %q", q.FieldVal, op, q.Max))
	}

	return strings.Join(bounds, " AND ")
}
