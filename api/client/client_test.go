package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"recordings/api/client"
	"recordings/mapping"
)

func TestServerIsAURL(t *testing.T) {
	for _, server := range []string{
		"", "ftp://127.0.0.1", "http://", "http://u:p@127.0.0.1", "http://127.0.0.1/?a=b", "http://[",
	} {
		_, err := client.New(server, client.Options{})
		if _, ok := errors.AsType[*client.ServerError](err); !ok {
			t.Errorf("%q: %v", server, err)
		}
	}

	for server, want := range map[string]string{
		"127.0.0.1:8080": "http://127.0.0.1:8080", "localhost:1": "http://localhost:1", "[::1]:80": "http://[::1]:80",
		"https://r.example.com/": "https://r.example.com", "http://r.example.com/calls/": "http://r.example.com/calls",
	} {
		c, err := client.New(server, client.Options{})
		if err != nil || c.Server() != want {
			t.Errorf("%q: %v", server, err)
		}
	}
}

// TestRequests: what is asked for goes over the wire as it is written here.
func TestRequests(t *testing.T) {
	var got string
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, _, _ := r.BasicAuth()
		got = user + " " + r.Method + " " + r.URL.RequestURI() + " " + r.Header.Get("Content-Type") + " " + string(body)
		_, _ = io.WriteString(w, `{"n":7}`+"\n")
	})

	var answer struct {
		N int `json:"n"`
	}
	for _, x := range []struct {
		do   func() error
		want string
	}{
		{func() error {
			return c.Call(t.Context(), http.MethodDelete, "/x%2Fy", url.Values{"a": {"b c"}}, &answer)
		}, "admin DELETE /x%2Fy?a=b+c  "},
		{func() error { return c.Post(t.Context(), "/x", map[string]int{"k": 1}, &answer) },
			`admin POST /x application/json {"k":1}`},
		{func() error {
			body, err := c.Open(t.Context(), "/x", nil)
			if err != nil {
				return err
			}
			defer body.Close()
			text, err := io.ReadAll(body)
			if string(text) != "{\"n\":7}\n" {
				t.Errorf("read %q", text)
			}
			return err
		}, "admin GET /x  "},
		{func() error { _, err := c.Center("a/b").Get(t.Context(), ".."); return err },
			"admin GET /api/v2/ops/contact-centers/a%2Fb/recordings/%2E%2E  "},
	} {
		answer.N = 7
		if err := x.do(); err != nil || got != x.want || answer.N != 7 {
			t.Errorf("got %q, %d, %v; want %q", got, answer.N, err, x.want)
		}
	}
}

// TestToken: a token goes before a password.
func TestToken(t *testing.T) {
	var got string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		_, _ = io.WriteString(w, "{}")
	}))
	defer s.Close()

	c, err := client.New(s.URL, client.Options{User: "u", Password: "p", Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Call(t.Context(), http.MethodGet, "/", nil, new(struct{})); err != nil || got != "Bearer t" {
		t.Errorf("sent %q, %v", got, err)
	}
}

// TestRefusals: the service's own words are what the caller gets.
func TestRefusals(t *testing.T) {
	for body, want := range map[string]string{
		`{"statusCode":5,"statusMessage":"the role does not permit this"}` + "\n": "the role does not permit this",
		"<html>": "is this the recordings service?",
		"":       "is this the recordings service?",
	} {
		c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Request-Id", "R1")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, body)
		})

		_, err := c.Own().Get(t.Context(), "x")
		refused, ok := errors.AsType[*client.RefusedError](err)
		if !ok || refused.Status != 403 || refused.Message != want || refused.RequestID != "R1" || refused.Passes() {
			t.Errorf("%q: %v", body, err)
		}
	}
}

