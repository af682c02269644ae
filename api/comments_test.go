package api_test

import (
	"fmt"
	"strings"
	"testing"

	"recordings/api"
	"recordings/api/auth"
	"recordings/mapping"
)

// TestWhoMayComment: who has written a comment changes and deletes it; operations and administrators
// without access groups delete any, and others of a team do not; what a team does not see looks like
// nothing; and under a hold comments are only added.
func TestWhoMayComment(t *testing.T) {
	t.Parallel()
	admin := func(name string, groups ...string) auth.User {
		return auth.User{
			Name: name, PasswordHash: cheapHash, Role: auth.RoleAdmin, ContactCenters: []string{"cc"},
			AccessGroups: groups,
		}
	}
	token, hash := auth.NewToken()
	s := newServer(t, api.Options{
		Users: []auth.User{
			opsUser, admin("chief"), admin("sales", "/Sales"), admin("sales2", "/Sales"), admin("support", "/Support"),
		},
		Tokens: []auth.Token{{Name: "dialer", Hash: hash, Role: auth.RoleOps}},
	})
	body := setPath(t, exampleRecording(t), "mediaFiles[0].accessgroups", []any{"/Sales/Team1"})
	body = setPath(t, setPath(t, body, "mediaFiles[0].accessgroup", remove{}), "id", "r")
	checkAnswer(t, s.do(t, "POST", opsPath, "ops", nil, string(encode(t, body))), 200, 0, "")

	path := func(user string) string {
		if user == "ops" {
			return opsPath + "/r/comments"
		}
		return "/api/v2/recordings/r/comments"
	}
	write := func(user, text string) string {
		t.Helper()
		a := s.do(t, "POST", path(user), user, nil, fmt.Sprintf(`{"text":%q}`, text))
		checkAnswer(t, a, 200, 0, "")
		return at(decode(t, a.body), "comment.id").(string)
	}
	change := func(user, id string, status int) {
		t.Helper()
		a := s.do(t, "PUT", path(user)+"/"+id, user, nil, `{"at":1.5,"text":"changed by `+user+`"}`)
		if a.status != status {
			t.Errorf("%s changes a comment: %d %s, want %d", user, a.status, a.body, status)
		}
	}
	drop := func(user, id string, status int) {
		t.Helper()
		if a := s.do(t, "DELETE", path(user)+"/"+id, user, nil, ""); a.status != status {
			t.Errorf("%s deletes a comment: %d %s, want %d", user, a.status, a.body, status)
		}
	}

	first := write("sales", "first")
	if write("sales", "first") != first || write("sales2", "first") == first {
		t.Error("the same comment of one user is one, and of two users it is not")
	}
	for _, user := range []string{"sales2", "chief", "ops"} {
		change(user, first, 403)
	}
	drop("sales2", first, 403)

	// A token is kept apart from people, of whom a provider may know one of its name.
	machine := map[string]string{"Authorization": "Bearer " + token}
	if a := s.do(t, "PUT", path("ops")+"/"+first, "", machine, `{"text":"x"}`); a.status != 403 {
		t.Errorf("a token changes a comment: %d %s", a.status, a.body)
	}
	a := s.do(t, "POST", path("ops"), "", machine, `{"text":"first"}`)
	if id := at(decode(t, a.body), "comment.id"); id == first || !strings.Contains(a.body, `"user":"token:dialer"`) {
		t.Errorf("a token writes the same: %d %s, the person's is %s", a.status, a.body, first)
	}

	change("sales", first, 200)
	a = s.do(t, "GET", path("chief"), "chief", nil, "")
	if !strings.Contains(a.body, `"at":1.5,"text":"changed by sales"`) || strings.Count(a.body, `"changedTime"`) != 1 {
		t.Errorf("after the change: %s", a.body)
	}

	// Nothing tells that team of the recording, or of its comments.
	for _, r := range [][3]string{
		{"GET", "", ""}, {"POST", "", `{"text":"x"}`},
		{"PUT", "/" + first, `{"text":"x"}`}, {"DELETE", "/" + first, ""},
	} {
		seen := s.do(t, r[0], path("support")+r[1], "support", nil, r[2])
		missing := s.do(t, r[0], strings.Replace(path("support"), "/r/", "/nothing/", 1)+r[1], "support", nil, r[2])
		want := withoutRequest(strings.ReplaceAll(missing.body, "nothing", "r"))
		if seen.status != 404 || withoutRequest(seen.body) != want {
			t.Errorf("%s as another team: %d %s, of nothing: %s", r[0], seen.status, seen.body, missing.body)
		}
	}

	second, third := write("sales2", "second"), write("sales", "third")
	drop("sales", third, 200)
	drop("sales", third, 404)
	drop("chief", second, 200)
	drop("ops", first, 200)

	kept := write("sales", "kept as it is")
	checkAnswer(t, s.do(t, "POST", opsPath+"/r", "ops", nil, `{"operationName":"applyNonDelete"}`), 200, 0, "")
	change("sales", kept, 403)
	drop("sales", kept, 403)
	drop("ops", kept, 403)
	write("sales", "added under the hold")
}

