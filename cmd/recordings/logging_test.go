package main

import (
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

func TestLogLines(t *testing.T) {
	out := newLogBuffer()
	l := newLog(out, "warn")
	l.Info().Msg("too little to tell")
	l.Warn().Int("n", 7).Msg("told")
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 1 {
		t.Fatalf("got\n%s", out)
	}

	var first struct {
		Level, Message string
		Time           time.Time
		N              int
	}

	if err := json.Unmarshal([]byte(lines[0]), &first, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatal(err)
	}

	if first.Level != "warn" || first.Message != "told" || first.N != 7 || time.Since(first.Time) > time.Minute ||
		!strings.Contains(lines[0], `Z"`) {
		t.Errorf("got %s", lines[0])
	}
}
