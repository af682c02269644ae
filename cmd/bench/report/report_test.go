package report_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"recordings/cmd/bench/corpus"
	"recordings/cmd/bench/engine"
	"recordings/cmd/bench/measure"
	"recordings/cmd/bench/report"
)

// Bleve keeps its analysis workers from when the program starts until it ends.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/blevesearch/bleve_index_api.AnalysisWorker"))
}

const ms = time.Millisecond

func latency(p50 time.Duration) measure.Latency {
	return measure.Latency{N: 10, First: p50, P50: p50, P99: 2 * p50, Max: 3 * p50}
}

// result has two shapes, which take so long.
func result(name string, first, second time.Duration) measure.Result {
	return measure.Result{
		Engine: name, Version: name + " 1.0", Recordings: 1000, Build: time.Second, DiskBytes: 1_500_000,
		Shapes: []measure.Shape{
			{Name: "everything", Latency: latency(first), IDs: []string{"a", "b"}, More: true},
			{Name: "caller *5*", Adversarial: true, Latency: latency(second), IDs: []string{"c"}},
		},
		Mix: latency(first), MixWriting: latency(second), WritingRate: 1000,
		DurableRates: []measure.Rate{{Writers: 1, PerSecond: 1234}},
	}
}

func newReport(results ...measure.Result) *report.Report {
	return &report.Report{Machine: "a machine", Command: "a command", Cap: 5 * time.Second,
		Corpus: corpus.Options{Centers: 60, Order: corpus.Chronological},
		Sizes:  []report.Size{{Recordings: 1000, Results: results}}}
}

func TestTellsDifferences(t *testing.T) {
	ours := result(engine.OursName, ms, ms)
	tests := []struct {
		name   string
		change func(m *measure.Result)
		want   string // in the only problem; empty: there is none
	}{
		{"equal", func(*measure.Result) {}, ""},
		{"another recording", func(m *measure.Result) { m.Shapes[0].IDs = []string{"a", "x"} },
			"recording 1 of the page is x instead of b"},
		{"another order", func(m *measure.Result) { m.Shapes[0].IDs = []string{"b", "a"} },
			"recording 0 of the page is b instead of a"},
		{"one less", func(m *measure.Result) { m.Shapes[1].IDs = nil },
			"0 recordings (more: false) instead of 1 (more: false)"},
		{"more behind the page", func(m *measure.Result) { m.Shapes[1].More = true },
			"1 recordings (more: true) instead of 1 (more: false)"},
		{"too slow", func(m *measure.Result) { m.Shapes[1].Problem, m.Shapes[1].IDs = measure.TooSlow, nil }, ""},
		{"an error", func(m *measure.Result) { m.Shapes[1].Problem, m.Shapes[1].IDs = "boom", nil },
			"did not answer \"caller *5*\": boom"},
		{"failed", func(m *measure.Result) { *m = measure.Result{Engine: m.Engine, Failure: "no disk"} },
			"was not measured: no disk"},
	}

	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			peer := result(engine.PostgresName, ms, ms)
			test.change(&peer)
			problems := newReport(ours, peer).Problems()
			switch {
			case test.want == "" && len(problems) > 0:
				t.Errorf("problems %q, want none", problems)
			case test.want != "" && (len(problems) != 1 || !strings.Contains(problems[0], test.want)):
				t.Errorf("problems %q, want one with %q", problems, test.want)
			}
		})
	}
}

// Ours has to answer everything in time.
func TestTellsWhatOursDidNotAnswer(t *testing.T) {
	ours := result(engine.OursName, ms, ms)
	ours.Shapes[1].Problem, ours.Shapes[1].IDs = measure.TooSlow, nil
	if problems := newReport(ours, result(engine.BleveName, ms, ms)).Problems(); len(problems) != 1 {
		t.Errorf("problems %q, want one", problems)
	}
}

func TestText(t *testing.T) {
	peer := result(engine.PostgresName, 4*ms, 900*ms)
	peer.Shapes[1].Problem, peer.Shapes[1].IDs = measure.TooSlow, nil
	fast := result(engine.SQLiteName, 500*time.Microsecond, 25*ms)
	var b strings.Builder
	if err := newReport(result(engine.OursName, ms, ms), peer, fast).WriteText(&b); err != nil {
		t.Fatal(err)
	}

	got := b.String()
	for _, want := range []string{
		"a machine\n\na command\n",
		"search                    ours p50  p99  PostgreSQL p50  p99        ×  SQLite p50  p99     ×\n",
		"everything                       1    2               4    8     4.00       0.500    1  0.50\n",
		"caller *5* (adversarial)         1    2         > 5,000    –  > 5,000          25   50    25\n",
		"geometric mean of p50 ÷ ours           1.00       > 141    3.54\n",
		"geometric mean of first searches, ms  1.000           4    3.54\n",
		"worst first search, ordinary, ms          1           4   0.500\n",
		"worst first search, adversarial, ms       1           –      25\n",
		"build, recordings/s                  1,000       1,000   1,000\n",
		"bytes per recording on disk           1500        1500    1500\n",
		"SQLite is ahead by more than 100µs in 1 searches, ms: everything (0.500, ours 1)\n",
		"All answers are equal.\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %q in\n%s", want, got)
		}
	}
}

func TestMarkdown(t *testing.T) {
	var b strings.Builder
	if err := newReport(result(engine.OursName, ms, ms),
		result(engine.BleveName, 4*ms, 9*ms)).WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}

	got := b.String()
	for _, want := range []string{
		"| search | ours p50 | p99 | Bleve p50 | p99 | × |\n|---|---:|---:|---:|---:|---:|\n",
		"| caller \\*5\\* (adversarial) | 1 | 2 | 9 | 18 | 9.00 |\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %q in\n%s", want, got)
		}
	}
}

func TestPlot(t *testing.T) {
	r := newReport(result(engine.OursName, ms, ms), result(engine.BleveName, 4*ms, 9*ms))
	path := filepath.Join(t.TempDir(), "bench.svg")
	if err := r.Plot(path); err != nil {
		t.Fatal(err)
	}

	if _, err := os.Stat(path); err == nil {
		t.Error("a single size was drawn")
	}

	r.Sizes = append(r.Sizes, report.Size{Recordings: 10_000, Results: r.Sizes[0].Results})
	if err := r.Plot(path); err != nil {
		t.Fatal(err)
	}

	svg, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	for _, want := range []string{"<svg", "Bleve", "10k", "</svg>"} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("there is no %q in the plot", want)
		}
	}
}
