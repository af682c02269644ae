package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"golang.org/x/net/webdav"
)

// TestLogin keeps who one is at two services, uses that, and forgets it.
func TestLogin(t *testing.T) {
	dir := t.TempDir()
	file := writeFile(t, dir, "recordings.yaml", testConfig(filepath.Join(dir, "data")))
	server := start(t, nil, "serve", "--config", file).url(t)
	home := []string{"HOME=" + dir}
	profiles := filepath.Join(dir, ".config", "recordings", "profiles.json")

	s, stdout, stderr := runProgram(t, "secret\n", home, "login", "--server", server, "--user", "admin")
	if s != done || !strings.Contains(stdout, "You are admin (admin) at "+server+", by the profile default") {
		t.Fatalf("status %d, %q, %q", s, stdout, stderr)
	}
	info, err := os.Stat(profiles)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info, err)
	}
	s, _, stderr = runProgram(t, "secret", home, "login", "--profile", "operations", "--server",
		strings.TrimPrefix(server, "http://"), "--user", "ops", "--contact-center", contactCenter)
	if s != done {
		t.Fatalf("status %d, %q", s, stderr)
	}

	for args, want := range map[string]status{
		"search":                                done,
		"search --profile operations":           done,
		"status --profile operations":           done,
		"delete none --profile operations":      failed, // no such recording, and not a missing contact center
		"search --server " + server:             done,
		"search --profile opertions":            misused,
		"search --server http://127.0.0.1:1":    misused, // whose credentials nobody has
		"search --profile default --server x:1": misused,
	} {
		if s, _, stderr := runProgram(t, "", home, strings.Fields(args)...); s != want {
			t.Errorf("%s: status %d, want %d: %s", args, s, want, stderr)
		}
	}
	if s, _, stderr := runProgram(t, "", append(home, "RECORDINGS_PROFILE=operations"), "status"); s != done {
		t.Errorf("by the environment: status %d: %s", s, stderr)
	}
	if _, _, stderr := runProgram(t, "", home, "search", "--profile", "opertions"); !strings.Contains(stderr,
		"did you mean operations?") {
		t.Errorf("a typing error: %s", stderr)
	}

	_, list, _ := runProgram(t, "", home, "login", "--list")
	if !strings.Contains(list, "* default") || !strings.Contains(list, "  operations") ||
		strings.Contains(list, "secret") {
		t.Errorf("the list is\n%s", list)
	}

	before, err := os.ReadFile(profiles)
	if err != nil {
		t.Fatal(err)
	}
	for stdin, c := range map[string]struct {
		args string
		want string
	}{
		"wrong": {"--user admin", "nothing was kept"},
		"":      {"--user admin", "there is no answer"},
		"x":     {"", "--user is required where nobody can be asked"},
		"y":     {"--user a --token", "--user and --token exclude each other"},
		"z":     {"--user a --server ftp://x", "is not the URL of a service"},
	} {
		args := append([]string{"login", "--server", server}, strings.Fields(c.args)...)
		s, _, stderr := runProgram(t, stdin, home, args...)
		if s == done || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: status %d: %s", c.args, s, stderr)
		}
	}
	if after, err := os.ReadFile(profiles); err != nil || string(after) != string(before) {
		t.Errorf("what was wrong has changed the profiles: %v", err)
	}

	s, _, _ = runProgram(t, "", home, "logout", "--profile", "operations")
	if after, err := os.ReadFile(profiles); s != done || err != nil || strings.Contains(string(after), "operations") {
		t.Errorf("status %d, %v", s, err)
	}
	if s, _, _ := runProgram(t, "", home, "logout", "--profile", "operations"); s != misused {
		t.Errorf("what is forgotten is forgotten again: status %d", s)
	}

	if err := os.Chmod(profiles, 0o644); err != nil {
		t.Fatal(err)
	}
	if s, _, stderr := runProgram(t, "", home, "search"); s != failed || !strings.Contains(stderr, "chmod 600") {
		t.Errorf("a file that others can read: status %d: %s", s, stderr)
	}
}

