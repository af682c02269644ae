package main

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"recordings/api/auth"
)

// runProgram runs the program to its end.
func runProgram(t *testing.T, stdin string, environ []string, args ...string) (s status, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	p := program{stdin: strings.NewReader(stdin), stdout: &out, stderr: &errs, environ: environ}
	s = p.run(t.Context(), args)
	return s, out.String(), errs.String()
}

func TestCommandLine(t *testing.T) {
	dir := t.TempDir()
	file := writeFile(t, dir, "file", "")
	wrong := writeFile(t, dir, "wrong.yaml", "region: 1\nlisten: x\nusers: []\n")
	strange := writeFile(t, dir, "strange.yaml",
		testConfig(dir, `storage: {webDAV: {origins: [{url: "http://a/%zz"}]}}`))
	bucket := writeFile(t, dir, "bucket.yaml",
		testConfig(dir, `storage: {awsS3: {region: us-east-1, buckets: ["a/../b"]}}`))
	right := writeFile(t, dir, "right.yaml", testConfig(dir))
	for _, c := range []struct {
		name    string
		args    []string
		environ []string
		status  status
		stdout  string // what it begins with; "" for nothing at all
		stderr  string // what is in it; "" for nothing at all
	}{
		{"nothing", nil, nil, misused, "", "recordings: what should be done?"},
		{"help", []string{"help"}, nil, done, "Recordings keeps, finds and deletes", ""},
		{"--help", []string{"--help"}, nil, done, "Recordings keeps, finds and deletes", ""},
		{"help of a command", []string{"help", "serve"}, nil, done, "Usage: recordings serve [--config FILE | --demo]",
			""},
		{"-h of a command", []string{"serve", "-h"}, nil, done, "Usage: recordings serve", ""},
		{"help of nothing", []string{"help", "fly"}, nil, misused, "", `there is no command "fly"`},
		{"the example", []string{"help", "configuration"}, nil, done, "# The configuration of `recordings serve`", ""},
		{"unknown command", []string{"fly"}, nil, misused, "",
			"there is no command \"fly\"; `recordings help` lists them"},
		{"unknown flag", []string{"serve", "--fly"}, nil, misused, "", "-fly; `recordings help serve` lists the flags"},
		{"argument", []string{"check-config", "file"}, nil, misused, "", `check-config takes no argument "file"`},
		{"version", []string{"version"}, nil, done, "recordings dev (revision ", ""},
		{"formats", []string{"version", "--formats"}, nil, done, "records=1 pebble=", ""},
		{"--version", []string{"--version"}, nil, done, "recordings dev (revision ", ""},
		{"completion", []string{"completion", "bash"}, nil, done, "# bash completion V2 for recordings", ""},
		{"completion of nothing", []string{"completion"}, nil, misused, "", "for which shell?"},
		{"completion of another shell", []string{"completion", "csh"}, nil, misused, "", `no completion for "csh"`},
		{"a mistyped command", []string{"reindx"}, nil, misused, "", "did you mean reindex?"},
		{"right configuration", []string{"check-config", "--config", right}, nil, done, "ok\n", ""},
		{"wrong configuration", []string{"check-config", "--config", wrong}, nil, misused, "",
			wrong + ":1: region: must be a text: put it in quotes\n" + wrong + ":2: listen: must be host:port"},
		{"what only the storages know", []string{"check-config", "--config", strange}, nil, misused, "",
			"storage.webDAV.origins[0].url: "},
		{"a bucket that leads to another", []string{"check-config", "--config", bucket}, nil, misused, "",
			`storage.awsS3.buckets[0]: is not the name of a bucket`},
		{"wrong variable", []string{"check-config", "--config", right}, []string{"RECORDINGS_REGION= x"}, misused, "",
			"RECORDINGS_REGION: region: must not begin"},
		{"unknown variable", []string{"check-config", "--config", right}, []string{"RECORDINGS_X=1"}, done, "ok\n",
			"note: the environment variable RECORDINGS_X is no setting"},
		{"no configuration", []string{"check-config", "--config", dir + "/none"}, nil, misused, "",
			"none: cannot be read: no such file"},
		{"serve a wrong configuration", []string{"serve", "--config", wrong}, nil, misused, "",
			wrong + ":2: listen: must be host:port"},
		{"serve with a wrong flag", []string{"serve", "--config", right, "--log-level", "loud"}, nil, misused, "",
			"--log_level: log_level: must be"},
		{"data is a file", []string{"serve", "--config", right, "--data", file}, nil, failed, "",
			"recordings: opening the data directory " + file},
		{"listen elsewhere", []string{"serve", "--config", right, "--listen", "192.0.2.1:1"}, nil, failed, "",
			"recordings: listening on 192.0.2.1:1: "},
		{"demo with configuration", []string{"serve", "--demo", "--config", right}, nil, misused, "",
			"--demo and --config exclude each other"},
		{"demo for all", []string{"serve", "--demo", "--listen", ":0"}, nil, misused, "",
			"listens on a loopback address only"},
		{"demo for others", []string{"serve", "--demo", "--listen", "192.0.2.1:0"}, nil, misused, "",
			"listens on a loopback address only"},
		{"a cluster that is not for the demonstration", []string{"serve", "--opensearch", "http://127.0.0.1:1"}, nil,
			misused, "", "a configuration names its cluster itself"},
		{"demo with a wrong flag", []string{"serve", "--demo", "--listen", "x"}, nil, misused, "",
			"--listen: listen: must be host:port"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, stdout, stderr := runProgram(t, "", c.environ, c.args...)
			if s != c.status {
				t.Errorf("status %d, want %d", s, c.status)
			}
			if (c.stdout == "" && stdout != "") || !strings.HasPrefix(stdout, c.stdout) {
				t.Errorf("stdout %q, want %q", stdout, c.stdout)
			}
			if (c.stderr == "" && stderr != "") || !strings.Contains(stderr, c.stderr) {
				t.Errorf("stderr %q, want %q", stderr, c.stderr)
			}
		})
	}
}

