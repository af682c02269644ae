package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"recordings/cmd/bench/report"
)

// TestMain is also the process of an engine: the benchmark starts the program that it is part of.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == workerArgument {
		main()
		return
	}
	// Bleve keeps its analysis workers from when the program starts until it ends.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/blevesearch/bleve_index_api.AnalysisWorker"))
}

func TestBench(t *testing.T) {
	out, dir := t.TempDir(), t.TempDir()
	o, err := parseOptions([]string{"-sizes", "1k,2k", "-engines", "ours,http,bleve,sqlite", "-centers", "13", "-cap",
		"1m", "-per-shape", "1ns",
		"-mix", "100ms", "-writes", "50ms", "-only", "caller", "-dir", dir, "-out", out})

	if err != nil {
		t.Fatal(err)
	}

	var stdout, stderr bytes.Buffer
	if err := bench(t.Context(), o, &stdout, &stderr); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}

	if n := strings.Count(stdout.String(), "All answers are equal."); n != 2 {
		t.Errorf("the answers of %d sizes are equal, want 2:\n%s", n, &stdout)
	}

	for _, name := range []string{"bench.txt", "bench.md", "bench.json", "bench.svg"} {
		if data, err := os.ReadFile(filepath.Join(out, name)); err != nil || len(data) < 100 {
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		}
	}

	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%d directories of engines are left, %v", len(left), err)
	}
}

// TestNeeds: a directory grows, the program that is built here serves it at each size, and a size that it has left
// behind is not measured again.
func TestNeeds(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "recordings")
	build := exec.CommandContext(t.Context(), "go", "build", "-C", "../..", "-o", program, "./cmd/recordings")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the program: %v: %s", err, out)
	}

	keep := filepath.Join(dir, "kept")
	measured := func(args ...string) (table string, rows [][]string) {
		t.Helper()
		all := append([]string{"-program", program, "-keep", keep, "-centers", "13", "-cap", "1m"}, args...)
		o, err := parseOptions(all)
		if err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		if err := sizes(t.Context(), o, &stdout, &stderr); err != nil {
			t.Fatalf("%v\n%s", err, &stderr)
		}
		for line := range strings.Lines(stdout.String()) {
			rows = append(rows, strings.Split(strings.Trim(line, "| \n"), " | "))
		}
		return stdout.String(), rows
	}

	table, rows := measured("-sizes", "1k,2k", "-mix", "100ms", "-writes", "100ms")
	if !slices.Equal(rows[0], []string{"recordings", "1k", "2k"}) {
		t.Errorf("the columns are %q", rows[0])
	}
	for _, row := range rows[2:] {
		if len(row) != 3 || strings.Contains(strings.Join(row, ""), "–") {
			t.Errorf("%q tells too little", row)
		}
	}
	again, _ := measured("-sizes", "1k")
	if again != table {
		t.Errorf("what it has left behind was measured again:\n%s%s", table, again)
	}
	if _, err := parseOptions([]string{"-program", program}); !errors.Is(err, errUsage) {
		t.Errorf("without a directory: %v", err)
	}
	_, err := parseOptions([]string{"-program", program, "-keep", keep, "-sizes", "2k,1k"})
	if !errors.Is(err, errUsage) {
		t.Errorf("shrinking: %v", err)
	}
}

// What is kept is measured again without being loaded, until it was written to.
func TestBenchKeeps(t *testing.T) {
	keep := t.TempDir()
	run := func(args ...string) (progress string) {
		t.Helper()
		o, err := parseOptions(append([]string{"-n", "1k", "-engines", "ours,http,bleve,sqlite", "-centers", "13",
			"-cap", "1m", "-per-shape", "1ns",
			"-mix", "50ms", "-only", "caller", "-keep", keep}, args...))

		if err != nil {
			t.Fatal(err)
		}

		var stdout, stderr bytes.Buffer
		if err := bench(t.Context(), o, &stdout, &stderr); err != nil {
			t.Fatalf("%v\n%s", err, &stderr)
		}

		if !strings.Contains(stdout.String(), "All answers are equal.") {
			t.Errorf("the answers differ:\n%s", &stdout)
		}

		return stderr.String()
	}

	for _, step := range []struct {
		args   []string
		loaded int // engines that were loaded before
	}{{[]string{"-load-only"}, 0}, {[]string{"-writes", "0"}, 3}, {[]string{"-writes", "20ms"}, 3},
		{[]string{"-writes", "0"}, 0}} {
		if n := strings.Count(run(step.args...), "was loaded before"); n != step.loaded {
			t.Errorf("%s: %d engines were loaded before, want %d", step.args, n, step.loaded)
		}
	}
}

// A long run may be done in parts.
func TestBenchAdds(t *testing.T) {
	out, dir := t.TempDir(), t.TempDir()
	run := func(args ...string) error {
		t.Helper()
		o, err := parseOptions(append([]string{"-centers", "13", "-cap", "1m", "-per-shape", "1ns", "-mix", "50ms",
			"-writes", "0", "-only", "caller", "-dir", dir,
			"-add", "-out", out}, args...))
		if err != nil {
			t.Fatal(err)
		}
		return bench(t.Context(), o, io.Discard, io.Discard)
	}

	for _, args := range [][]string{{"-n", "2k", "-engines", "sqlite"}, {"-n", "1k", "-engines", "ours"},
		{"-n", "2k", "-engines", "ours"}, {"-n", "1k", "-engines", "ours"}} {
		if err := run(args...); err != nil {
			t.Fatalf("%s: %v", args, err)
		}
	}

	data, err := os.ReadFile(filepath.Join(out, "bench.json"))
	if err != nil {
		t.Fatal(err)
	}

	var r report.Report
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}

	var got []string
	for _, s := range r.Sizes {
		for _, m := range s.Results {
			got = append(got, fmt.Sprint(s.Recordings, " ", m.Engine))
		}
	}

	if want := []string{"1000 ours", "2000 ours", "2000 sqlite"}; !slices.Equal(got, want) {
		t.Errorf("there are the results %q, want %q", got, want)
	}

	if n := strings.Count(r.Command, "\n") + 1; n != 3 {
		t.Errorf("there are %d commands, want 3:\n%s", n, r.Command)
	}

	if err := run("-order", "shuffled", "-n", "1k", "-engines", "ours"); err == nil {
		t.Error("results of another corpus are added")
	}
}

// An engine that cannot be measured fails the run, and the others are measured all the same.
func TestBenchWithoutAnEngine(t *testing.T) {
	o, err := parseOptions([]string{"-n", "1k", "-engines", "bleve,sqlite", "-centers", "2", "-dir", t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	err = bench(t.Context(), o, io.Discard, io.Discard)
	if err == nil || strings.Count(err.Error(), "was not measured") != 2 {
		t.Errorf("error %v, want that of two engines", err)
	}
}

func TestSizes(t *testing.T) {
	o, err := parseOptions([]string{"-sizes", "1500,20k,0.5M,1M"})
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{1500, 20_000, 500_000, 1_000_000}; !slices.Equal(o.sizes, want) {
		t.Errorf("sizes %d, want %d", o.sizes, want)
	}
}

func TestRefusesWrongUsage(t *testing.T) {
	for _, args := range []string{"-n x", "-n 0", "-n 2000M", "-n -1k", "-sizes 1k,,2k", "-engines mysql",
		"-order random", "-cap 0s", "-mix -1s", "now", "-x"} {
		if _, err := parseOptions(strings.Fields(args)); !errors.Is(err, errUsage) {
			t.Errorf("%s: error %v, want %v", args, err, errUsage)
		}
	}
}
