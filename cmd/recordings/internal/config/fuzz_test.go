package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"recordings/cmd/recordings/internal/config"
)

// FuzzParse: whatever the file and a variable hold, the answer is a configuration or problems, each
// of which says where it is.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}

	for _, file := range append(files, "testdata/full.yaml") {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, "[{name: ops, role: ops, password_hash: '"+hash+"'}]")
	}

	f.Fuzz(func(t *testing.T, data []byte, users string) {
		s := config.Sources{File: "recordings.yaml", Environ: []string{"RECORDINGS_USERS=" + users}}
		c, err := config.Parse(data, s)
		var problems config.Problems
		if err == nil {
			if c.Region == "" || len(c.Users)+len(c.Tokens) == 0 && !c.OIDC.Enabled() {
				t.Fatalf("accepted a configuration without region, or that lets nobody in: %+v", c)
			}
			return
		}
		if !errors.As(err, &problems) {
			t.Fatalf("got %v, want problems", err)
		}

		lines := strings.Count(string(data), "\n") + strings.Count(string(data), "\r") + 1
		for _, p := range problems {
			if p.Source == "" || p.Message == "" || p.Line < 0 || p.Source == "recordings.yaml" && p.Line > lines {
				t.Errorf("%+v is not a good problem of %d lines", p, lines)
			}
		}
	})
}
