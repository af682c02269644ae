//go:build integration

package main

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/cmd/recordings/internal/faulttest"
	"recordings/erase/deletion"
	"recordings/erase/jobs"
	"recordings/internal/opensearchtest"
)

// TestServicesOnACluster: two processes in front of one cluster. What one has answered, the very next search of
// the other finds, also when the first is killed; verifying says that all
// is well; a backup is made, listed, restored and deleted; and the other goes on with a bulk deletion.
func TestServicesOnACluster(t *testing.T) {
	nodes := opensearchtest.ForTest(t, opensearchtest.Options{})
	quoted := make([]string, len(nodes.Nodes))
	for i, address := range nodes.Addresses() {
		quoted[i] = fmt.Sprintf("%q", address)
	}
	const settings = "opensearch: {addresses: [%s], index: %s, shards: 2, replicas: 0, snapshot_repository: backups}"
	cluster := fmt.Sprintf(settings, strings.Join(quoted, ", "), "recordings")
	register(t, nodes)

	var services [2]*process
	var callers [2]*faulttest.Caller
	for i := range services {
		file, _ := setup(t, "index: opensearch", cluster, "deletion_rate: 8")
		if s, stdout, stderr := runProgram(t, "", nil, "check-config", "--config", file); s != done {
			t.Fatalf("check-config: %d %s %s", s, stdout, stderr)
		}
		services[i] = serveFile(t, file)
		callers[i] = &faulttest.Caller{HTTP: newClient(t), URL: services[i].url(t)}
		awaitReady(t, callers[i].HTTP, callers[i].URL, services[i])
	}

	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 10 {
				id := fmt.Sprintf("call-%d-%d", w, i)
				to, other := callers[i%2], callers[(i+1)%2]
				a, err := to.Post(t.Context(), faulttest.RecordingOf(id, 100*w+i))
				if err != nil || a.Status != http.StatusOK {
					t.Errorf("POST: %+v, %v", a, err)
					return
				}
				ids, err := other.Search(t.Context(), map[string]string{"startTime": "0"})
				if err != nil || !slices.Contains(ids, id) {
					t.Errorf("another service does not find %s at once: %v", id, err)
				}
			}
		})
	}
	writers.Wait()

	asOps := []string{"RECORDINGS_USER=ops", "RECORDINGS_PASSWORD=secret"}
	s, stdout, stderr := runProgram(t, "", asOps, "verify", "--server", callers[0].URL)
	if s != done || !strings.HasPrefix(stdout, "done: all is well: 40 recordings, ") {
		t.Errorf("verifying: %d %s %s", s, stdout, stderr)
	}
	backUpAndRestore(t, callers[0].URL, callers[1].URL, func(index string) string {
		file, _ := setup(t, "index: opensearch", fmt.Sprintf(settings, strings.Join(quoted, ", "), index))
		return file
	})
	deleteAndKill(t, callers[0], callers[1], services[0].kill)
	if ids, err := callers[1].Search(t.Context(), map[string]string{"startTime": "0"}); err != nil || len(ids) != 1 {
		t.Errorf("when the other service was killed, %d recordings are found, %v", len(ids), err)
	}
	services[1].signal(t, syscall.SIGTERM)
	if s := services[1].status(t); s != 0 {
		t.Errorf("exit status %d\n%s", s, services[1].log)
	}
	if strings.Contains(services[1].log.String(), "+1650") {
		t.Errorf("the log has phone numbers:\n%s", services[1].log)
	}
}

// deleteAndKill begins to delete all 40 recordings but for one, which is under a hold, through one service, and kills
// that. The other shows the deletion, and goes on with it; each recording has one line among the results.
func deleteAndKill(t *testing.T, one, other *faulttest.Caller, kill func()) {
	t.Helper()
	const deletions = "/api/v2/ops/contact-centers/" + contactCenter + "/deletions"
	call := func(c *faulttest.Caller, method, path, body string) []byte {
		t.Helper()
		a, err := c.Call(t.Context(), "ops", method, path, []byte(body))
		if err != nil || a.Status != http.StatusOK {
			t.Fatalf("%s %s: %d %s, %v", method, path, a.Status, a.Body, err)
		}
		return a.Body
	}
	read := func(c *faulttest.Caller) (d deletion.Deletion) {
		t.Helper()
		var answer struct {
			Deletion deletion.Deletion `json:"deletion"`
		}
		if err := json.Unmarshal(call(c, http.MethodGet, deletions+"/1", ""), &answer); err != nil {
			t.Fatal(err)
		}
		return answer.Deletion
	}
	call(other, http.MethodPost, faulttest.OpsRecordings+"/call-0-0", `{"operationName":"applyNonDelete"}`)
	call(one, http.MethodPost, deletions, `{"criteria":{"startTime":"0"},"expected":40}`)
	if d := read(other); d.Number != 1 || d.Cause != "ops" || d.Phase.Ended() {
		t.Errorf("the other service shows %+v", d)
	}
	for read(other).Deleted == 0 {
		time.Sleep(50 * time.Millisecond) // between two looks at a condition
	}
	kill()
	var d deletion.Deletion
	for deadline := time.Now().Add(3 * time.Minute); !d.Phase.Ended(); time.Sleep(100 * time.Millisecond) {
		if d = read(other); time.Now().After(deadline) {
			t.Fatalf("nobody goes on: %+v", d)
		}
	}
	if d.Phase != jobs.Done || d.Matched != 40 || d.Deleted != 39 || d.Held != 1 {
		t.Errorf("it ends as %+v", d)
	}
	ids := map[string]bool{}
	for line := range bytes.Lines(call(other, http.MethodGet, deletions+"/1/results", "")) {
		var r deletion.Result
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		if ids[r.ID] {
			t.Errorf("%s has two results", r.ID)
		}
		ids[r.ID] = true
	}
	if len(ids) != 40 {
		t.Errorf("%d recordings have results", len(ids))
	}
}

