package api_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"
	"golang.org/x/crypto/argon2"

	"recordings/api"
	"recordings/api/auth"
	auditstore "recordings/audit/store"
	"recordings/blob"
	"recordings/erase"
	"recordings/erase/deletion"
	"recordings/erase/jobs"
	"recordings/erase/reconcile"
	"recordings/erase/retention"
	"recordings/index"
	"recordings/index/embedded"
	"recordings/mapping"
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
	adminUser = auth.User{Name: "alice", PasswordHash: cheapHash, Role: auth.RoleAdmin, ContactCenters: []string{"cc"}}
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

// openAudit opens an audit log in memory, unless the options say where.
func openAudit(t testing.TB, o auditstore.Options) *auditstore.Log {
	t.Helper()
	if o.FS == nil {
		o.Dir, o.FS = "audit", vfs.NewMem()
	}
	o.Log = zerolog.Nop()
	l, err := auditstore.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // a broken one may tell of it
	return l
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
	if _, none := o.Audit.(noAudit); none {
		o.Audit = nil
	} else if o.Audit == nil {
		o.Audit = openAudit(t, auditstore.Options{})
	}
	if o.Region == "" {
		o.Region = "test"
	}
	fillErasing(t, &o)
	if o.Users == nil {
		o.Users = []auth.User{opsUser, adminUser}
	}
	s, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// unmarked is an index without holds, which fails as the one that it is made of does.
type unmarked struct{ index.Index }

func (x unmarked) Claim(
	ctx context.Context, contactCenter, id string, _ func(*mapping.MediaDescriptor) index.Media,
) (*mapping.Recording, func(), error) {
	r, err := x.Get(ctx, index.Scope{ContactCenter: contactCenter}, id)
	return r, func() {}, err
}

func (x unmarked) Mark(context.Context, string, string, func(*mapping.Recording) error) error {
	return errors.ErrUnsupported
}

func (x unmarked) MarkAll(_ context.Context, _ string, ids []string, _ func(*mapping.Recording) error) []error {
	return slices.Repeat([]error{errors.ErrUnsupported}, len(ids))
}

func (x unmarked) NamedBy(context.Context, index.Media, int) ([]index.Naming, error) { return nil, nil }

func (x unmarked) ClaimMedia(context.Context, ...index.Media) (func(), error) { return func() {}, nil }

// erasable is an index that is put together.
type erasable struct {
	index.Index
	index.Orphans
	index.Marks
	index.MediaNames
}

// fillIndex takes what else the API needs of an index from the one that a test gives, as far as
// that has it, and the rest from one of its own.
func fillIndex(t testing.TB, o *api.Options) {
	t.Helper()
	own := sync.OnceValue(func() index.Index { return openIndex(t) })

	fill(&o.Histograms, o.Index, own)
	fill(&o.Centers, o.Index, own)
	fill(&o.Orphans, o.Index, own)
	fill(&o.Marks, o.Index, own)
	fill(&o.Labels, o.Index, own)
	fill(&o.Searches, o.Index, own)
	fill(&o.Health, o.Index, own)
	fill(&o.Operations, o.Index, own)
	fill(&o.Backups, o.Index, own)
}

// fillErasing makes what deletes recordings.
func fillErasing(t testing.TB, o *api.Options) {
	t.Helper()
	if o.Eraser == nil {
		fillEraser(o)
	}
	if o.Deletions == nil {
		openJobs(t, o, 0)
	}
}

// fillEraser makes what deletes one recording.
func fillEraser(o *api.Options) {
	parts := erasable{Index: o.Index, Orphans: o.Orphans, Marks: unmarked{o.Index}, MediaNames: unmarked{o.Index}}
	if x, ok := o.Index.(interface {
		index.Marks
		index.MediaNames
	}); ok {
		parts.Marks, parts.MediaNames = x, x
	}
	o.Eraser = erase.New(parts, o.Media)
}

// openJobs opens what deletes and compares in the background, of which so many bytes of results are kept; 0: the
// default.
func openJobs(t testing.TB, o *api.Options, maxResults int64) {
	t.Helper()
	d, err := deletion.Open(context.Background(), deletion.Options{
		Index: o.Index, Orphans: o.Orphans, Eraser: o.Eraser, Keeper: jobs.NewFiles(t.TempDir() + "/deletions"),
		Region: o.Region, Log: zerolog.Nop(), MaxResults: maxResults,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	o.Deletions = d
	o.Reconciliations, err = reconcile.Open(context.Background(), reconcile.Options{
		Index: o.Index, Eraser: o.Eraser, Media: o.Media, Keeper: jobs.NewFiles(t.TempDir() + "/reconciliations"),
		Log: zerolog.Nop(), MaxResults: maxResults,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Reconciliations.Close)
	o.Retention = retention.Start(retention.Options{Deletions: d, Centers: o.Centers, Log: zerolog.Nop()})
	t.Cleanup(o.Retention.Close)
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
	api    *api.Server
	each   bool // each of its answers is judged by the description
	faulty bool // its index fails as no real one does at such a request
}

func newServer(t testing.TB, o api.Options) *testServer {
	t.Helper()
	_, real := o.Index.(*embedded.Index)
	faulty := o.Index != nil && !real
	handler := newHandler(t, o)
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	client := &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 32, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(client.CloseIdleConnections)
	return &testServer{Server: s, client: client, api: handler, faulty: faulty}
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
}

// requestID is what all requests of [testServer.do] are called, so that what should be the same to the
// byte can be compared so.
const requestID = "request-of-the-test"

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
	r.Header.Set("X-Request-Id", requestID)
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
	a := reply{resp.StatusCode, resp.Header, string(b)}
	if err := theContract(t).check(method, target, a, s.each); err != nil && !s.faulty {
		t.Errorf("%s %s is not answered as it is described: %v", method, target, err)
	}
	return a
}
