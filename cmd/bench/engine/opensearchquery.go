package engine

import (
	"strings"

	"recordings/mapping"
)

// osObject is an object of OpenSearch's query language.
type osObject = map[string]any

// keptByOpenSearch reports whether documents have what is searched for.
func keptByOpenSearch(c *mapping.Criteria) bool {
	return c.UserDataByKey == nil && c.NonDelete == nil && c.Label == nil && c.Comment == nil
}

// osSearch translates a search. It asks for one hit more than wanted, which says that there is more.
func osSearch(q *Query) osObject {
	return osObject{
		"from": q.Offset, "size": q.Limit + 1, "track_total_hits": false,
		"query": osObject{"bool": osObject{"filter": osFilters(q)}},
		"sort":  []osObject{{"start": "desc"}, {"id": "asc"}},
	}
}

// osFilters are the conditions that all have to hold.
func osFilters(q *Query) []osObject {
	c := &q.Criteria
	all := []osObject{osTerm("contactCenter", q.ContactCenter), osTerm("region", q.Region)}
	within := func(field, bound string, value int64) {
		all = append(all, osObject{"range": osObject{field: osObject{bound: value}}})
	}
	if c.StartTime != nil {
		within("start", "gte", int64(*c.StartTime))
	}
	if c.EndTime != nil { // what has stopped until then has also begun until then
		within("stop", "lte", int64(*c.EndTime))
		within("start", "lte", int64(*c.EndTime))
	}
	if c.StartedBefore != nil {
		within("start", "lt", int64(*c.StartedBefore))
	}
	if c.EndedAfter != nil {
		within("stop", "gt", int64(*c.EndedAfter))
	}
	if c.MinDuration != nil {
		within("seconds", "gte", *c.MinDuration)
	}
	if c.MaxDuration != nil {
		within("seconds", "lte", *c.MaxDuration)
	}
	if c.ChangedSince != nil {
		within("changed", "gte", int64(*c.ChangedSince))
	}

	for field, p := range map[string]*mapping.Pattern{"callUUIDs": c.CallUUID, "mediaIDs": c.MediaID} {
		if p != nil {
			all = append(all, osPrefix(field, *p))
		}
	}
	for field, x := range map[string]mapping.Expression{
		"caller": c.CallerPhoneNumber, "dialed": c.DialedPhoneNumber, "names": c.UserName, "userData": c.UserData,
	} {
		if x != nil {
			all = append(all, osExpression(field, x))
		}
	}
	if x := c.PhoneNumber; x != nil {
		all = append(all, osEither(osExpression("caller", x), osExpression("dialed", x), osExpression("contacts", x)))
	}
	if q.Groups != nil {
		all = append(all, osObject{"terms": osObject{"accessGroups": q.Groups}})
	}
	return all
}

func osTerm(field, value string) osObject { return osObject{"term": osObject{field: value}} }

// osEither is the condition that one of some holds.
func osEither(some ...osObject) osObject {
	if len(some) == 1 {
		return some[0]
	}
	return osObject{"bool": osObject{"should": some, "minimum_should_match": 1}}
}

// osPrefix is the condition on values of which a pattern has the beginning, or all.
func osPrefix(field string, p mapping.Pattern) osObject {
	if literal, ok := p.Literal(); ok {
		return osTerm(field, literal)
	}
	return osObject{"prefix": osObject{field: p.Pieces()[0]}}
}

// osExpression is the condition on any of the values of a field.
func osExpression(field string, x mapping.Expression) osObject {
	var either []osObject
	for _, c := range x {
		var all []osObject
		for _, p := range c {
			all = append(all, osPattern(field, p))
		}
		if len(all) == 1 {
			either = append(either, all[0])
			continue
		}
		either = append(either, osObject{"bool": osObject{"filter": all}})
	}
	return osEither(either...)
}

// osQuoted quotes what means something in a wildcard query, but for the star.
var osQuoted = strings.NewReplacer(`\`, `\\`, `?`, `\?`)

// osPattern is the condition that a value matches a pattern.
func osPattern(field string, p mapping.Pattern) osObject {
	if literal, ok := p.Literal(); ok {
		return osTerm(field, literal)
	}
	text := osQuoted.Replace(p.String())
	if strings.Trim(text, "*") == "" {
		return osObject{"exists": osObject{"field": field}}
	}
	return osObject{"wildcard": osObject{field + ".parts": osObject{"value": text}}}
}
