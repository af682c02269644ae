package client_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"recordings/cmd/recordings/internal/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// environment returns a getenv that knows these variables alone.
func environment(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

var alice = environment(map[string]string{"RECORDINGS_USER": "alice", "RECORDINGS_PASSWORD": "secret"})

// serve answers every request by a handler, and returns a client of it.
func serve(t *testing.T, handler http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)

	c, err := client.New(server.URL+"/", alice)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestServerIsAURL(t *testing.T) {
	for _, server := range []string{
		"", "127.0.0.1:8080", "ftp://127.0.0.1", "http://", "http://u:p@127.0.0.1", "http://127.0.0.1/?a=b", "http://[",
	} {
		_, err := client.New(server, alice)
		if _, ok := errors.AsType[*client.SetupError](err); !ok || !strings.Contains(err.Error(), "--server") {
			t.Errorf("%q: %v", server, err)
		}
	}
}

func TestUser(t *testing.T) {
	dir := t.TempDir()
	known := filepath.Join(dir, ".netrc")
	if err := os.WriteFile(known, []byte("machine 127.0.0.1 login bob password hidden\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	for _, c := range []struct {
		name   string
		server string
		vars   map[string]string
		user   string // that is sent; "" for none
		err    string
	}{
		{"environment", "", map[string]string{"RECORDINGS_USER": "alice", "RECORDINGS_PASSWORD": "secret", "HOME": dir},
			"alice", ""},
		{"home", "", map[string]string{"HOME": dir}, "bob", ""},
		{"NETRC", "", map[string]string{"NETRC": known}, "bob", ""},
		{"no file", "", map[string]string{"HOME": filepath.Join(dir, "none")}, "",
			"set RECORDINGS_USER and RECORDINGS_PASSWORD"},
		{"another host", "http://other.example", map[string]string{"HOME": dir}, "", "does not name other.example"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var sent string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				sent, _, _ = r.BasicAuth()
				_, _ = io.WriteString(w, "{}")
			}))
			defer server.Close()

			if c.server == "" {
				c.server = server.URL
			}

			cl, err := client.New(c.server, environment(c.vars))
			if c.err != "" {
				if _, ok := errors.AsType[*client.SetupError](err); !ok || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer cl.Close()

			var answer struct{}
			if err := cl.Call(t.Context(), http.MethodGet, "/", nil, &answer); err != nil || sent != c.user {
				t.Errorf("sent as %q: %v", sent, err)
			}
		})
	}
}

func TestRequests(t *testing.T) {
	var got string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = r.Method + " " + r.URL.RequestURI() + " " + r.Header.Get("Content-Type") + " " + string(body)
		_, _ = io.WriteString(w, `{"n":7}`+"\n")
	})

	var answer struct {
		N int `json:"n"`
	}

	query := url.Values{"a": {"b c"}}
	read := func(body io.ReadCloser, err error) error {
		if err != nil {
			return err
		}
		defer body.Close()

		text, err := io.ReadAll(body)
		if string(text) != `{"n":7}`+"\n" {
			t.Errorf("read %q", text)
		}
		return err
	}

	for _, call := range []struct {
		do   func() error
		want string
	}{
		{func() error { return c.Call(t.Context(), http.MethodDelete, "/x%2Fy", query, &answer) },
			"DELETE /x%2Fy?a=b+c  "},
		{func() error { return c.Post(t.Context(), "/x", map[string]int{"k": 1}, &answer) },
			`POST /x application/json {"k":1}`},
		{func() error { return read(c.Open(t.Context(), "/x", query)) }, "GET /x?a=b+c  "},
		{func() error { return read(c.Stream(t.Context(), "/x", nil, strings.NewReader("l\n"))) },
			"POST /x application/x-ndjson l\n"},
	} {
		answer.N = 7
		if err := call.do(); err != nil || got != call.want || answer.N != 7 {
			t.Errorf("got %q, %d, %v; want %q", got, answer.N, err, call.want)
		}
	}
}

// TestRefusals: the service's own words are what the user gets.
func TestRefusals(t *testing.T) {
	for body, want := range map[string]string{
		`{"statusCode":5,"statusMessage":"the role does not permit this"}` + "\n": "the role does not permit this",
		"<html>": "is this the recordings service?",
		"":       "is this the recordings service?",
	} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, body)
		})

		_, err := c.Open(t.Context(), "/", nil)
		refused, ok := errors.AsType[*client.RefusedError](err)
		if !ok || refused.Status != http.StatusForbidden || refused.Message != want {
			t.Errorf("%q: %v", body, err)
		}
	}
}

// TestNoRedirect: the credentials go nowhere else.
func TestNoRedirect(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the redirect was followed")
	}))
	defer elsewhere.Close()

	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	})

	var answer struct{}
	err := c.Call(t.Context(), http.MethodGet, "/", nil, &answer)
	refused, ok := errors.AsType[*client.RefusedError](err)
	if !ok || refused.Status != http.StatusTemporaryRedirect {
		t.Errorf("got %v", err)
	}
}
