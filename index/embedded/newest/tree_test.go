package newest_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/blevesearch/bleve/v2"
	blevesearch "github.com/blevesearch/bleve/v2/search"
	blevequery "github.com/blevesearch/bleve/v2/search/query"
	"pgregory.net/rapid"

	"recordings/index"
	"recordings/index/embedded/newest"
	"recordings/index/embedded/schema"
	"recordings/index/query"
	"recordings/mapping"
)

// trees draws queries of any form, about values that some documents have.
type trees struct {
	*rapid.T
	docs []*doc
}

func (t *trees) node(depth int) blevequery.Query {
	kinds := []string{"term", "term", "wildcard", "wildcard", "prefix", "regexp", "range", "range", "other"}
	if depth > 0 {
		kinds = append(kinds, "and", "and", "and", "or", "or", "or")
	}

	switch rapid.SampledFrom(kinds).Draw(t.T, "kind") {
	case "and":
		return blevequery.NewConjunctionQuery(t.nodes(depth - 1))
	case "or":
		q := blevequery.NewDisjunctionQuery(t.nodes(depth - 1))
		q.Min = float64(rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t.T, "min"))
		return q
	case "range":
		return t.timeRange()
	case "other":
		return rapid.SampledFrom([]blevequery.Query{
			blevequery.NewMatchAllQuery(), blevequery.NewMatchNoneQuery(), t.on(blevequery.NewMatchQuery("a")),
			blevequery.NewBooleanQuery(t.nodes(0), nil, nil), blevequery.NewDocIDQuery([]string{"a"}),
		}).Draw(t.T, "other")
	}

	return t.pattern()
}

func (t *trees) nodes(depth int) (all []blevequery.Query) {
	for range rapid.IntRange(0, 3).Draw(t.T, "parts") {
		all = append(all, t.node(depth))
	}
	return all
}

func (t *trees) doc() *doc { return rapid.SampledFrom(t.docs).Draw(t.T, "doc") }

func (t *trees) on(q blevequery.FieldableQuery) blevequery.Query {
	q.SetField(rapid.SampledFrom(schema.Fields).Draw(t.T, "field").Name)
	return q
}

// pattern asks for a part of a value, mostly of one that the field has.
func (t *trees) pattern() blevequery.Query {
	d := t.doc()
	values := map[string][]string{
		schema.FieldCaller: d.CallerNumbers, schema.FieldDialed: d.DialedNumbers, schema.FieldPhone: d.ContactNumbers,
		schema.FieldUserName: d.Names, schema.FieldUserData: slices.Concat(d.UserData, d.UserDataByKey),
		schema.FieldContactCenter: {d.contactCenter}, schema.FieldRegion: {d.region},
		schema.FieldStart: {schema.TimeTerm(d.StartTime)}, schema.FieldScope: {"s"}, schema.FieldLabel: {"label"},
		schema.FieldComment:  d.Comments,
		schema.FieldCallType: d.CallTypes,
		schema.FieldCallUUID: d.CallUUIDs, schema.FieldMediaID: d.MediaIDs, schema.FieldAccessGroup: d.AccessGroups,
	}

	field := rapid.SampledFrom([]string{
		schema.FieldCaller, schema.FieldCaller, schema.FieldDialed, schema.FieldPhone, schema.FieldUserName,
		schema.FieldUserName, schema.FieldUserName, schema.FieldUserData, schema.FieldUserData, schema.FieldUserData,
		schema.FieldContactCenter, schema.FieldRegion, schema.FieldStart, schema.FieldScope, schema.FieldLabel,
		schema.FieldCallUUID, schema.FieldCallUUID, schema.FieldMediaID, schema.FieldMediaID,
		schema.FieldAccessGroup, schema.FieldComment, schema.FieldComment, schema.FieldCallType, schema.FieldCallType,
	}).Draw(t.T, "field")
	value := rapid.StringOfN(rapid.SampledFrom([]rune("ab01é ?.\\")), 0, 3, -1).Draw(t.T, "value")
	if of := values[field]; len(of) > 0 && rapid.IntRange(0, 3).Draw(t.T, "stored") > 0 {
		value = rapid.SampledFrom(of).Draw(t.T, "value of the document")
	}

	runes := []rune(value)
	from := rapid.IntRange(0, len(runes)).Draw(t.T, "from")
	to := rapid.IntRange(from, len(runes)).Draw(t.T, "to")
	before, after := string(runes[:from]), string(runes[to:])

	var q blevequery.FieldableQuery
	switch rapid.IntRange(0, 3).Draw(t.T, "form") {
	case 0:
		q = blevequery.NewTermQuery(value)
	case 1:
		star := rapid.SampledFrom([]string{"*", "**", "?", ""}).Draw(t.T, "star")
		q = blevequery.NewWildcardQuery(before + star + after)
	case 2:
		q = blevequery.NewPrefixQuery(before)
	case 3:
		between := rapid.SampledFrom([]string{
			".*", ".*", "(?s:.*)", ".*.*", "", ".", ".+", ".*?", "[ab]*", "(?i)", "|", "^", "$", "()",
			`\Q.*`, "(", "a{2}",
		}).Draw(t.T, "regexp")
		q = blevequery.NewRegexpQuery(regexp.QuoteMeta(before) + between + regexp.QuoteMeta(after))
	}

	q.SetField(field)
	return q
}

