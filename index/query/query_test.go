package query_test

import (
	"testing"

	blevequery "github.com/blevesearch/bleve/v2/search/query"

	"recordings/index/query"
	"recordings/mapping"
)

const scope = `(contactCenter = "cc" AND region = "west"`

func TestNew(t *testing.T) {
	for _, c := range []struct {
		params map[string]string
		want   string
	}{
		{nil, scope + `)`},
		{map[string]string{"startTime": "0"}, scope + ` AND startTime >= "000000000000000")`},
		{map[string]string{"endTime": "2013-05-17T19:45:32Z"}, scope + ` AND stopTime <= "001368819932000")`},
		{map[string]string{"callerPhoneNumber": "+16504668888"}, scope + ` AND callerPhoneNumber = "+16504668888")`},
		{map[string]string{"callerPhoneNumber": "+1650*", "dialedPhoneNumber": "*88"},
			scope + ` AND callerPhoneNumber ~ "+1650*" AND dialedPhoneNumber ~ "*88")`},
		{map[string]string{"callerPhoneNumber": "*?.*"}, scope + ` AND callerPhoneNumber ~ /.*\?\..*/)`},
		{map[string]string{"userName": "Alice"}, scope + ` AND userName = "alice")`},
		{map[string]string{"userName": "Alice AND al* Bob"},
			scope + ` AND ((userName = "alice" AND userName ~ "al*") OR userName = "bob"))`},
		{map[string]string{"userData": `a*\b`}, scope + ` AND userData ~ "a*\\b")`},
		{map[string]string{"userData": "\"two\nlines\""}, scope + ` AND userData = "two lines")`},
		{map[string]string{"userDataKey.Queue": "Billing AND s*", "userDataKey.b": "*", "userDataKey.c": "?*"},
			scope + ` AND (userData = "billing\nqueue" AND userData ~ "s*\nqueue") AND userData = "\nb"` +
				" AND userData ~ /\\?.*\nc/)"},
	} {
		criteria, err := mapping.ParseCriteria(c.params)
		if err != nil {
			t.Fatal(err)
		}
		if got := query.String(query.New("cc", "west", nil, &criteria)); got != c.want {
			t.Errorf("%v:\n got %s\nwant %s", c.params, got, c.want)
		}
	}

	before := mapping.Time(-1)
	if got := query.String(query.New("cc", "west", nil, &mapping.Criteria{EndTime: &before})); got != "nothing" {
		t.Errorf("what stops before 1970: %s", got)
	}
}

// TestString: what New does not make is printed as well.
func TestString(t *testing.T) {
	no, yes := false, true
	of := func(q blevequery.FieldableQuery) blevequery.Query {
		q.SetField("f")
		return q
	}

	someOf := blevequery.NewDisjunctionQuery([]blevequery.Query{
		blevequery.NewMatchAllQuery(), of(blevequery.NewPrefixQuery("a")), of(blevequery.NewTermQuery("b")),
	})

	someOf.SetMin(2)
	for want, q := range map[string]blevequery.Query{
		`at least 2 of (everything OR f begins with "a" OR f = "b")`: someOf,
		`f >= "a" AND f < "b"`:  of(blevequery.NewTermRangeQuery("a", "b")),
		`f > "a" AND f <= "b"`:  of(blevequery.NewTermRangeInclusiveQuery("a", "b", &no, &yes)),
		`nothing`:               blevequery.NewMatchNoneQuery(),
		`everything of nothing`: blevequery.NewConjunctionQuery(nil),
		`any of nothing`:        blevequery.NewDisjunctionQuery(nil),
		`a *query.MatchQuery`:   blevequery.NewMatchQuery("a"),
		`no query`:              nil,
	} {
		if got := query.String(q); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
