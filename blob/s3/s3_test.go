package s3_test

import (
	"testing"

	"go.uber.org/goleak"

	"recordings/blob"
	"recordings/blob/blobtest"
	"recordings/mapping"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func options(base string) blob.Options {
	return blob.Options{S3: blob.S3{
		Buckets: []string{"calls"}, Region: "us-east-1", Endpoint: base, PathStyle: true, AccessKey: "svc",
		SecretKey: "secret",
	}}
}

func descriptor(_, name string) mapping.MediaDescriptor {
	return mapping.MediaDescriptor{Storage: mapping.StorageS3, Path: name, Data: []byte(`{"bucket":"calls"}`)}
}

func TestSuite(t *testing.T) {
	server := blobtest.NewServer(t, blobtest.S3)
	server.RequireUser("svc")
	wrong := options(server.URL)
	wrong.S3.AccessKey = "mallory"
	blobtest.Run(t, blobtest.Storage{
		Options:          options(server.URL),
		WrongCredentials: wrong,
		Descriptor:       func(name string) mapping.MediaDescriptor { return descriptor("", name) },
		Put:              func(_ testing.TB, name string, data []byte) { server.Put("/calls/"+name, data) },
		Has:              func(_ testing.TB, name string) bool { return server.Has("/calls/" + name) },
	})
}

func TestFaults(t *testing.T) {
	blobtest.RunFaults(t, blobtest.FaultTarget{
		Dialect: blobtest.S3, Options: options, Descriptor: descriptor,
		Path: func(name string) string { return "/calls/" + name },
	})
}
