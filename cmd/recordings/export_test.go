package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExport exports the recordings of a service to files, and again: the same state gives the same
// file.
func TestExport(t *testing.T) {
	dir := t.TempDir()
	config := writeFile(t, dir, "recordings.yaml", testConfig(filepath.Join(dir, "data")))
	r := start(t, nil, "serve", "--config", config)
	server := r.url(t)
	client := newClient(t)
	for i := range 120 {
		body := fmt.Sprintf(`{"id":"r%d","callerPhoneNumber":"+%03d","dialedPhoneNumber":"2","region":"us-west",`+
			`"mediaFiles":[
			{"callUUID":"c","startTime":"2013-05-17T11:45:32Z","stopTime":"2013-05-17T11:45:33Z",`+
			`"mediaDescriptor":{"storage":"webDAV","path":"http://media.invalid/a.wav"}}],
			"eventHistory":[{"occurredAt":"2013-05-18T22:25:56Z","event":"Data","data":{"note":"two\nlines, `+
			`\"quoted\""}}]}`, i, i)

		req, err := http.NewRequestWithContext(t.Context(), "POST",
			server+"/api/v2/ops/contact-centers/"+contactCenter+"/recordings", strings.NewReader(body))
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
			t.Fatal(resp.Status)
		}
	}

	ops := []string{"RECORDINGS_USER=ops", "RECORDINGS_PASSWORD=secret"}
	admin := []string{"RECORDINGS_USER=admin", "RECORDINGS_PASSWORD=secret"}
	file := filepath.Join(dir, "out")
	for _, c := range []struct {
		name    string
		environ []string
		args    []string
		status  status
		lines   int    // of the file; 0: there is none
		stderr  string // a part
	}{
		{"all, of operations", ops, []string{"--contact-center", contactCenter, "startTime=0"}, done, 121, "120 "},
		{"all, of an administrator", admin, []string{"startTime=0"}, done, 121, "120 "},
		{"some", admin, []string{"callerPhoneNumber=+01*", "--format", "ndjson"}, done, 11, ""},
		{"none", admin, []string{"userName=nobody"}, done, 1, ""},
		{"a table", admin, []string{"startTime=0", "--format", "csv", "--zone", "Europe/Berlin"}, done, 242, ""},
		{"an empty table", admin, []string{"endTime=0", "--format", "csv"}, done, 2, ""},
		{"what has changed", admin, []string{"--changed-since", "2020-01-01T00:00:00Z", "--sort", "changedTime"},
			done, 121, "120 "},
		{"what will have changed", admin, []string{"--changed-since", "2200-01-01T00:00:00Z"}, done, 1, ""},
		{"a day", admin, []string{"startTime=2013-05-17T00:00:00Z", "startedBefore=2013-05-18T00:00:00Z"},
			done, 121, ""},
		{"the oldest first", admin, []string{"startTime=0", "--sort", "startTime"}, done, 121, "120 "},
		{"another order", admin, []string{"startTime=0", "--sort", "stopTime"}, misused, 0,
			`--sort "stopTime" is neither startTime (oldest first) nor changedTime (by changes)`},
		{"changes twice", admin, []string{"changedSince=0", "--changed-since", "0"}, misused, 0, "more than once"},
		{"changes in seconds", admin, []string{"--changed-since", "1747511132"}, misused, 0,
			"did you mean 1747511132000?"},
		{"no criterion", admin, nil, misused, 0, "startTime=0 exports all"},
		{"what is no criterion", admin, []string{"limit=1"}, misused, 0, "is no criterion"},
		{"a criterion twice", admin, []string{"startTime=0", "startTime=1"}, misused, 0, "more than once"},
		{"another format", admin, []string{"startTime=0", "--format", "xml"}, misused, 0,
			"is neither ndjson, csv nor xlsx"},
		{"a zone that has no use", admin, []string{"startTime=0", "--zone", "Europe/Berlin"}, misused, 0,
			"--zone is for --format csv"},
		{"a zone that is none", admin, []string{"startTime=0", "--format", "csv", "--zone", "Mars"}, misused, 0,
			"--zone is not the name"},
		{"a wrong role", ops, []string{"startTime=0"}, failed, 0, "the service answered 403"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 2 {
				status, _, stderr := runProgram(t, "", c.environ,
					append([]string{"export", "--server", server, "-o", file}, c.args...)...)
				data, err := os.ReadFile(file)
				if status != c.status || strings.Count(string(data), "\n") != c.lines ||
					(err == nil) != (c.lines > 0) || !strings.Contains(stderr, c.stderr) {
					t.Fatalf("status %d, %d lines, %v\n%s", status, strings.Count(string(data), "\n"), err, stderr)
				}
			}

			if c.lines > 0 && os.Remove(file) != nil {
				t.Error("the file cannot be removed")
			}
		})
	}

	status, stdout, _ := runProgram(t, "", admin, "export", "--server", server, "startTime=0")
	if status != done || !strings.HasSuffix(stdout, "}\n{\"statusCode\":0,\"count\":120}\n") {
		t.Errorf("on standard output: status %d, %d bytes", status, len(stdout))
	}

	if left, _ := filepath.Glob(filepath.Join(dir, ".out*")); len(left) > 0 {
		t.Errorf("files are left: %q", left)
	}
}

