//go:build integration

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// pythonPrograms is the directory of the Python programs that these tests run.
func pythonPrograms(t *testing.T) string {
	t.Helper()
	cmd := exec.Command("../../.ci/python")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("installing Python programs: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// runPython runs one of them in a directory, and returns what it says.
func runPython(t *testing.T, patience time.Duration, dir string, environ []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), environ...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// absolute is a file of these tests, from wherever it is looked for.
func absolute(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata/generated", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestGeneratedClient: a client that is generated from the description, in another language, posts,
// searches, pages, plays and deletes.
func TestGeneratedClient(t *testing.T) {
	bin := pythonPrograms(t)
	p := spawn(t, "serve", "--demo", "--listen", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data"))
	url := p.url(t)
	status, text := get(t, newClient(t), "", "", url+"/api/v2/openapi.json")
	if status != 200 {
		t.Fatalf("%d %s", status, text)
	}

	dir := t.TempDir()
	description := writeFile(t, dir, "openapi.json", text)
	path := "PATH=" + bin + ":" + os.Getenv("PATH")
	said := runPython(t, patience, dir, []string{path}, filepath.Join(bin, "openapi-python-client"), "generate",
		"--path", description, "--output-path", "recordings_client", "--meta", "none", "--fail-on-warning",
		"--config", absolute(t, "generator.yaml"))
	if _, err := os.Stat(filepath.Join(dir, "recordings_client/client.py")); err != nil {
		t.Fatalf("there is no client: %v\n%s", err, said)
	}
	said = runPython(t, patience, dir, []string{"PYTHONPATH=" + dir},
		filepath.Join(bin, "python"), absolute(t, "client.py"), url)
	if !strings.Contains(said, "recordings") {
		t.Errorf("the client says %q", said)
	}
}

// TestNothingIsFound: schemathesis, which makes requests of the description, finds no answer that is not
// as it is described, for two minutes. Under torture it takes twenty, other requests each time, and wants
// what is described to be accepted, too, as far as a schema can say what is.
func TestNothingIsFound(t *testing.T) {
	limit, how := 2*time.Minute, []string{"--seed", "1", "--exclude-checks", "positive_data_acceptance"}
	if factor, err := strconv.Atoi(os.Getenv("RECORDINGS_TORTURE")); err == nil && factor > 1 {
		limit, how = 20*time.Minute, nil
	}
	bin := pythonPrograms(t)
	p := spawn(t, "serve", "--demo", "--listen", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data"))
	url := p.url(t)
	environ := []string{"RECORDINGS_URL=" + url, "SCHEMATHESIS_HOOKS=hooks", "PYTHONPATH=" + absolute(t, ".")}
	args := []string{"--config-file", absolute(t, "schemathesis.toml"), "run", url + "/api/v2/openapi.json",
		"--max-time", strconv.Itoa(int(limit.Seconds())), "--continue-on-failure", "--no-color"}
	said := runPython(t, limit+patience, t.TempDir(), environ, filepath.Join(bin, "st"), append(args, how...)...)
	if !strings.Contains(said, "Test cases:") {
		t.Errorf("schemathesis says:\n%s", said)
	}
	t.Logf("%s", said)
}
