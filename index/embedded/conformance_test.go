package embedded_test

import (
	"testing"

	"recordings/index/embedded"
	"recordings/index/indextest"
)

// TestConformance runs the suite on disk, where recordings are served from; at full length also in
// memory, which is for tests.
func TestConformance(t *testing.T) {
	t.Run("Disk", func(t *testing.T) { indextest.Run(t, onDisk) })
	if !testing.Short() {
		t.Run("Memory", func(t *testing.T) { indextest.Run(t, inMemory) })
	}
}

func onDisk(t testing.TB) func(testing.TB) indextest.Index {
	return opener(embedded.Eager(embedded.Options{Dir: t.TempDir()}))
}

func inMemory(t testing.TB) func(testing.TB) indextest.Index {
	return opener(embedded.InMemory(embedded.Eager(embedded.Options{Dir: t.TempDir()})))
}

func opener(o embedded.Options) func(testing.TB) indextest.Index {
	return func(t testing.TB) indextest.Index {
		t.Helper()
		x, err := embedded.Open(t.Context(), o)
		if err != nil {
			t.Fatalf("opening the index: %v", err)
		}
		return x
	}
}

// TestProperties makes at least 20,000 random searches on disk, and some more in memory; a tenth of
// these with -short.
func TestProperties(t *testing.T) {
	searches := 20_000
	if testing.Short() {
		searches /= 10
	}

	t.Run("Disk", func(t *testing.T) {
		t.Parallel() // it mostly waits
		indextest.RunProperties(t, onDisk, searches)
	})
	t.Run("Memory", func(t *testing.T) {
		t.Parallel()
		indextest.RunProperties(t, inMemory, searches/4)
	})
}
