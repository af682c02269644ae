package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBackupCommand goes from a running service through its backups to a restored one.
func TestBackupCommand(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	file := writeFile(t, dir, "recordings.yaml", testConfig(at("data"), "backup_directory: "+at("backups")))
	service := start(t, nil, "serve", "--config", file)
	url := service.url(t)
	postOne(t, url, "r1")

	user := []string{"RECORDINGS_USER=ops", "RECORDINGS_PASSWORD=secret"}
	steps := []struct {
		name           string
		args           []string
		status         status
		stdout, stderr string // parts
	}{
		{"running", []string{"backup", "--server", url, "first"}, done, "first: The backup has 1 recordings in ", ""},
		{"running, as JSON", []string{"backup", "second", "--server", url, "--json", "--without-index"}, done,
			`{"name":"second","time":"2`, ""},
		{"running, named by the time", []string{"backup", "--server", url}, done, "Z: The backup has 1 recording", ""},
		{"a name that is taken", []string{"backup", "first", "--server", url}, failed, "",
			"there is a backup first already"},
		{"a path for a running service", []string{"backup", at("x"), "--server", url}, misused, "",
			"in its backup_directory only"},
		{"a bad name", []string{"backup", "ü", "--server", url}, misused, "", "the NAME is not 1 to 100"},
		{"two names", []string{"backup", "a", "b", "--server", url}, misused, "", `takes no argument "b"`},
		{"a data directory in use", []string{"backup", at("x"), "--data", at("data")}, failed, "",
			"is in use by another process"},
		{"restoring over one in use", []string{"restore", at("backups/first"), "--data", at("data")}, failed, "",
			"in use: stop the service"},
		{"list", []string{"backup", "--list", "--server", url}, done, "first: of 20", ""},
		{"stop", nil, done, "", ""},
		{"stopped", []string{"backup", at("backups/third"), "--data", at("data")}, done,
			"third: The backup has 1 recording", ""},
		{"stopped, elsewhere", []string{"backup", "--data", at("data"), at("elsewhere/b"), "--without-index"}, done,
			"b: The backup has 1 recording", ""},
		{"stopped, nowhere", []string{"backup", "--data", at("data")}, misused, "", "where should the backup go?"},
		{"no data directory", []string{"backup", at("x"), "--data", at("nothing")}, failed, "", "is no data directory"},
		{"verify", []string{"backup", "--verify", at("backups/first")}, done, "The backup is whole: 1 recording", ""},
		{"verify and more", []string{"backup", "--verify", at("backups/first"), "x"}, misused, "",
			"--verify takes no other argument"},
		{"verify nothing", []string{"backup", "--verify", dir}, failed, "", "is no backup: it has no SHA256SUMS"},
		{"restore", []string{"restore", at("backups/first"), "--data", at("new")}, done,
			"1 recording; the search index is in it", ""},
		{"restore without the index", []string{"restore", "--data", at("new2"), at("backups/second")}, done,
			"the search index is built when the service starts", ""},
		{"restore over something", []string{"restore", at("backups/first"), "--data", at("new")}, failed, "",
			"is not empty"},
		{"restore what is none", []string{"restore", dir, "--data", at("new3")}, failed, "", "is no backup"},
		{"restore to both", []string{"restore", "x", "--data", at("new3"), "--config", file}, misused, "",
			"--config and --of are of a cluster"},
		{"restore to no cluster", []string{"restore", "x", "--config", file}, misused, "", "names no cluster"},
		{"delete what is a directory", []string{"backup", "--delete", "first"}, misused, "", "which rm -r removes"},
		{"delete of no cluster", []string{"backup", "--delete", "first", "--config", file}, misused, "",
			"names no cluster"},
		{"list and more", []string{"backup", "first", "--list"}, misused, "", "--list takes no other argument"},
		{"a configuration for a service", []string{"backup", "x", "--config", file}, misused, "",
			"--config is for --delete only"},
		{"restore nothing", []string{"restore", "--data", at("new3")}, misused, "", "which backup, and where to?"},
	}

	for _, s := range steps {
		if s.args == nil {
			service.end(t)
			continue
		}

		var stdout, stderr bytes.Buffer
		p := program{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, environ: user}
		got := p.run(t.Context(), s.args)
		if got != s.status || !strings.Contains(stdout.String(), s.stdout) ||
			!strings.Contains(stderr.String(), s.stderr) {
			t.Errorf("%s: status %d, want %d\n%s\n%s", s.name, got, s.status, &stdout, &stderr)
		}
	}

	damaged := at("backups/third/search/CURRENT")
	if err := os.WriteFile(damaged, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}

	var stderr bytes.Buffer
	p := program{stdin: strings.NewReader(""), stdout: new(bytes.Buffer), stderr: &stderr}
	if got := p.run(t.Context(), []string{"backup", "--verify", at("backups/third")}); got != failed ||
		!strings.Contains(stderr.String(), "search/CURRENT is not as it was backed up") {
		t.Errorf("verifying a damaged one: %d\n%s", got, &stderr)
	}

	file = writeFile(t, dir, "restored.yaml", testConfig(at("new2")))
	service = start(t, nil, "serve", "--config", file)
	status, body := get(t, newClient(t), "ops", "secret",
		service.url(t)+"/api/v2/ops/contact-centers/"+contactCenter+"/recordings/r1")
	if status != http.StatusOK {
		t.Errorf("the restored recording: %d %s", status, body)
	}
}

