package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUpkeepCommands reindexes and verifies a running service and a stopped one, whose search index
// is damaged meanwhile.
func TestUpkeepCommands(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	service := start(t, nil, "serve", "--config", writeFile(t, dir, "recordings.yaml", testConfig(at("data"))))
	url := service.url(t)
	postOne(t, url, "r1")
	file := writeFile(t, dir, "calls.ndjson", importLine("r1", 1))
	const agree = "done: old and new agree in all counts"
	const well = "done: all is well: 1 recordings"
	for _, s := range []struct {
		name           string
		do             func(*testing.T) // instead of a command
		args           []string
		status         status
		stdout, stderr string // parts
	}{
		{"verify", nil, []string{"verify", "--server", url}, done, well, ""},
		{"verify, as JSON", nil, []string{"verify", "--server", url, "--json"}, done,
			`{"phase":"done","cause":"it was asked for"`, ""},
		{"verify, with nothing to repair", nil, []string{"verify", "--server", url, "--repair"}, done, well, ""},
		{"what was verified", nil, []string{"verify", "--server", url, "--status"}, done, well, ""},
		{"cancel where nothing is verified", nil, []string{"verify", "--server", url, "--cancel"}, failed, "",
			"verifying is not running"},
		{"reindex", nil, []string{"reindex", "--server", url}, done, agree, ""},
		{"how it went", nil, []string{"reindex", "--server", url, "--status", "--json"}, done,
			`{"phase":"done","cause":"it was asked for"`, ""},
		{"pause nothing", nil, []string{"reindex", "--server", url, "--pause"}, failed, "", "is not being rebuilt"},
		{"pause and cancel", nil, []string{"reindex", "--server", url, "--pause", "--cancel"}, misused, "",
			"exclude each other"},
		{"verify a directory in use", nil, []string{"verify", "--data", at("data")}, failed, "",
			"is in use by another process"},
		{"reindex a directory in use", nil, []string{"reindex", "--data", at("data")}, failed, "",
			"is in use by another process"},
		{"stop", func(t *testing.T) { service.end(t) }, nil, done, "", ""},
		{"reindex, stopped", nil, []string{"reindex", "--data", at("data")}, done, agree, ""},
		{"verify, stopped", nil, []string{"verify", "--data", at("data")}, done, well, ""},
		{"verify nothing", nil, []string{"verify", "--data", at("none")}, failed, "", "there is no data directory"},
		{"damage", func(t *testing.T) { damageSegments(t, at("data")) }, nil, done, "", ""},
		{"verify, damaged", nil, []string{"verify", "--data", at("data")}, failed, "damaged index: ",
			"not all is well"},
		{"repair", nil, []string{"verify", "--data", at("data"), "--repair"}, failed,
			"done: the new search index with 1 recordings", "not all is well"},
		{"verify, repaired", nil, []string{"verify", "--data", at("data")}, done, well, ""},
		{"lose", func(t *testing.T) { remove(t, at("data/search")) }, nil, done, "", ""},
		{"verify, lost", nil, []string{"verify", "--data", at("data")}, failed, "damaged index: search there is none",
			"not all is well"},
		{"repair, lost", nil, []string{"verify", "--data", at("data"), "--repair"}, failed,
			"done: the new search index with 1 recordings", "not all is well"},
		{"verify, repaired again", nil, []string{"verify", "--data", at("data")}, done, well, ""},
		{"import", nil, []string{"import", "--data", at("new"), "--contact-center", contactCenter, file}, done, "",
			"1 created"},
		{"verify, imported", nil, []string{"verify", "--data", at("new")}, done, well, ""},
	} {
		if s.do != nil {
			s.do(t)
			continue
		}

		status, stdout, stderr := runProgram(t, "", []string{"RECORDINGS_USER=ops", "RECORDINGS_PASSWORD=secret"},
			s.args...)
		if status != s.status || !strings.Contains(stdout, s.stdout) || !strings.Contains(stderr, s.stderr) {
			t.Errorf("%s: status %d, want %d\n%s\n%s", s.name, status, s.status, stdout, stderr)
		}
	}
}

func remove(t *testing.T, dir string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
}

// damageSegments changes a byte in the middle of each segment of a search index.
func damageSegments(t *testing.T, data string) {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(data, "search", "*", "store", "*.zap"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("there is no segment: %v", err)
	}

	for _, file := range segments {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		content[len(content)/2] ^= 1
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReindexEnds: only an index that is in use is a success for whoever waits for it.
func TestReindexEnds(t *testing.T) {
	for _, c := range []struct {
		end            string // how it is when it was looked at once more
		args           []string
		status         status
		stdout, stderr string
	}{
		{`"phase":"done","verdict":"done: it is in use"`, nil, done, "done: it is in use\n", ""},
		{`"phase":"failed","verdict":"failed: why"`, nil, failed, "failed: why\n", "was not rebuilt"},
		{`"phase":"cancelled","verdict":"cancelled"`, nil, failed, "cancelled\n", "was not rebuilt"},
		{`"phase":"paused","done":3,"total":4`, nil, failed, "paused: 3 of 4 recordings\n", "reindex --resume"},
		{`"phase":"paused","done":3,"total":4`, []string{"--status"}, done, "paused: 3 of 4 recordings\n", ""},
		{`"phase":"done"`, []string{"--detach"}, done, "filling: 0 of 4 recordings\n", ""},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			state := c.end
			if r.Method == http.MethodPost {
				state = `"phase":"filling","total":4`
			}
			_, _ = w.Write([]byte(`{"statusCode":0,"reindex":{` + state + "}}\n"))
		}))

		status, stdout, stderr := runProgram(t, "", []string{"RECORDINGS_USER=a", "RECORDINGS_PASSWORD=b"},
			append([]string{"reindex", "--server", s.URL}, c.args...)...)
		if status != c.status || stdout != c.stdout || !strings.Contains(stderr, c.stderr) {
			t.Errorf("%s %q: status %d, want %d\n%s\n%s", c.end, c.args, status, c.status, stdout, stderr)
		}
		s.Close()
	}
}
