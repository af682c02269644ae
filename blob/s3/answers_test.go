package s3_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-json-experiment/json"

	"recordings/blob"
	"recordings/blob/blobtest"
	"recordings/mapping"
)

// TestMarkerIsNotDeleted: where the versions cannot be listed, or not be deleted, a delete marker
// is a failure.
func TestMarkerIsNotDeleted(t *testing.T) {
	const list = `<ListVersionsResult><Name>calls</Name><IsTruncated>false</IsTruncated><Version>` +
		`<Key>a.wav</Key><VersionId>v1</VersionId></Version>` +
		`</ListVersionsResult>`
	denied := func(w http.ResponseWriter) {
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, "<Error><Code>AccessDenied</Code><Message>a.wav is not yours</Message></Error>")
	}

	for name, answer := range map[string]func(w http.ResponseWriter, r *http.Request){
		"listing denied": func(w http.ResponseWriter, _ *http.Request) { denied(w) },
		"deleting denied": func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodDelete {
				denied(w)
				return
			}
			io.WriteString(w, list)
		},
		"nothing happens": func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodDelete {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			io.WriteString(w, list)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var versioned atomic.Int64 // requests about versions
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch q := r.URL.Query(); {
				case q.Has("versions") || q.Has("versionId"):
					versioned.Add(1)
					answer(w, r)
				case r.Method == http.MethodDelete:
					w.Header().Set("X-Amz-Delete-Marker", "true")
					w.Header().Set("X-Amz-Version-Id", "m1")
					w.WriteHeader(http.StatusNoContent)
				default:
					w.WriteHeader(http.StatusNotFound) // as readers see it, it is gone
				}
			}))
			defer server.Close()

			store := blobtest.NewStore(t, options(server.URL), new(blobtest.Observer))
			err := store.Delete(t.Context(), descriptor("", "a.wav"))
			if !errors.Is(err, blob.ErrRefused) || !strings.Contains(err.Error(), "versioned") ||
				strings.Contains(err.Error(), "a.wav") {
				t.Errorf("error %v", err)
			}
			if versioned.Load() == 0 {
				t.Error("nobody asked for the versions")
			}
		})
	}
}

// TestChecksum: damaged media is not passed off as good, if the storage keeps checksums and they
// are to be looked at.
func TestChecksum(t *testing.T) {
	data := blobtest.Data(100_000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Checksum-Mode") == "ENABLED" {
			w.Header().Set("X-Amz-Checksum-Crc32", "AAAAAA==")
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		w.Write(data)
	}))
	defer server.Close()

	for mode, kind := range map[string]error{"": nil, "when_required": nil, "when_supported": blob.ErrRefused} {
		o := options(server.URL)
		o.S3.Checksums = mode
		r, err := blobtest.NewStore(t, o, new(blobtest.Observer)).Open(t.Context(), descriptor("", "a.wav"),
			blob.Want{})
		if err != nil {
			t.Fatal(err)
		}

		got, err := io.ReadAll(r)
		r.Close()
		if !errors.Is(err, kind) || !bytes.HasPrefix(data, got) || (err == nil) != (len(got) == len(data)) {
			t.Errorf("%q: read %d bytes, error %v, want %v", mode, len(got), err, kind)
		}
	}
}

// TestKeysAreSentAsTheyAre: a key is no path, and nothing of it is cleaned.
func TestKeysAreSentAsTheyAre(t *testing.T) {
	server := blobtest.NewServer(t, blobtest.S3)
	store := blobtest.NewStore(t, options(server.URL), new(blobtest.Observer))
	for key, want := range map[string]string{
		"/a.wav": "//a.wav", "a//b.wav": "/a//b.wav", "a/": "/a/", "//": "///", "a%2Fb": "/a%252Fb", "a+b": "/a%2Bb",
		"a b":   "/a%20b",
		"a?b#c": "/a%3Fb%23c", `\a\b`: "/%5Ca%5Cb", "ü": "/%C3%BC", "...": "/...", "a\nb": "/a%0Ab", "a\x00": "/a%00",
		"http://evil.example/x": "/http%3A//evil.example/x",
	} {
		if _, err := store.Open(t.Context(), descriptor("", key), blob.Want{}); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("%q: error %v", key, err)
		}
		if got := server.Requests(); len(got) != 1 || got[0] != "GET /calls"+want+"?x-id=GetObject" {
			t.Errorf("%q was asked for as %q, want %q", key, got, want)
		}
	}
}

