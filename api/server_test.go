package api_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	"golang.org/x/crypto/argon2"

	"recordings/api"
	"recordings/api/auth"
	"recordings/blob"
	"recordings/index"
	"recordings/index/embedded"
)

// The password of every user in these tests, and its hash with the least parameters: hashing is not
// what is tested.
const password = "correct horse"

var cheapHash = func() string {
	salt := []byte("0123456789abcdef")
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf(
		"$argon2id$v=19$m=8,t=1,p=1$%s$%s",
		b64(salt),
		b64(argon2.IDKey([]byte(password), salt, 1, 8, 1, 32)),
	)
}()

// The users that every test server has.
var (
	opsUser   = auth.User{Name: "ops", PasswordHash: cheapHash, Role: auth.RoleOps}
	adminUser = auth.User{Name: "alice", PasswordHash: cheapHash, Role: auth.RoleAdmin, ContactCenter: "cc"}
)

// openIndex opens an index in a directory of the test's own.
func openIndex(t testing.TB) index.Index {
	t.Helper()
	x, err := embedded.Open(context.Background(), embedded.Options{Dir: t.TempDir(), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

// newHandler is the API with the options that a test leaves out filled in.
func newHandler(t testing.TB, o api.Options) *api.Server {
	t.Helper()
	if o.Index == nil {
		o.Index = openIndex(t)
	}
	fillIndex(t, &o)
	if o.Media == nil {
		o.Media = newMedia(t, blob.Options{})
	}
	if o.Region == "" {
		o.Region = "test"
	}
	if o.Users == nil {
		o.Users = []auth.User{opsUser, adminUser}
	}
	s, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fillIndex takes what else the API needs of an index from the one that a test gives, as far as
// that has it, and the rest from one of its own.
func fillIndex(t testing.TB, o *api.Options) {
	t.Helper()
	own := sync.OnceValue(func() index.Index { return openIndex(t) })

	fill(&o.Centers, o.Index, own)
	fill(&o.Orphans, o.Index, own)
	fill(&o.Health, o.Index, own)
	fill(&o.Operations, o.Index, own)
	fill(&o.Backups, o.Index, own)
}

// fill gives an option that has none the value from, if that is of its type, or else the value of
// own.
func fill[T comparable](option *T, from index.Index, own func() index.Index) {
	if *option != *new(T) {
		return
	}

	value, ok := from.(T)
	if !ok {
		value = own().(T)
	}
	*option = value
}

// testServer is the API behind a real HTTP server, and a client of it.
type testServer struct {
	*httptest.Server
	client *http.Client
}

func newServer(t testing.TB, o api.Options) *testServer {
	t.Helper()
	s := httptest.NewServer(newHandler(t, o))
	t.Cleanup(s.Close)
	client := &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 32, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(client.CloseIdleConnections)
	return &testServer{s, client}
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
}

// do sends a request whose target goes on the wire as it is written here: nothing is cleaned or
// escaped.
func (s *testServer) do(t testing.TB, method, target, user string, header map[string]string, body string) reply {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequest(method, s.URL, reader)
	if err != nil {
		t.Fatal(err)
	}
	path, query, _ := strings.Cut(target, "?")
	r.URL = &url.URL{Scheme: "http", Host: strings.TrimPrefix(s.URL, "http://"), Opaque: path, RawQuery: query}
	if user != "" {
		r.SetBasicAuth(user, password)
	}
	for name, value := range header {
		r.Header.Set(name, value)
		if name == "Host" {
			r.Host = value
		}
	}
	resp, err := s.client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return reply{resp.StatusCode, resp.Header, string(b)}
}
