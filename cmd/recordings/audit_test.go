package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestAudit shows the log of a running service, and proves it: exported, in a backup, in a directory that
// was restored, and where somebody has changed it.
func TestAudit(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	config := testConfig(at("data")) + "backup_directory: " + at("backups") + "\n"
	service := start(t, nil, "serve", "--config", writeFile(t, dir, "recordings.yaml", config))
	server := service.url(t)
	postOne(t, server, "r1")
	ops := []string{"RECORDINGS_USER=ops", "RECORDINGS_PASSWORD=secret"}
	run := func(want status, part string, args ...string) string {
		t.Helper()
		status, stdout, stderr := runProgram(t, "", ops, args...)
		if status != want || !strings.Contains(stdout+stderr, part) {
			t.Fatalf("%v: status %d, want %d and %q\n%s%s", args, status, want, part, stdout, stderr)
		}
		return stdout
	}

	text := run(done, "  post  done  ", "audit", "--server", server, "--text")
	if !strings.Contains(text, "  start  done  {\"configuration\":\"") {
		t.Errorf("the start is not there:\n%s", text)
	}
	run(done, `{"count":0,`, "audit", "--server", server, "--user", "nobody")
	run(misused, "is no action", "audit", "--server", server, "--action", "dance")
	run(misused, "exclude each other", "audit", "--chain", "--text")
	run(misused, "--known is for", "audit", "--known", "1:2")
	run(misused, "SEQUENCE:HASH", "audit", "--data", at("data"), "--known", "1:2")

	run(done, "", "backup", "monday", "--server", server)
	postOne(t, server, "r2")
	status := run(done, "audit", "status", "--server", server)
	known := regexp.MustCompile(`audit +(\d+:[0-9a-f]{64})`).FindStringSubmatch(status)
	if known == nil {
		t.Fatalf("the status shows no hash:\n%s", status)
	}
	run(done, "", "audit", "--server", server, "--chain", "-o", at("audit.ndjson"))
	run(done, "Proven: entries 1 to ", "audit", "--verify", at("audit.ndjson"), "--known", known[1])
	run(failed, "", "audit", "--data", at("data")) // it is in use
	run(done, "", "audit", "--server", server, "--chain", "--after", "2", "-o", at("part.ndjson"))
	service.end(t)

	// A part proves itself, and says what it does not prove; the hash of the entry before joins it.
	text = run(partly, "Proven: entries 3 to ", "audit", "--verify", at("part.ndjson"))
	second := regexp.MustCompile(`entry 3 refers to an entry (2) with the hash ([0-9a-f]{64})`).FindStringSubmatch(text)
	if second == nil {
		t.Fatalf("it does not say what it follows: %s", text)
	}
	joined := "2:" + second[2]
	run(done, "They follow entry 2, whose hash is known.", "audit", "--verify", at("part.ndjson"), "--known", joined)
	run(failed, "which is known of it", "audit", "--verify", at("part.ndjson"), "--known",
		"2:"+strings.Repeat("0", len(second[2])))
	run(partly, "entry 1 proves nothing", "audit", "--verify", at("part.ndjson"), "--known", joined, "--known",
		"1:"+second[2])
	run(done, "Proven: entries 1 to ", "audit", "--verify", at("audit.ndjson"), "--known", joined)

	run(done, "Proven: ", "audit", "--data", at("data"), "--known", known[1])
	run(done, "Proven: ", "audit", "--data", at("backups/monday"))
	run(failed, "whose hash", "audit", "--data", at("backups/monday"), "--known", known[1])
	run(done, "is restored", "restore", at("backups/monday"), "--data", at("restored"))
	run(done, "Proven: ", "audit", "--data", at("restored"))
	run(failed, "there is no audit log", "audit", "--data", at("none"))

	whole, err := os.ReadFile(at("audit.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	forged := strings.Replace(string(whole), `"user":"ops"`, `"user":"eve"`, 1)
	run(failed, "it was changed", "audit", "--verify", writeFile(t, dir, "forged.ndjson", forged))
	run(failed, "no such file", "audit", "--verify", at("none.ndjson"))
}

// TestAuditOfWhatIsNotThere: the reason of a hold that was tried on a recording which is not there, as it was
// deleted before, does not stay in the log: no deletion would come to it any more.
func TestAuditOfWhatIsNotThere(t *testing.T) {
	dir := t.TempDir()
	file := writeFile(t, dir, "recordings.yaml", testConfig(filepath.Join(dir, "data")))
	service := start(t, nil, "serve", "--config", file)
	server := service.url(t)
	postOne(t, server, "r1")
	ops := []string{"RECORDINGS_USER=ops", "RECORDINGS_PASSWORD=secret"}
	run := func(want status, args ...string) string {
		t.Helper()
		status, stdout, stderr := runProgram(t, "", ops, append(args, "--server", server)...)
		if status != want {
			t.Fatalf("%v: status %d, want %d\n%s%s", args, status, want, stdout, stderr)
		}
		return stdout
	}
	hold := func(id, reason string) []string {
		return []string{"hold", id, "--reason", reason, "--contact-center", contactCenter}
	}
	run(done, hold("r1", "first of Müller")...)
	run(done, "release", "r1", "--contact-center", contactCenter)
	run(done, "delete", "r1", "--contact-center", contactCenter)
	run(partly, hold("r1", "second of Müller")...)
	postOne(t, server, "r2")
	run(done, hold("r2", "of Meier")...)
	if text := run(done, "audit"); strings.Contains(text, "first of") || !strings.Contains(text, "second of") {
		t.Errorf("at first there is %s", text)
	}
	service.end(t)

	service = start(t, nil, "serve", "--config", file) // which looks at once; otherwise it is done hourly
	server = service.url(t)
	for deadline := time.Now().Add(time.Minute); strings.Contains(run(done, "audit"), "second of"); {
		if time.Now().After(deadline) {
			t.Fatalf("it still says why: %s", run(done, "audit"))
		}
	}
	if text := run(done, "audit", "--text"); !strings.Contains(text, "erase  done  "+contactCenter+"  r1") ||
		!strings.Contains(text, "of Meier") {
		t.Errorf("in the end there is %s", text)
	}
	service.end(t)
	status, stdout, stderr := runProgram(t, "", nil, "audit", "--data", filepath.Join(dir, "data"))
	if status != done {
		t.Errorf("%s%s", stdout, stderr)
	}
}
