//go:build integration

package engine_test

import (
	"os"
	"path/filepath"
	"testing"

	"recordings/cmd/bench/engine"
)

func TestPostgresAnswersRight(t *testing.T) {
	o := options(t)
	// PostgreSQL runs as another user when we are root.
	if err := os.Chmod(filepath.Dir(o.Dir), 0o711); err != nil {
		t.Fatal(err)
	}

	e, err := engine.OpenPostgres(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}

	testEngine(t, e)
}