// TestInit writes a configuration, and a service starts with it.
func TestInit(t *testing.T) {
	dir := t.TempDir()
	media := httptest.NewServer(&webdav.Handler{FileSystem: webdav.Dir(dir), LockSystem: webdav.NewMemLS()})
	defer media.Close()
	file := filepath.Join(dir, "recordings.yaml")
	args := []string{
		"init", "--config", file, "--region", "us-west", "--data", filepath.Join(dir, "data"),
		"--listen", "127.0.0.1:0", "--contact-center", contactCenter, "--webdav", media.URL + "/",
		"--backup-directory", filepath.Join(dir, "backups"),
	}

	s, stdout, stderr := runProgram(t, "", nil, append(args, "--json")...)
	var written struct {
		Users []struct{ Name, Role, Password string } `json:"users"`
	}
	if err := json.Unmarshal([]byte(stdout), &written, json.MatchCaseInsensitiveNames(true)); s != done || err != nil ||
		len(written.Users) != 2 {
		t.Fatalf("status %d, %v\n%s%s", s, err, stdout, stderr)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info, err)
	}

	server := start(t, nil, "serve", "--config", file).url(t)
	environ := []string{"HOME=" + dir, "RECORDINGS_SERVER=" + server}
	for _, u := range written.Users {
		as := append(environ, "RECORDINGS_USER="+u.Name, "RECORDINGS_PASSWORD="+u.Password)
		if u.Role == "ops" {
			as = append(as, "RECORDINGS_CONTACT_CENTER="+contactCenter)
			testDoctor(t, file, dir, as)
		}
		if s, _, stderr := runProgram(t, "", as, "search"); s != done {
			t.Errorf("%s: status %d: %s", u.Name, s, stderr)
		}
	}

	// Nothing is overwritten by itself, and what cannot be is told by its flag.
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if s, _, stderr := runProgram(t, "", nil, args...); s != misused || !strings.Contains(stderr, "is there already") {
		t.Errorf("once more: status %d: %s", s, stderr)
	}
	for _, c := range []struct{ args, want string }{
		{"", "--region is required, as in --region us-west"},
		{"--region x --listen nowhere", "--listen must be host:port"},
		{"--region x --s3-bucket a", "--s3-region is required"},
		{"--region x --webdav x", "--webdav must be"},
		{"--region x --backup-directory ./data/b", "--backup-directory must not be within the data directory"},
	} {
		other := filepath.Join(dir, "other.yaml")
		args := append([]string{"init", "--config", other}, strings.Fields(c.args)...)
		s, _, stderr := runProgram(t, "", nil, args...)
		if _, err := os.Stat(other); s != misused || !strings.Contains(stderr, c.want) || err == nil {
			t.Errorf("%s: status %d, %v: %s", c.args, s, err, stderr)
		}
	}
	if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
		t.Errorf("the file has changed: %v", err)
	}
	if s, _, stderr := runProgram(t, "", nil, append(args, "--overwrite")...); s != done {
		t.Errorf("with --overwrite: status %d: %s", s, stderr)
	}
}

// check is what doctor says of one thing.
type check struct{ Check, State, Message, Do string }

// doctor is what doctor says.
func doctor(t *testing.T, environ []string, args ...string) (status, map[string]check) {
	t.Helper()
	s, stdout, stderr := runProgram(t, "", environ, append([]string{"doctor", "--json"}, args...)...)
	all := map[string]check{}
	for line := range strings.Lines(stdout) {
		var c check
		if err := json.Unmarshal([]byte(line), &c, json.MatchCaseInsensitiveNames(true)); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if c.State != "ok" && c.State != "unknown" && c.Do == "" && c.Check != "configuration" {
			t.Errorf("what is to be done about %+v?", c)
		}
		if worse := all[c.Check]; worse.State != "broken" {
			all[c.Check] = c
		}
	}
	if len(all) == 0 {
		t.Fatalf("status %d: %s", s, stderr)
	}
	return s, all
}

