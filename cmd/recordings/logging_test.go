package main

import (
	"log"
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
	log.New(warnings{l}, "", 0).Printf("from the HTTP server\n")
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 2 {
		t.Fatalf("got\n%s", out)
	}
	var first, second struct {
		Level, Message, Detail string
		Time                   time.Time
		N                      int
	}
	if err := json.Unmarshal([]byte(lines[0]), &first, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatal(err)
	}
	if first.Level != "warn" || first.Message != "told" || first.N != 7 || time.Since(first.Time) > time.Minute || !strings.Contains(lines[0], `Z"`) {
		t.Errorf("got %s", lines[0])
	}
	if err := json.Unmarshal([]byte(lines[1]), &second, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatal(err)
	}
	if second.Level != "warn" || second.Detail != "from the HTTP server" {
		t.Errorf("got %s", lines[1])
	}
}
