package api_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"recordings/api"
	"recordings/api/auth"
	"recordings/blob"
	"recordings/erase/reconcile"
)

// TestReconciliations compares, as a client does, and shows what was found at the media file.
func TestReconciliations(t *testing.T) {
	t.Parallel()
	s, dav := mediaServer(t)
	dav.write(t, "there.mp3", noise(10))
	postMedia(t, s, "there", "audio/mp3", "there.mp3")
	postMedia(t, s, "missing", "audio/mp3", "missing.mp3")
	all := strings.TrimSuffix(opsPath, "/recordings") + "/reconciliations"
	header := map[string]string{"Content-Type": "application/json"}

	a := s.do(t, "POST", all, "ops", header, `{"deleteUnnamed":true}`)
	checkAnswer(t, a, 400, 1, "expected")
	checkAnswer(t, s.do(t, "POST", all, "ops", header, `{"x":1}`), 400, 2, "deleteUnnamed, expected")
	checkAnswer(t, s.do(t, "GET", all+"/7", "ops", nil, ""), 404, 6, "")
	a = s.do(t, "POST", all, "ops", header, "{}")
	checkAnswer(t, a, 200, 0, "")

	var answer struct {
		Reconciliation reconcile.Reconciliation `json:"reconciliation"`
	}
	for answer.Reconciliation.Ended == 0 {
		time.Sleep(5 * time.Millisecond)
		if err := json.Unmarshal([]byte(s.do(t, "GET", all+"/1", "ops", nil, "").body), &answer); err != nil {
			t.Fatal(err)
		}
	}
	if r := answer.Reconciliation; r.Missing != 1 || r.Media != 2 || r.Cause != "ops" {
		t.Errorf("%+v", r)
	}
	found := s.do(t, "GET", all+"/1/results", "ops", nil, "")
	if found.header.Get("Content-Type") != "application/x-ndjson" || !strings.Contains(found.body, `"kind":"missing"`) {
		t.Errorf("found: %s", found.body)
	}

	const state = `"mediaState":"missing"`
	for _, user := range []string{"ops", "alice"} {
		path := map[string]string{"ops": opsPath, "alice": "/api/v2/recordings"}[user]
		for target, want := range map[string]bool{"/missing": true, "/there": false, "?startTime=0": true} {
			if got := s.do(t, "GET", path+target, user, nil, "").body; strings.Contains(got, state) != want {
				t.Errorf("%s of %s: %s", target, user, got)
			}
		}
	}

	// What was read can be posted.
	read := s.do(t, "GET", opsPath+"/missing", "ops", nil, "").body
	read = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(read), `{"statusCode":0,"recording":`), "}")
	checkAnswer(t, s.do(t, "POST", opsPath, "ops", header, read), 200, 0, "")
	if got := s.do(t, "GET", opsPath+"/missing", "ops", nil, "").body; strings.Count(got, "mediaState") != 1 {
		t.Errorf("posted again: %s", got)
	}
}

// TestReconciliationsOfSome: who is bound to some contact centers neither learns of objects that may be anybody's,
// nor deletes any.
func TestReconciliationsOfSome(t *testing.T) {
	t.Parallel()
	dav := newDAV(t)
	some := opsUser
	some.Name, some.ContactCenters = "some", []string{"cc"}
	s := newServer(t, api.Options{
		Users: []auth.User{opsUser, some}, Media: newMedia(t, blob.Options{WebDAV: dav.storage()}),
	})
	dav.write(t, "theirs.mp3", noise(10))
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(filepath.Join(dav.dir, "theirs.mp3"), old, old); err != nil {
		t.Fatal(err)
	}
	all := strings.TrimSuffix(opsPath, "/recordings") + "/reconciliations"
	header := map[string]string{"Content-Type": "application/json"}
	begin := func(user string) (found string) {
		t.Helper()
		var answer struct {
			Reconciliation reconcile.Reconciliation `json:"reconciliation"`
		}
		a := s.do(t, "POST", all, user, header, "{}")
		for answer.Reconciliation.Ended == 0 {
			if err := json.Unmarshal([]byte(a.body), &answer); err != nil || a.status != 200 {
				t.Fatal(a.status, a.body)
			}
			time.Sleep(5 * time.Millisecond)
			a = s.do(t, "GET", fmt.Sprintf("%s/%d", all, answer.Reconciliation.Number), user, nil, "")
		}
		one := fmt.Sprintf("%s/%d", all, answer.Reconciliation.Number)
		return a.body + s.do(t, "GET", one+"/results", user, nil, "").body
	}

	if found := begin("ops"); !strings.Contains(found, "theirs.mp3") || !strings.Contains(found, `"objects":1`) {
		t.Fatalf("operations find %s", found)
	}
	if found := begin("some"); strings.Contains(found, "theirs.mp3") || !strings.Contains(found, `"objects":0`) {
		t.Errorf("who is bound finds %s", found)
	}
	checkAnswer(t, s.do(t, "POST", all, "some", header, `{"deleteUnnamed":true,"expected":1}`), 403, 5, "bound")
	for path, user := range map[string]string{"/1": "some", "/1/results": "some", "/3": "ops"} {
		checkAnswer(t, s.do(t, "GET", all+path, user, nil, ""), 404, 6, "")
	}
	checkAnswer(t, s.do(t, "POST", all+"/1/cancel", "some", nil, ""), 404, 6, "")
	for user, want := range map[string]int{"ops": 2, "some": 1} {
		if got := s.do(t, "GET", all, user, nil, "").body; strings.Count(got, `"number"`) != want {
			t.Errorf("%s sees %s", user, got)
		}
	}
}