// postOne posts a recording with an id.
func postOne(t *testing.T, url, id string) {
	t.Helper()
	body := `{"id":"` + id + `","callerPhoneNumber":"1","dialedPhoneNumber":"2","region":"us-west","mediaFiles":[
		{"callUUID":"c","startTime":"2013-05-17T11:45:32Z","stopTime":"2013-05-17T11:45:33Z",` +
		`"mediaDescriptor":{"storage":"webDAV","path":"http://media.invalid/a.wav"}}],
		"eventHistory":[{"occurredAt":"2013-05-18T22:25:56Z","event":"Left","contact":{"type":"External",` +
		`"phoneNumber":"UNKNOWN"}}]}`

	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		url+"/api/v2/ops/contact-centers/"+contactCenter+"/recordings", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}

	req.SetBasicAuth("ops", "secret")
	resp, err := newClient(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()

	if resp.StatusCode != http.StatusOK {
		t.Fatalf("POST: %s", resp.Status)
	}
}

// TestBackupsAreReadOnly gives a backup to every command that takes a data directory: each refuses
// it, or checks it, and nothing in it changes.
func TestBackupsAreReadOnly(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	file := writeFile(t, dir, "recordings.yaml", testConfig(at("data")))
	service := start(t, nil, "serve", "--config", file)
	postOne(t, service.url(t), "r1")
	service.end(t)
	for _, name := range []string{"b1", "b2"} {
		if s, _, stderr := runProgram(t, "", nil, "backup", at(name), "--data", at("data")); s != done {
			t.Fatal(stderr)
		}
	}
	if err := os.Symlink(at("b1"), at("link")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(at("other/below"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, at("other"), "SHA256SUMS", "somebody's own\n")

	const refused = "which is never changed"
	lines := writeFile(t, dir, "lines.ndjson", "{}\n")
	served := writeFile(t, dir, "backup.yaml", testConfig(at("b1")))
	before := filesIn(t, dir)
	for _, c := range []struct {
		args   []string
		status status
		says   string
	}{
		{[]string{"serve", "--config", served}, failed, refused},
		{[]string{"check-config", "--config", served}, misused, refused},
		{[]string{"verify", "--data", at("b1")}, done, "The backup is whole: 1 recording"},
		{[]string{"verify", "--data", at("link")}, done, "The backup is whole: 1 recording"},
		{[]string{"verify", "--data", at("b1"), "--json"}, done, `{"name":"b1",`},
		{[]string{"verify", "--data", at("b1"), "--repair"}, misused, refused},
		{[]string{"verify", "--data", at("other")}, failed, "is not that of a backup of recordings"},
		{[]string{"reindex", "--data", at("b1")}, failed, refused},
		{[]string{"reindex", "--data", at("link")}, failed, refused},
		{[]string{"import", lines, "--contact-center", "cc", "--data", at("b1")}, failed, refused},
		{[]string{"import", lines, "--contact-center", "cc", "--data", at("b1/new")}, failed, "lies in the backup"},
		{[]string{"import", lines, "--contact-center", "cc", "--data", at("other")}, failed, refused},
		{[]string{"import", lines, "--contact-center", "cc", "--data", at("b1"), "--dry-run"}, failed, refused},
		{[]string{"backup", at("b3"), "--data", at("b1")}, failed, refused},
		{[]string{"backup", at("b1/b3"), "--data", at("data")}, failed, refused},
		{[]string{"backup", at("b1/search/b3"), "--data", at("data")}, failed, "lies in the backup"},
		{[]string{"restore", at("b1"), "--data", at("b1")}, failed, refused},
		{[]string{"restore", at("b1"), "--data", at("b2")}, failed, refused},
		{[]string{"restore", at("b1"), "--data", at("link")}, failed, refused},
		{[]string{"restore", at("b1"), "--data", at("b2/new")}, failed, "lies in the backup"},
	} {
		s, stdout, stderr := runProgram(t, "", nil, c.args...)
		if s != c.status || !strings.Contains(stdout+stderr, c.says) {
			t.Errorf("%q: status %d, want %d with %q\n%s%s", c.args, s, c.status, c.says, stdout, stderr)
		}
		if after := filesIn(t, dir); !maps.Equal(after, before) {
			t.Fatalf("%q has changed the files to\n%v\nthey were\n%v", c.args, after, before)
		}
	}

	for _, lock := range []string{"b1/LOCK", "b1/records/LOCK"} { // what earlier versions have left
		if err := os.WriteFile(at(lock), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"restore", at("b1"), "--data", at("new")}, {"backup", "--verify", at("b1")}} {
		if s, _, stderr := runProgram(t, "", nil, args...); s != done {
			t.Errorf("%q: %s", args, stderr)
		}
	}
	writeFile(t, at("b1/records"), "LOCK", "no lock")
	if s, _, stderr := runProgram(t, "", nil, "restore", at("b1"), "--data", at("new2")); s != failed {
		t.Errorf("a file that only is called like a lock: %s", stderr)
	}
}

// filesIn are all files below a directory, with what is in them and when they were changed.
func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || strings.Contains(path, "/data/") {
			return err
		}
		var text []byte
		if info.Mode().IsRegular() {
			text, err = os.ReadFile(path)
		}
		if !info.IsDir() || strings.Contains(path, "/b") { // commands may look for a place beside it
			all[path] = fmt.Sprintf("%s %s %x", info.Mode(), info.ModTime(), sha256.Sum256(text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