// TestMissingBucket: that a bucket is not there says nothing about the media.
func TestMissingBucket(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, "<Error><Code>NoSuchBucket</Code></Error>")
	}))
	defer server.Close()

	store := blobtest.NewStore(t, options(server.URL), new(blobtest.Observer))
	if _, err := store.Open(t.Context(), descriptor("", "a.wav"), blob.Want{}); !errors.Is(err, blob.ErrRefused) {
		t.Errorf("opening: %v", err)
	}

	if err := store.Delete(t.Context(), descriptor("", "a.wav")); !errors.Is(err, blob.ErrRefused) {
		t.Errorf("deleting: %v", err)
	}
}

// TestOtherRegion: a server that says where the bucket really is does not get the request sent
// there.
func TestOtherRegion(t *testing.T) {
	canary := blobtest.NewCanary(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amz-Bucket-Region", "eu-central-1")
		w.WriteHeader(http.StatusMovedPermanently)
		io.WriteString(w, "<Error><Code>PermanentRedirect</Code><Endpoint>"+strings.TrimPrefix(canary.URL, "http://")+
			"</Endpoint></Error>")
	}))
	defer server.Close()

	store := blobtest.NewStore(t, options(server.URL), new(blobtest.Observer))
	if _, err := store.Open(t.Context(), descriptor("", "a.wav"), blob.Want{}); !errors.Is(err, blob.ErrRefused) {
		t.Errorf("opening: %v", err)
	}

	if err := store.Delete(t.Context(), descriptor("", "a.wav")); !errors.Is(err, blob.ErrRefused) {
		t.Errorf("deleting: %v", err)
	}
}

// TestRefusals: what S3 says about the state of an object, and about its region, is told in words.
func TestRefusals(t *testing.T) {
	data, err := os.ReadFile("testdata/refusals.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Name   string            `json:"name"`
		Status int               `json:"status"`
		Header map[string]string `json:"header"`
		Body   string            `json:"body"`
		Says   []string          `json:"says"`
		Lacks  []string          `json:"lacks"`
		Public string            `json:"public"`
	}
	if err := json.Unmarshal(data, &all, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}

	for _, c := range all {
		t.Run(c.Name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for name, value := range c.Header {
					w.Header().Set(name, value)
				}
				w.WriteHeader(c.Status)
				io.WriteString(w, c.Body)
			}))
			defer server.Close()

			store := blobtest.NewStore(t, options(server.URL), new(blobtest.Observer))
			_, err := store.Open(t.Context(), descriptor("", "a.wav"), blob.Want{})
			if err == nil || blob.PublicMessage(err) != c.Public {
				t.Fatalf("error %v, everybody learns %q, want %q", err, blob.PublicMessage(err), c.Public)
			}
			for _, part := range c.Says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %v does not say %q", err, part)
				}
			}
			for _, part := range c.Lacks {
				if strings.Contains(err.Error(), part) {
					t.Errorf("error %v says %q", err, part)
				}
			}
		})
	}
}

// TestRegions: each bucket is asked for with a signature for its own region.
func TestRegions(t *testing.T) {
	var scopes []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=svc/")
		scopes = append(scopes, r.URL.Path+" "+strings.Split(scope, "/")[1])
		w.WriteHeader(http.StatusForbidden)
	}))
	defer server.Close()

	o := options(server.URL)
	o.S3.Buckets = append(o.S3.Buckets, "archive", "old")
	o.S3.Regions = []blob.BucketRegion{
		{Bucket: "archive", Region: "eu-central-1"}, {Bucket: "old", Region: "us-east-1"},
	}
	store := blobtest.NewStore(t, o, new(blobtest.Observer))
	for _, bucket := range o.S3.Buckets {
		d := mapping.MediaDescriptor{Storage: mapping.StorageS3, Path: "a", Data: []byte(`{"bucket":"` + bucket + `"}`)}
		if _, err := store.Open(t.Context(), d, blob.Want{}); !errors.Is(err, blob.ErrRefused) {
			t.Error(err)
		}
	}
	want := []string{"/calls/a us-east-1", "/archive/a eu-central-1", "/old/a us-east-1"}
	if !slices.Equal(scopes, want) {
		t.Errorf("signed for %q, want %q", scopes, want)
	}

	o.S3.Regions = []blob.BucketRegion{{Bucket: "other", Region: "eu-central-1"}, {Bucket: "calls"}}
	if _, err := blob.New(t.Context(), o); err == nil ||
		!strings.Contains(err.Error(), "regions[0].bucket must be one of") ||
		!strings.Contains(err.Error(), "regions[1].region is required") {
		t.Errorf("wrong regions: %v", err)
	}
}
