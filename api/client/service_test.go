package client_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"
	"golang.org/x/crypto/argon2"
	"golang.org/x/net/webdav"

	"recordings/api"
	"recordings/api/auth"
	"recordings/api/client"
	"recordings/blob"
	"recordings/erase"
	"recordings/erase/deletion"
	"recordings/erase/jobs"
	"recordings/erase/reconcile"
	"recordings/erase/retention"
	"recordings/index/embedded"
	"recordings/mapping"
)

func TestMain(m *testing.M) {
	// Bleve starts its analysis workers once for the process, and never ends them.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/blevesearch/bleve_index_api.AnalysisWorker"))
}

// The password of all users, with a hash that takes no time: hashing is not what is tested.
const password = "secret"

func cheapHash() string {
	salt, b64 := []byte("0123456789abcdef"), base64.RawStdEncoding.EncodeToString
	hash := argon2.IDKey([]byte(password), salt, 1, 8, 1, 32)
	return fmt.Sprintf("$argon2id$v=19$m=8,t=1,p=1$%s$%s", b64(salt), b64(hash))
}

// service is a real one, with an index in a directory and the media of a WebDAV server.
type service struct {
	url   string
	media string // the directory of the media
	close []func()
}

// startService starts a service with the users ops, admin (of the contact center cc) and both (of cc
// and dd). It is for examples, too, which have no test to fail.
func startService() *service {
	s := &service{}
	dir := must(os.MkdirTemp("", "recordings-client-"))
	s.later(func() { _ = os.RemoveAll(dir) })
	s.media = filepath.Join(dir, "media")
	try(os.Mkdir(s.media, 0o700))

	dav := httptest.NewServer(&webdav.Handler{FileSystem: webdav.Dir(s.media), LockSystem: webdav.NewMemLS()})
	s.later(dav.Close)
	origin := dav.URL + "/"
	media := must(blob.New(context.Background(), blob.Options{
		WebDAV: blob.WebDAV{Default: origin, Origins: []blob.Origin{{URL: origin}}},
	}))
	s.later(media.Close)

	x := must(embedded.Open(context.Background(), embedded.Options{
		Dir: filepath.Join(dir, "data"), Log: zerolog.Nop(),
	}))
	s.later(func() { try(x.Close()) })
	try(x.WaitReady(context.Background()))
	eraser := erase.New(x, media)
	deletions := must(deletion.Open(context.Background(), deletion.Options{
		Index: x, Orphans: x, Eraser: eraser, Keeper: jobs.NewFiles(filepath.Join(dir, "deletions")), Region: "us-west",
		Log: zerolog.Nop(),
	}))
	s.later(deletions.Close)
	reconciliations := must(reconcile.Open(context.Background(), reconcile.Options{
		Index: x, Media: media, Keeper: jobs.NewFiles(filepath.Join(dir, "reconciliations")), Log: zerolog.Nop(),
	}))
	s.later(reconciliations.Close)
	policies := retention.Start(retention.Options{Deletions: deletions, Centers: x, Log: zerolog.Nop()})
	s.later(policies.Close)

	hash := cheapHash()
	handler := must(api.New(api.Options{
		Index: x, Histograms: x, Centers: x, Orphans: x, Marks: x, Labels: x, Searches: x, Health: x,
		Operations: x, Backups: x,
		Media:  media,
		Eraser: eraser, Deletions: deletions, Retention: policies, Reconciliations: reconciliations,
		Log: zerolog.Nop(), Region: "us-west", Users: []auth.User{
			{Name: "ops", PasswordHash: hash, Role: auth.RoleOps},
			{Name: "admin", PasswordHash: hash, Role: auth.RoleAdmin, ContactCenters: []string{"cc"}},
			{Name: "both", PasswordHash: hash, Role: auth.RoleAdmin, ContactCenters: []string{"cc", "dd"}},
		},
	}))
	server := httptest.NewServer(handler)
	s.later(server.Close)
	s.url = server.URL
	return s
}

func (s *service) later(do func()) { s.close = append(s.close, do) }

// stop ends what was started, the last first.
func (s *service) stop() {
	for i := len(s.close) - 1; i >= 0; i-- {
		s.close[i]()
	}
}

// running is a service for as long as the test takes.
func running(t *testing.T) *service {
	t.Helper()
	s := startService()
	t.Cleanup(s.stop)
	return s
}

// as is a client of a server as one of the users.
func as(t *testing.T, url, user string) *client.Client {
	t.Helper()
	c, err := client.New(url, client.Options{User: user, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// call is a recording of a call that began so many minutes after another time.
func call(id string, minute int) *client.Recording {
	begin := mapping.Time(1_700_000_000_000 + int64(minute)*60_000)
	return &client.Recording{
		ID: id, CallerPhoneNumber: "+16505550101", DialedPhoneNumber: "+14155550199", Region: "us-west",
		MediaFiles: []client.MediaFile{{
			CallUUID: "c-" + id, StartTime: begin, StopTime: begin + 30_000, Type: "audio/wav",
			Descriptor: &mapping.MediaDescriptor{Storage: mapping.StorageWebDAV, Path: id + ".wav"},
		}},
		EventHistory: []mapping.Event{{
			OccurredAt: begin, Event: mapping.EventJoined, Contact: &mapping.Contact{
				Type: mapping.ContactUser, PhoneNumber: "7001", UserName: "alice",
				FirstName: "Alice", LastName: "Smith",
			},
		}},
		Extra: jsontext.Value(`{"callType":"inbound"}`),
	}
}

// fill posts so many recordings, of which three begin at the same moment each.
func fill(t *testing.T, c *client.Center, n int) {
	t.Helper()
	all := func(yield func(*client.Recording) bool) {
		for i := range n {
			if !yield(call(fmt.Sprintf("r%04d", i), i/3)) {
				return
			}
		}
	}
	for v, err := range c.PostAll(t.Context(), all, client.BatchOptions{}) {
		if err != nil || v.Outcome != client.Created {
			t.Fatalf("%+v, %v", v, err)
		}
	}
}

// answering is a client of a server that answers every request by a handler.
func answering(t *testing.T, handler http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return as(t, server.URL+"/", "admin")
}

func must[T any](v T, err error) T {
	try(err)
	return v
}

func try(err error) {
	if err != nil {
		panic(err)
	}
}
