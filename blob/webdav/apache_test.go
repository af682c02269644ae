//go:build integration

package webdav_test

import (
	"testing"

	"recordings/blob"
	"recordings/blob/blobtest"
	"recordings/mapping"
)

func TestApache(t *testing.T) {
	server := blobtest.StartApache(t)
	origin := blob.Origin{URL: server.URL, Username: blobtest.User, Password: blobtest.Password}
	wrong := origin
	wrong.Password = "wrong"
	blobtest.Run(t, blobtest.Storage{
		Options:          blob.Options{WebDAV: blob.WebDAV{Origins: []blob.Origin{origin}}},
		WrongCredentials: blob.Options{WebDAV: blob.WebDAV{Origins: []blob.Origin{wrong}}},
		Descriptor: func(name string) mapping.MediaDescriptor {
			return mapping.MediaDescriptor{Storage: mapping.StorageWebDAV, Path: server.URL + escape(name)}
		},
		Put: server.Put,
		Has: server.Has,
	})
}
