package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"recordings/api"
	"recordings/blob"
)

// metric is a sample of the exposition: what stands in front of its value.
func (s *testServer) metric(t testing.TB, sample string) string {
	t.Helper()
	a := s.do(t, "GET", "/metrics", "ops", nil, "")
	if a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	for line := range strings.Lines(a.body) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), sample+" "); ok {
			return value
		}
	}
	return ""
}

func (s *testServer) wantMetric(t testing.TB, sample, want string) {
	t.Helper()
	if got := s.metric(t, sample); got != want {
		t.Errorf("%s is %q, want %q", sample, got, want)
	}
}

// TestMetrics lets things happen, and looks which metrics move.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s, dav := mediaServer(t)
	dav.write(t, "a.wav", noise(100))
	postMedia(t, s, "r1", "audio/wav", "a.wav", "missing.wav")
	for _, uri := range mediaURIs(t, s, "alice", "r1") {
		s.do(t, "GET", strings.TrimPrefix(uri, s.URL), "alice", nil, "")
	}
	s.do(t, "GET", "/api/v2/recordings?startTime=0", "alice", nil, "")
	s.do(t, "GET", "/api/v2/recordings?startTime=x", "alice", nil, "")
	s.do(t, "GET", "/api/v2/export?startTime=0", "alice", nil, "")
	s.do(t, "GET", "/no/such/path", "", nil, "")
	r, err := http.NewRequest("GET", s.URL+"/api/v2/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("alice", "guessed")
	resp, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	s.do(t, "DELETE", opsPath+"/r1?subresources=*", "ops", nil, "")

	request := func(route, method string, status int) string {
		return fmt.Sprintf(
			`recordings_http_request_duration_seconds_count{method="%s",route="%s",status="%d"}`,
			method,
			route,
			status,
		)
	}
	for sample, want := range map[string]string{
		request("/api/v2/recordings", "GET", 200):                                      "1",
		request("/api/v2/recordings", "GET", 400):                                      "1",
		request("/api/v2/recordings/{id}/play/{media}", "GET", 200):                    "1",
		request("/api/v2/recordings/{id}/play/{media}", "GET", 404):                    "1",
		request("/api/v2/ops/contact-centers/{ccid}/recordings/{id}", "DELETE", 200):   "1",
		request("none", "GET", 404):                                                    "1",
		request("/api/v2/me", "GET", 401):                                              "1",
		`recordings_media_duration_seconds_count{operation="open",storage="webDAV"}`:   "2",
		`recordings_media_errors_total{operation="open",storage="webDAV"}`:             "1",
		`recordings_media_duration_seconds_count{operation="delete",storage="webDAV"}`: "2",
		`recordings_logins_refused_total{reason="credentials"}`:                        "1",
		`recordings_logins_refused_total{reason="brake"}`:                              "0",
		"recordings_exported_total":                                                    "1",
		"recordings_http_requests_running":                                             "1", // this one
	} {
		s.wantMetric(t, sample, want)
	}
	a := s.do(t, "GET", "/metrics", "ops", nil, "")
	problems, err := promlint.New(strings.NewReader(a.body)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", err, problems)
	}
	for _, secret := range []string{"r1", "alice", `"cc"`, "a.wav"} {
		if strings.Contains(a.body, secret) {
			t.Errorf("the metrics tell %q", secret)
		}
	}
	checkAnswer(t, s.do(t, "GET", "/metrics", "alice", nil, ""), 403, 5, "role")
	checkAnswer(t, s.do(t, "GET", "/metrics", "", nil, ""), 401, 20, "password")
	checkAnswer(t, s.do(t, "GET", "/metrics?x=1", "ops", nil, ""), 400, 2, "x")
}

// TestMetricsOfOthers: the page has what the caller registered, and the same cannot be registered
// twice.
func TestMetricsOfOthers(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "something_else", Help: "Of the caller's."}))
	s := newServer(t, api.Options{Metrics: registry})
	s.wantMetric(t, "something_else", "0")
	x := openIndex(t)
	o := api.Options{Index: x, Media: newMedia(t, blob.Options{}), Region: "test", Metrics: registry}
	fillIndex(t, &o)
	fillErasing(t, &o)
	_, err := api.New(o)
	if err == nil || !strings.Contains(err.Error(), "metrics") {
		t.Errorf("two servers share a registry: %v", err)
	}
}
