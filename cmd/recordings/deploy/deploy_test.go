// Package deploy_test proves what is installed beside the program: packages, the unit, the image for
// containers, the dashboard and the alarms. What takes long is behind the build tag integration.
package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// readFile is a file of this directory.
func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// unitSettings are the settings of the unit, each with its values.
func unitSettings(text string) map[string][]string {
	settings := map[string][]string{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && !strings.HasPrefix(name, "#") {
			settings[name] = append(settings[name], value)
		}
	}
	return settings
}

// TestUnit: what the service relies on.
func TestUnit(t *testing.T) {
	unit := unitSettings(readFile(t, "recordings.service"))
	for name, want := range map[string]string{
		"Type": "notify", "User": "recordings", "Group": "recordings", "StateDirectory": "recordings",
		"WatchdogSec": "60s", "ExecReload": "/bin/kill -HUP $MAINPID",
		"ExecStart": "/usr/bin/recordings serve --config /etc/recordings/recordings.yaml",
	} {
		if !slices.Equal(unit[name], []string{want}) {
			t.Errorf("%s is %q, want %q", name, unit[name], want)
		}
	}
}

// dashboard is what tests look at in the dashboard.
type dashboard struct {
	Title  string  `json:"title"`
	Panels []panel `json:"panels"`
}

type panel struct {
	ID      int    `json:"id"`
	Type    string `json:"type"`
	Title   string `json:"title"`
	GridPos struct{ H, W, X, Y int }
	Targets []struct {
		Expr string `json:"expr"`
	} `json:"targets"`
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	err := json.Unmarshal([]byte(readFile(t, "dashboard.json")), &d, json.MatchCaseInsensitiveNames(true))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDashboard: every panel has a title, a place of its own, and something to show.
func TestDashboard(t *testing.T) {
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range readDashboard(t).Panels {
		if ids[p.ID] || p.Title == "" || len(p.Targets) == 0 != (p.Type == "row") {
			t.Errorf("%d %q: %d queries", p.ID, p.Title, len(p.Targets))
		}
		ids[p.ID] = true
		if p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%q is wider than the page", p.Title)
		}
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if other := taken[at]; other != "" {
					t.Fatalf("%q lies over %q", p.Title, other)
				}
				taken[at] = p.Title
			}
		}
	}
	if len(ids) < 30 {
		t.Errorf("there are %d panels", len(ids))
	}
}

// ownMetrics finds the names of metrics in a query.
var ownMetrics = regexp.MustCompile(`\b(recordings|process|go)_[a-z0-9_]+`)

// TestMetricsAreDocumented: what an alarm names stands in the chapter about metrics.
func TestMetricsAreDocumented(t *testing.T) {
	readme := readFile(t, filepath.Join("..", "README.md"))
	for _, name := range ownMetrics.FindAllString(readFile(t, "alarms.yaml"), -1) {
		own, ok := strings.CutPrefix(name, "recordings_")
		if !ok {
			continue
		}
		for _, suffix := range []string{"_count", "_bucket", "_sum"} {
			own = strings.TrimSuffix(own, suffix)
		}
		family, _, _ := strings.Cut(own, "_")
		if !strings.Contains(readme, "`"+own+"`") && !strings.Contains(readme, "`"+family+"_…`") {
			t.Errorf("%s is not in the README", name)
		}
	}
}
