package webdav_test

import (
	"net/url"
	"strings"
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