// withoutRequest leaves the id of the request out of a body.
func withoutRequest(body string) string {
	before, _, _ := strings.Cut(body, `"requestId"`)
	return before
}

// TestTooManyComments: there are at most so many, and the text is named.
func TestTooManyComments(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	body := setPath(t, exampleRecording(t), "id", "r")
	checkAnswer(t, s.do(t, "POST", opsPath, "ops", nil, string(encode(t, body))), 200, 0, "")
	for i := range mapping.MaxComments {
		a := s.do(t, "POST", opsPath+"/r/comments", "ops", nil, fmt.Sprintf(`{"text":"%d"}`, i))
		checkAnswer(t, a, 200, 0, "")
	}
	a := s.do(t, "POST", opsPath+"/r/comments", "ops", nil, `{"text":"one more"}`)
	checkAnswer(t, a, 400, 2, "text")
	if a := s.do(t, "POST", opsPath+"/r/comments", "ops", nil, `{"text":"7"}`); a.status != 200 {
		t.Errorf("one that is there: %d %s", a.status, a.body)
	}

	long := strings.Repeat("ü", mapping.MaxComment)
	checkAnswer(t, s.do(t, "DELETE", opsPath+"/r/comments/"+firstComment(t, s), "ops", nil, ""), 200, 0, "")
	checkAnswer(t, s.do(t, "POST", opsPath+"/r/comments", "ops", nil, `{"text":"`+long+`x"}`), 400, 2, "text")
	checkAnswer(t, s.do(t, "POST", opsPath+"/r/comments", "ops", nil, `{"text":"`+long+`"}`), 200, 0, "")
}

// firstComment is the id of the first one.
func firstComment(t *testing.T, s *testServer) string {
	t.Helper()
	return at(decode(t, s.do(t, "GET", opsPath+"/r/comments", "ops", nil, "").body), "comments[0].id").(string)
}

// TestCommentsMove: a batch with marks takes comments over, and one without does not.
func TestCommentsMove(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	body := setPath(t, exampleRecording(t), "id", "r")
	checkAnswer(t, s.do(t, "POST", opsPath, "ops", nil, string(encode(t, body))), 200, 0, "")
	a := s.do(t, "POST", opsPath+"/r/comments", "ops", nil, `{"at":2,"text":"line one\nline two"}`)
	checkAnswer(t, a, 200, 0, "")
	exported, _, _ := strings.Cut(s.do(t, "GET", opsExport+"?startTime=0&format=ndjson", "ops", nil, "").body, "\n")
	if !strings.Contains(exported, `"comments":[{"id":`) {
		t.Fatalf("the export is %s", exported)
	}

	other := newServer(t, api.Options{})
	lines := map[string]string{"Content-Type": "application/x-ndjson"}
	for _, step := range []struct{ query, outcome, found string }{
		{"", "created", `"recordings":[]`}, {"?marks=true", "merged", `"id":"r"`},
		{"?marks=true", "unchanged", `"id":"r"`},
	} {
		a := other.do(t, "POST", opsPath+step.query, "ops", lines, exported+"\n")
		if !strings.Contains(a.body, `"outcome":"`+step.outcome+`"`) {
			t.Errorf("%q: %d %s", step.query, a.status, a.body)
		}
		a = other.do(t, "GET", opsPath+"?comment=one+AND+two", "ops", nil, "")
		if !strings.Contains(a.body, step.found) {
			t.Errorf("%q: found %s", step.query, a.body)
		}
	}

	bad := strings.Replace(exported, `"text":"line one\nline two"`, `"text":""`, 1)
	a = other.do(t, "POST", opsPath+"?marks=true", "ops", lines, bad+"\n")
	if !strings.Contains(a.body, "comments[0].text") {
		t.Errorf("an empty comment: %s", a.body)
	}
}
