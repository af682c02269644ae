package api_test

import (
	"strings"
	"testing"

	"recordings/api"
	"recordings/api/auth"
)

// TestVersionOfRecording: who has a recording is told whether it is still as it was, and gets it anew once
// it has changed; what operations see has another version than what an administrator sees.
func TestVersionOfRecording(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{Users: []auth.User{opsUser, adminUser}})
	body := string(encode(t, setPath(t, exampleRecording(t), "id", "r")))
	checkAnswer(t, s.do(t, "POST", opsPath, "ops", nil, body), 200, 0, "")

	const own = "/api/v2/recordings/r"
	tags := make(map[string]bool)
	for _, c := range []struct{ path, user string }{{own, "alice"}, {opsPath + "/r", "ops"}} {
		first := s.do(t, "GET", c.path, c.user, nil, "")
		tag := first.header.Get("ETag")
		if first.status != 200 || !strings.HasPrefix(tag, `"`) || first.header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%s: %d %v", c.path, first.status, first.header)
		}
		tags[tag] = true
		if again := s.do(t, "GET", c.path, c.user, nil, ""); again.header.Get("ETag") != tag {
			t.Errorf("%s: the version is %s, and then %s", c.path, tag, again.header.Get("ETag"))
		}

		for _, match := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
			for _, method := range []string{"GET", "HEAD"} {
				same := s.do(t, method, c.path, c.user, map[string]string{"If-None-Match": match}, "")
				if same.status != 304 || same.body != "" || same.header.Get("ETag") != tag {
					t.Errorf("%s %s, If-None-Match %s: %d %q", method, c.path, match, same.status, same.body)
				}
			}
		}
		for _, match := range []string{`"other"`, strings.Trim(tag, `"`), `""`, ","} {
			other := s.do(t, "GET", c.path, c.user, map[string]string{"If-None-Match": match}, "")
			if other.status != 200 || other.body != first.body {
				t.Errorf("%s, If-None-Match %s: %d %.100s", c.path, match, other.status, other.body)
			}
		}
	}
	if len(tags) != 2 {
		t.Errorf("two views have the versions %v", tags)
	}

	tag := s.do(t, "GET", own, "alice", nil, "").header.Get("ETag")
	checkAnswer(t, s.do(t, "POST", own, "alice", nil, `{"operationName":"applyNonDelete"}`), 200, 0, "")
	changed := s.do(t, "GET", own, "alice", map[string]string{"If-None-Match": tag}, "")
	if changed.status != 200 || changed.header.Get("ETag") == tag || !strings.Contains(changed.body, "nonDelete") {
		t.Errorf("after a change: %d, version %s, %s", changed.status, changed.header.Get("ETag"), changed.body)
	}

	// What is not there, or not one's own, has no version, whatever is asked.
	for _, path := range []string{own + "x", opsPath + "/r"} {
		a := s.do(t, "GET", path, "alice", map[string]string{"If-None-Match": "*"}, "")
		if a.status < 400 || a.header.Get("ETag") != "" {
			t.Errorf("%s: %d, version %q", path, a.status, a.header.Get("ETag"))
		}
	}
}

// TestNothingHere: who opens an address in a browser where there is nothing gets a page that says so, with
// the way to the page; programs, and whatever is below the paths of the API, get JSON as ever.
func TestNothingHere(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{Users: []auth.User{opsUser, adminUser}})
	browser := map[string]string{"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
	for path, up := range map[string]string{
		"/nonsense": "./", "/a/b": "./../", "/a/b/": "./../../", "/a%2Fb/%3Cscript%3E": "./../", "/index.html": "./",
	} {
		a := s.do(t, "GET", path, "", browser, "")
		if a.status != 404 || a.header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %d %s", path, a.status, a.header.Get("Content-Type"))
		}
		if !strings.Contains(a.body, "There is nothing at this address") || strings.Contains(a.body, "script") ||
			!strings.Contains(a.body, `<a href="`+up+`">`) || !strings.Contains(a.body, `href="`+up+`assets/`) {
			t.Errorf("%s: %s", path, a.body)
		}
		if policy := a.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
			t.Errorf("%s: the policy is %q", path, policy)
		}
		if head := s.do(t, "HEAD", path, "", browser, ""); head.status != 404 || head.body != "" ||
			head.header.Get("Content-Length") != a.header.Get("Content-Length") {
			t.Errorf("HEAD %s: %d %v", path, head.status, head.header)
		}
	}

	german := s.do(t, "GET", "/nonsense", "", map[string]string{"Accept": "TEXT/HTML", "Accept-Language": "de"}, "")
	if !strings.Contains(german.body, `<html lang="de">`) || !strings.Contains(german.body, "gibt es nichts") {
		t.Errorf("in German: %s", german.body)
	}

	for _, c := range []struct {
		method, path string
		header       map[string]string
		status, code int
	}{
		{"GET", "/nonsense", nil, 404, 6},
		{"GET", "/nonsense", map[string]string{"Accept": "*/*"}, 404, 6},
		{"POST", "/nonsense", browser, 404, 6},
		{"GET", "/assets/0000000000000000/app.js", browser, 404, 6},
		{"GET", "/api/v2/nonsense", browser, 401, 20},
		{"GET", "/internal-api/nonsense", browser, 401, 20},
	} {
		checkAnswer(t, s.do(t, c.method, c.path, "", c.header, ""), c.status, c.code, "")
	}
	checkAnswer(t, s.do(t, "GET", "/api/v2/nonsense", "alice", browser, ""), 404, 6, "")
}
