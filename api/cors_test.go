package api_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"recordings/api"
)

// TestPreflights: a browser that asks beforehand gets to know what it may send, without credentials
// and for every path, if it asks for an origin that is configured.
func TestPreflights(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/preflights.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name, Origin, Method, Headers string
		Allowed                       bool
	}
	if err := json.Unmarshal(data, &cases, json.MatchCaseInsensitiveNames(true)); err != nil || len(cases) < 10 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}

	s := newServer(t, api.Options{Origins: []string{"https://app.example.com", "http://localhost:3000"}})
	for _, c := range cases {
		h := map[string]string{"Origin": c.Origin, "Access-Control-Request-Method": c.Method}
		if c.Headers != "" {
			h["Access-Control-Request-Headers"] = c.Headers
		}
		a := s.do(t, "OPTIONS", opsPath+"/r1", "", h, "")

		want := [4]string{}
		if c.Allowed {
			want = [4]string{c.Origin, c.Method, c.Headers, "true"}
		}
		const allow = "Access-Control-Allow-"
		got := [4]string{a.header.Get(allow + "Origin"), a.header.Get(allow + "Methods"),
			a.header.Get(allow + "Headers"), a.header.Get(allow + "Credentials")}
		if a.status != 204 || a.body != "" || got != want {
			t.Errorf("%s: %d %q, %q; want %q", c.Name, a.status, a.body, got, want)
		}
	}
}

// TestNoOrigins: unless some are configured, no other origin is told anything.
func TestNoOrigins(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	for _, method := range []string{"GET", "OPTIONS"} {
		h := map[string]string{"Origin": "https://app.example.com", "Access-Control-Request-Method": "GET"}
		a := s.do(t, method, opsPath+"/r1", "", h, "")
		if a.status != 401 || a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %d %v", method, a.status, a.header)
		}
	}
}

// TestOriginsAreNoPatterns: what stands for several origins is refused.
func TestOriginsAreNoPatterns(t *testing.T) {
	t.Parallel()
	patterns := []string{"*", "https://*.example.com"}
	for _, origin := range append(patterns, "null", "", "app.example.com", "https://a.example.com/") {
		_, err := api.New(api.Options{Origins: []string{origin}})
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("origin %q", origin)) {
			t.Errorf("%q: %v", origin, err)
		}
	}
}
