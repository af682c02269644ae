//go:build !race

// This is about time, of which the race detector makes another. `make integration` runs all tests without it.
package api_test

import (
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTimingOfTeams: how long an answer takes does not tell a recording of another team from one that is
// not there. Both are asked for in turns, 2,000 times each.
func TestTimingOfTeams(t *testing.T) {
	s := newMatrixServer(t)
	for name, request := range map[string]func(id string) (method, target, body string){
		"reading": func(id string) (method, target, body string) { return "GET", "/api/v2/recordings/" + id, "" },
		"marking many": func(id string) (method, target, body string) {
			body = `{"operationName":"applyNonDelete","recordings":["` + id + `","` + id + `"]}`
			return "POST", "/api/v2/recordings", body
		},
	} {
		t.Run(name, func(t *testing.T) {
			cookie := signedIn(t, s, "east")
			compareTimes(t, func(id string) time.Duration {
				method, target, body := request(id)
				return s.timed(t, method, target, cookie, body)
			})
		})
	}
}

// timed is how long a request takes of which nothing is found.
func (s *testServer) timed(t *testing.T, method, target string, cookie *http.Cookie, body string) time.Duration {
	t.Helper()
	r, err := http.NewRequest(method, s.URL+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(cookie)
	r.Header.Set("Content-Type", "application/json")

	began := time.Now()
	resp, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(resp.Body)
	took := time.Since(began)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusNotFound && !strings.Contains(string(answer), "cannot be found") {
		t.Fatalf("%v: %s", err, answer)
	}
	return took
}

// compareTimes asks for two recordings of which east sees neither. What else the machine does can make one of
// them look slower once; what tells them apart does so each time.
func compareTimes(t *testing.T, ask func(id string) time.Duration) {
	const rounds = 3
	first := longer(t, ask)
	for n := 1; n < rounds && first != 0; n++ {
		if longer(t, ask) != first {
			return
		}
	}
	if first != 0 {
		t.Errorf("the same one takes longer in each of %d rounds", rounds)
	}
}

// longer returns 1 if what is hidden takes longer than what is missing, -1 if it is the other way round,
// and 0 if nothing tells them apart.
func longer(t *testing.T, ask func(id string) time.Duration) int {
	const n = 2000
	took := map[string][]time.Duration{}
	ids := []string{"team", "nowhere"}
	for i := range n + 200 {
		for _, j := range rand.Perm(len(ids)) { // so that neither is always in the same place
			if d := ask(ids[j]); i >= 200 {
				took[ids[j]] = append(took[ids[j]], d)
			}
		}
	}

	// How often one takes longer than the other: a half of the time, if nothing tells them apart.
	hidden, missing := took["team"], took["nowhere"]
	slices.Sort(hidden)
	slices.Sort(missing)
	above := 0
	for _, d := range hidden {
		at, _ := slices.BinarySearch(missing, d)
		above += at
	}
	share := float64(above) / (n * n)
	t.Logf("medians %v and %v; another team's takes longer in %.3f of all pairs", hidden[n/2], missing[n/2], share)
	switch { // by chance alone, 1 of 10,000 rounds is beyond these
	case share < 0.465:
		return -1
	case share > 0.535:
		return 1
	}
	return 0
}
