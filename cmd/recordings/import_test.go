package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/cmd/recordings/internal/service"
)

// importLine is a recording as one line. Those of different parts with one id merge.
func importLine(id string, part int) string {
	return fmt.Sprintf(`{"id":%q,"callerPhoneNumber":"%d","dialedPhoneNumber":"2","region":"us-west",`+
		`"mediaFiles":[{"callUUID":"c","startTime":"2013-05-17T11:45:32Z",`+
		`"stopTime":"2013-05-17T11:45:33Z","mediaDescriptor":{"storage":"webDAV",`+
		`"path":"http://media.invalid/%d.wav"}}],`+
		`"eventHistory":[{"occurredAt":"2013-05-18T22:25:56Z","event":"Left","contact":{"type":"External",`+
		`"phoneNumber":"UNKNOWN"}}]}`, id, part, part)
}

// importFile has lines of every kind: 1,001 are good, one of them for an id that was there before,
// and three are not.
func importFile(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintln(&b, importLine(fmt.Sprint("r", i), 1))
		switch i {
		case 10:
			b.WriteString("\n \n")
		case 20:
			b.WriteString("nonsense\n")
		case 30:
			b.WriteString(`{"id":"wrong"}` + "\r\n")
		case 40:
			b.WriteString(strings.Repeat("x", 2<<20) + "\n")
		}
	}

	b.WriteString(importLine("r7", 2))
	return writeFile(t, dir, "calls.ndjson", b.String())
}

func TestImport(t *testing.T) {
	dir := t.TempDir()
	config := writeFile(t, dir, "recordings.yaml", testConfig(filepath.Join(dir, "data")))
	r := start(t, nil, "serve", "--config", config)
	url := r.url(t)
	file := importFile(t, dir)
	user := []string{"RECORDINGS_USER=ops", "RECORDINGS_PASSWORD=secret"}
	run := func(stdin string, want status, args ...string) (stdout, stderr string) {
		t.Helper()
		s, stdout, stderr := runProgram(t, stdin, user,
			append([]string{"import", "--contact-center", contactCenter}, args...)...)
		if s != want {
			t.Fatalf("import %q: status %d, want %d\n%s\n%s", args, s, want, stdout, stderr)
		}
		return stdout, stderr
	}

	wants := func(what, text string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("%s: there is no %q in\n%s", what, part, text)
			}
		}
	}

	server := []string{"--server", url}

	stdout, stderr := run("", partly, append(server, "--dry-run", "--json", file)...)
	wants("a dry run", stdout, `"dryRun":true,"interrupted":false`,
		`"lines":1004,"created":1000,"merged":1,"unchanged":0,"rejected":3}`)
	wants("a dry run", stderr, "would import 1,004 lines", "1,000 created, 1 merged, 0 unchanged, 3 rejected",
		file+".rejects")
	if status, _ := get(t, newClient(t), "ops", "secret",
		url+"/api/v2/ops/contact-centers/"+contactCenter+"/recordings/r1"); status != http.StatusNotFound {
		t.Errorf("after a dry run, a recording is answered with %d", status)
	}

	stdout, _ = run("", partly, append(server, "--json", file)...)
	wants("the import", stdout, `"dryRun":false,"interrupted":false`,
		`"created":1000,"merged":1,"unchanged":0,"rejected":3}`)
	rejects, err := os.ReadFile(file + ".rejects")
	if err != nil {
		t.Fatal(err)
	}

	wants("the rejects", string(rejects), `{"line":24,"statusCode":2,"statusMessage":"the body is not valid JSON`,
		`"text":"nonsense"}`,
		`{"line":35,"id":"wrong","statusCode":1,"statusMessage":"callerPhoneNumber is missing`,
		`"text":"{\"id\":\"wrong\"}"}`,
		`{"line":46,"statusCode":2,"statusMessage":"the line is too long; accepted are 1048576 bytes","text":"xxx`)

	if strings.Count(string(rejects), "\n") != 3 {
		t.Errorf("%d lines were rejected", strings.Count(string(rejects), "\n"))
	}
	if exists(file + ".import") {
		t.Error("the state file is still there")
	}

	if status, body := get(t, newClient(t), "ops", "secret",
		url+"/api/v2/ops/contact-centers/"+contactCenter+"/recordings/r7"); status != http.StatusOK ||
		strings.Count(body, `"mediaUri"`) != 2 {
		t.Errorf("the recording that was merged: %d %s", status, body)
	}

	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}

	good := strings.ReplaceAll(strings.ReplaceAll(string(text), "nonsense\n", ""), `{"id":"wrong"}`+"\r\n", "")
	good = strings.ReplaceAll(good, strings.Repeat("x", 2<<20)+"\n", "")
	_, stderr = run(good, done, server...)
	wants("standard input", stderr, "0 created, 2 merged, 999 unchanged, 0 rejected") // r7 changes back and forth

	for _, c := range []struct {
		status status
		stderr string
		args   []string
	}{
		{misused, "--contact-center is required", []string{"--contact-center", "", file}},
		{misused, "--resume needs a file", append(server, "--resume")},
		{misused, "--rejects is for one file", append(server, "--rejects", "x", file, file)},
		{misused, "--config is for --data", append(server, "--config", config, file)},
		{failed, "no such file", append(server, filepath.Join(dir, "none"))},
		{failed, "is it running?", []string{"--server", "http://127.0.0.1:1", file}},
		{failed, "is in use by another process", []string{"--data", filepath.Join(dir, "data"), file}},
	} {
		_, stderr := run("", c.status, c.args...)
		wants(strings.Join(c.args, " "), stderr, c.stderr)
	}

	r.end(t)

	_, stderr = run("", partly, "--data", filepath.Join(dir, "data"), "--config", config, file)
	wants("a stopped data directory", stderr, "0 created, 2 merged, 999 unchanged, 3 rejected")
	_, stderr = run("", partly, "--data", filepath.Join(dir, "new"), "--rejects", filepath.Join(dir, "no"), file,
		"--dry-run")
	wants("a new data directory", stderr, "would import", "1,000 created, 1 merged", filepath.Join(dir, "no"))
	_, stderr = run("", partly, "--data", filepath.Join(dir, "new"), file)
	wants("a new data directory", stderr, "1,000 created, 1 merged")
}