func TestVersionTellsGo(t *testing.T) {
	if _, stdout, _ := runProgram(t, "", nil, "version"); !strings.Contains(stdout, runtime.Version()) {
		t.Errorf("got %q", stdout)
	}
}

// TestEveryCommandHasHelp: it fits a screen, and has an example.
func TestEveryCommandHasHelp(t *testing.T) {
	const columns, most = 80, 40
	_, overview, _ := runProgram(t, "", nil, "help")
	if lines := strings.Count(overview, "\n"); lines > most+8 {
		t.Errorf("the overview has %d lines", lines)
	}

	for _, c := range new(program).root(nil).Commands() {
		_, help, _ := runProgram(t, "", nil, "help", c.Name())
		if !strings.Contains(help, "\n\n") || !strings.Contains(overview, c.Name()) {
			t.Errorf("%s: %q", c.Name(), help)
		}
		if _, same, _ := runProgram(t, "", nil, c.Name(), "--help"); same != help {
			t.Errorf("%s --help says %q", c.Name(), same)
		}
		if c.Name() != "help" && !strings.Contains(help, "\nExamples:\n  recordings "+c.Name()) &&
			!strings.Contains(c.Example, "recordings "+c.Name()) {
			t.Errorf("%s has no example", c.Name())
		}

		lines := 0
		for line := range strings.Lines(help) {
			wide := utf8.RuneCountInString(strings.TrimRight(line, "\n"))
			lines += max(1, (wide+columns-1)/columns)
			if wide > columns {
				t.Errorf("the help of %s has a line of %d columns: %s", c.Name(), wide, line)
			}
		}
		if lines > most {
			t.Errorf("the help of %s has %d lines, which no screen shows", c.Name(), lines)
		}
	}
}

func TestHashPassword(t *testing.T) {
	for _, stdin := range []string{"pässword", "pässword\n", "pässword\r\n", "pässword\nsecond line\n"} {
		s, stdout, stderr := runProgram(t, stdin, nil, "hash-password")
		if s != done || stderr != "" {
			t.Fatalf("status %d, stderr %q", s, stderr)
		}
		hash := strings.TrimSuffix(stdout, "\n")
		if err := auth.CheckPasswordHash(hash); err != nil {
			t.Errorf("%q: %v", hash, err)
		}
	}

	for stdin, want := range map[string]string{"": "empty", "\n": "empty",
		strings.Repeat("x", 5000): "longer than 4096"} {
		if s, stdout, stderr := runProgram(t, stdin, nil, "hash-password"); s != misused || stdout != "" ||
			!strings.Contains(stderr, want) {
			t.Errorf("status %d, stdout %q, stderr %q", s, stdout, stderr)
		}
	}
}
