package api_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"

	"recordings/api"
	"recordings/api/auth"
)

// benchServer is a server whose user has a hash with the real parameters.
func benchServer(b *testing.B) *testServer {
	b.Helper()
	hash, err := auth.HashPassword(password)
	if err != nil {
		b.Fatal(err)
	}
	return newServer(b, api.Options{Users: []auth.User{{Name: "ops", PasswordHash: hash, Role: auth.RoleOps}}})
}

// send is do without what a benchmark does not measure.
func (s *testServer) send(b *testing.B, method, target string, body []byte) {
	r, err := http.NewRequest(method, s.URL+target, bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	r.SetBasicAuth("ops", password)
	resp, err := s.client.Do(r)
	if err != nil {
		b.Error(err)
		return
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
		b.Errorf("%d %v", resp.StatusCode, err)
	}
}

// BenchmarkPost posts new recordings, with authentication, durably.
func BenchmarkPost(b *testing.B) {
	example := bytes.Split(encode(b, exampleRecording(b)), []byte(`"r1"`))
	for _, clients := range []int{1, 16} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			s := benchServer(b)
			var n atomic.Int64
			s.run(b, clients, func() {
				s.send(b, "POST", opsPath, bytes.Join(example, fmt.Appendf(nil, `"%032d"`, n.Add(1))))
			})
		})
	}
}

// BenchmarkGet reads one recording by its id, with authentication.
func BenchmarkGet(b *testing.B) {
	for _, clients := range []int{1, 16} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			s := benchServer(b)
			s.send(b, "POST", opsPath, encode(b, exampleRecording(b)))
			s.run(b, clients, func() { s.send(b, "GET", opsPath+"/r1", nil) })
		})
	}
}

// run calls do from so many clients at a time, and reports the rate.
func (s *testServer) run(b *testing.B, clients int, do func()) {
	do() // the first login takes its time
	b.SetParallelism(max(1, clients/runtime.GOMAXPROCS(0)))
	b.ReportAllocs()
	b.ResetTimer()
	if clients == 1 {
		for range b.N {
			do()
		}
	} else {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				do()
			}
		})
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

// BenchmarkSearch reads a page of 100 usual recordings, with authentication.
func BenchmarkSearch(b *testing.B) {
	s := benchServer(b)
	example := bytes.Split(encode(b, exampleRecording(b)), []byte(`"r1"`))
	for i := range 200 {
		s.send(b, "POST", opsPath, bytes.Join(example, fmt.Appendf(nil, `"%032d"`, i)))
	}
	for _, clients := range []int{1, 16} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			s.run(b, clients, func() { s.send(b, "GET", opsPath+"?startTime=0", nil) })
		})
	}
}
