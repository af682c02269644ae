//go:build integration

package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/cmd/recordings/internal/faulttest"
)

// TestImportKilled kills an import, or the service that it imports into, or both, at random
// moments, and resumes it until it is done: the recordings and the rejected lines must be those of
// an import that nobody disturbed.
func TestImportKilled(t *testing.T) {
	const lines = 12_000
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	file := writeFile(t, dir, "calls.ndjson", manyLines(lines))
	undisturbed := writeFile(t, dir, "undisturbed.ndjson", manyLines(lines))
	if s := runImport(t, undisturbed, "--data", filepath.Join(dir, "undisturbed")).status(t); s != int(partly) {
		t.Fatalf("the undisturbed import: status %d", s)
	}

	config := writeFile(t, dir, "recordings.yaml",
		strings.Replace(testConfig(filepath.Join(dir, "data"), "public_url: http://recordings.invalid"), "127.0.0.1:0",
			freeAddress(t), 1))

	service := serveFile(t, config)
	url := service.url(t)
	client := newClient(t)
	kills, farthest := faulttest.Times(t, 25), int64(0)
	for range kills {
		p := runImport(t, file, "--server", url, "--resume", "--retry-for", "1m")
		wait(time.Duration(20+random.IntN(900)) * time.Millisecond)
		victims := 1 + random.IntN(3)
		if victims&1 != 0 {
			p.kill()
		}

		if victims&2 != 0 {
			service.kill()
			client.CloseIdleConnections()
			service = serveFile(t, config)
			service.url(t)
		}

		p.kill()
		if info, err := os.ReadFile(file + ".import"); err == nil {
			var state struct {
				Line int64 `json:"line"`
			}
			if err := json.Unmarshal(info, &state); err != nil {
				t.Fatalf("the state file is %q: %v", info, err)
			}
			farthest = max(farthest, state.Line)
		}
	}

	if s := runImport(t, file, "--server", url, "--resume").status(t); s != int(partly) {
		t.Fatalf("the last import: status %d", s)
	}

	if t.Logf("%d kills; the farthest was at line %d", kills, farthest); farthest < lines/50 {
		t.Errorf("that is too little to prove anything")
	}

	sameFile(t, undisturbed+".rejects", file+".rejects")

	other := serveFile(t, writeFile(t, dir, "other.yaml",
		testConfig(filepath.Join(dir, "undisturbed"), "public_url: http://recordings.invalid")))
	// When each was stored is the only thing in which they may differ.
	changed := regexp.MustCompile(`"changedTime":"[^"]*"`)
	want := changed.ReplaceAllString(exported(t, client, other.url(t), other), "")
	got := changed.ReplaceAllString(exported(t, client, url, service), "")
	if strings.Count(want, "\n") < lines/2 || got != want {
		t.Errorf("an import that was interrupted made %d lines of export, an undisturbed one %d",
			strings.Count(got, "\n"), strings.Count(want, "\n"))
	}
}

// manyLines are recordings, every tenth of which merges into one before, and some lines that are
// none.
func manyLines(n int) string {
	var b strings.Builder
	for i := range n {
		if i%500 == 250 {
			fmt.Fprintf(&b, "nonsense %d\n", i)
		}
		id := i
		if i%10 == 9 {
			id = i / 2
		}
		fmt.Fprintln(&b, importLine(fmt.Sprint("r", id), i))
	}
	return b.String()
}

func runImport(t *testing.T, file string, args ...string) *process {
	t.Helper()
	path, err := plainBinary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"import", "--contact-center", contactCenter, file}, args...)...)
	cmd.Env = append(os.Environ(), "RECORDINGS_USER=ops", "RECORDINGS_PASSWORD=secret")
	return spawnCommand(t, cmd)
}

func sameFile(t *testing.T, want, got string) {
	t.Helper()
	w, err := os.ReadFile(want)
	if err != nil {
		t.Fatal(err)
	}

	g, err := os.ReadFile(got)
	if err != nil {
		t.Fatal(err)
	}
	if string(w) != string(g) {
		t.Errorf("%s is\n%s\nwant\n%s", got, g, w)
	}
}

// exported is everything that a service has.
func exported(t *testing.T, client *http.Client, url string, p *process) string {
	t.Helper()
	awaitReady(t, client, url, p)
	status, body := get(t, client, "ops", "secret",
		url+"/api/v2/ops/contact-centers/"+contactCenter+"/export?startTime=0&format=ndjson")
	if status != http.StatusOK {
		t.Fatalf("exporting: %d %s", status, body)
	}
	return body
}

// TestKilledAtBirth kills the service while it makes its data directory: the next start finds a
// good one, or makes it.
func TestKilledAtBirth(t *testing.T) {
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	for range faulttest.Times(t, 15) {
		file, _ := setup(t)
		for range 2 {
			p := serveFile(t, file)
			wait(time.Duration(random.IntN(200)) * time.Millisecond)
			p.kill()
		}

		p := serveFile(t, file)
		c := &faulttest.Caller{HTTP: newClient(t), URL: p.url(t)}
		if a, err := c.Post(t.Context(), faulttest.RecordingOf("first", 1)); err != nil || a.Status != http.StatusOK {
			t.Fatalf("the first POST: %v, %d %s", err, a.Status, a.Body)
		}

		awaitReady(t, c.HTTP, c.URL, p)
		if ids, err := c.Search(t.Context(), map[string]string{"startTime": "0"}); err != nil || len(ids) != 1 {
			t.Fatalf("the first search finds %q, %v", ids, err)
		}

		p.kill()
	}
}
