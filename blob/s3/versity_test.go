//go:build integration

package s3_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"recordings/blob"
	"recordings/blob/blobtest"
	"recordings/mapping"
)

// gateway is a real S3 server with the bucket calls, and a client for it that is not the one under test.
type gateway struct {
	url string
	api *awss3.Client
}

func newGateway(t *testing.T) *gateway {
	g := &gateway{url: blobtest.StartVersity(t).URL}
	g.api = awss3.New(awss3.Options{
		Region: "us-east-1", BaseEndpoint: &g.url, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(blobtest.User, blobtest.Password, ""),
	})
	if _, err := g.api.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: aws.String("calls")}); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *gateway) options() blob.Options {
	o := options(g.url)
	o.S3.AccessKey, o.S3.SecretKey = blobtest.User, blobtest.Password
	return o
}

func (g *gateway) put(t testing.TB, key string, data []byte) {
	t.Helper()
	in := &awss3.PutObjectInput{Bucket: aws.String("calls"), Key: &key, Body: bytes.NewReader(data)}
	if _, err := g.api.PutObject(t.Context(), in); err != nil {
		t.Fatalf("putting %q: %v", key, err)
	}
}

func (g *gateway) has(t testing.TB, key string) bool {
	t.Helper()
	_, err := g.api.HeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: aws.String("calls"), Key: &key})
	if missing := (*types.NotFound)(nil); err != nil && !errors.As(err, &missing) {
		t.Fatal(err)
	}
	return err == nil
}

func TestVersity(t *testing.T) {
	g := newGateway(t)
	wrong := g.options()
	wrong.S3.SecretKey = "wrong"
	storage := blobtest.Storage{
		Options:          g.options(),
		WrongCredentials: wrong,
		Descriptor:       func(name string) mapping.MediaDescriptor { return descriptor("", name) },
		Put:              g.put,
		Has:              g.has,
	}
	blobtest.Run(t, storage)
	t.Run("checksums", func(t *testing.T) {
		storage.Options.S3.Checksums = "when_supported"
		blobtest.Run(t, storage)
	})
}

// versions counts what a bucket holds under a key: data, and delete markers.
func (g *gateway) versions(t testing.TB, key string) (data, markers int) {
	t.Helper()
	out, err := g.api.ListObjectVersions(t.Context(), &awss3.ListObjectVersionsInput{Bucket: aws.String("calls"), Prefix: &key})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range out.Versions {
		if *v.Key == key {
			data++
		}
	}
	for _, v := range out.DeleteMarkers {
		if *v.Key == key {
			markers++
		}
	}
	return data, markers
}

func TestVersionedBucket(t *testing.T) {
	g := newGateway(t)
	g.put(t, "a.wav", []byte("before versioning"))
	_, err := g.api.PutBucketVersioning(t.Context(), &awss3.PutBucketVersioningInput{
		Bucket:                  aws.String("calls"),
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a.wav", "a.wav", "a.wav.bak", "a.wa"} {
		g.put(t, key, []byte("a version"))
	}
	// Somebody has put a delete marker, so that readers do not find the object; its data is there all the same.
	if _, err := g.api.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: aws.String("calls"), Key: aws.String("a.wav")}); err != nil {
		t.Fatal(err)
	}
	if data, markers := g.versions(t, "a.wav"); data != 3 || markers != 1 {
		t.Fatalf("there are %d versions and %d markers, want 3 and 1", data, markers)
	}
	store := blobtest.NewStore(t, g.options(), new(blobtest.Observer))
	for range 2 {
		if err := store.Delete(t.Context(), descriptor("", "a.wav")); err != nil {
			t.Fatal(err)
		}
		if data, markers := g.versions(t, "a.wav"); data != 0 || markers != 0 {
			t.Errorf("%d versions and %d markers are left", data, markers)
		}
	}
	for _, key := range []string{"a.wav.bak", "a.wa"} {
		r, err := store.Open(t.Context(), descriptor("", key), blob.Want{})
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(r); err != nil || string(text) != "a version" {
			t.Errorf("%s: %q, %v", key, text, err)
		}
		r.Close()
	}
}
