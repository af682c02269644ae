//go:build integration

package reconcile_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"recordings/blob"
	"recordings/blob/blobtest"
	"recordings/erase"
	"recordings/erase/jobs"
	"recordings/erase/reconcile"
	"recordings/index"
	"recordings/index/embedded"
	"recordings/mapping"
)

// openVersity is an index beside a real S3 server, and what compares them.
func openVersity(t testing.TB) (*embedded.Index, *blobtest.Versity, *reconcile.Reconciliations) {
	t.Helper()
	server := blobtest.StartVersity(t)
	x, err := embedded.Open(context.Background(), embedded.Options{Dir: t.TempDir(), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	media, err := blob.New(context.Background(), blob.Options{S3: blob.S3{
		Buckets: []string{blobtest.Bucket}, Endpoint: server.URL, PathStyle: true, Region: "us-east-1",
		AccessKey: blobtest.User, SecretKey: blobtest.Password,
	}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := reconcile.Open(context.Background(), reconcile.Options{
		Index: x, Eraser: erase.New(x, media), Media: media, Keeper: jobs.NewFiles(filepath.Join(t.TempDir(), "jobs")),
		Log: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Close()
		media.Close()
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x, server, r
}

// fillVersity puts n objects, and recordings that name those between from and to.
func fillVersity(t testing.TB, x *embedded.Index, server *blobtest.Versity, n, from, to int) {
	t.Helper()
	var all sync.WaitGroup
	next := make(chan int)
	for range 16 {
		all.Go(func() {
			for i := range next {
				server.Put(t, key(i), []byte("audio"))
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()

	var named []*mapping.Recording
	for i := from; i < to; i++ {
		d := mapping.MediaDescriptor{
			Storage: mapping.StorageS3, Path: key(i), Data: fmt.Appendf(nil, `{"bucket":%q}`, blobtest.Bucket),
		}
		named = append(named, &mapping.Recording{
			ID: fmt.Sprint(i), CallerPhoneNumber: "1", DialedPhoneNumber: "2", Region: "us",
			MediaFiles: []mapping.MediaFile{{Descriptor: d, CallUUID: "c", Size: "5"}},
		})
	}
	for _, result := range x.PutAll(t.Context(), "cc", named, index.PutOptions{}) {
		if result.Err != nil {
			t.Fatal(result.Err)
		}
	}
}

func key(i int) string { return fmt.Sprintf("2026/05/%02d/call-%06d.mp3", i%28, i) }

// compare compares, and returns how that ended.
func compare(t testing.TB, r *reconcile.Reconciliations) reconcile.Reconciliation {
	t.Helper()
	one, err := r.Begin(t.Context(), "cc", "ops", reconcile.Request{})
	for deadline := time.Now().Add(5 * time.Minute); err == nil && one.Ended == 0; {
		if time.Now().After(deadline) {
			t.Fatalf("it does not end: %+v", one)
		}
		time.Sleep(2 * time.Millisecond)
		one, err = r.Get(t.Context(), "cc", one.Number)
	}
	if err != nil {
		t.Fatal(err)
	}
	return one
}

// TestVersity: a real S3 server has some of what is named, and some that nobody names, which is too young
// to be told of.
func TestVersity(t *testing.T) {
	x, server, r := openVersity(t)
	fillVersity(t, x, server, 1500, 100, 1600) // two pages of a listing
	one := compare(t, r)
	if one.Media != 1500 || one.Objects != 1500 || one.Missing != 100 || one.Unnamed != 0 || one.OtherSize != 0 {
		t.Errorf("%+v", one)
	}
}

// BenchmarkReconcile compares objects of a real S3 server with as many recordings, one in a hundred of
// which misses its own.
func BenchmarkReconcile(b *testing.B) {
	const n = 10_000
	x, server, r := openVersity(b)
	fillVersity(b, x, server, n, n/100, n+n/100)
	var took time.Duration
	for b.Loop() {
		began := time.Now()
		if one := compare(b, r); one.Missing != n/100 || one.Objects != n {
			b.Fatalf("%+v", one)
		}
		took += time.Since(began)
	}
	b.ReportMetric(float64(n*b.N)/took.Seconds(), "objects/s")
}
