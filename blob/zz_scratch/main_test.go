package scratch

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"bytes"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"recordings/blob"
	"recordings/blob/blobtest"
	"recordings/mapping"
)

func rss() string {
	b, _ := os.ReadFile("/proc/self/status")
	for _, l := range strings.Split(string(b), "\n") {
		if strings.HasPrefix(l, "VmRSS") || strings.HasPrefix(l, "VmHWM") {
			fmt.Print(l, "  ")
		}
	}
	return ""
}

type big struct {
	http.ResponseWriter
	n int
}

var pool sync.Map

func (b *big) ReadFrom(src io.Reader) (int64, error) {
	v, _ := pool.LoadOrStore(b.n, &sync.Pool{New: func() any { x := make([]byte, b.n); return &x }})
	buf := v.(*sync.Pool).Get().(*[]byte)
	defer v.(*sync.Pool).Put(buf)
	return io.CopyBuffer(struct{ io.Writer }{b.ResponseWriter}, src, *buf)
}

func TestBuf(t *testing.T) {
	s := blobtest.StartApache(t)
	fill(t, s.Put)
	store, err := blob.New(context.Background(), blob.Options{WebDAV: blob.WebDAV{Origins: []blob.Origin{{URL: s.URL, Username: blobtest.User, Password: blobtest.Password}}}})
	if err != nil {
		t.Fatal(err)
	}
	p := proxy(t, store, func(name string) mapping.MediaDescriptor {
		return mapping.MediaDescriptor{Storage: "webDAV", Path: s.URL + name}
	})
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 300, DisableCompression: true}}
	for range 3 {
		t.Logf("direct %.0f", thru(t, c, func() *http.Request {
			r, _ := http.NewRequest("GET", s.URL+"big.wav", nil)
			r.SetBasicAuth(blobtest.User, blobtest.Password)
			return r
		}))
		for _, n := range []string{"0", "65536", "131072", "262144", "1048576"} {
			t.Logf("buf %s: %.0f", n, thru(t, c, func() *http.Request {
				r, _ := http.NewRequest("GET", p.URL+"/big.wav", nil)
				r.Header.Set("X-Buf", n)
				return r
			}))
		}
	}
}

func proxy(t *testing.T, store *blob.Store, d func(name string) mapping.MediaDescriptor) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rd, err := store.Open(r.Context(), d(strings.TrimPrefix(r.URL.Path, "/")), blob.Want{Stat: r.Method == "HEAD", Range: r.Header.Get("Range")})
		if err != nil {
			http.Error(w, err.Error(), 502)
			return
		}
		defer rd.Close()
		w.Header().Set("Content-Type", "audio/wav")
		if rd.ETag() != "" {
			w.Header().Set("ETag", rd.ETag())
		}
		var ww http.ResponseWriter = w
		if n, _ := strconv.Atoi(r.Header.Get("X-Buf")); n > 0 {
			ww = &big{w, n}
		}
		http.ServeContent(ww, r, "", rd.ModTime(), rd)
		if rd.Err() != nil {
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func firstByte(t *testing.T, c *http.Client, mk func() *http.Request) time.Duration {
	req := mk()
	start := time.Now()
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	var one [1]byte
	if _, err := io.ReadFull(resp.Body, one[:]); err != nil {
		t.Fatal(err, resp.Status)
	}
	d := time.Since(start)
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return d
}

func p50(t *testing.T, c *http.Client, a, b func() *http.Request) (time.Duration, time.Duration) {
	var x, y []time.Duration
	for i := range 2050 {
		p, q := firstByte(t, c, a), firstByte(t, c, b)
		if i >= 50 {
			x = append(x, p)
			y = append(y, q)
		}
	}
	slices.Sort(x)
	slices.Sort(y)
	return x[len(x)/2], y[len(y)/2]
}

func thru(t *testing.T, c *http.Client, mk func() *http.Request) float64 {
	best := 0.0
	for range 3 {
		start := time.Now()
		resp, err := c.Do(mk())
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		best = max(best, float64(n)/1e6/time.Since(start).Seconds())
	}
	return best
}

func measure(t *testing.T, p *httptest.Server, direct func(name string) func() *http.Request) {
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 300, DisableCompression: true}}
	via := func(name string) func() *http.Request {
		return func() *http.Request { r, _ := http.NewRequest("GET", p.URL+"/"+name, nil); return r }
	}
	d, v := p50(t, c, direct("small.wav"), via("small.wav"))
	t.Logf("first byte p50 direct %v via %v diff %v", d, v, v-d)
	t.Logf("throughput 200MB direct %.0f MB/s", thru(t, c, direct("big.wav")))
	t.Logf("throughput 200MB via %.0f MB/s", thru(t, c, via("big.wav")))
	stop := make(chan bool)
	var peak uint64
	var wg0 sync.WaitGroup
	wg0.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapInuse+m.StackInuse)
			}
		}
	})
	var wg sync.WaitGroup
	start := time.Now()
	for range 200 {
		wg.Go(func() {
			resp, err := c.Do(via("50.wav")())
			if err != nil {
				t.Error(err)
				return
			}
			n, err := io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if err != nil || n != 50<<20 {
				t.Error(n, err)
			}
		})
	}
	wg.Wait()
	close(stop)
	wg0.Wait()
	t.Logf("200 x 50MB in %v, heap+stack in use peak %d MB (client included)", time.Since(start), peak>>20)
	rss()
	fmt.Println()
	c.CloseIdleConnections()
}

