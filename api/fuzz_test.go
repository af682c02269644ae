package api_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"recordings/api"
)

// FuzzRequest sends any method and target, by users of each role and by nobody. Whatever it is, the answer is the
// envelope, and never an internal error. The requests of testdata/api are the seeds.
func FuzzRequest(f *testing.F) {
	files, err := filepath.Glob("../testdata/api/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal("there are no cases", err)
	}
	for _, file := range files {
		for _, c := range readGroup(f, file).Cases {
			for _, st := range c.Steps {
				addSeed(f, st)
			}
			if c.Step != nil {
				addSeed(f, *c.Step)
			}
		}
	}
	h := newHandler(f, api.Options{})
	post := httptest.NewRequest("POST", opsPath, strings.NewReader(bodyFor(f, "POST")))
	post.SetBasicAuth("ops", password)
	h.ServeHTTP(httptest.NewRecorder(), post)
	f.Fuzz(func(t *testing.T, method, target string, who uint8) {
		// What this cannot read, the HTTP server answers itself.
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(method + " " + target + " HTTP/1.1\r\nHost: h\r\n\r\n")))
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
		checkEnvelope(t, method, a)
		if a.status >= 500 {
			t.Errorf("%s %s: %d %s", method, target, a.status, a.body)
		}
	})
}

// addSeed adds the request of a step, if it says one.
func addSeed(f *testing.F, st step) {
	request := st.Request
	if st.Search != "" {
		request = "GET {admin}?" + st.Search
	}
	fill := strings.NewReplacer("{ops}", opsPath, "{admin}", "/api/v2/recordings", "{cc}", "cc")
	if method, target, ok := strings.Cut(fill.Replace(request), " "); ok {
		f.Add(method, target, uint8(0))
		f.Add(method, target, uint8(1))
	}
}