// TestImportOfOldText imports lines that are not UTF-8: they are rejected as any other, and not a
// byte of them is lost.
func TestImportOfOldText(t *testing.T) {
	dir := t.TempDir()
	config := writeFile(t, dir, "recordings.yaml", testConfig(filepath.Join(dir, "data")))
	latin1 := "{\"id\":\"M\xfcller\"}"
	file := writeFile(t, dir, "calls.ndjson", importLine("before", 1)+"\n"+latin1+"\r\n"+importLine("behind", 1))
	user := []string{"RECORDINGS_USER=ops", "RECORDINGS_PASSWORD=secret"}
	imports := func(created int, to ...string) {
		t.Helper()
		s, _, stderr := runProgram(t, "", user,
			append(append([]string{"import", "--contact-center", contactCenter}, to...), file)...)
		if want := fmt.Sprintf("%d created, 0 merged, %d unchanged, 1 rejected", created, 2-created); s != partly ||
			!strings.Contains(stderr, want) {
			t.Errorf("to %q: status %d\n%s", to, s, stderr)
		}

		rejects, err := os.ReadFile(file + ".rejects")
		if err != nil {
			t.Fatal(err)
		}

		var r struct {
			Line  int    `json:"line"`
			Text  string `json:"text"`
			Bytes []byte `json:"bytes"`
		}

		if err := json.Unmarshal(rejects, &r); err != nil || r.Line != 2 || r.Text != "{\"id\":\"M\ufffdller\"}" ||
			string(r.Bytes) != latin1 {
			t.Errorf("to %q: %v, %s", to, err, rejects)
		}
	}

	r := start(t, nil, "serve", "--config", config)
	imports(2, "--server", r.url(t))
	r.end(t)
	imports(0, "--data", filepath.Join(dir, "data"))
}

// TestImportRestart stops the service in the middle of an import, and starts another in its place.
func TestImportRestart(t *testing.T) {
	dir := t.TempDir()
	listener := freeAddress(t)
	config := writeFile(t, dir, "recordings.yaml",
		strings.Replace(testConfig(filepath.Join(dir, "data")), "127.0.0.1:0", listener, 1))
	first := start(t, nil, "serve", "--config", config)
	url := first.url(t)
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()

	p := program{stdin: in, stdout: new(strings.Builder), stderr: newLogBuffer(),
		environ: []string{"RECORDINGS_USER=ops", "RECORDINGS_PASSWORD=secret"}}
	result := make(chan status, 1)
	go func() {
		result <- p.run(t.Context(), []string{"import", "--contact-center", contactCenter, "--server", url})
	}()

	client := newClient(t)
	stored := func(id string) bool {
		status := tryGet(t, client, "ops", "secret", url+"/api/v2/ops/contact-centers/"+contactCenter+"/recordings/"+id)
		return status == http.StatusOK
	}

	fmt.Fprintln(out, importLine("before", 1))
	waitFor(t, "the first line", func() bool { return stored("before") })
	began := time.Now()
	first.end(t)
	if took := time.Since(began); took > service.Grace/2 {
		t.Errorf("with an import on its way, stopping took %v", took)
	}

	fmt.Fprintln(out, importLine("meanwhile", 1))
	second := start(t, nil, "serve", "--config", config)
	second.url(t)
	waitFor(t, "the second line", func() bool { return stored("meanwhile") })
	out.Close()
	if s := <-result; s != done {
		t.Errorf("status %d\n%s", s, p.stderr)
	}

	if text := fmt.Sprint(p.stderr); !strings.Contains(text, "the service is stopping; sending the lines again") ||
		!strings.Contains(text, "trying again in") ||
		!strings.Contains(text, "2 created, 0 merged, 0 unchanged, 0 rejected") {
		t.Errorf("it told\n%s", text)
	}
}

// freeAddress returns an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func waitFor(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// tryGet is the status of a GET, 0 if there is no answer.
func tryGet(t *testing.T, client *http.Client, user, password, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}

	req.SetBasicAuth(user, password)
	resp, err := client.Do(req)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}
