package api_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"recordings/api"
	"recordings/api/auth"
	"recordings/index/indextest"
	"recordings/mapping"
)

// TestTeamsEqualMatch posts recordings of several access groups, and has users of some teams look at
// them in every way. Each sees what mapping says, and the rest looks as if it were not there.
func TestTeamsEqualMatch(t *testing.T) {
	t.Parallel()
	teams := map[string][]string{
		"everybody": nil, "sales": {"/Sales"}, "team1": {"/Sales/Team1"}, "both": {"/Sales/Team1/a", "/SalesEast"},
		"none": {"/Support"},
	}
	rapid.Check(t, func(rt *rapid.T) {
		users := []auth.User{opsUser}
		for name, groups := range teams {
			users = append(users, auth.User{
				Name: name, PasswordHash: cheapHash, Role: auth.RoleAdmin, ContactCenters: []string{"cc"},
				AccessGroups: groups,
			})
		}
		s := newServer(t, api.Options{Region: "us", Users: users})
		m := &model{opsPath, make(map[string]*mapping.Recording)}
		for range rapid.IntRange(1, indextest.Sized(12, 6)).Draw(rt, "recordings") {
			m.post(t, rt, s)
		}

		for name, groups := range teams {
			seen := &model{"/api/v2/recordings", make(map[string]*mapping.Recording)}
			for id, r := range m.recordings {
				if r.VisibleTo(groups) {
					seen.recordings[id] = r
				}
			}
			for range indextest.Sized(3, 2) {
				seen.wantSeen(t, rt, s, name)
			}
			nothing := s.do(t, "GET", seen.path+"/nothing", name, nil, "").body
			for id, r := range m.recordings {
				seen.wantRead(t, rt, s, name, r, seen.recordings[id] != nil && r.Region == "us", nothing)
			}
		}
	})
}

// wantSeen makes a search as a user, and the export and the count of it.
func (m *model) wantSeen(t *testing.T, rt *rapid.T, s *testServer, user string) {
	query, ids := m.draw(rt)
	slices.Sort(ids)
	var found []string
	for _, r := range s.pages(t, m.path+"?"+query, user) {
		found = append(found, at(decode(t, r), "id").(string))
	}
	slices.Sort(found)
	if !slices.Equal(found, ids) {
		rt.Fatalf("%s: %s found %q, want %q", user, query, found, ids)
	}

	a := s.do(t, "GET", m.path+"?limit=1&total=true&explain=true&"+query, user, nil, "")
	if want := fmt.Sprintf(`"total":%d`, len(ids)); !strings.Contains(a.body, want) {
		rt.Fatalf("%s: %s has %s, want %s", user, query, a.body, want)
	}
	if strings.Count(query, "=") == 1 && len(ids) > 0 {
		if want := fmt.Sprintf(`"matches":%d`, len(ids)); !strings.Contains(a.body, want) {
			rt.Fatalf("%s: %s is explained by %s, want %s", user, query, a.body, want)
		}
	}

	lines := s.do(t, "GET", "/api/v2/export?format=ndjson&"+query, user, nil, "").body
	if n := strings.Count(lines, "\n") - 1; n != len(ids) { // the last line says that these were all
		rt.Fatalf("%s: %s exports %d, want %d", user, query, n, len(ids))
	}
	m.suggest(t, rt, s, user, url.Values{}, new(mapping.Criteria))
}

// draw draws a search, and tells which recordings it must find.
func (m *model) draw(rt *rapid.T) (query string, ids []string) {
	params := indextest.Params().Draw(rt, "params")
	criteria, err := mapping.ParseCriteria(params)
	if err != nil {
		rt.Fatal(err)
	}
	values := make(url.Values)
	for name, value := range params {
		values.Set(name, value)
	}
	for id, r := range m.recordings {
		if r.Region == "us" && mapping.Match(&criteria, r) {
			ids = append(ids, id)
		}
	}
	return values.Encode(), ids
}

// wantRead reads and plays a recording as a user. What they do not see must look like nothing, which is
// the answer where there is none, to the byte.
func (m *model) wantRead(
	t *testing.T, rt *rapid.T, s *testServer, user string, r *mapping.Recording, sees bool, nothing string,
) {
	path := m.path + "/" + url.PathEscape(r.ID)
	got := s.do(t, "GET", path, user, nil, "")
	if sees != (got.status == 200) || !sees && got.body != nothing {
		rt.Fatalf("%s reads %q of %+v: %d %s", user, r.ID, r.MediaFiles, got.status, got.body)
	}

	media := r.MediaFiles[0].Descriptor.MediaName("cc", r.ID, false)
	played := s.do(t, "GET", path+"/play/"+media, user, nil, "")
	if !sees && (played.status != 404 || played.body != nothing) {
		rt.Fatalf("%s plays %q: %d %s", user, r.ID, played.status, played.body)
	}
	if sees && played.status == 404 {
		rt.Fatalf("%s cannot play %q: %s", user, r.ID, played.body)
	}
}

