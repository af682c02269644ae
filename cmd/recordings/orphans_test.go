package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestMediaLeftBehind deletes a recording whose media lies on a server that nobody configured, and
// then sees to what is left.
func TestMediaLeftBehind(t *testing.T) {
	dir := t.TempDir()
	config := writeFile(t, dir, "recordings.yaml", testConfig(filepath.Join(dir, "data")))
	r := start(t, nil, "serve", "--config", config)
	url := r.url(t)
	recordings := url + "/api/v2/ops/contact-centers/" + contactCenter + "/recordings"
	const body = `{"id":"r1","callerPhoneNumber":"1","dialedPhoneNumber":"2","region":"us-west","mediaFiles":[
		{"callUUID":"c","startTime":"2013-05-17T11:45:32Z","stopTime":"2013-05-17T11:45:33Z",` +
		`"mediaDescriptor":{"storage":"webDAV","path":"http://media.invalid/a.wav"}}],
		"eventHistory":[{"occurredAt":"2013-05-18T22:25:56Z","event":"Left","contact":{"type":"External",` +
		`"phoneNumber":"UNKNOWN"}}]}`

	client := newClient(t)
	send := func(method, target, body string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}

		req.SetBasicAuth("ops", "secret")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()

		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", method, resp.Status)
		}
	}

	send("POST", recordings, body)
	send("DELETE", recordings+"/r1?subresources=*", "")

	netrc := writeFile(t, dir, "netrc", "machine 127.0.0.1\nlogin ops\npassword secret\n")
	user := []string{"RECORDINGS_USER=ops", "RECORDINGS_PASSWORD=secret"}
	command := []string{"media-left-behind", "--server", url, "--contact-center", contactCenter}
	for _, c := range []struct {
		name           string
		environ        []string
		args           []string
		status         status
		stdout, stderr string // parts
	}{
		{"list", user, nil, done, `of recording "r1" at webDAV "http://media.invalid/a.wav"`,
			"1 media file left behind"},
		{"list as JSON", user, []string{"--json"}, done, `{"outcome":"left","id":"`, "1 media file"},
		{"user of the netrc file", []string{"NETRC=" + netrc}, nil, done, `"r1"`, "1 media file"},
		{"retry", user, []string{"--retry"}, partly, "failed ",
			"0 deleted, 0 kept since they were posted again, 1 still left behind"},
		{"wrong password", []string{"RECORDINGS_USER=ops", "RECORDINGS_PASSWORD=x"}, nil, failed, "",
			"the service answered 401"},
		{"no user", []string{"HOME=" + dir}, nil, misused, "", "export RECORDINGS_USER"},
		{"a role that may not", []string{"RECORDINGS_USER=admin", "RECORDINGS_PASSWORD=secret"}, nil, failed, "",
			"the service answered 403"},
		{"no service there", user, []string{"--server", "http://127.0.0.1:1"}, failed, "", "is it running?"},
		{"no URL", user, []string{"--server", "ftp://x"}, misused, "", "is not the URL"},
		{"no contact center", user, []string{"--contact-center", ""}, misused, "", "--contact-center is required"},
		{"another contact center", user, []string{"--contact-center", "other"}, done, "",
			"0 media files left behind"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, stdout, stderr := runProgram(t, "", c.environ, append(command[:len(command):len(command)], c.args...)...)
			if s != c.status || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) {
				t.Errorf("status %d, want %d\n%s\n%s", s, c.status, stdout, stderr)
			}
		})
	}

	send("POST", recordings, body)
	s, stdout, stderr := runProgram(t, "", user, append(command, "--retry")...)
	if s != done || !strings.HasPrefix(stdout, "kept ") || !strings.Contains(stderr, "1 kept") {
		t.Errorf("after it was posted again: status %d\n%s\n%s", s, stdout, stderr)
	}
}
