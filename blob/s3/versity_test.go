//go:build integration

package s3_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"recordings/blob"
	"recordings/blob/blobtest"
	"recordings/mapping"
)

func versityOptions(v *blobtest.Versity) blob.Options {
	o := options(v.URL)
	o.S3.AccessKey, o.S3.SecretKey = blobtest.User, blobtest.Password
	return o
}

func TestVersity(t *testing.T) {
	v := blobtest.StartVersity(t)
	wrong := versityOptions(v)
	wrong.S3.SecretKey = "wrong"
	storage := blobtest.Storage{
		Options:          versityOptions(v),
		WrongCredentials: wrong,
		Descriptor:       func(name string) mapping.MediaDescriptor { return descriptor("", name) },
		Put:              v.Put,
		Has:              v.Has,
	}

	blobtest.Run(t, storage)
	t.Run("checksums", func(t *testing.T) {
		storage.Options.S3.Checksums = "when_supported"
		blobtest.Run(t, storage)
	})
}

// versions counts what a bucket holds under a key: data, and delete markers.
func versions(t testing.TB, server *blobtest.Versity, key string) (data, markers int) {
	t.Helper()
	out, err := server.API.ListObjectVersions(t.Context(),
		&awss3.ListObjectVersionsInput{Bucket: aws.String(blobtest.Bucket), Prefix: &key})
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
	v := blobtest.StartVersity(t)
	v.Put(t, "a.wav", []byte("before versioning"))
	_, err := v.API.PutBucketVersioning(t.Context(), &awss3.PutBucketVersioningInput{
		Bucket:                  aws.String(blobtest.Bucket),
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})

	if err != nil {
		t.Fatal(err)
	}

	for _, key := range []string{"a.wav", "a.wav", "a.wav.bak", "a.wa"} {
		v.Put(t, key, []byte("a version"))
	}

	// Somebody has put a delete marker, so that readers do not find the object; its data is there
	// all the same.
	if _, err := v.API.DeleteObject(t.Context(),
		&awss3.DeleteObjectInput{Bucket: aws.String(blobtest.Bucket), Key: aws.String("a.wav")}); err != nil {
		t.Fatal(err)
	}

	if data, markers := versions(t, v, "a.wav"); data != 3 || markers != 1 {
		t.Fatalf("there are %d versions and %d markers, want 3 and 1", data, markers)
	}

	store := blobtest.NewStore(t, versityOptions(v), new(blobtest.Observer))
	for range 2 {
		if err := store.Delete(t.Context(), descriptor("", "a.wav")); err != nil {
			t.Fatal(err)
		}
		if data, markers := versions(t, v, "a.wav"); data != 0 || markers != 0 {
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

// TestVersityRegion: a real server refuses a signature for another region, and operations learn which
// one it wants.
func TestVersityRegion(t *testing.T) {
	v := blobtest.StartVersity(t)
	v.Put(t, "a.wav", []byte("audio"))
	o := versityOptions(v)
	o.S3.Region = "eu-central-1"
	_, err := blobtest.NewStore(t, o, new(blobtest.Observer)).Open(t.Context(), descriptor("", "a.wav"), blob.Want{})
	if !errors.Is(err, blob.ErrRefused) || !strings.Contains(err.Error(), "us-east-1") {
		t.Errorf("error %v, want one that names the region", err)
	}

	o.S3.Regions = []blob.BucketRegion{{Bucket: blobtest.Bucket, Region: "us-east-1"}}
	r, err := blobtest.NewStore(t, o, new(blobtest.Observer)).Open(t.Context(), descriptor("", "a.wav"), blob.Want{})
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
}