// register registers the snapshot repository backups in a cluster.
func register(t *testing.T, nodes *opensearchtest.Cluster) {
	t.Helper()
	body := `{"type": "fs", "settings": {"location": "backups"}}`
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, nodes.Addresses()[0]+"/_snapshot/backups",
		strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := newClient(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("registering a snapshot repository: %s", resp.Status)
	}
}

// backUpAndRestore makes a backup through one service, which the other lists, restores it beside what is in use, and
// deletes it. The function configures a service whose indexes have a name.
func backUpAndRestore(t *testing.T, one, other string, configured func(index string) string) {
	t.Helper()
	asOps := []string{"RECORDINGS_USER=ops", "RECORDINGS_PASSWORD=secret"}
	file, beside := configured("recordings"), configured("beside")
	for _, c := range []struct {
		args []string
		want status
		says string // of the standard output, or else of the errors
	}{
		{[]string{"backup", "Monday", "--server", one}, done, "Monday: The backup has 40 recordings in "},
		{[]string{"backup", "monday", "--server", other}, failed, "there is a backup monday already"},
		{[]string{"backup", "--without-index", "--server", one}, failed, "without the search index is not offered"},
		{[]string{"backup", "--list", "--server", other}, done, "Monday: of 20"},
		{[]string{"backup", "--list", "--json", "--server", other}, done, `[{"name":"Monday",`},
		{[]string{"restore", "Monday", "--config", file}, failed, "nothing is restored over something else"},
		{[]string{"restore", "Monday", "--config", beside}, failed, "has no backup Monday of the index beside"},
		{[]string{"restore", "Monday", "--config", beside, "--of", "recordings"}, done,
			"is restored: 40 recordings; done: all is well: 40 recordings, "},
		{[]string{"backup", "--delete", "Monday", "--config", file}, done, "Monday: The backup is deleted."},
		{[]string{"backup", "--delete", "Monday", "--config", file}, failed, "has no backup Monday"},
	} {
		s, stdout, stderr := runProgram(t, "", asOps, c.args...)
		says := stdout
		if c.want != done {
			says = stderr
		}
		if s != c.want || !strings.Contains(says, c.says) {
			t.Errorf("%q: %d %s %s, want %q", c.args, s, stdout, stderr, c.says)
		}
	}
}

// TestMoveToACluster: what is on one machine is moved to a cluster and back, with holds, labels and media left
// behind, and is the same everywhere.
func TestMoveToACluster(t *testing.T) {
	nodes := opensearchtest.ForTest(t, opensearchtest.Options{})
	here, data := setup(t)
	there, _ := setup(t, "index: opensearch",
		fmt.Sprintf("opensearch: {addresses: [%q], shards: 2, replicas: 0}", nodes.Addresses()[0]))
	back, _ := setup(t)
	run := func(want status, args ...string) string {
		t.Helper()
		s, stdout, stderr := runProgram(t, "", nil, args...)
		if s != want {
			t.Fatalf("%q: %d\n%s\n%s", args, s, stdout, stderr)
		}
		return stdout
	}

	// Most are imported, and some then marked by a service.
	const n = 1200
	var lines []string
	for i := range n {
		lines = append(lines, importLine(fmt.Sprintf("call/%d ä", i), i))
	}
	file := writeFile(t, t.TempDir(), "calls.ndjson", strings.Join(lines, "\n"))
	run(done, "import", "--data", data, "--contact-center", contactCenter, file)
	p := serveFile(t, here)
	c := &faulttest.Caller{HTTP: newClient(t), URL: p.url(t)}
	awaitReady(t, c.HTTP, c.URL, p)
	const ops = "/api/v2/ops/contact-centers/" + contactCenter
	for _, step := range []struct{ method, path, body string }{
		{http.MethodPost, ops + "/recording-label-definitions", `{"name":"Checked"}`},
		{
			http.MethodPost, faulttest.OpsRecordings,
			`{"operationName":"applyNonDelete","recordings":["call/7 ä"],"reason":"case 1"}`,
		},
		{
			http.MethodPost, faulttest.OpsRecordings,
			`{"operationName":"addLabel","recordings":["call/7 ä"],"name":"Checked"}`,
		},
		{http.MethodPost, faulttest.OpsRecordings + "/call%2F8%20%C3%A4/comments", `{"text":"asks for a refund"}`},
		{http.MethodPut, ops + "/saved-searches/refunds", `{"criteria":{"comment":"refund"}}`},
	} {
		a, err := c.Call(t.Context(), "ops", step.method, step.path, []byte(step.body))
		if err != nil || a.Status/100 != 2 {
			t.Fatalf("%s: %d %s, %v", step.path, a.Status, a.Body, err)
		}
	}
	p.signal(t, syscall.SIGTERM)
	if s := p.status(t); s != 0 {
		t.Fatalf("exit status %d\n%s", s, p.log)
	}

	const same = "both places have the same 1,200 recordings\n"
	for _, way := range [][2]string{{here, there}, {there, back}, {here, back}} {
		out := run(done, "move", "--from", way[0], "--to", way[1])
		const marks = " recordings, 1 label, 1 saved search and 0 media files left behind were written"
		if !strings.Contains(out, marks) || !strings.HasSuffix(out, same) {
			t.Errorf("from %s to %s: %s", way[0], way[1], out)
		}
	}
	if out := run(done, "move", "--from", here, "--to", back, "--json"); !strings.Contains(out, `"written":0`) {
		t.Errorf("again: %s", out)
	}
}
