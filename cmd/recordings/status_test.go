package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"recordings/index"
)

func TestStatus(t *testing.T) {
	dir := t.TempDir()
	r := start(t, nil, "serve", "--config",
		writeFile(t, dir, "recordings.yaml", testConfig(filepath.Join(dir, "data"))))
	server := r.url(t)
	ops := []string{"RECORDINGS_USER=ops", "RECORDINGS_PASSWORD=secret"}
	status, stdout, stderr := runProgram(t, "", ops, "status", "--server", server)
	if status != done {
		t.Fatalf("status %d\n%s", status, stderr)
	}

	for _, part := range []string{"state           ready\n", "recordings      0\n",
		"pending         0 changes, 0 B, the oldest 0.0 s old\n", " used, ", "reindex ", "verify ",
		"backup          idle\n", "deletions       none\n", "reconciling     none\n",
		"0 errors in the last 15 minutes"} {
		if !strings.Contains(stdout, part) {
			t.Errorf("%q is not in\n%s", part, stdout)
		}
	}

	_, stdout, _ = runProgram(t, "", ops, "status", "--server", server, "--json")
	var answer map[string]any
	if err := json.Unmarshal([]byte(stdout), &answer); err != nil || answer["ready"] != true ||
		answer["region"] != "us-west" || answer["diskFree"] == 0.0 {
		t.Errorf("%v\n%s", err, stdout)
	}

	status, _, stderr = runProgram(t, "", []string{"RECORDINGS_USER=admin", "RECORDINGS_PASSWORD=secret"}, "status",
		"--server", server)
	if status != failed || !strings.Contains(stderr, "403") {
		t.Errorf("an administrator: status %d, %s", status, stderr)
	}
}

// TestStatusInWords reads what a service in trouble would answer.
func TestStatusInWords(t *testing.T) {
	s := serviceStatus{Reason: "the search index is being rebuilt",
		Reindex: backgroundWork{Phase: "filling", Done: 1, Total: 4, SecondsLeft: 90}}
	s.Rebuild.Done, s.Rebuild.Total = 3, 9
	s.Backup = backgroundWork{Phase: "failed", Verdict: "failed: the disk is full"}
	s.DiskUsed = 1536 << 20
	s.Jobs = &allJobs{Deletions: jobCounts{Running: 1, Waiting: 1200, Unconfirmed: 2, Paused: 3}}
	s.Cluster = &index.Cluster{Health: "yellow", Nodes: 1, Shards: 24, Unassigned: 12, Moving: 1, Starting: 2}
	text := s.text()
	for _, part := range []string{"NOT READY: the search index is being rebuilt; 3 of 9 done",
		"filling, 25%, 1m30s left", "failed: the disk is full", "1.5 GiB used",
		"deletions       1 running, 1,200 waiting, 2 to be confirmed, 3 paused\n",
		"cluster         yellow, 1 node, 24 shards, 12 without a node, 1 moving, 2 being made\n"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in\n%s", part, text)
		}
	}

	s = serviceStatus{Ready: true, Reason: "the disk is full"}
	if text := s.text(); strings.Contains(text, "cluster") || !strings.Contains(text, "the jobs cannot be read now") {
		t.Errorf("one machine, whose jobs are not known, is %s", text)
	}
	if text := s.text(); !strings.Contains(text, "ready, but: the disk is full") {
		t.Error(text)
	}

	failed := backgroundWork{Phase: index.Failed}
	for wrong, all := range map[bool][]serviceStatus{
		true: {{}, {Ready: true, Reason: "the disk is full"}, {Ready: true, Reindex: failed},
			{Ready: true, Verify: failed}, {Ready: true, Backup: failed}},
		false: {{Ready: true},
			{Ready: true, Reindex: backgroundWork{Phase: index.Cancelled},
				Verify: backgroundWork{Phase: index.Comparing}, Backup: backgroundWork{Phase: index.Done}}},
	} {
		for _, s := range all {
			if s.wrong() != wrong {
				t.Errorf("something is wrong: %v, of %+v", s.wrong(), s)
			}
		}
	}
}
