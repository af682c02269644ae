package measure_test

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"recordings/cmd/bench/corpus"
	"recordings/cmd/bench/engine"
	"recordings/cmd/bench/measure"
)

// Bleve keeps its analysis workers from when the program starts until it ends.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/blevesearch/bleve_index_api.AnalysisWorker"))
}

func plan(t *testing.T, name string) measure.Plan {
	t.Helper()
	return measure.Plan{
		Engine:   name,
		Corpus:   corpus.Options{Recordings: 1000, Centers: 13, Order: corpus.Chronological},
		Dir:      t.TempDir(),
		Cap:      time.Minute,
		PerShape: time.Nanosecond,
		Mix:      50 * time.Millisecond,
		Writes:   50 * time.Millisecond,
	}
}

func TestMeasuresEverything(t *testing.T) {
	results, err := measure.Run(t.Context(), plan(t, engine.SQLiteName), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 1 {
		t.Fatalf("%d results, want 1", len(results))
	}
	checkResult(t, &results[0])
}

// Our index is loaded once for both ways to reach it.
func TestMeasuresOursAndHTTPTogether(t *testing.T) {
	p := plan(t, engine.HTTPName)
	p.Only = "caller"
	results, err := measure.Run(t.Context(), p, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 2 || results[0].Engine != engine.OursName || results[1].Engine != engine.HTTPName {
		t.Fatalf("%d results, want those of %s and %s", len(results), engine.OursName, engine.HTTPName)
	}

	for i := range results {
		checkResult(t, &results[i])
	}

	for i, s := range results[0].Shapes {
		if got := results[1].Shapes[i]; len(got.IDs) != len(s.IDs) || got.More != s.More {
			t.Errorf("%s: %d recordings over HTTP, want %d", s.Name, len(got.IDs), len(s.IDs))
		}
	}
}

func checkResult(t *testing.T, m *measure.Result) {
	t.Helper()
	if m.Failure != "" || m.Version == "" || m.Recordings != 1000 || m.Build <= 0 || m.DiskBytes <= 0 {
		t.Errorf("result without its facts: %+v", m)
	}
	if m.Memory.Loading <= 0 || m.Memory.Searching <= 0 || m.Memory.GoHeap <= 0 || m.Memory.Mapped < m.Memory.GoHeap {
		t.Errorf("memory %+v cannot be", m.Memory)
	}

	for _, s := range m.Shapes {
		ours := slices.ContainsFunc([]string{"call's UUID", "media id", "changed since"}, func(name string) bool {
			return strings.HasPrefix(s.Name, name)
		})
		if m.Engine == engine.SQLiteName && ours {
			if s.Problem != measure.NotKept {
				t.Errorf("%s: %+v, want that the tables do not keep it", s.Name, s)
			}
			continue
		}
		if l := s.Latency; s.Problem != "" || l.N < 3 || l.P50 <= 0 || l.P50 > l.P99 || l.P99 > l.Max ||
			l.First > l.Max {
			t.Errorf("%s: %+v cannot be", s.Name, s)
		}
	}

	if len(m.DurableRates) != 3 || m.DurableRates[0].PerSecond <= 0 {
		t.Errorf("durable rates %v, want three that are positive", m.DurableRates)
	}
	if m.Mix.N == 0 || m.MixWriting.N == 0 || m.WritingRate <= 0 {
		t.Errorf("mix %+v, while writing %+v at %f/s: nothing was measured", m.Mix, m.MixWriting, m.WritingRate)
	}
}

// A search beyond its cap is told, and does not stop the others.
func TestTellsWhatIsTooSlow(t *testing.T) {
	p := plan(t, engine.SQLiteName)
	p.Cap, p.Writes, p.Only = time.Nanosecond, 0, "everything"
	results, err := measure.Run(t.Context(), p, io.Discard)
	if err != nil {
		t.Fatal(err)
	}

	for _, s := range results[0].Shapes {
		if s.Problem != measure.TooSlow || s.IDs != nil {
			t.Errorf("%s: problem %q with %d recordings, want %q and none", s.Name, s.Problem, len(s.IDs),
				measure.TooSlow)
		}
	}
}

func TestRefusesWhatItDoesNotKnow(t *testing.T) {
	p := plan(t, "oracle")
	if _, err := measure.Run(t.Context(), p, io.Discard); err == nil {
		t.Error("measured an engine that there is not")
	}

	p = plan(t, engine.SQLiteName)
	p.Corpus.Centers = 2
	if _, err := measure.Run(t.Context(), p, io.Discard); err == nil {
		t.Error("measured a corpus without the contact centers that are searched")
	}
}
