package api_test

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"recordings/api"
	"recordings/index"
	"recordings/index/indextest"
	"recordings/mapping"
)

// model is what the service should hold of one contact center: a plain map.
type model struct {
	path       string // of the collection
	recordings map[string]*mapping.Recording
}

// TestSearchesEqualMatch posts, merges and deletes recordings over HTTP, and compares every search
// with mapping.Match over all recordings.
func TestSearchesEqualMatch(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{Region: "us"})
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		m := &model{fmt.Sprintf("/api/v2/ops/contact-centers/%d/recordings", n), make(map[string]*mapping.Recording)}
		rt.Repeat(map[string]func(*rapid.T){
			"post":   func(rt *rapid.T) { m.post(t, rt, s) },
			"delete": func(rt *rapid.T) { m.delete(t, rt, s) },
			"search": func(rt *rapid.T) { m.search(t, rt, s) },
			"again":  func(rt *rapid.T) { m.search(t, rt, s) }, // more often than the others
		})
	})
}

func (m *model) post(t *testing.T, rt *rapid.T, s *testServer) {
	body, err := mapping.Encode(indextest.Recordings().Draw(rt, "recording"))
	if err != nil {
		rt.Fatal(err)
	}
	posted, wrong := mapping.Decode(body, mapping.DecodeOptions{})
	want := 200
	if wrong != nil { // a time behind the last one there is
		want = 400
	}
	if a := s.do(t, "POST", m.path, "ops", nil, string(body)); a.status != want {
		rt.Fatalf("%d, want %d (%v): %s", a.status, want, wrong, a.body)
	}
	if wrong == nil {
		m.recordings[posted.ID] = mapping.Merge(m.recordings[posted.ID], posted)
	}
}

func (m *model) delete(t *testing.T, rt *rapid.T, s *testServer) {
	id := indextest.IDs().Draw(rt, "id")
	want := 404
	if m.recordings[id] != nil {
		want = 200
	}
	if a := s.do(t, "DELETE", m.path+"/"+url.PathEscape(id), "ops", nil, ""); a.status != want {
		rt.Fatalf("deleting %q: %d, want %d", id, a.status, want)
	}
	delete(m.recordings, id)
}

func (m *model) search(t *testing.T, rt *rapid.T, s *testServer) {
	params := indextest.Params().Draw(rt, "params")
	criteria, err := mapping.ParseCriteria(params)
	if err != nil {
		rt.Fatal(err)
	}
	query := make(url.Values)
	for name, value := range params {
		query.Set(name, value)
	}
	limit := rapid.IntRange(1, 4).Draw(rt, "limit")
	target := fmt.Sprintf("%s?%s&limit=%d", m.path, query.Encode(), limit)
	want := m.match(&criteria)
	if rapid.Bool().Draw(rt, "oldest first") {
		target += "&sort=startTime"
		slices.Reverse(want)
	}
	got := s.walk(t, target)
	if !slices.Equal(got, want) {
		rt.Fatalf("%v found %q, want %q", params, got, want)
	}
	m.count(t, rt, s, query, len(want))
	m.histogram(t, rt, s, query, &criteria)
	m.suggest(t, rt, s, "ops", query, &criteria)
}

// suggest checks what completes a text among what a search finds, as a user sees it, who sees all
// recordings of the model.
func (m *model) suggest(
	t *testing.T, rt *rapid.T, s *testServer, user string, query url.Values, criteria *mapping.Criteria,
) {
	what := indextest.Completions().Draw(rt, "completion")
	limit := rapid.IntRange(1, 50).Draw(rt, "most")
	query = maps.Clone(query)
	query.Set("field", what[0])
	if what[1] != "" {
		query.Set("text", what[1])
	}
	a := s.do(t, "GET", fmt.Sprintf("%s/suggestions?%s&limit=%d", m.path, query.Encode(), limit), user, nil, "")
	c, err := mapping.ParseCompletion(what[0], what[1])
	if err != nil {
		rt.Fatal(err)
	}
	if c.AddTo(new(*criteria)) != nil {
		if a.status != 400 {
			rt.Fatalf("%v: %d %s", query, a.status, a.body)
		}
		return
	}

	q := index.Query{Scope: index.Scope{Region: "us"}, Criteria: *criteria, Limit: 200}
	want, err := indextest.ExpectSuggested(m.recordings, q, what[0], what[1], limit)
	if err != nil {
		rt.Fatal(err)
	}
	var got struct {
		Suggestions []index.Suggestion
		LookedAt    int
		More        bool
	}
	err = json.Unmarshal([]byte(a.body), &got, json.MatchCaseInsensitiveNames(true))
	if err != nil || a.status != 200 || !slices.Equal(got.Suggestions, want.Suggestions) ||
		got.LookedAt != want.LookedAt || got.More {
		rt.Fatalf("%v by %s: %d %s, want %+v", query, user, a.status, a.body, want)
	}
}

