package shapes_test

import (
	"strings"
	"testing"

	"go.uber.org/goleak"

	"recordings/cmd/bench/corpus"
	"recordings/cmd/bench/engine"
	"recordings/cmd/bench/shapes"
)

// Bleve keeps its analysis workers from when the program starts until it ends.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/blevesearch/bleve_index_api.AnalysisWorker"))
}

func TestCoverWhatIsSearched(t *testing.T) {
	c := corpus.New(corpus.Options{Recordings: 30_000, Centers: 50, Order: corpus.Chronological})
	all, err := shapes.All(c)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 45 {
		t.Errorf("%d shapes, want at least 45", len(all))
	}

	region, names, centers := all[0].Region, map[string]bool{}, map[string]bool{}
	for _, s := range all {
		if names[s.Name] {
			t.Errorf("two shapes have the name %q", s.Name)
		}
		names[s.Name], centers[s.ContactCenter] = true, true
		if s.Region != region {
			t.Errorf("%s: region %s, the others have %s: one server serves all", s.Name, s.Region, region)
		}
	}

	teams := make(map[string]int)
	for _, s := range all {
		teams[strings.Join(s.Groups, " ")]++
	}
	if len(teams) != 1+len(corpus.Teams) {
		t.Errorf("searches of the teams %v, want all of %v, and of nobody's", teams, corpus.Teams)
	}

	if len(centers) != 3 {
		t.Errorf("searches in %d contact centers, want 3", len(centers))
	}
}

// A search that finds nothing by mistake measures nothing.
func TestFindSomething(t *testing.T) {
	c := corpus.New(corpus.Options{Recordings: 30_000, Centers: 50, Order: corpus.Chronological})
	all, err := shapes.All(c)
	if err != nil {
		t.Fatal(err)
	}

	m := new(engine.Match)
	if err := m.Load(t.Context(), c.All()); err != nil {
		t.Fatal(err)
	}

	found := 0
	for _, s := range all {
		a, err := m.Search(t.Context(), s.Query)
		if err != nil {
			t.Fatal(err)
		}

		if len(a.IDs) > 0 {
			found++
		} else {
			t.Logf("%s: nothing", s.Name)
		}
	}

	if found < len(all)*3/4 {
		t.Errorf("%d of %d shapes find something in 30,000 recordings, want at least three quarters", found, len(all))
	}
}
