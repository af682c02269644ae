package webdav_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"recordings/blob"
	"recordings/blob/blobtest"
	"recordings/mapping"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// options point at a WebDAV server with the prefix /rec/.
func options(base string) blob.Options {
	return blob.Options{WebDAV: blob.WebDAV{Origins: []blob.Origin{{URL: base + "/rec/", Username: "svc",
		Password: "pa:ss wörd"}}}}
}

func descriptor(base, name string) mapping.MediaDescriptor {
	return mapping.MediaDescriptor{Storage: mapping.StorageWebDAV, Path: base + "/rec/" + escape(name)}
}

// escape makes the path of a URL of a name.
func escape(name string) string {
	segments := strings.Split(name, "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return strings.Join(segments, "/")
}

func TestSuite(t *testing.T) {
	server := blobtest.NewServer(t, blobtest.WebDAV)
	wrong := options(server.URL)
	wrong.WebDAV.Origins[0].Username = "mallory"
	server.RequireUser("svc")
	blobtest.Run(t, blobtest.Storage{
		Options:          options(server.URL),
		WrongCredentials: wrong,
		Descriptor:       func(name string) mapping.MediaDescriptor { return descriptor(server.URL, name) },
		Put:              func(_ testing.TB, name string, data []byte) { server.Put("/rec/"+name, data) },
		Has:              func(_ testing.TB, name string) bool { return server.Has("/rec/" + name) },
	})
}

func TestFaults(t *testing.T) {
	blobtest.RunFaults(t, blobtest.FaultTarget{
		Dialect: blobtest.WebDAV, Options: options, Descriptor: descriptor,
		Path: func(name string) string { return "/rec/" + name },
	})
}

// TestDeleteWithoutPropfind: on a server that does not know the question what an object is, files are
// what has a length.
func TestDeleteWithoutPropfind(t *testing.T) {
	for name, c := range map[string]struct {
		propfind int
		head     func(w http.ResponseWriter)
		deletes  bool
		kind     error
	}{
		"405, a file": {405, func(w http.ResponseWriter) { w.Header().Set("Content-Length", "10") }, true, nil},
		"501, a file": {501, func(w http.ResponseWriter) { w.Header().Set("Content-Length", "0") }, true, nil},
		"403": {403, func(w http.ResponseWriter) { w.Header().Set("Content-Length", "10") }, false,
			blob.ErrRefused},
		"405, no length": {405, func(w http.ResponseWriter) { w.Header().Set("Transfer-Encoding", "chunked") }, false,
			blob.ErrRefused},
		"405, missing": {405, func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }, false, nil},
		"405, a listing": {405, func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Content-Length", "10")
		}, false, blob.ErrRefused},
		"405, HEAD as well": {405, func(w http.ResponseWriter) { w.WriteHeader(http.StatusMethodNotAllowed) }, false,
			blob.ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			var deleted atomic.Bool
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == "PROPFIND":
					w.WriteHeader(c.propfind)
				case r.Method == http.MethodDelete:
					deleted.Store(true)
					w.WriteHeader(http.StatusNoContent)
				case deleted.Load():
					w.WriteHeader(http.StatusNotFound)
				default:
					c.head(w)
				}
			}))
			defer server.Close()

			store := blobtest.NewStore(t, options(server.URL), new(blobtest.Observer))
			if err := store.Delete(t.Context(), descriptor(server.URL, "calls/x")); !errors.Is(err, c.kind) {
				t.Errorf("error %v, want %v", err, c.kind)
			}
			if deleted.Load() != c.deletes {
				t.Errorf("DELETE was sent: %v", deleted.Load())
			}
		})
	}
}