func (t *trees) timeRange() blevequery.Query {
	bound := func() (string, *bool) {
		d := t.doc()
		seconds := mapping.Time(mapping.Seconds(d.StartTime, d.StopTime))
		times := []mapping.Time{
			d.StartTime, d.StopTime, d.StartTime + 1, d.StopTime - 1, seconds, seconds + 1,
			d.ChangedTime, d.ChangedTime + 1,
		}
		at := rapid.SampledFrom(times).Draw(t.T, "time")
		inclusive := rapid.Bool().Draw(t.T, "inclusive")
		return rapid.SampledFrom([]string{schema.TimeTerm(at), schema.TimeTerm(at), "", "1"}).Draw(t.T, "bound"),
			rapid.SampledFrom([]*bool{nil, &inclusive}).Draw(t.T, "inclusive or not said")
	}

	low, withLow := bound()
	high, withHigh := bound()
	q := blevequery.NewTermRangeInclusiveQuery(low, high, withLow, withHigh)
	q.SetField(rapid.SampledFrom([]string{
		schema.FieldStart, schema.FieldStart, schema.FieldStop, schema.FieldStop, schema.FieldUserName,
		schema.FieldDuration, schema.FieldDuration, schema.FieldChanged, schema.FieldChanged,
	}).Draw(t.T, "field of the range"))
	return q
}

// query draws a tree that mostly is about the contact center and region of a document.
func (t *trees) query() blevequery.Query {
	if rapid.IntRange(0, 9).Draw(t.T, "anything") == 0 {
		return t.node(3)
	}
	d := t.doc()
	of := query.New(d.contactCenter, d.region, nil, &mapping.Criteria{}).(*blevequery.ConjunctionQuery)
	of.AddQuery(t.nodes(2)...)
	return of
}

// askBleve returns the matches of a query by Bleve's own search.
func (x *searchIndex) askBleve(q blevequery.Query, by index.Order) (hits []newest.Hit, err error) {
	r := bleve.NewSearchRequestOptions(q, len(x.docs), 0, false)
	oldest := by == index.OldestFirst
	order := blevesearch.SortOrder{
		&blevesearch.SortField{Field: schema.FieldStart, Desc: !oldest, Type: blevesearch.SortFieldAsString},
		&blevesearch.SortDocID{Desc: oldest},
	}
	if by == index.OldestChangeFirst {
		changed := &blevesearch.SortField{Field: schema.FieldChanged, Type: blevesearch.SortFieldAsString}
		order = slices.Insert(order, 0, blevesearch.SearchSort(changed))
	}
	r.SortByCustom(order)

	found, err := x.index.SearchInContext(x.Context(), r)
	if err != nil {
		return nil, err
	}

	for _, h := range found.Hits {
		d := x.docs[h.ID]
		hits = append(hits, newest.Hit{Key: h.ID, Start: d.StartTime, Changed: d.ChangedTime})
	}
	return hits, nil
}

