//go:build integration

package deploy_test

import (
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// queried is what Prometheus answers.
type queried struct {
	Status string
	Data   struct {
		Result []struct{ Value []any }
		Groups []struct {
			Rules []struct{ Name, State, Health, LastError string }
		}
	}
}

// TestDashboardShows has a real Prometheus, with the configuration that comes with the service, watch a
// service that works: every query of the dashboard has something to show, and no alarm is given.
func TestDashboardShows(t *testing.T) {
	w := watch(t, t.TempDir())
	dir := t.TempDir()
	write(t, filepath.Join(dir, "alarms.yaml"), readFile(t, "alarms.yaml"))
	write(t, filepath.Join(dir, "password"), "secret")
	address := strings.TrimPrefix(w.client.URL, "http://")
	text := strings.NewReplacer(
		"scrape_interval: 15s", "scrape_interval: 250ms\n    scrape_timeout: 250ms",
		"authorization:\n      type: Bearer\n      credentials_file: /etc/prometheus/recordings.token",
		"basic_auth:\n      username: ops\n      password_file: "+filepath.Join(dir, "password"),
		"127.0.0.1:8080", address,
	).Replace(readFile(t, "prometheus.yaml"))
	file := write(t, filepath.Join(dir, "prometheus.yaml"), "global: {evaluation_interval: 250ms}\n"+text)
	run(t, ".", "promtool", "check", "config", file)

	at := freePort(t)
	p := spawn(t, exec.Command("prometheus", "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+at, "--log.level=warn"))
	ask := func(path string, query url.Values) (q queried) {
		resp, err := http.Get("http://" + at + path + "?" + query.Encode())
		if err != nil {
			return q
		}
		defer resp.Body.Close()
		_ = json.UnmarshalRead(resp.Body, &q, json.MatchCaseInsensitiveNames(true)) // what is none has no status
		return q
	}

	// Whatever a panel can show happens, and again and again, so that rates can be made of it.
	w.ordinary(1)
	w.backUp()
	guessed := false
	chosen := strings.NewReplacer("$__rate_interval", "1m", "$job", "recordings", "$instance", ".+")
	for _, panel := range readDashboard(t).Panels {
		for _, target := range panel.Targets {
			expr := chosen.Replace(target.Expr)
			var q queried
			until(t, panel.Title+" shows "+expr, func() bool {
				select {
				case <-p.ended:
					t.Fatalf("Prometheus has ended:\n%s", p.log)
				default:
				}
				w.work()
				if !guessed {
					w.failMedia()
				}
				guessed = true
				q = ask("/api/v1/query", url.Values{"query": {expr}})
				return q.Status == "success" && len(q.Data.Result) > 0
			})
			for _, r := range q.Data.Result {
				if len(r.Value) == 2 && r.Value[1] == "NaN" && !strings.Contains(expr, "histogram_quantile") {
					t.Errorf("%s: %s is no number", panel.Title, expr)
				}
			}
		}
	}

	rules := 0
	until(t, "the alarms were looked at", func() bool {
		rules = 0
		for _, g := range ask("/api/v1/rules", nil).Data.Groups {
			for _, r := range g.Rules {
				if r.Health == "unknown" {
					return false
				}
				rules++
				if r.Health != "ok" || r.State == "firing" {
					t.Errorf("%+v", r)
				}
			}
		}
		return rules > 0
	})
	t.Logf("%d alarms were looked at", rules)
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
}

// failMedia asks for media that the storage does not have.
func (w *watched) failMedia() {
	w.Helper()
	path := filepath.Join(w.dir, "media", "calls", "0.wav")
	if err := os.Rename(path, path+".away"); err != nil {
		w.Fatal(err)
	}
	if a, err := w.client.Call(w.Context(), "admin", "GET", w.mediaPath(), nil); err != nil || a.Status != 404 {
		w.Errorf("playing what is away: %v %d", err, a.Status)
	}
	if err := os.Rename(path+".away", path); err != nil {
		w.Fatal(err)
	}
}