// TestExportThatIsNotWhole: whatever is missing at the end, there is no file, and the exit status
// says so.
func TestExportThatIsNotWhole(t *testing.T) {
	const table = "\ufeff\"id\",\"startTime (UTC)\"\r\n\"a\n\",\"#count\"\r\n\"b\",\"\"\r\n"
	for name, c := range map[string]struct {
		format, body string
		cut          bool // the connection breaks
		status       status
	}{
		"whole":                   {"ndjson", `{"id":"a"}` + "\n" + `{"statusCode":0,"count":1}` + "\n", false, done},
		"no last line":            {"ndjson", `{"id":"a"}` + "\n", false, failed},
		"nothing":                 {"ndjson", "", false, failed},
		"a wrong number":          {"ndjson", `{"id":"a"}` + "\n" + `{"statusCode":0,"count":2}` + "\n", false, failed},
		"no end of the last line": {"ndjson", `{"id":"a"}` + "\n" + `{"statusCode":0,"count":1}`, false, failed},
		"more behind it":          {"ndjson", `{"statusCode":0,"count":0}` + "\n" + `{"id":"a"}` + "\n", false, failed},
		"a line cut off":          {"ndjson", `{"id":"a"}` + "\n" + `{"id":`, true, failed},
		"cut off behind the last": {"ndjson", `{"id":"a"}` + "\n" + `{"statusCode":0,"count":1}` + "\n", true, failed},
		"a whole table":           {"csv", table + "\"#count\",\"2\"\r\n", false, done},
		"a table without a count": {"csv", table, false, failed},
		"a table of another size": {"csv", table + "\"#count\",\"3\"\r\n", false, failed},
		"a table cut off":         {"csv", table + "\"c\",\"", true, failed},
		"a workbook":              {"xlsx", "PK\x03\x04 parts PK\x05\x06" + strings.Repeat("\x00", 18), false, done},
		"half a workbook":         {"xlsx", "PK\x03\x04 parts PK\x05\x06" + strings.Repeat("\x00", 17), false, failed},
		"no workbook":             {"xlsx", "", false, failed},
		"a workbook cut off":      {"xlsx", "PK\x05\x06" + strings.Repeat("\x00", 18), true, failed},
		"a table cut in quotes":   {"csv", table + "\"c\",\"\n\"\"#count\"\",3\r\n", false, failed},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasSuffix(r.URL.Path, "/export") {
					http.Error(w, "no total", http.StatusServiceUnavailable)
					return
				}

				_, _ = w.Write([]byte(c.body))
				_ = http.NewResponseController(w).Flush()
				if c.cut {
					panic(http.ErrAbortHandler)
				}
			}))
			defer s.Close()

			file := filepath.Join(t.TempDir(), "out")
			got, _, stderr := runProgram(t, "", []string{"RECORDINGS_USER=a", "RECORDINGS_PASSWORD=b"}, "export",
				"--server", s.URL, "--format", c.format, "-o", file, "startTime=0")
			data, err := os.ReadFile(file)
			if got != c.status || (err == nil) != (c.status == done) || c.status == done && string(data) != c.body {
				t.Errorf("status %d, want %d; file: %v\n%s", got, c.status, err, stderr)
			}
		})
	}
}