// testDoctor looks at a service that is well, but for backups, of which there is none.
func testDoctor(t *testing.T, file, dir string, environ []string) {
	t.Helper()
	s, all := doctor(t, environ, "--config", file)
	for _, name := range []string{"configuration", "data", "storage", "service", "index"} {
		if all[name].State != "ok" {
			t.Errorf("%+v", all[name])
		}
	}
	if s != partly || all["backup"].State != "warning" {
		t.Errorf("status %d, %+v", s, all["backup"])
	}

	if s, _, stderr := runProgram(t, "", environ, "backup", "monday"); s != done {
		t.Fatalf("status %d: %s", s, stderr)
	}
	if _, all := doctor(t, environ, "--config", file); !strings.Contains(all["backup"].Message, "monday") &&
		!strings.Contains(all["backup"].Message, "on the disk of the recordings") {
		t.Errorf("%+v", all["backup"])
	}
	if s, _, stderr := runProgram(t, "", environ, "backup", "monday"); s != failed ||
		!strings.Contains(stderr, "409: there is a backup monday already") {
		t.Errorf("the same backup again: status %d: %s", s, stderr)
	}
}

// TestDoctor finds what is wrong, and says what to do.
func TestDoctor(t *testing.T) {
	dir := t.TempDir()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer refusing.Close()
	everything := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "7")
	}))
	defer everything.Close()

	config := func(name string, lines ...string) string {
		return writeFile(t, dir, name, testConfig(filepath.Join(dir, "data"), lines...))
	}
	environ := []string{"HOME=" + dir}
	for _, c := range []struct{ file, check, state, want string }{
		{filepath.Join(dir, "none.yaml"), "configuration", "broken", "cannot be read"},
		{writeFile(t, dir, "wrong.yaml", "region: 1\n"), "configuration", "broken", "users: are required"},
		{config("plain.yaml"), "storage", "warning", "no storage of media is configured"},
		{config("plain.yaml"), "service", "unknown", "no user is known"},
		{config("plain.yaml"), "backup", "warning", "there is no backup_directory"},
		{config("refusing.yaml", `storage: {webDAV: {origins: [{url: "`+refusing.URL+`/"}]}}`), "storage", "broken",
			refusing.URL},
		{config("all.yaml", `storage: {webDAV: {origins: [{url: "`+everything.URL+`/"}]}}`), "storage", "broken",
			everything.URL},
		{config("gone.yaml", `storage: {webDAV: {origins: [{url: "http://127.0.0.1:1/"}]}}`), "storage", "broken",
			"http://127.0.0.1:1"},
	} {
		s, all := doctor(t, environ, "--config", c.file)
		if got := all[c.check]; got.State != c.state || !strings.Contains(got.Message, c.want) {
			t.Errorf("%s: %+v; want %s, %q", c.file, got, c.state, c.want)
		}
		if broken := c.state == "broken"; broken && s != failed || !broken && s != partly {
			t.Errorf("%s: status %d", c.file, s)
		}
	}

	// The service that is asked is that of the configuration, whatever profile there is of another.
	other := start(t, nil, "serve", "--config", config("other.yaml")).url(t)
	if s, _, stderr := runProgram(t, "secret", environ, "login", "--server", other, "--user", "ops"); s != done {
		t.Fatalf("status %d: %s", s, stderr)
	}
	gone := strings.Replace(testConfig(filepath.Join(dir, "data")), "127.0.0.1:0", "127.0.0.1:1", 1)
	_, all := doctor(t, environ, "--config", writeFile(t, dir, "listen.yaml", gone))
	if got := all["service"]; got.State != "unknown" || !strings.Contains(got.Message, "http://127.0.0.1:1") {
		t.Errorf("%+v", got)
	}

	// For people, with what to do behind an arrow.
	s, text, _ := runProgram(t, "", environ, "doctor", "--config", config("plain.yaml"))
	if s != partly || !strings.Contains(text, "SOON    storage") || !strings.Contains(text, "→ list the buckets") {
		t.Errorf("status %d\n%s", s, text)
	}
}
