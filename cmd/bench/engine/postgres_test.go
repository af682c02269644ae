//go:build integration

package engine_test

import (
	"testing"

	"recordings/cmd/bench/engine"
)

func TestPostgresAnswersRight(t *testing.T) {
	o := options(t)
	makeTraversable(t, o.Dir)
	e, err := engine.OpenPostgres(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	testEngine(t, e)
}
