package api_test

import (
	"strings"
	"testing"
	"time"

	"recordings/api"
)

// TestUpkeep rebuilds and verifies by the API: who may, what is refused, and how it ends.
func TestUpkeep(t *testing.T) {
	s := newServer(t, api.Options{})
	const reindex, verify = "/api/v2/ops/reindex", "/api/v2/ops/verify"
	for _, c := range []struct {
		method, path, user string
		status             int
		want               string
	}{
		{"GET", reindex, "", 401, `"statusCode":20`},
		{"GET", reindex, "alice", 403, `"statusCode":5`},
		{"POST", verify, "alice", 403, `"statusCode":5`},
		{"DELETE", reindex, "ops", 405, `"statusCode":3`},
		{"GET", reindex + "/pause", "ops", 405, `"statusCode":3`},
		{"POST", reindex + "?now=1", "ops", 400, "is not a parameter"},
		{"POST", reindex + "/pause", "ops", 409, "is not being rebuilt"},
		{"POST", verify + "/cancel", "ops", 409, "verifying is not running"},
		{"POST", verify + "?repair=maybe", "ops", 400, "repair is neither true nor false"},
		{"GET", verify, "ops", 200, `"verify":{"phase":"idle"`},
		{"POST", reindex, "ops", 200, `"reindex":{"phase":"`},
		{"POST", verify + "?repair=true", "ops", 200, `"repair":true`},
	} {
		if a := s.do(t, c.method, c.path, c.user, nil, ""); a.status != c.status ||
			!strings.Contains(a.body, c.want) {
			t.Errorf(
				"%s %s by %q: %d %s, want %d and %s",
				c.method,
				c.path,
				c.user,
				a.status,
				a.body,
				c.status,
				c.want,
			)
		}
	}
	for path, want := range map[string]string{reindex: `"verdict":"done: old and new agree`,
		verify: `"verdict":"done: all is well`} {
		deadline := time.NewTimer(time.Minute)
		tick := time.NewTicker(10 * time.Millisecond)
		for body := ""; !strings.Contains(body, want); {
			select {
			case <-tick.C:
				body = s.do(t, "GET", path, "ops", nil, "").body
			case <-deadline.C:
				t.Fatalf("%s ends as %s", path, body)
			}
		}
		deadline.Stop()
		tick.Stop()
	}
}
