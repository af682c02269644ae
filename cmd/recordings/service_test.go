package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestServe(t *testing.T) {
	dir := t.TempDir()
	file := writeFile(t, dir, "recordings.yaml", testConfig(filepath.Join(dir, "data")))
	r := start(t, []string{"RECORDINGS_LISTN=x"}, "serve", "--config", file)
	url, client := r.url(t), newClient(t)
	for _, c := range []struct {
		user, password, path string
		status               int
		body                 string
	}{
		{"", "", "/healthz", 200, `{"statusCode":0}`},
		{"", "", "/readyz", 200, `{"statusCode":0}`},
		{"", "", "/api/v2/diagnostics/version", 200, `"version":"dev"`},
		{"admin", "secret", "/api/v2/recordings?startTime=0", 200, `"recordings":[]`},
		{"admin", "wrong", "/api/v2/recordings?startTime=0", 401, `"statusCode":20`},
		{"ops", "secret", "/api/v2/me", 200, `"region":"us-west"`},
	} {
		if status, body := get(t, client, c.user, c.password, url+c.path); status != c.status ||
			!strings.Contains(body, c.body) {
			t.Errorf("%s: %d %s", c.path, status, body)
		}
	}

	if s := r.end(t); s != done {
		t.Errorf("status %d", s)
	}

	for _, message := range []string{"the environment variable is no setting, and is ignored", "listening",
		"the index is open", "stopped"} {
		if _, ok, _ := r.log.find(message); !ok {
			t.Errorf("%q was not logged:\n%s", message, r.log)
		}
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()

	dir := t.TempDir()
	file := writeFile(t, dir, "recordings.yaml", testConfig(filepath.Join(dir, "data")))
	r := start(t, nil, "serve", "--config", file, "--listen", l.Addr().String())
	<-r.ended
	if want := "another process has this port; stop it, or choose another address by --listen"; r.status != failed ||
		!strings.Contains(r.log.String(), want) {
		t.Errorf("status %d:\n%s", r.status, r.log)
	}
}

func TestDataInUse(t *testing.T) {
	dir := t.TempDir()
	file := writeFile(t, dir, "recordings.yaml", testConfig(filepath.Join(dir, "data")))
	first := start(t, nil, "serve", "--config", file)
	url := first.url(t)
	second := start(t, nil, "serve", "--config", file)
	<-second.ended
	if second.status != failed || !strings.Contains(second.log.String(), "is in use by another process") {
		t.Errorf("status %d:\n%s", second.status, second.log)
	}

	if status, _ := get(t, newClient(t), "admin", "secret",
		url+"/api/v2/recordings?startTime=0"); status != http.StatusOK {
		t.Errorf("the first one answers %d", status)
	}
}

// TestDemo: everything works at once, nothing of the environment gets in, and with a directory of
// its own the demonstration goes on where it was left.
func TestDemo(t *testing.T) {
	data, client := filepath.Join(t.TempDir(), "data"), newClient(t)
	environ := []string{"RECORDINGS_LISTEN=192.0.2.1:1", "RECORDINGS_USERS=[]"}
	visit := func() (all string) {
		r := start(t, environ, "serve", "--demo", "--listen", "127.0.0.1:0", "--data", data)
		url := r.url(t)
		for _, visit := range []struct{ user, path, want string }{
			{"admin", "/api/v2/recordings?startTime=0&offset=2999", `"prevUri"`},
			{"admin", "/api/v2/recordings?startTime=0&offset=3000", `"recordings":[]`},
			{"admin", "/api/v2/recordings?userName=zo%C3%AB+AND+m%C3%BCller", `"firstName":"Zoë"`},
			{"ops", "/api/v2/ops/contact-centers/" + contactCenter + "/recordings?startTime=0&limit=1", `"nextUri"`},
		} {
			status, body := get(t, client, visit.user, visit.user, url+visit.path)
			if status != 200 || !strings.Contains(body, visit.want) {
				t.Errorf("%s: %d %.200s", visit.path, status, body)
			}
			all += strings.ReplaceAll(body, url, "")
		}

		if s := r.end(t); s != done {
			t.Errorf("status %d", s)
		}

		if !strings.Contains(r.stdout.String(), "curl -u admin:admin '"+url+"/api/v2/recordings") {
			t.Errorf("the welcome is %q", r.stdout)
		}

		return all
	}

	if first, second := visit(), visit(); first != second {
		t.Errorf("the first run\n%s\nthe second\n%s", first, second)
	}
}

// TestDemoStoppedWhileLoading: a service that is asked to stop before it is open ends as well as
// any other, and the demonstration leaves nothing behind.
func TestDemoStoppedWhileLoading(t *testing.T) {
	r := start(t, nil, "serve", "--demo", "--listen", "127.0.0.1:0")
	line, err := r.log.wait("the index is open", r.ended)
	if err != nil {
		t.Fatal(err)
	}

	if s := r.end(t); s != done {
		t.Errorf("status %d:\n%s", s, r.log)
	}

	if _, err := os.Stat(line.Data); line.Data == "" || !os.IsNotExist(err) {
		t.Errorf("the data in %q is left behind: %v", line.Data, err)
	}
}