// TestTeamsDropNoLabels: a label goes from recordings of all teams, so nobody of one removes it, nor
// learns how many bear it.
func TestTeamsDropNoLabels(t *testing.T) {
	t.Parallel()
	sally := adminUser
	sally.Name, sally.AccessGroups = "sally", []string{"/Sales"}
	s := newServer(t, api.Options{Users: []auth.User{opsUser, adminUser, sally}})
	const definitions = "/api/v2/recording-label-definitions"
	header := map[string]string{"Content-Type": "application/json"}
	checkAnswer(t, s.do(t, "POST", definitions, "sally", header, `{"name":"vip"}`), 201, 0, "")
	for _, force := range []string{"", "?force=true"} {
		checkAnswer(t, s.do(t, "DELETE", definitions+"/vip"+force, "sally", nil, ""), 403, 5, "role")
	}
	checkAnswer(t, s.do(t, "DELETE", definitions+"/vip", "alice", nil, ""), 200, 0, "")
}

// TestTeamsMarkNothingHidden: whatever somebody of a team wants to do with a recording of another team, or of
// another region, is answered as if it were not there, to the byte, and is not done.
func TestTeamsMarkNothingHidden(t *testing.T) {
	t.Parallel()
	s := newMatrixServer(t)
	header := map[string]string{"Content-Type": "application/json"}
	const definitions, mine = "/api/v2/recording-label-definitions", "/api/v2/recordings"
	checkAnswer(t, s.do(t, "POST", definitions, "admin-cc", header, `{"name":"vip"}`), 201, 0, "")
	for _, id := range []string{"plain", "team"} {
		checkAnswer(t, s.do(t, "POST", mine+"/"+id+"/labels", "admin-cc", header, `{"name":"vip"}`), 200, 0, "")
	}
	before := make(map[string]string)
	for _, id := range matrixIDs {
		before[id] = s.do(t, "GET", opsPath+"/"+id, "ops", nil, "").body
	}

	for _, x := range []struct{ method, path, body string }{
		{"POST", "/{id}", `{"operationName":"applyNonDelete","reason":"x"}`},
		{"POST", "/{id}", `{"operationName":"unapplyNonDelete"}`},
		{"GET", "/{id}/labels", ""},
		{"POST", "/{id}/labels", `{"name":"vip","value":"x"}`},
		{"POST", "/{id}/labels", `{"name":"unknown"}`},
		{"GET", "/{id}/labels/vip", ""},
		{"PUT", "/{id}/labels/vip", `{"value":"x"}`},
		{"PUT", "/{id}/labels/other", `{"value":"x"}`},
		{"DELETE", "/{id}/labels/vip", ""},
		{"POST", "", `{"operationName":"applyNonDelete","recordings":["{id}","{id}"]}`},
		{"POST", "", `{"operationName":"addLabel","name":"vip","recordings":["{id}"]}`},
		{"POST", "", `{"operationName":"removeLabel","name":"vip","recordings":["{id}"]}`},
	} {
		ask := func(user, id string) (shown string, missing bool) {
			fill := strings.NewReplacer("{id}", id)
			a := s.do(t, x.method, mine+fill.Replace(x.path), user, header, fill.Replace(x.body))
			shown = fmt.Sprint(a.status, " ", strings.ReplaceAll(a.body, id, "ID"))
			return shown, a.status == 404 || strings.Contains(a.body, `"statusCode":7`)
		}
		for user, hidden := range map[string][]string{
			"sales": {"plain", "abroad", "other"}, "east": {"plain", "team", "abroad", "other"},
		} {
			nowhere, _ := ask(user, "nowhere")
			for _, id := range hidden {
				if got, missing := ask(user, id); got != nowhere || !missing {
					t.Errorf("%s %s %s of %s by %s: %s; of what is nowhere: %s",
						x.method, x.path, x.body, id, user, got, nowhere)
				}
			}
		}
	}
	for _, id := range matrixIDs {
		if got := s.do(t, "GET", opsPath+"/"+id, "ops", nil, "").body; got != before[id] {
			t.Errorf("%s was changed: %s", id, got)
		}
	}
}
