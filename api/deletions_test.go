package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/api"
	"recordings/erase/deletion"
)

const deletionsPath = "/api/v2/ops/contact-centers/cc/deletions"

// postDeletion posts what a deletion is to delete.
func postDeletion(t testing.TB, s *testServer, body string) reply {
	t.Helper()
	return s.do(t, "POST", deletionsPath, "ops", map[string]string{"Content-Type": "application/json"}, body)
}

// TestDeletions goes through a bulk deletion as a client does: the dry run, the number, the progress,
// the verdict, and the results.
func TestDeletions(t *testing.T) {
	s, dav := mediaServer(t)
	for i := range 3 {
		dav.write(t, fmt.Sprintf("m%d.mp3", i), noise(10))
		postMedia(t, s, fmt.Sprintf("r%d", i), "audio/mp3", fmt.Sprintf("m%d.mp3", i))
	}

	const criteria = `{"criteria":{"startTime":"0"}`
	var dry struct {
		DryRun deletion.Preview `json:"dryRun"`
	}
	got := postDeletion(t, s, criteria+`,"dryRun":true}`)
	if err := json.Unmarshal([]byte(got.body), &dry); err != nil || got.status != 200 || dry.DryRun.Matched != 3 ||
		len(dry.DryRun.Samples) != 3 || dry.DryRun.Newest == 0 {
		t.Fatalf("the dry run: %d %s", got.status, got.body)
	}

	got = postDeletion(t, s, criteria+`,"subresources":true,"expected":2}`)
	if got.status != 409 || !strings.Contains(got.body, `"statusCode":3`) ||
		!strings.Contains(got.body, "3 recordings") {
		t.Errorf("another number: %d %s", got.status, got.body)
	}

	got = postDeletion(t, s, criteria+`,"subresources":true,"expected":3}`)
	if got.status != 200 {
		t.Fatalf("beginning: %d %s", got.status, got.body)
	}
	one := deletionsPath + "/1"
	var answer struct {
		Deletion deletion.Deletion `json:"deletion"`
	}
	for !answer.Deletion.Phase.Ended() {
		time.Sleep(5 * time.Millisecond)
		if err := json.Unmarshal([]byte(s.do(t, "GET", one, "ops", nil, "").body), &answer); err != nil {
			t.Fatal(err)
		}
	}
	if d := answer.Deletion; d.Deleted != 3 || d.Matched != 3 || d.Cause != "ops" || dav.has("m0.mp3") {
		t.Errorf("the deletion: %+v", d)
	}

	got = s.do(t, "GET", one+"/results", "ops", nil, "")
	if got.status != 200 || got.header.Get("Content-Type") != "application/x-ndjson" ||
		strings.Count(got.body, `"outcome":"deleted"}`+"\n") != 3 {
		t.Errorf("the results: %d %s", got.status, got.body)
	}
	if got := s.do(t, "GET", deletionsPath, "ops", nil, ""); !strings.Contains(got.body, `"deletions":[{"number":1,`) {
		t.Errorf("the list: %s", got.body)
	}
	if got := s.do(t, "POST", one+"/resume", "ops", nil, ""); got.status != 409 {
		t.Errorf("resuming what is done: %d %s", got.status, got.body)
	}
}

// TestDeletionsRefuse: what is not clear deletes nothing, and says what is accepted.
func TestDeletionsRefuse(t *testing.T) {
	s := newServer(t, api.Options{})
	for body, want := range map[string]string{
		`{}`:                            `"statusCode":1`,
		`{"criteria":{},"dryRun":true}`: `"statusCode":1`,
		`{"criteria":{"userName":"a"}}`: `expected`,
		`{"criteria":{"username":"a"},"dryRun":true}`:               `is not a criterion`,
		`{"criteria":{"callType":"a"},"dryRun":true}`:               `is not a criterion`,
		`{"criteria":{"userName":"a AND"},"dryRun":true}`:           `userName`,
		`{"criteria":{"userName":1},"dryRun":true}`:                 `"statusCode":2`,
		`{"criteria":{"userName":"a"},"expected":"1"}`:              `a whole number`,
		`{"criteria":{"userName":"a"},"expected":-1}`:               `a whole number`,
		`{"criteria":{"userName":"a"},"dryRun":true,"dryrun":true}`: `is not known here`,
		`[]`: `"statusCode":2`,
	} {
		if got := postDeletion(t, s, body); got.status != 400 || !strings.Contains(got.body, want) {
			t.Errorf("%s: %d %s, want %s", body, got.status, got.body, want)
		}
	}
	for _, path := range []string{"/1", "/x", "/1/results"} {
		if got := s.do(t, "GET", deletionsPath+path, "ops", nil, ""); got.status != 404 {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}
