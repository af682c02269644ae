package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"recordings/cmd/recordings/internal/config"
)

// TestProblems runs testdata/problems: each file is a configuration, which begins with what must be
// told about it, line by line, as comments. A comment of the form "#$ NAME=value" sets an
// environment variable, "#- name=value" a flag.
func TestProblems(t *testing.T) {
	files, err := filepath.Glob("testdata/problems/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}

	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}

			s, want := readCase(string(data))
			_, err = config.Parse(data, s)
			var problems config.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("got %v, want problems", err)
			}

			if got := problems.Error(); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func readCase(text string) (config.Sources, string) {
	s := config.Sources{File: "recordings.yaml", Flags: map[string]string{}}
	var want []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "#$ "):
			s.Environ = append(s.Environ, line[3:])
		case strings.HasPrefix(line, "#- "):
			name, value, _ := strings.Cut(line[3:], "=")
			s.Flags[name] = value
		case strings.HasPrefix(line, "# "):
			want = append(want, line[2:])
		default:
			return s, strings.Join(want, "\n")
		}
	}

	return s, strings.Join(want, "\n")
}