// histogram checks what a search finds over time.
func (m *model) histogram(t *testing.T, rt *rapid.T, s *testServer, query url.Values, criteria *mapping.Criteria) {
	zones := rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "Asia/Kathmandu"})
	zone, err := time.LoadLocation(zones.Draw(rt, "zone"))
	if err != nil {
		rt.Fatal(err)
	}
	c := index.Calendar{Interval: rapid.SampledFrom(index.Intervals).Draw(rt, "interval"), Zone: zone}
	counts := make(map[mapping.Time]int)
	for _, r := range m.recordings {
		if r.Region == "us" && mapping.Match(criteria, r) {
			from, _ := c.Bucket(r.StartTime())
			counts[from]++
		}
	}
	a := s.do(t, "GET", fmt.Sprintf("%s/histogram?%s&interval=%s&zone=%s", m.path, query.Encode(), c.Interval, zone),
		"ops", nil, "")
	want, err := c.Fill(counts)
	if (err != nil) != (a.status == 400) {
		rt.Fatalf("%v: %d %s, want %v", query, a.status, a.body, err)
	}
	if err != nil {
		return
	}
	buckets, _ := at(decode(t, a.body), "histogram.buckets").([]any)
	if len(buckets) != len(want) {
		rt.Fatalf("%v: %s, want %v", query, a.body, want)
	}
	for i, b := range buckets {
		if at(b, "from") != want[i].From.String() || at(b, "count") != float64(want[i].Count) {
			rt.Fatalf("%v: bucket %d is %v, want %v", query, i, b, want[i])
		}
	}
}

// count checks what a search counts: all matches, and those of each criterion alone.
func (m *model) count(t *testing.T, rt *rapid.T, s *testServer, query url.Values, total int) {
	answer := decode(
		t,
		s.do(t, "GET", m.path+"?"+query.Encode()+"&limit=1&total=true&explain=true", "ops", nil, "").body,
	)
	if got := at(answer, "total"); got != float64(total) {
		rt.Fatalf("%v: the total is %v, want %d", query, got, total)
	}
	explain, _ := at(answer, "explain").([]any)
	if len(explain) != len(query) {
		rt.Fatalf("%v: explained as %v", query, explain)
	}
	for _, e := range explain {
		name, _ := at(e, "parameter").(string)
		criteria, err := mapping.ParseCriteria(map[string]string{name: query.Get(name)})
		if want := len(m.match(&criteria)); err != nil || at(e, "value") != query.Get(name) ||
			at(e, "matches") != float64(want) {
			rt.Fatalf("%v: explained as %v, want %d", query, e, want)
		}
	}
}

// match is what a search should find.
func (m *model) match(c *mapping.Criteria) []string {
	var found []*mapping.Recording
	for _, r := range m.recordings {
		if r.Region == "us" && mapping.Match(c, r) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *mapping.Recording) int {
		return mapping.CompareNewestFirst(a.StartTime(), a.ID, b.StartTime(), b.ID)
	})
	ids := []string{}
	for _, r := range found {
		ids = append(ids, r.ID)
	}
	return ids
}

// walk searches, and follows nextUri to the end.
func (s *testServer) walk(t *testing.T, target string) []string {
	ids := []string{}
	for {
		a := s.do(t, "GET", target, "ops", nil, "")
		if a.status != 200 {
			t.Fatalf("%s: %d %s", target, a.status, a.body)
		}
		answer := decode(t, a.body)
		ids = append(ids, idsOf(t, answer)...)
		next, ok := at(answer, "nextUri").(string)
		if !ok {
			return ids
		}
		target = strings.TrimPrefix(next, s.URL)
	}
}
