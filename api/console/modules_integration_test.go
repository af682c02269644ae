//go:build integration

package console_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// zoneCase is a time on the wall around a change of the clocks, and the moments that it may mean: the
// first and the last, in milliseconds since 1970. The offsets before and behind the change, in
// milliseconds, are there to tell another opinion from another version of the database of zones.
type zoneCase struct {
	Zone   string `json:"zone"`
	Wall   string `json:"wall"`
	First  int64  `json:"first"`
	Last   int64  `json:"last"`
	Change int64  `json:"change"`
	Before int64  `json:"before"`
	After  int64  `json:"after"`
}

// TestModules runs the tests of the page's modules that need no browser. Node is required.
func TestModules(t *testing.T) {
	cases := zoneCases(t)
	data, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "zones.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}

	tests, err := filepath.Glob("webtest/*.test.js")
	if err != nil || len(tests) == 0 {
		t.Fatalf("there are no tests: %v", err)
	}
	args := append([]string{"--import", "./webtest/english.js", "--test"}, tests...)
	cmd := exec.CommandContext(t.Context(), "node", args...)
	cmd.Env = append(os.Environ(), "ZONE_CASES="+file, "LC_ALL=en_US.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%d changes of clocks\n%s", len(cases), out[max(0, len(out)-300):])
}

// zoneCases are times around every change of the clocks in three years, in every zone there is.
func zoneCases(t *testing.T) (cases []zoneCase) {
	t.Helper()
	const root = "/usr/share/zoneinfo"
	for _, area := range []string{
		"Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific",
	} {
		err := filepath.WalkDir(filepath.Join(root, area), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			name, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			zone, err := time.LoadLocation(name)
			if err != nil {
				return err
			}
			cases = append(cases, changesOf(zone)...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return cases
}

// changesOf are the cases of one zone.
func changesOf(zone *time.Location) (cases []zoneCase) {
	offset := func(at time.Time) time.Duration {
		_, seconds := at.In(zone).Zone()
		return time.Duration(seconds) * time.Second
	}

	end := time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC)
	for at := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC); at.Before(end); at = at.Add(24 * time.Hour) {
		next := at.Add(24 * time.Hour)
		before, after := offset(at), offset(next)
		if before == after {
			continue
		}

		for next.Sub(at) > time.Second {
			if middle := at.Add(next.Sub(at) / 2); offset(middle) == before {
				at = middle
			} else {
				next = middle
			}
		}
		change := next.Truncate(time.Second)

		// Walls three hours before and behind the change, and in the middle of what exists twice or never.
		for _, wall := range []time.Time{
			change.Add(before - 3*time.Hour), change.Add((before + after) / 2), change.Add(after + 3*time.Hour),
		} {
			wall = wall.Truncate(time.Minute)
			cases = append(cases, caseOf(zone.String(), wall, change, before, after))
		}
		at = change
	}
	return cases
}

// caseOf works out what a wall time means around a change of the clocks.
func caseOf(zone string, wall, change time.Time, before, after time.Duration) zoneCase {
	first, last := wall.Add(-before), wall.Add(-after)
	early, late := first.Before(change), !last.Before(change)
	switch {
	case early && !late:
		last = first
	case late && !early:
		first = last
	case !early && !late: // there is no such time: the clock of before goes on
		last = first
	}
	return zoneCase{
		Zone: zone, Wall: wall.Format("2006-01-02T15:04"), First: first.UnixMilli(), Last: last.UnixMilli(),
		Change: change.UnixMilli(), Before: before.Milliseconds(), After: after.Milliseconds(),
	}
}
