package api_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"recordings/api"
)

// FuzzRequest sends any method and target, by users of each role and by nobody. Whatever it is, the
// answer is the envelope, and never an internal error.
func FuzzRequest(f *testing.F) {
	targets := []string{
		"/", "*", "//", "/healthz", "/readyz", "/api/v2/me", "/api/v2/diagnostics/version", "/api/v2/nothing",
		"http://h/api/v2/me",
		"/api/v2/recordings", "/api/v2/recordings?startTime=0&offset=1&limit=1",
		"/api/v2/recordings/recordings/?callerPhoneNumber=+1*",
		"/api/v2/recordings?userName=%20Alice+AND+%22M%C3%BCller%22", "/api/v2/recordings?userData=a*;b",
		"/api/v2/recordings?startTime=%zz&x",
		"/api/v2/recordings/r1", "/api/v2/recordings/a%2Fb|c", "/api/v2/recordings/%FF%00", "/api/v2/recordings/..",
		"/api/v2/recordings/r1/play/x.mp3",
		"/api/v2/ops/contact-centers/%2E%2E/recordings/%72ecordings", opsPath + "/r1", opsPath + "/r1?subresources=*",
		opsPath + "/r1?subresources=%2a&a",
		"/internal-api/contact-centers/c%0Ac/recordings",
	}
	for i, target := range targets {
		f.Add([]string{"GET", "DELETE", "POST"}[i%3], target, uint8(i/3))
		f.Add("GET", target, uint8(i))
	}
	h := newHandler(f, api.Options{})
	post := httptest.NewRequest("POST", opsPath, strings.NewReader(bodyFor(f, "POST")))
	post.SetBasicAuth("ops", password)
	h.ServeHTTP(httptest.NewRecorder(), post)
	f.Fuzz(func(t *testing.T, method, target string, who uint8) {
		// What this cannot read, the HTTP server answers itself.
		r, err := http.ReadRequest(
			bufio.NewReader(strings.NewReader(method + " " + target + " HTTP/1.1\r\nHost: h\r\n\r\n")),
		)
		if err != nil || r.Method != method {
			return
		}
		user := []string{"ops", "alice", ""}[who%3]
		if user != "" {
			r.SetBasicAuth(user, password)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if method == "HEAD" {
			w.Body.Reset() // the HTTP server does this
		}
		a := reply{w.Code, w.Header(), w.Body.String()}
		if r.URL.Path == "/" && a.status == 200 { // the page
			return
		}
		checkEnvelope(t, method, a)
		if a.status >= 500 {
			t.Errorf("%s %s: %d %s", method, target, a.status, a.body)
		}
	})
}
