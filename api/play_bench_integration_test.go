//go:build integration

package api_test

import (
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"recordings/api"
	"recordings/blob"
	"recordings/blob/blobtest"
)

// playBench is the API in front of a real WebDAV server, with one large file, and a request for it
// on either way.
type playBench struct {
	client          *http.Client
	through, direct *http.Request
}

func newPlayBench(b *testing.B, size int) *playBench {
	apache := blobtest.StartApache(b)
	apache.Put(b, "large.wav", noise(size))
	s := newServer(b, api.Options{Media: newMedia(b, blob.Options{
		WebDAV: blob.WebDAV{
			Origins: []blob.Origin{{URL: apache.URL, Username: blobtest.User, Password: blobtest.Password}},
		},
	})})
	postMedia(b, s, "r1", "audio/wav", apache.URL+"large.wav")
	request := func(url, user, pass string) *http.Request {
		r, err := http.NewRequest("GET", url, nil)
		if err != nil {
			b.Fatal(err)
		}
		r.SetBasicAuth(user, pass)
		return r
	}
	s.client.Transport.(*http.Transport).MaxIdleConnsPerHost = 256
	return &playBench{s.client, request(s.URL+mediaURIs(b, s, "ops", "r1")[0], "ops", password),
		request(apache.URL+"large.wav", blobtest.User, blobtest.Password)}
}

// fetch reads a whole answer and tells after what time its first byte was there.
func (p *playBench) fetch(b *testing.B, r *http.Request) time.Duration {
	began := time.Now()
	resp, err := p.client.Do(r.Clone(b.Context()))
	if err != nil {
		b.Error(err)
		return 0
	}
	defer resp.Body.Close()
	var one [1]byte
	_, err = io.ReadFull(resp.Body, one[:])
	first := time.Since(began)
	if n, copyErr := io.Copy(io.Discard, resp.Body); err != nil || copyErr != nil || resp.StatusCode != 200 ||
		n+1 != resp.ContentLength {
		b.Errorf("%s: %v, %v", resp.Status, err, copyErr)
	}
	return first
}

// BenchmarkFirstByte alternates between both ways, so that what else the machine does slows both.
func BenchmarkFirstByte(b *testing.B) {
	p := newPlayBench(b, 100_000)
	var through, direct []time.Duration
	for b.Loop() {
		through = append(through, p.fetch(b, p.through))
		direct = append(direct, p.fetch(b, p.direct))
	}
	median := func(d []time.Duration) float64 {
		slices.Sort(d)
		return float64(d[len(d)/2].Microseconds())
	}
	b.ReportMetric(median(through), "through-p50-µs")
	b.ReportMetric(median(direct), "direct-p50-µs")
}

func BenchmarkThroughput(b *testing.B) {
	const size = 200 << 20
	p := newPlayBench(b, size)
	var through, direct time.Duration
	for b.Loop() {
		began := time.Now()
		p.fetch(b, p.through)
		through += time.Since(began)
		began = time.Now()
		p.fetch(b, p.direct)
		direct += time.Since(began)
	}
	b.ReportMetric(float64(size)*float64(b.N)/1e6/through.Seconds(), "through-MB/s")
	b.ReportMetric(float64(size)*float64(b.N)/1e6/direct.Seconds(), "direct-MB/s")
}

// BenchmarkManyPlays is 200 plays of 50 MB at once. What is reported is the growth of the whole
// process, clients included.
func BenchmarkManyPlays(b *testing.B) {
	p := newPlayBench(b, 50<<20)
	before := residentMB(b)
	most := before
	for b.Loop() {
		var plays sync.WaitGroup
		for range 200 {
			plays.Go(func() { p.fetch(b, p.through) })
		}
		done := make(chan struct{})
		go func() { defer close(done); plays.Wait() }()
		for running := true; running; {
			select {
			case <-done:
				running = false
			case <-time.After(20 * time.Millisecond):
				most = max(most, residentMB(b))
			}
		}
	}
	b.ReportMetric(before, "RSS-before-MB")
	b.ReportMetric(most, "RSS-most-MB")
}

func residentMB(b *testing.B) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		b.Fatal(err)
	}
	return float64(kb) / 1024
}
