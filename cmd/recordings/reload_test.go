package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/go-json-experiment/json"
)

// runWith runs a command in this process, and returns what it wrote.
func runWith(t *testing.T, environ []string, args ...string) (status, string, string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := program{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, environ: environ}
	return p.run(context.Background(), args), stdout.String(), stderr.String()
}

// TestCreateToken makes tokens of which the entry, as it is printed, is one that the configuration takes.
func TestCreateToken(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status status
		part   string
	}{
		{[]string{"--role", "recorder", "--contact-center", "a"}, misused, "name is required"},
		{[]string{"--name", "x", "--contact-center", "a"}, misused, "role must be"},
		{[]string{"--name", "x", "--role", "recorder"}, misused, "bound to contact centers"},
		{[]string{"--name", "x", "--role", "ops", "--expires", "soon"}, misused, "expires must be the last day"},
		{[]string{"--name", "x", "--role", "ops"}, done, `- {name: "x", hash: "sha256:`},
		{[]string{"--name", "x", "--role", "recorder", "--contact-center", "a", "--contact-center", "b"}, done,
			`role: recorder, contact_centers: ["a","b"]}`},
	} {
		s, stdout, stderr := runWith(t, nil, append([]string{"create-token"}, c.args...)...)
		if s != c.status || !strings.Contains(stdout+stderr, c.part) {
			t.Errorf("%q: %d\n%s%s", c.args, s, stdout, stderr)
		}
	}
}

// newToken makes a token of operations, and the entry of the configuration.
func newToken(t *testing.T) (token, entry string) {
	t.Helper()
	s, stdout, stderr := runWith(t, nil, "create-token", "--name", "nightly", "--role", "ops", "--json")
	var made struct {
		Token string     `json:"token"`
		Entry tokenEntry `json:"entry"`
	}
	if err := json.Unmarshal([]byte(stdout), &made); s != done || err != nil {
		t.Fatalf("%d %v %s", s, err, stderr)
	}
	entry, err := made.Entry.yaml()
	if err != nil {
		t.Fatal(err)
	}
	return made.Token, entry
}

// TestReloadCommand: a token is taken by `recordings reload` and by SIGHUP, a configuration with an error
// changes nothing, and what needs a restart is named.
func TestReloadCommand(t *testing.T) {
	dir := t.TempDir()
	config := func(lines ...string) string { return testConfig(filepath.Join(dir, "data"), lines...) }
	file := writeFile(t, dir, "recordings.yaml", config())

	hangups := make(chan chan<- os.Signal, 1)
	r := &running{log: newLogBuffer(), stdout: new(bytes.Buffer), ended: make(chan struct{})}
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	p := program{stdin: strings.NewReader(""), stdout: r.stdout, stderr: r.log,
		listen: func(c chan<- os.Signal) func() { hangups <- c; return func() {} }}
	go func() {
		defer close(r.ended)
		r.status = p.run(ctx, []string{"serve", "--config", file})
	}()
	t.Cleanup(func() { r.end(t) })
	url := r.url(t)

	token, entry := newToken(t)

	reload := func() (status, string) {
		s, stdout, stderr := runWith(t, []string{"RECORDINGS_USER=ops", "RECORDINGS_PASSWORD=secret"}, "reload",
			"--server", url)
		return s, stdout + stderr
	}
	byToken := func() status {
		s, _, _ := runWith(t, []string{"RECORDINGS_TOKEN=" + token}, "status", "--server", url)
		return s
	}

	writeFile(t, dir, "recordings.yaml", config("tokens:", "- "+entry, "max_connections: 77"))
	if byToken() != failed {
		t.Error("the token is good before it was read")
	}
	if s, out := reload(); s != done || !strings.Contains(out, "only a restart puts it into force: max_connections") {
		t.Errorf("reload: %d %s", s, out)
	}
	if byToken() != done {
		t.Error("the token is not good")
	}

	writeFile(t, dir, "recordings.yaml", config("tokens: []", "regoin: x"))
	if s, out := reload(); s != failed || !strings.Contains(out, "recordings.yaml:8: regoin: is not known") {
		t.Errorf("reload of what is wrong: %d %s", s, out)
	}
	if byToken() != done {
		t.Error("a configuration that is wrong was put into force")
	}

	writeFile(t, dir, "recordings.yaml", config())
	hangup := <-hangups
	hangup <- syscall.SIGHUP
	client := newClient(t)
	for {
		status, _ := get(t, client, "nightly", token, url+"/api/v2/me")
		if status == http.StatusUnauthorized {
			break
		}
		if status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
	}
	for _, log := range []string{r.log.String()} {
		if strings.Contains(log, token) || strings.Contains(log, "secret") {
			t.Error("the log has a secret")
		}
	}
}