func TestApache(t *testing.T) {
	s := blobtest.StartApache(t)
	fill(t, s.Put)
	store, err := blob.New(context.Background(), blob.Options{WebDAV: blob.WebDAV{Origins: []blob.Origin{{URL: s.URL, Username: blobtest.User, Password: blobtest.Password}}}})
	if err != nil {
		t.Fatal(err)
	}
	p := proxy(t, store, func(name string) mapping.MediaDescriptor {
		return mapping.MediaDescriptor{Storage: "webDAV", Path: s.URL + name}
	})
	measure(t, p, func(name string) func() *http.Request {
		return func() *http.Request {
			r, _ := http.NewRequest("GET", s.URL+name, nil)
			r.SetBasicAuth(blobtest.User, blobtest.Password)
			return r
		}
	})
}

func fill(t *testing.T, put func(t testing.TB, name string, data []byte)) {
	put(t, "small.wav", blobtest.Data(100_000))
	put(t, "big.wav", blobtest.Data(200<<20))
	put(t, "50.wav", blobtest.Data(50<<20))
	runtime.GC()
}

func TestVersity(t *testing.T) {
	s := blobtest.StartVersity(t)
	api := awss3.New(awss3.Options{Region: "us-east-1", BaseEndpoint: &s.URL, UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider(blobtest.User, blobtest.Password, "")})
	api.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: aws.String("calls")})
	fill(t, func(t testing.TB, name string, data []byte) {
		if _, err := api.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: aws.String("calls"), Key: &name, Body: bytes.NewReader(data)}); err != nil {
			t.Fatal(err)
		}
	})
	store, err := blob.New(context.Background(), blob.Options{S3: blob.S3{Buckets: []string{"calls"}, Region: "us-east-1", Endpoint: s.URL, PathStyle: true, AccessKey: blobtest.User, SecretKey: blobtest.Password}})
	if err != nil {
		t.Fatal(err)
	}
	p := proxy(t, store, func(name string) mapping.MediaDescriptor {
		return mapping.MediaDescriptor{Storage: "awsS3", Path: name, Data: []byte(`{"bucket":"calls"}`)}
	})
	pre := awss3.NewPresignClient(api)
	measure(t, p, func(name string) func() *http.Request {
		u, err := pre.PresignGetObject(t.Context(), &awss3.GetObjectInput{Bucket: aws.String("calls"), Key: &name})
		if err != nil {
			t.Fatal(err)
		}
		return func() *http.Request { r, _ := http.NewRequest("GET", u.URL, nil); return r }
	})
}
