// Package query turns the criteria of a search into Bleve's own query types, and prints such
// queries.
//
// A reader lacks one fact: the tree that comes out here is the search. On one machine, package newest
// compiles it and finds the newest matches first; [github.com/blevesearch/bleve/v2.Search] runs the
// same tree on the same index, only slower, and so does any other Bleve. For a cluster,
// index/opensearch translates it into the terms of that engine, whose fields have the same names.
package query

import (
	"regexp"
	"strings"

	"github.com/blevesearch/bleve/v2/search/query"

	"recordings/index/embedded/schema"
	"recordings/mapping"
)

// New returns the query for the recordings of a contact center and region that match the criteria
// and that somebody with these access groups may see. Which these are is the meaning of
// [mapping.Criteria.Match] and [mapping.Searchable.VisibleTo].
func New(contactCenter, region string, groups []string, c *mapping.Criteria) query.Query {
	if groups != nil && len(groups) == 0 {
		return query.NewMatchNoneQuery()
	}
	if c.EndTime != nil && *c.EndTime < 0 || c.StartedBefore != nil && *c.StartedBefore <= 0 {
		return query.NewMatchNoneQuery() // no recording is before 1970
	}

	// The order is that in which the parts are read most cheaply: bounds of time leave few days,
	// phone numbers are short, and user data tells recordings apart better than names do.
	all := []query.Query{term(schema.FieldContactCenter, contactCenter), term(schema.FieldRegion, region)}
	if groups != nil {
		all = append(all, anyTerm(schema.FieldAccessGroup, groups))
	}
	if c.StartTime != nil {
		all = append(all, since(schema.FieldStart, schema.TimeTerm(*c.StartTime)))
	}
	if c.StartedBefore != nil {
		all = append(all, before(schema.FieldStart, schema.TimeTerm(*c.StartedBefore)))
	}
	if c.EndTime != nil {
		all = append(all, until(schema.FieldStop, schema.TimeTerm(*c.EndTime)))
	}
	if c.EndedAfter != nil && *c.EndedAfter >= 0 {
		all = append(all, after(schema.FieldStop, schema.TimeTerm(*c.EndedAfter)))
	}
	if c.ChangedSince != nil {
		all = append(all, since(schema.FieldChanged, schema.TimeTerm(*c.ChangedSince)))
	}
	if c.MinDuration != nil {
		all = append(all, since(schema.FieldDuration, schema.SecondsTerm(*c.MinDuration)))
	}
	if c.MaxDuration != nil {
		all = append(all, until(schema.FieldDuration, schema.SecondsTerm(*c.MaxDuration)))
	}
	if c.CallUUID != nil {
		all = append(all, identifier(schema.FieldCallUUID, *c.CallUUID))
	}
	if c.MediaID != nil {
		all = append(all, identifier(schema.FieldMediaID, *c.MediaID))
	}
	if c.NonDelete != nil {
		all = append(all, term(schema.FieldNonDelete, schema.HeldTerm(*c.NonDelete)))
	}
	if len(c.Label) > 0 {
		all = append(all, expression(schema.FieldLabel, c.Label))
	}
	if len(c.Comment) > 0 {
		all = append(all, expression(schema.FieldComment, c.Comment))
	}
	if len(c.CallType) > 0 {
		all = append(all, expression(schema.FieldCallType, c.CallType))
	}
	if len(c.CallerPhoneNumber) > 0 {
		all = append(all, expression(schema.FieldCaller, c.CallerPhoneNumber))
	}
	if len(c.DialedPhoneNumber) > 0 {
		all = append(all, expression(schema.FieldDialed, c.DialedPhoneNumber))
	}
	if len(c.PhoneNumber) > 0 {
		all = append(all, query.NewDisjunctionQuery([]query.Query{
			expression(schema.FieldCaller, c.PhoneNumber),
			expression(schema.FieldDialed, c.PhoneNumber),
			expression(schema.FieldPhone, c.PhoneNumber),
		}))
	}
	for _, e := range c.UserDataByKey {
		all = append(all, expression(schema.FieldUserData, e))
	}
	if len(c.UserData) > 0 {
		all = append(all, expression(schema.FieldUserData, c.UserData))
	}
	if len(c.UserName) > 0 {
		all = append(all, expression(schema.FieldUserName, c.UserName))
	}

	return query.NewConjunctionQuery(all)
}

// expression matches where any of its conjunctions does.
func expression(field string, e mapping.Expression) query.Query {
	var either []query.Query
	for _, c := range e {
		either = append(either, conjunction(field, c))
	}
	if len(either) == 1 {
		return either[0]
	}
	return query.NewDisjunctionQuery(either)
}

// conjunction matches where each pattern matches some value, not all of them the same one.
func conjunction(field string, patterns mapping.Conjunction) query.Query {
	var all []query.Query
	for _, p := range patterns {
		all = append(all, pattern(field, p))
	}
	if len(all) == 1 {
		return all[0]
	}
	return query.NewConjunctionQuery(all)
}

// pattern takes a wildcard query where it can. In one, ? and * stand for others, and nothing makes
// them stand for themselves; in a regular expression they can. In both, a wildcard ends at a line
// break, which no value has (see [mapping.Fold]): so it does not go on into the key of user data (see
// [mapping.DataTerm]).
func pattern(field string, p mapping.Pattern) query.Query {
	if value, ok := p.Literal(); ok {
		return term(field, value)
	}
	if !strings.ContainsAny(strings.Join(p.Pieces(), ""), "?*") {
		q := query.NewWildcardQuery(p.String())
		q.SetField(field)
		return q
	}

	// Everything but the wildcards is literal, whatever it means in a regular expression.
	quoted := make([]string, len(p.Pieces()))
	for i, piece := range p.Pieces() {
		quoted[i] = regexp.QuoteMeta(piece)
	}

	q := query.NewRegexpQuery(strings.Join(quoted, ".*"))
	q.SetField(field)
	return q
}

// identifier is a whole value, or a beginning. Unlike a wildcard query it takes every character as
// it is.
func identifier(field string, p mapping.Pattern) query.Query {
	if value, ok := p.Literal(); ok {
		return term(field, value)
	}
	q := query.NewPrefixQuery(p.Pieces()[0])
	q.SetField(field)
	return q
}

// term matches the documents that have exactly this value.
func term(field, value string) query.Query {
	q := query.NewTermQuery(value)
	q.SetField(field)
	return q
}

// anyTerm matches the documents that have any of these values.
func anyTerm(field string, values []string) query.Query {
	either := make([]query.Query, len(values))
	for i, value := range values {
		either[i] = term(field, value)
	}
	if len(either) == 1 {
		return either[0]
	}
	return query.NewDisjunctionQuery(either)
}

// since matches times, or durations, that are as given or greater.
func since(field, least string) query.Query {
	inclusive := true
	return within(field, query.NewTermRangeInclusiveQuery(least, "", &inclusive, nil))
}

// after matches times that are later than the given.
func after(field, bound string) query.Query {
	inclusive := false
	return within(field, query.NewTermRangeInclusiveQuery(bound, "", &inclusive, nil))
}

// until matches times, or durations, that are as given or less.
func until(field, most string) query.Query {
	inclusive := true
	return within(field, query.NewTermRangeInclusiveQuery("", most, nil, &inclusive))
}

// before matches times that are earlier than the given.
func before(field, bound string) query.Query {
	inclusive := false
	return within(field, query.NewTermRangeInclusiveQuery("", bound, nil, &inclusive))
}

// within is a range of the values of a field.
func within(field string, q *query.TermRangeQuery) query.Query {
	q.SetField(field)
	return q
}
