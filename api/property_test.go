package api_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"recordings/api"
	"recordings/mapping"
)

// model is what the service should hold of one contact center: a plain map.
type model struct {
	path       string // of the collection
	recordings map[string]*mapping.Recording
}

// TestSearchesEqualMatch posts, merges and deletes recordings over HTTP, and compares every search with
// mapping.Match over all recordings.
func TestSearchesEqualMatch(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
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

// Few values, so that recordings and searches meet.
var (
	someIDs    = rapid.SampledFrom([]string{"a", "b", "c/d", "e f", "ü", "*"})
	somePhones = rapid.SampledFrom([]string{"+16504668888", "+16504669999", "16504668888", "sip:Bob@h", "a?b", "a*b", "7"})
	someNames  = rapid.SampledFrom([]string{"Alice", "alice w", "Amber", "MÜLLER", "Mu\u0308ller", "AND", "x?y", "de la Cruz"})
	someData   = rapid.SampledFrom([]string{"tom", "Tomas", "San Francisco", "4711", "say \"hi\"", "AND"})
	someTimes  = rapid.Int64Range(0, 20)
)

func (m *model) post(t *testing.T, rt *rapid.T, s *testServer) {
	r := exampleRecording(t)
	set := func(path string, value any) { r = setPath(t, r, path, value) }
	start := someTimes.Draw(rt, "start")
	set("id", someIDs.Draw(rt, "id"))
	set("region", rapid.SampledFrom([]string{"test", "test", "test", "elsewhere"}).Draw(rt, "region"))
	set("callerPhoneNumber", somePhones.Draw(rt, "caller"))
	set("dialedPhoneNumber", somePhones.Draw(rt, "dialed"))
	set("mediaFiles[0].startTime", mapping.Time(start).String())
	set("mediaFiles[0].stopTime", mapping.Time(start+someTimes.Draw(rt, "duration")).String())
	set("mediaFiles[0].mediaDescriptor.path", rapid.SampledFrom([]string{"1.mp3", "2.wav"}).Draw(rt, "path"))
	set("eventHistory[0].contact.phoneNumber", somePhones.Draw(rt, "contact"))
	for _, name := range []string{"userName", "firstName", "lastName"} {
		set("eventHistory[0].contact."+name, someNames.Draw(rt, name))
	}
	set("eventHistory[0].data", map[string]any{"x": someData.Draw(rt, "data")})
	body := encode(t, r)
	posted, err := mapping.Decode(body, mapping.DecodeOptions{})
	if err != nil {
		rt.Fatal(err)
	}
	if a := s.do(t, "POST", m.path, "ops", nil, string(body)); a.status != 200 {
		rt.Fatalf("%d %s", a.status, a.body)
	}
	m.recordings[posted.ID] = mapping.Merge(m.recordings[posted.ID], posted)
}

func (m *model) delete(t *testing.T, rt *rapid.T, s *testServer) {
	id := someIDs.Draw(rt, "id")
	want := 404
	if m.recordings[id] != nil {
		want = 200
	}
	if a := s.do(t, "DELETE", m.path+"/"+url.PathEscape(id), "ops", nil, ""); a.status != want {
		rt.Fatalf("deleting %q: %d, want %d", id, a.status, want)
	}
	delete(m.recordings, id)
}

// drawTerms makes a search of words out of values that there are, and stars.
func drawTerms(rt *rapid.T, values *rapid.Generator[string], name string) string {
	var terms []string
	for range rapid.IntRange(1, 3).Draw(rt, "terms") {
		term := drawPattern(rt, values, name)
		if strings.ContainsAny(term, " \"") {
			term = `"` + strings.ReplaceAll(term, `"`, "*") + `"`
		}
		terms = append(terms, term)
	}
	return strings.Join(terms, rapid.SampledFrom([]string{" ", " AND "}).Draw(rt, "between"))
}

// drawPattern makes a pattern out of a value: the whole, or with a star in the place of a part of it.
func drawPattern(rt *rapid.T, values *rapid.Generator[string], name string) string {
	v := []rune(values.Draw(rt, name))
	from := rapid.IntRange(0, len(v)).Draw(rt, "from")
	to := rapid.IntRange(from, len(v)).Draw(rt, "to")
	if rapid.Bool().Draw(rt, "whole") {
		return string(v)
	}
	return string(v[:from]) + "*" + string(v[to:])
}

func (m *model) search(t *testing.T, rt *rapid.T, s *testServer) {
	params := make(map[string]string)
	add := func(name string, value func() string) {
		if rapid.IntRange(0, 3).Draw(rt, name) == 0 {
			params[name] = value()
		}
	}
	add(mapping.ParamCallerPhoneNumber, func() string { return drawPattern(rt, somePhones, "caller") })
	add(mapping.ParamDialedPhoneNumber, func() string { return drawPattern(rt, somePhones, "dialed") })
	add(mapping.ParamUserName, func() string { return drawTerms(rt, someNames, "name") })
	add(mapping.ParamUserData, func() string { return drawTerms(rt, someData, "data") })
	add(mapping.ParamEndTime, func() string { return fmt.Sprint(someTimes.Draw(rt, "end")) })
	if len(params) == 0 {
		params[mapping.ParamStartTime] = fmt.Sprint(someTimes.Draw(rt, "start"))
	}
	query := make(url.Values)
	for name, value := range params {
		query.Set(name, value)
	}
	criteria, err := mapping.ParseCriteria(params)
	if err != nil { // an AND that is a value, at an end
		if a := s.do(t, "GET", m.path+"?"+query.Encode(), "ops", nil, ""); a.status != 400 {
			rt.Fatalf("%v: %d, want 400 as %v", params, a.status, err)
		}
		return
	}
	limit := rapid.IntRange(1, 4).Draw(rt, "limit")
	got := s.walk(t, fmt.Sprintf("%s?%s&limit=%d", m.path, query.Encode(), limit))
	if want := m.match(&criteria); !slices.Equal(got, want) {
		rt.Fatalf("%v found %q, want %q", params, got, want)
	}
}

// match is what a search should find.
func (m *model) match(c *mapping.Criteria) []string {
	var found []*mapping.Recording
	for _, r := range m.recordings {
		if r.Region == "test" && mapping.Match(c, r) {
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
