package api_test

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/api"
	"recordings/blob"
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

// jobView is what is common to jobs of all kinds.
type jobView struct {
	Number         int    `json:"number"`
	Phase          string `json:"phase"`
	Ended          string `json:"ended"`
	Verdict        string `json:"verdict"`
	Deleted        int    `json:"deleted"`
	Missing        int    `json:"missing"`
	ResultsDropped bool   `json:"resultsDropped"`
}

// getJob reads a job, of whatever kind.
func getJob(t *testing.T, s *testServer, path string) (j jobView, status int) {
	t.Helper()
	a := s.do(t, "GET", path, "ops", nil, "")
	var answer struct {
		Deletion       *jobView `json:"deletion"`
		Reconciliation *jobView `json:"reconciliation"`
	}
	if err := json.Unmarshal([]byte(a.body), &answer); err != nil {
		t.Fatalf("%s: %s: %v", path, a.body, err)
	}
	if one := cmp.Or(answer.Deletion, answer.Reconciliation); one != nil {
		j = *one
	}
	return j, a.status
}

// awaitJob waits until something holds for a job.
func awaitJob(t *testing.T, s *testServer, path, what string, holds func(jobView) bool) jobView {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		j, status := getJob(t, s, path)
		if status == 200 && holds(j) {
			return j
		}
		if status != 200 || time.Now().After(deadline) {
			t.Fatalf("%s: it is not so that it %s: %d %+v", path, what, status, j)
		}
	}
}

// TestResultsDropped: of older jobs the results are not kept where they take too much; their numbers are, and
// those of other contact centers, which have their own, are not touched.
func TestResultsDropped(t *testing.T) {
	t.Parallel()
	dav := newDAV(t)
	o := api.Options{Index: openIndex(t), Region: "test", Media: newMedia(t, blob.Options{WebDAV: dav.storage()})}
	fillIndex(t, &o)
	fillEraser(&o)
	openJobs(t, &o, 1)
	s := newServer(t, o)
	header := map[string]string{"Content-Type": "application/json"}

	for kind, x := range map[string]struct {
		body  string
		count func(jobView) int
		line  string // of the results
	}{
		"deletions": {`{"criteria":{"startTime":"0"},"expected":1}`, func(j jobView) int { return j.Deleted },
			`"outcome":"deleted"`},
		"reconciliations": {`{}`, func(j jobView) int { return j.Missing }, `"kind":"missing"`},
	} {
		t.Run(kind, func(t *testing.T) {
			post := func(center string, number int) string {
				t.Helper()
				root := "/api/v2/ops/contact-centers/" + center + "-" + kind
				recording := strings.ReplaceAll(lineOf("r1"), "http://media.example.com/", dav.URL+"/")
				checkAnswer(t, s.do(t, "POST", root+"/recordings", "ops", header, recording), 200, 0, "")
				checkAnswer(t, s.do(t, "POST", root+"/"+kind, "ops", header, x.body), 200, 0, "")
				path := fmt.Sprintf("%s/%s/%d", root, kind, number)
				j := awaitJob(t, s, path, "has ended", func(j jobView) bool { return j.Ended != "" })
				if j.Number != number || j.Phase != "done" || x.count(j) != 1 || j.ResultsDropped {
					t.Fatalf("%s is %+v", path, j)
				}
				return path
			}
			kept := func(path string) {
				t.Helper()
				a := s.do(t, "GET", path+"/results", "ops", nil, "")
				if a.status != 200 || !strings.Contains(a.body, x.line) {
					t.Errorf("the results of %s: %d %s", path, a.status, a.body)
				}
			}

			first := post("cc", 1)
			kept(first)
			before, _ := getJob(t, s, first)
			other, second := post("dd", 1), post("cc", 2)
			after := awaitJob(t, s, first, "has its results dropped", func(j jobView) bool { return j.ResultsDropped })
			if before.ResultsDropped = true; after != before || after.Verdict == "" {
				t.Errorf("without its results it is %+v, and was %+v", after, before)
			}
			for _, method := range []string{"GET", "HEAD"} {
				a := s.do(t, method, first+"/results", "ops", nil, "")
				if a.status != 404 || method == "GET" && !strings.Contains(a.body, `{"statusCode":6,"statusMessage":`+
					`"the results of this job are not kept any more, as newer ones take their place"`) {
					t.Errorf("%s of the results: %d %s", method, a.status, a.body)
				}
			}
			all := s.do(t, "GET", strings.TrimSuffix(first, "/1"), "ops", nil, "")
			if strings.Count(all.body, `"resultsDropped":true`) != 1 || strings.Count(all.body, `"number"`) != 2 {
				t.Errorf("all of them are %s", all.body)
			}
			kept(second)
			kept(other)
			checkAnswer(t, s.do(t, "GET", strings.TrimSuffix(other, "/1")+"/2", "ops", nil, ""), 404, 6, "no job")
		})
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
		`{"criteria":{"notLabel":"a"},"dryRun":true}`:               `is not a criterion`,
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
