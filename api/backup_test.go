package api_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"recordings/api"
	"recordings/index"
	"recordings/index/embedded"
)

func newBackupServer(t *testing.T, directory string) (*testServer, *embedded.Index) {
	t.Helper()
	x, err := embedded.Open(
		context.Background(),
		embedded.Options{Dir: filepath.Join(t.TempDir(), "data"), BackupDir: directory, Version: "1.2.3"},
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return newServer(t, api.Options{Index: x}), x
}

const backupPath = "/api/v2/ops/backup"

// TestBackup makes a backup over HTTP, and watches it.
func TestBackup(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "backups")
	s, _ := newBackupServer(t, directory)
	a := s.do(t, http.MethodGet, backupPath, "ops", nil, "")
	if a.body != `{"statusCode":0,"backup":{"phase":"idle","done":0,"total":0,"rate":0,"secondsLeft":0},"backups":[]}`+
		"\n" {
		t.Errorf("before there is any: %s", a.body)
	}
	a = s.do(t, http.MethodPost, backupPath, "ops", nil, `{"name":"monday","index":false}`)
	if a.status != 200 || at(decode(t, a.body), "backup.name") != "monday" {
		t.Fatalf("starting one: %d %s", a.status, a.body)
	}
	answer := waitForBackup(t, s)
	if !strings.Contains(answer, `"phase":"done"`) || !strings.Contains(answer, `"backups":[{"name":"monday",`) ||
		!strings.Contains(answer, `"index":false`) {
		t.Errorf("when it is done: %s", answer)
	}
	if _, err := os.Stat(filepath.Join(directory, "monday", "SHA256SUMS")); err != nil {
		t.Error(err)
	}
	a = s.do(t, http.MethodPost, backupPath, "ops", nil, "")
	if a.status != 200 {
		t.Fatalf("one without a name: %d %s", a.status, a.body)
	}
	answer = waitForBackup(t, s)
	if n := strings.Count(answer, `"recordings":0`); n != 2 || !strings.Contains(answer, `"index":true`) {
		t.Errorf("with two of them: %s", answer)
	}
}

func waitForBackup(t *testing.T, s *testServer) string {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		a := s.do(t, http.MethodGet, backupPath, "ops", nil, "")
		if phase := at(decode(t, a.body), "backup.phase"); phase == string(index.Done) ||
			phase == string(index.Failed) {
			return a.body
		}
		select {
		case <-time.After(time.Millisecond):
		case <-deadline:
			t.Fatalf("the backup does not end: %s", a.body)
		}
	}
}

// TestBackupRefusals: a client chooses a name, and nothing else.
func TestBackupRefusals(t *testing.T) {
	directory := t.TempDir()
	s, _ := newBackupServer(t, directory)
	none, _ := newBackupServer(t, "")
	for _, c := range []struct {
		name         string
		server       *testServer
		method, user string
		body         string
		status, code int
		message      string
	}{
		{"not configured", none, "POST", "ops", "", 409, 3, "backup_directory"},
		{"an administrator starts", s, "POST", "alice", "", 403, 5, "role"},
		{"an administrator looks", s, "GET", "alice", "", 403, 5, "role"},
		{"nobody", s, "POST", "", "", 401, 20, "password"},
		{"a path", s, "POST", "ops", `{"name":"../x"}`, 400, 2, "name is not 1 to 100 letters"},
		{"a path from the root", s, "POST", "ops", `{"name":"/tmp/x"}`, 400, 2, "name is not 1 to 100 letters"},
		{"a dot", s, "POST", "ops", `{"name":"."}`, 400, 2, "name is not 1 to 100 letters"},
		{"an empty name", s, "POST", "ops", `{"name":""}`, 400, 2, "name is not 1 to 100 letters"},
		{"an unfinished one", s, "POST", "ops", `{"name":"x.incomplete"}`, 400, 2, "not ending in .incomplete"},
		{"a name that is no text", s, "POST", "ops", `{"name":7}`, 400, 2,
			"name is not of the type that is accepted: a string"},
		{"an index that is no truth value", s, "POST", "ops", `{"index":"yes"}`, 400, 2,
			"index is not of the type that is accepted: true or false"},
		{"an unknown member", s, "POST", "ops", `{"directory":"/tmp"}`, 400, 2,
			`"directory" is not known here; accepted: name, index`},
		{"a name that is null", s, "POST", "ops", `{"name":null}`, 400, 2,
			"name is null; give a value, or leave it out"},
		{"an index that is null", s, "POST", "ops", `{"index":null}`, 400, 2, "index is null"},
		{"nothing but null", s, "POST", "ops", `null`, 400, 2, "is not a JSON object"},
		{"no object", s, "POST", "ops", `[]`, 400, 2, "is not a JSON object"},
		{"no JSON", s, "POST", "ops", `{`, 400, 2, "is not a JSON object"},
		{"twice", s, "POST", "ops", `{"name":"a","name":"b"}`, 400, 2, "JSON object"},
		{"a parameter", s, "POST", "ops?name=x", ``, 400, 2, "is not a parameter"},
	} {
		t.Run(c.name, func(t *testing.T) {
			user, query, _ := strings.Cut(c.user, "?")
			target := backupPath
			if query != "" {
				target += "?" + query
			}
			a := c.server.do(t, c.method, target, user, nil, c.body)
			message, _ := at(decode(t, a.body), "statusMessage").(string)
			if a.status != c.status || at(decode(t, a.body), "statusCode") != float64(c.code) ||
				!strings.Contains(message, c.message) {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	if left, err := os.ReadDir(directory); err != nil || len(left) != 0 {
		t.Errorf("there are %v, %v", left, err)
	}
}
