package blobtest

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// versityVersion is the S3 server that the suite runs against.
const versityVersion = "v1.8.0"

// Bucket is the one bucket of a real S3 server.
const Bucket = "calls"

// Versity is a real S3 server: versitygw on a directory.
type Versity struct {
	URL string
	API *s3.Client // the SDK's, and not that of the driver under test
}

// StartVersity builds versitygw, unless that was done before, and starts it with an empty [Bucket].
// It ends with the test.
func StartVersity(t testing.TB) *Versity {
	binary := buildVersity(t)
	root := t.TempDir()
	addr := freeAddr(t)
	worldDir(t, root, "data")
	worldDir(t, root, "versions")
	start(t, "http://"+addr, filepath.Join(root, "log"), binary, "--port", addr, "--access", User, "--secret", Password,
		"--quiet",
		"posix", "--versioning-dir", filepath.Join(root, "versions"), filepath.Join(root, "data"))

	v := &Versity{URL: "http://" + addr}
	v.API = s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: &v.URL, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(User, Password, ""),
	})

	if _, err := v.API.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(Bucket)}); err != nil {
		t.Fatal(err)
	}

	return v
}

// Put stores an object.
func (v *Versity) Put(t testing.TB, key string, data []byte) {
	t.Helper()
	in := &s3.PutObjectInput{Bucket: aws.String(Bucket), Key: &key, Body: bytes.NewReader(data)}
	if _, err := v.API.PutObject(t.Context(), in); err != nil {
		t.Fatalf("putting %q: %v", key, err)
	}
}

// Has reports whether readers find an object.
func (v *Versity) Has(t testing.TB, key string) bool {
	t.Helper()
	_, err := v.API.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(Bucket), Key: &key})
	if missing := (*types.NotFound)(nil); err != nil && !errors.As(err, &missing) {
		t.Fatal(err)
	}
	return err == nil
}

// buildVersity installs versitygw into the user's cache, as a program: its dependencies are not
// those of this module.
func buildVersity(t testing.TB) string {
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}

	dir := filepath.Join(cache, "recordings", "versitygw-"+versityVersion)
	binary := filepath.Join(dir, "versitygw")
	if _, err := os.Stat(binary); err == nil {
		return binary
	}

	cmd := exec.CommandContext(t.Context(), "go", "install",
		"github.com/versity/versitygw/cmd/versitygw@"+versityVersion)
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building versitygw: %v\n%s", err, out)
	}

	return binary
}
