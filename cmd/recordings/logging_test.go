package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/cmd/recordings/internal/config"
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

// TestLogForms: who asks for text gets it elsewhere than on a terminal, too, with the day and without
// colours.
func TestLogForms(t *testing.T) {
	for form, want := range map[string]string{
		config.LogText: `^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}\.[0-9]{3} WRN told n=7$`,
		config.LogJSON: `^\{"level":"warn","n":7,"time":"[^"]*Z","message":"told"\}$`,
	} {
		out := newLogBuffer()
		l := newLogIn(form, out, "warn")
		l.Warn().Int("n", 7).Msg("told")
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("%s: got %q", form, out)
		}
	}
}
