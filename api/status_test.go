package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"recordings/api"
	"recordings/api/auth"
	"recordings/blob"
	"recordings/mapping"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{Version: "1.2.3"})
	if a := s.do(t, "POST", opsPath, "ops", nil, string(encode(t, exampleRecording(t)))); a.status != 200 {
		t.Fatal(a.body)
	}
	a := s.do(t, "GET", "/api/v2/ops/status", "ops", nil, "")
	checkEnvelope(t, "GET", a)
	status := at(decode(t, a.body), "status")
	for path, want := range map[string]any{
		"ready": true, "broken": false, "version": "1.2.3", "region": "test", "recordings": 1.0, "diskFull": false,
		"exports": 0.0, "storageErrors": 0.0, "backup.phase": "idle",
	} {
		if got := at(status, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	for _, path := range []string{"uptime", "diskUsed", "diskFree"} {
		if n, _ := at(status, path).(float64); n <= 0 {
			t.Errorf("%s is %v", path, at(status, path))
		}
	}
	checkAnswer(t, s.do(t, "GET", opsPath+"?startTime=0", "ops", nil, ""), 200, 0, "")
	checkAnswer(t, s.do(t, "GET", opsPath+"/?startTime=0", "ops", nil, ""), 200, 0, "")
	checkAnswer(t, s.do(t, "GET", opsPath+"/histogram?startTime=0&interval=day", "ops", nil, ""), 200, 0, "") // none
	hour := at(decode(t, s.do(t, "GET", "/api/v2/ops/status", "ops", nil, "").body), "status.lastHour")
	for name, want := range map[string]float64{"searches": 2, "posts": 1, "errors": 0} {
		sum := 0.0 // the minute may have ended meanwhile
		for _, n := range at(hour, name).([]any) {
			sum += n.(float64)
		}
		if n := len(at(hour, name).([]any)); n != 60 || sum != want {
			t.Errorf("%s of the last hour are %v in %d minutes, want %v in 60", name, sum, n, want)
		}
	}
	checkAnswer(t, s.do(t, "GET", "/api/v2/ops/status", "alice", nil, ""), 403, 5, "role")
	checkAnswer(t, s.do(t, "GET", "/api/v2/ops/status?x=1", "ops", nil, ""), 400, 2, "x")
}

// TestUsers: operations of the whole service see who may call and when each was last seen, and nothing of what
// these sign in by.
func TestUsers(t *testing.T) {
	t.Parallel()
	token, hash := auth.NewToken()
	_, other := auth.NewToken()
	bound := opsUser
	bound.Name, bound.ContactCenters = "bound", []string{"cc"}
	team := adminUser
	team.Name, team.AccessGroups = "team", []string{"/Sales"}
	s := newServer(t, api.Options{
		Users: []auth.User{opsUser, adminUser, bound, team},
		Tokens: []auth.Token{{
			Name: "recorder-7", Hash: hash, Role: auth.RoleRecorder, ContactCenters: []string{"cc"},
			Expires: "2001-01-31",
		}, {
			Name: "recorder-8", Hash: other, Role: auth.RoleRecorder, ContactCenters: []string{"cc"},
		}},
	})
	const path = "/api/v2/ops/users"
	checkAnswer(t, s.do(t, "GET", path, "alice", nil, ""), 403, 5, "role")
	checkAnswer(t, s.do(t, "GET", path, "bound", nil, ""), 403, 5, "bound to some contact centers")
	checkAnswer(t, s.do(t, "GET", path, "", nil, ""), 401, 20, "")
	checkAnswer(t, s.do(t, "GET", path, "", bearer(token), ""), 401, 20, "") // it has expired
	checkAnswer(t, s.do(t, "GET", path+"?x=1", "ops", nil, ""), 400, 2, "x")

	a := s.do(t, "GET", path, "ops", nil, "")
	checkEnvelope(t, "GET", a)
	answer := decode(t, a.body)
	var got []string
	for _, x := range at(answer, "users").([]any) {
		u := x.(map[string]any)
		seen := "-"
		if text, ok := u["lastSeen"].(string); ok {
			when, err := mapping.ParseTime(text)
			if age := time.Since(time.UnixMilli(int64(when))); err != nil || age < 0 || age > time.Hour {
				t.Errorf("%v was last seen %s", u["userName"], text)
			}
			seen = "seen"
		}
		got = append(got, strings.TrimSpace(fmt.Sprintln(u["userName"], u["kind"], u["role"], u["contactCenters"],
			u["accessGroups"], u["expires"], u["expired"], seen)))
	}
	want := []string{
		"alice password admin [cc] <nil> <nil> <nil> seen", "bound password ops [cc] <nil> <nil> <nil> seen",
		"ops password ops <nil> <nil> <nil> <nil> seen", "recorder-7 token recorder [cc] <nil> 2001-01-31 true -",
		"recorder-8 token recorder [cc] <nil> <nil> <nil> -", "team password admin [cc] [/Sales] <nil> <nil> -",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for _, secret := range []string{hash[len("sha256:"):][:16], token, "argon2", "sha256"} {
		if strings.Contains(a.body, secret) {
			t.Errorf("the answer has %q: %s", secret, a.body)
		}
	}
}

// TestJobsInStatus: the status tells how many jobs there are that have not ended, and what they do.
func TestJobsInStatus(t *testing.T) {
	t.Parallel()
	dav := newDAV(t)
	s := newServer(t, api.Options{Media: newMedia(t, blob.Options{WebDAV: dav.storage()})})
	dav.write(t, "m.mp3", noise(10))
	postMedia(t, s, "r1", "audio/mp3", "m.mp3")
	awaitCounts := func(what string, counts ...float64) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			all := at(decode(t, s.do(t, "GET", "/api/v2/ops/status", "ops", nil, "").body), "status.jobs")
			var got []float64
			for _, name := range []string{"running", "waiting", "unconfirmed", "paused"} {
				got = append(got, at(all, "deletions."+name).(float64))
			}
			if fmt.Sprint(got) == fmt.Sprint(counts) && at(all, "reconciliations.running") == 0.0 {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: %v", what, all)
			}
		}
	}
	awaitCounts("at first", 0, 0, 0, 0)

	// The storage does not answer: the deletion goes on as long as that.
	answers := make(chan struct{})
	dav.fail(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-answers:
		case <-r.Context().Done():
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	checkAnswer(t, postDeletion(t, s, `{"criteria":{"startTime":"0"},"subresources":true,"expected":1}`), 200, 0, "")
	awaitCounts("while it runs", 1, 0, 0, 0)
	checkAnswer(t, s.do(t, "POST", deletionsPath+"/1/pause", "ops", nil, ""), 200, 0, "")
	awaitCounts("when it is paused", 0, 0, 0, 1)
	checkAnswer(t, s.do(t, "POST", deletionsPath+"/1/cancel", "ops", nil, ""), 200, 0, "")
	awaitCounts("when it is cancelled", 0, 0, 0, 0)
	close(answers)
}