// TestRefusedByTheService: the words, the code and the problems are those of a real service.
func TestRefusedByTheService(t *testing.T) {
	s := running(t)
	own := as(t, s.url, "admin").Own()

	_, err := own.Search(t.Context(), client.Query{Criteria: client.Criteria{"startTime": "x", "minDuration": "y"}})
	refused, ok := errors.AsType[*client.RefusedError](err)
	if !ok || refused.Code != client.CodeInvalid || !strings.Contains(refused.Message, "startTime") ||
		len(refused.Problems) != 2 || refused.RequestID == "" {
		t.Errorf("got %+v, %v", refused, err)
	}

	for path, want := range map[error]int{
		second(own.Get(t.Context(), "none")):                                              client.CodeNotFound,
		second(own.Search(t.Context(), client.Query{})):                                   client.CodeMissing,
		second(as(t, s.url, "ops").Own().Get(t.Context(), "none")):                        client.CodeRole,
		second(as(t, s.url, "nobody").Own().Get(t.Context(), "none")):                     client.CodeUnauthenticated,
		second(as(t, s.url, "admin").Center("cc").Delete(t.Context(), "none", false)):     client.CodeRole,
		second(as(t, s.url, "ops").Center("cc").Post(t.Context(), &client.Recording{})):   client.CodeInvalid,
		second(as(t, s.url, "both").Chosen("ee").Get(t.Context(), "none")):                client.CodeRole,
		second(as(t, s.url, "both").Own().Count(t.Context(), client.Criteria{"a": "b"})):  client.CodeMissing,
		second(as(t, s.url, "admin").Own().Count(t.Context(), client.Criteria{"a": "b"})): client.CodeInvalid,
	} {
		if refused, ok := errors.AsType[*client.RefusedError](path); !ok || refused.Code != want {
			t.Errorf("got %v, want the code %d", path, want)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestUnreachable: whoever has typed the address is told what is wrong with it.
func TestUnreachable(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()

	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = discarded()
	secure.StartTLS()
	defer secure.Close()
	hangsUp := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		panic(http.ErrAbortHandler)
	}))
	defer hangsUp.Close()

	for server, want := range map[string]string{
		"http://" + gone.Addr().String():                 "is it running?",
		strings.Replace(plain.URL, "http:", "https:", 1): "try http:// in place of https://",
		secure.URL: "its certificate is not trusted: x509:",
		strings.Replace(secure.URL, "https:", "http:", 1): "write https:// in place of http://",
		hangsUp.URL: "it closed the connection",
	} {
		err := as(t, server, "u").Call(t.Context(), http.MethodGet, "/", nil, new(struct{}))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", server, err, want)
		}
	}

	for reason, want := range map[error]string{
		&net.DNSError{Name: "nowhere.example", IsNotFound: true}:      "there is no host nowhere.example",
		&net.OpError{Op: "dial", Err: context.DeadlineExceeded}:       "in time",
		&tls.CertificateVerificationError{Err: errors.New("too old")}: "not trusted: too old",
		errors.New("proxyconnect tcp: no"):                            "proxyconnect tcp: no",
	} {
		err := &client.UnreachableError{Server: "http://s", Err: reason}
		text := err.Error()
		if !strings.HasPrefix(text, "no service answers at http://s") || !strings.Contains(text, want) {
			t.Errorf("%v is told as %q", reason, text)
		}
	}
}

// TestCanceled: the reason for which the caller gave up comes back, and nothing of HTTP.
func TestCanceled(t *testing.T) {
	begun := make(chan struct{})
	c := answering(t, func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
	})

	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-begun
		cancel(enough)
	}()
	if _, err := c.Own().Get(ctx, "x"); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
}

// TestNoRedirect: the credentials go nowhere else.
func TestNoRedirect(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the redirect was followed")
	}))
	defer elsewhere.Close()

	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	})
	_, err := c.Own().Get(t.Context(), "x")
	if refused, ok := errors.AsType[*client.RefusedError](err); !ok || refused.Status != 307 {
		t.Errorf("got %v", err)
	}
}

// TestURIsOfOthers: of a mediaUri and a nextUri only path and query are used, wherever they point.
func TestURIsOfOthers(t *testing.T) {
	var asked []string
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RequestURI())
		text := `{"statusCode":0,"recordings":[]}`
		if !r.URL.Query().Has("offset") {
			text = `{"recordings":[],"nextUri":"http://elsewhere.invalid/x/api/v2/recordings?a=%25&offset=1"}`
		}
		_, _ = io.WriteString(w, text)
	})

	for _, err := range c.Own().All(t.Context(), client.Query{Criteria: client.Criteria{"a": "%"}}) {
		t.Fatal(err)
	}
	m, err := c.Own().Play(t.Context(), "http://elsewhere.invalid/x/api/v2/recordings/a%2Fb/play/u.wav")
	if err != nil {
		t.Fatal(err)
	}
	m.Close()

	want := "/api/v2/recordings?a=%25 /api/v2/recordings?a=%25&offset=1 /api/v2/recordings/a%2Fb/play/u.wav"
	if got := strings.Join(asked, " "); got != want {
		t.Errorf("asked for %s", got)
	}

	for _, uri := range []string{"http://elsewhere.invalid/secret", "%", ""} {
		if _, err := c.Own().Play(t.Context(), uri); err == nil {
			t.Errorf("%q is played", uri)
		}
	}
}

