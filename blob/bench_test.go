package blob_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"recordings/blob"
	"recordings/blob/blobtest"
	"recordings/mapping"
)

// passOn is a service that does nothing but pass media on, as a play does.
func passOn(b *testing.B, store *blob.Store, d mapping.MediaDescriptor) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reader, err := store.Open(r.Context(), d, blob.Want{Range: r.Header.Get("Range")})
		if err != nil {
			b.Error(err)
			return
		}
		defer reader.Close()
		w.Header().Set("Content-Type", "audio/wav")
		http.ServeContent(copying{w}, r, "", reader.ModTime(), reader)
	}))
	b.Cleanup(server.Close)
	return server.URL
}

type copying struct{ http.ResponseWriter }

func (c copying) ReadFrom(src io.Reader) (int64, error) { return blob.Copy(c.ResponseWriter, src) }

// ways are the ways to a storage in memory: directly, and through a service, for both drivers.
func ways(b *testing.B, size int) map[string]string {
	dav, s := blobtest.NewServer(b, blobtest.WebDAV), blobtest.NewServer(b, blobtest.S3)
	dav.Put("/a.wav", blobtest.Data(size))
	s.Put("/calls/a.wav", blobtest.Data(size))
	store := blobtest.NewStore(b, blob.Options{
		S3: blob.S3{Buckets: []string{"calls"}, Region: "us-east-1", Endpoint: s.URL, PathStyle: true,
			AccessKey: "k", SecretKey: "s"},
		WebDAV: blob.WebDAV{Origins: []blob.Origin{{URL: dav.URL}}},
	}, new(blobtest.Observer))
	return map[string]string{
		"direct": dav.URL + "/a.wav", "WebDAV": passOn(b, store, webDAV(dav.URL+"/a.wav")),
		"S3": passOn(b, store, s3("calls", "a.wav")),
	}
}

// get reads the answer, and returns how long its first byte took.
func get(b *testing.B, url string) time.Duration {
	start := time.Now()
	resp, err := http.Get(url)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()

	var one [1]byte
	if _, err := io.ReadFull(resp.Body, one[:]); err != nil || resp.StatusCode != http.StatusOK {
		b.Fatal(resp.Status, err)
	}

	first := time.Since(start)
	if _, err := blob.Copy(io.Discard, resp.Body); err != nil {
		b.Fatal(err)
	}

	return first
}

// BenchmarkPlay plays 200 MB.
func BenchmarkPlay(b *testing.B) {
	const size = 200_000_000
	for name, url := range ways(b, size) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				get(b, url)
			}
		})
	}
}

// BenchmarkFirstByte plays short calls, and reports the median of the times until the first byte.
func BenchmarkFirstByte(b *testing.B) {
	for name, url := range ways(b, 60_000) {
		b.Run(name, func(b *testing.B) {
			var times []time.Duration
			for b.Loop() {
				times = append(times, get(b, url))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Microseconds()), "p50-µs-to-first-byte")
		})
	}
}