// checkTree makes sure that a query is refused, or has the answer of Bleve. It reports whether it
// was answered, and whether something was found.
func (x *searchIndex) checkTree(t *rapid.T, q blevequery.Query) (answered, found bool) {
	r := newest.Request{
		Query:  q,
		Offset: rapid.SampledFrom([]int{0, 0, 0, 1, 20}).Draw(t, "offset"),
		Limit:  rapid.SampledFrom([]int{1, 10, 1000}).Draw(t, "limit"),
		Order:  rapid.SampledFrom(index.Orders).Draw(t, "order"),
	}

	snapshot := x.snapshot()
	defer snapshot.Close()
	hits, more, err := x.searcher.Search(x.Context(), snapshot, r)
	if errors.Is(err, newest.ErrQuery) {
		return false, false
	}
	if err != nil {
		t.Fatalf("%s: %v", query.String(q), err)
	}
	if err := checkRefs(snapshot, hits, nil); err != nil {
		t.Fatalf("%s: %v", query.String(q), err)
	}

	all, err := x.askBleve(q, r.Order)
	if err != nil {
		if strings.Contains(err.Error(), "term range query must specify") {
			return true, false // a range without bounds, which Bleve does not take for one
		}
		t.Fatalf("%s: Bleve refuses what was answered: %v", query.String(q), err)
	}

	want, wantMore := page(all, &search{Request: r})
	if err := compare(hits, want, more, wantMore); err != nil {
		t.Fatalf("%s: unlike Bleve: %v", query.String(q), err)
	}
	if n, err := x.searcher.Count(x.Context(), snapshot, r); err != nil || n != len(all) {
		t.Fatalf("%s: counted %d, %v; Bleve %d", query.String(q), n, err, len(all))
	}
	return true, len(all) > 0
}

// checkTrees compares queries of any form, on an index of any shape.
func checkTrees(t testing.TB, rt *rapid.T) (answered, found int) {
	w := drawWorld(rt)
	x := newSearchIndex(t, newest.Options{KeepFrom: 1})
	defer x.close()
	var docs []*doc
	for range rapid.IntRange(1, 2).Draw(rt, "batches") {
		docs = w.batch()
		docs = docs[:min(len(docs), 200)]
		x.apply(docs, x.someKeys(w, 10)...)
	}

	for range treesOfIndex {
		a, b := x.checkTree(rt, (&trees{rt, docs}).query())
		answered += count(a)
		found += count(b)
	}

	return answered, found
}

const treesOfIndex = 20

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestQueryEqualsBleve: a query of any form is refused, or has the answer of Bleve's own search on
// the same index.
func TestQueryEqualsBleve(t *testing.T) {
	asked, answered, found := 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		a, f := checkTrees(t, rt)
		asked, answered, found = asked+treesOfIndex, answered+a, found+f
	})

	t.Logf("%d queries, %d answered, %d found something", asked, answered, found)
	if answered < asked/4 || found < answered/4 {
		t.Errorf("only %d of %d queries were answered, %d found something", answered, asked, found)
	}
}

// TestKeysAreNoValues: a regular expression whose wildcard goes on from a value into its key is refused,
// as Bleve finds by it what no pattern of a value finds. One that ends at the line break is answered.
func TestKeysAreNoValues(t *testing.T) {
	x := newSearchIndex(t, newest.Options{})
	defer x.close()
	d := recording("a", 1000, 2000, nil, []string{"baab"})
	d.UserDataByKey = []string{mapping.DataTerm("*", ""), mapping.DataTerm("*", "baab")}
	x.apply([]*doc{d})
	snapshot := x.snapshot()
	defer snapshot.Close()

	for expression, want := range map[string]int{
		`ba(?s:.*)\*`: -1, `(?s:.*)`: -1, `ba.*\*`: 0, `ba.*`: 1, `ba.*b`: 1, "ba.*\n\\*": 1,
	} {
		q := blevequery.NewRegexpQuery(expression)
		q.SetField(schema.FieldUserData)
		r := newest.Request{Limit: 10, Query: blevequery.NewConjunctionQuery([]blevequery.Query{
			query.New("cc", "west", nil, &mapping.Criteria{}), q,
		})}
		hits, _, err := x.searcher.Search(t.Context(), snapshot, r)
		if refused := errors.Is(err, newest.ErrQuery); refused != (want < 0) || !refused && err != nil {
			t.Errorf("%s: %v", expression, err)
		}
		if err != nil {
			continue
		}
		all, err := x.askBleve(r.Query, r.Order)
		if err != nil || len(hits) != want || len(all) != want {
			t.Errorf("%s found %d, Bleve %d, %v; want %d", expression, len(hits), len(all), err, want)
		}
	}
}

// FuzzQuery is TestQueryEqualsBleve for as long as one likes.
func FuzzQuery(f *testing.F) {
	f.Fuzz(func(t *testing.T, input []byte) {
		rapid.MakeFuzz(func(rt *rapid.T) { checkTrees(t, rt) })(t, input)
	})
}