// TestRecordings posts a recording, and does with it what can be done.
func TestRecordings(t *testing.T) {
	s := running(t)
	ctx := t.Context()
	ops, err := as(t, s.url, "ops").CenterOf(ctx, "cc")
	if err != nil {
		t.Fatal(err)
	}

	if notice, err := ops.Post(ctx, call("a/b", 0)); err != nil || len(notice) > 0 {
		t.Fatalf("%q, %v", notice, err)
	}

	for _, user := range []string{"admin", "both", "ops"} {
		id := "cc"
		if user == "admin" {
			id = ""
		}
		center, err := as(t, s.url, user).CenterOf(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		r, err := center.Get(ctx, "a/b")
		if err != nil || r.ID != "a/b" || r.Seconds() != 30 || string(r.Extra) != `{"callType":"inbound"}` {
			t.Fatalf("%s: %+v, %v", user, r, err)
		}
		m := r.MediaFiles[0]
		if m.URI == "" || m.Descriptor != nil || (m.Original != nil) != (user == "ops") || m.Type != "audio/wav" {
			t.Errorf("%s: the media file is %+v", user, m)
		}

		// What was read can be posted.
		if user == "ops" {
			if _, err := ops.Post(ctx, r); err != nil {
				t.Error(err)
			}
		}
	}

	if n, err := ops.Count(ctx, client.Criteria{mapping.ParamUserName: "smith"}); n != 1 || err != nil {
		t.Errorf("%d match, %v", n, err)
	}
	if deleted, err := ops.Delete(ctx, "a/b", true); err != nil || len(deleted.Failed) > 0 {
		t.Errorf("%+v, %v", deleted, err)
	}
	if n, err := ops.Count(ctx, client.Criteria{mapping.ParamUserName: "smith"}); n != 0 || err != nil {
		t.Errorf("%d match, %v", n, err)
	}
}

// TestPages goes through all pages, and stops where the caller does.
func TestPages(t *testing.T) {
	s := running(t)
	ops := as(t, s.url, "ops").Center("cc")
	fill(t, ops, 25)

	query := client.Query{Criteria: client.Criteria{"startTime": "0"}, Limit: 10, Total: true, Explain: true}
	sizes, last := []int{}, ""
	for page, err := range ops.Pages(t.Context(), query) {
		if err != nil {
			t.Fatal(err)
		}
		if sizes = append(sizes, len(page.Recordings)); page.Total != 25 {
			t.Errorf("the total is %d", page.Total)
		}
		if len(sizes) == 1 && (len(page.Explain) != 1 || page.Explain[0].Matches != 25) {
			t.Errorf("it is explained by %+v", page.Explain)
		}
	}
	if len(sizes) != 3 || sizes[2] != 5 {
		t.Errorf("the pages have %d recordings", sizes)
	}

	seen := 0
	for r, err := range ops.All(t.Context(), query) {
		if err != nil || r.ID == last {
			t.Fatal(r, err)
		}
		if last, seen = r.ID, seen+1; seen == 12 {
			break
		}
	}
	if seen != 12 {
		t.Errorf("%d were seen", seen)
	}

	for _, err := range ops.All(t.Context(), client.Query{}) {
		if refused, ok := errors.AsType[*client.RefusedError](err); !ok || refused.Code != client.CodeMissing {
			t.Errorf("got %v", err)
		}
	}
}

// TestUsers lists who may call; others than operations may not.
func TestUsers(t *testing.T) {
	s := running(t)
	all, since, err := as(t, s.url, "ops").Users(t.Context())
	if err != nil || since == 0 || len(all) == 0 {
		t.Fatalf("%+v, since %d, %v", all, since, err)
	}
	seen := 0
	for _, u := range all {
		if u.UserName == "" || u.Role == "" || u.Kind == "" || u.Expired {
			t.Errorf("a user is %+v", u)
		}
		if u.LastSeen != 0 {
			seen++
		}
	}
	if seen == 0 {
		t.Error("nobody has called, although the list was asked for")
	}

	_, _, err = as(t, s.url, "admin").Users(t.Context())
	if refused, ok := errors.AsType[*client.RefusedError](err); !ok || refused.Code != client.CodeRole {
		t.Errorf("an administrator is told %v", err)
	}
}
