//go:build integration

package engine_test

import (
	"os"
	"path/filepath"
	"testing"

	"recordings/cmd/bench/engine"
)

// nodeOptions are options whose directory another user can get through, as whom OpenSearch runs when we are
// root.
func nodeOptions(t *testing.T) engine.Options {
	t.Helper()
	o := options(t)
	if err := os.Chmod(filepath.Dir(o.Dir), 0o711); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestOpenSearchAnswersRight(t *testing.T) {
	e, err := engine.OpenOpenSearch(t.Context(), nodeOptions(t))
	if err != nil {
		t.Fatal(err)
	}
	testEngine(t, e)
}

func TestClusteredAnswersRight(t *testing.T) {
	e, err := engine.OpenClustered(t.Context(), nodeOptions(t))
	if err != nil {
		t.Fatal(err)
	}
	testEngine(t, e)
}

// TestNodesKeep: what was loaded is found by the next process, as -keep has it.
func TestNodesKeep(t *testing.T) {
	for name, open := range map[string]func(engine.Options) (engine.Engine, error){
		"opensearch": func(o engine.Options) (engine.Engine, error) { return engine.OpenOpenSearch(t.Context(), o) },
		"cluster":    func(o engine.Options) (engine.Engine, error) { return engine.OpenClustered(t.Context(), o) },
	} {
		t.Run(name, func(t *testing.T) {
			o := nodeOptions(t)
			want := new(engine.Match)
			if err := want.Load(t.Context(), calls()); err != nil {
				t.Fatal(err)
			}
			for _, o.Loaded = range []bool{false, true} {
				e, err := open(o)
				if err != nil {
					t.Fatal(err)
				}
				if !o.Loaded {
					err = e.Load(t.Context(), calls())
				} else {
					compareAll(t, want, e)
				}
				if err != nil {
					t.Error(err)
				}
				if err := e.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
