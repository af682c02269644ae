//go:build integration

package main

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"recordings/cmd/recordings/internal/faulttest"
)

// TestExportKilled kills an export, or the service that it reads from, at random moments: there is
// no file, or the whole of it, and one that is begun anew is that of an export that nobody
// disturbed.
func TestExportKilled(t *testing.T) {
	const lines = 12_000
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if s := runImport(t, writeFile(t, dir, "calls.ndjson", manyLines(lines)), "--data",
		data).status(t); s != int(partly) {
		t.Fatalf("importing: status %d", s)
	}

	config := writeFile(t, dir, "recordings.yaml",
		strings.Replace(testConfig(data, "public_url: http://recordings.invalid"), "127.0.0.1:0", freeAddress(t), 1))
	service := serveFile(t, config)
	url := service.url(t)
	client := newClient(t)
	awaitReady(t, client, url, service)
	for _, format := range []string{"ndjson", "csv", "xlsx"} {
		undisturbed, file := filepath.Join(dir, "undisturbed."+format), filepath.Join(dir, "export."+format)
		began := time.Now()
		if s := runExport(t, url, format, undisturbed).status(t); s != int(done) {
			t.Fatalf("an undisturbed export: status %d", s)
		}

		took := time.Since(began)
		cut := 0
		for range faulttest.Times(t, 10) {
			p := runExport(t, url, format, file)
			wait(time.Duration(random.Int64N(int64(took))))
			if random.IntN(2) == 0 {
				p.kill()
			} else {
				service.kill()
				p.status(t)
				service = serveFile(t, config)
				service.url(t)
				client.CloseIdleConnections()
				awaitReady(t, client, url, service)
			}

			if !exists(file) {
				cut++
				continue
			}

			sameFile(t, undisturbed, file)
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}

		if s := runExport(t, url, format, file).status(t); s != int(done) {
			t.Fatalf("the last export: status %d", s)
		}

		sameFile(t, undisturbed, file)
		if t.Logf("%s: %d were cut off", format, cut); cut == 0 {
			t.Errorf("that is too little to prove anything")
		}
	}
}

func runExport(t *testing.T, url, format, file string) *process {
	t.Helper()
	path, err := plainBinary()
	if err != nil {
		t.Fatal(err)
	}

	cmd := exec.Command(path, "export", "--server", url, "--contact-center", contactCenter, "--format", format, "-o",
		file, "startTime=0")
	cmd.Env = append(os.Environ(), "RECORDINGS_USER=ops", "RECORDINGS_PASSWORD=secret")
	return spawnCommand(t, cmd)
}
