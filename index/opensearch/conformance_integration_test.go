//go:build integration

package opensearch_test

import (
	"flag"
	"os"
	"testing"

	"recordings/index/indextest"
)

// set sets a flag of the tests until a test has ended.
func set(t *testing.T, name, value string) {
	t.Helper()
	before := flag.Lookup(name).Value.String()
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := flag.Set(name, before); err != nil {
			t.Error(err)
		}
	})
}

// TestConformance runs the suite on three nodes, where every shard has a copy: with the sizes of `make test`, or,
// where chance is tortured, at full length.
func TestConformance(t *testing.T) {
	if os.Getenv("RECORDINGS_TORTURE") == "" {
		set(t, "test.short", "true")
	}
	indextest.Run(t, opener(3))
}

// TestProperties makes at least 5,000 random searches. Places are dear here: there are few of them, and more
// is done in each.
func TestProperties(t *testing.T) {
	set(t, "rapid.checks", "10")
	set(t, "rapid.steps", "75")
	indextest.RunProperties(t, inTurn(2), 5000)
}
