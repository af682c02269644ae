package api_test

import (
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"recordings/api"
)

// TestLog sends requests full of what must not be logged, and reads the log.
func TestLog(t *testing.T) {
	t.Parallel()
	log := new(safeBuffer)
	s := newServer(t, api.Options{Log: zerolog.New(log)})
	body := strings.ReplaceAll(bodyFor(t, "POST"), "Dima", "Sesame")
	requests := []struct{ method, target, user, body, line string }{
		{
			"POST",
			opsPath,
			"ops",
			body,
			`"method":"POST","route":"/api/v2/ops/contact-centers/{ccid}/recordings","status":200`,
		},
		{"POST", opsPath + "?sesame=1", "ops", body, `"status":400`},
		{"POST", "/api/v2/ops/contact-centers/sesame%0A/recordings", "ops", body, `"status":400`},
		{"POST", opsPath, "ops", `{"Sesame":`, `"status":400`},
		{
			"GET",
			opsPath + "/sesame",
			"ops",
			"",
			`"route":"/api/v2/ops/contact-centers/{ccid}/recordings/{id}","status":404`,
		},
		{
			"GET",
			"/api/v2/ops/contact-centers/sesame/recordings?userName=sesame",
			"ops",
			"",
			`"route":"/api/v2/ops/contact-centers/{ccid}/recordings","status":200`,
		},
		{"GET", "/api/v2/recordings?userName=sesame", "alice", "", `"user":"alice"`},
		{"GET", "/api/v2/recordings?userName=%22sesame", "alice", "", `"status":400`},
		{"GET", "/api/v2/sesame", "alice", "", `"route":"","status":404`},
		{"GET", "/sesame", "", "", `"route":"","status":404`},
		{"GET", "/api/v2/recordings", "sesame", "", `"status":401`},
		{"SESAME", "/api/v2/recordings", "alice", "", `"method":"other"`},
		{"DELETE", opsPath + "/sesame", "ops", "", `"method":"DELETE"`},
	}
	ids := make([]string, len(requests)) // which are random, and may look like anything
	for i, r := range requests {
		a := s.do(
			t,
			r.method,
			r.target,
			r.user,
			map[string]string{"X-Request-Id": "sesame", "User-Agent": "sesame", "Referer": "http://h/sesame"},
			r.body,
		)
		if ids[i] = a.header.Get("X-Request-Id"); strings.Contains(ids[i], "sesame") {
			t.Errorf("the id of the request is what the client sent: %q", ids[i])
		}
	}
	s.Close()
	lines := strings.Split(strings.TrimSuffix(log.String(), "\n"), "\n")
	if len(lines) != len(requests) {
		t.Fatalf("%d lines for %d requests:\n%s", len(lines), len(requests), log)
	}
	for i, line := range lines {
		if !strings.Contains(line, requests[i].line) {
			t.Errorf(
				"%s %s is logged as\n%s\nwithout %s",
				requests[i].method,
				requests[i].target,
				line,
				requests[i].line,
			)
		}
		for _, field := range []string{"request", "bytes", "durationMs", "remote"} {
			if at(decode(t, line), field) == nil {
				t.Errorf("%s is not in the line %s", field, line)
			}
		}
		rest := strings.ToLower(strings.Replace(line, ids[i], "", 1))
		for _, secret := range []string{"sesame", password, "+16504668888", "Pokh"} {
			if strings.Contains(rest, strings.ToLower(secret)) {
				t.Errorf("%q is in the log: %s", secret, line)
			}
		}
	}
}

// TestRequestID: an id that a client or a proxy has given a request, and the trace that it belongs to,
// are those by which the log and the answer know it. Without one, each request has one of its own.
func TestRequestID(t *testing.T) {
	t.Parallel()
	log := new(safeBuffer)
	s := newServer(t, api.Options{Log: zerolog.New(log)})
	const id, trace = "7F000001:8296_0003:0000", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	a := s.do(t, "GET", "/api/v2/recordings/none", "alice",
		map[string]string{"X-Request-Id": id, "Traceparent": trace}, "")
	if a.header.Get("X-Request-Id") != id || at(decode(t, a.body), "requestId") != id {
		t.Errorf("%v %s", a.header, a.body)
	}

	own := map[string]bool{}
	for _, given := range []string{"", "sesame", "1-650-466-8888-00", strings.Repeat("x", 129)} {
		a := s.do(t, "GET", "/api/v2/recordings/none", "alice",
			map[string]string{"X-Request-Id": given, "Traceparent": given}, "")
		own[a.header.Get("X-Request-Id")] = true
		if at(decode(t, a.body), "requestId") != a.header.Get("X-Request-Id") {
			t.Errorf("%v %s", a.header, a.body)
		}
	}
	if len(own) != 4 || own["sesame"] {
		t.Errorf("the ids of requests without a good one are %v", own)
	}

	s.Close()
	first, rest, _ := strings.Cut(log.String(), "\n")
	line := decode(t, first)
	if at(line, "request") != id || at(line, "traceparent") != trace || strings.Contains(rest, "traceparent") {
		t.Errorf("the log is\n%s", log)
	}
}
