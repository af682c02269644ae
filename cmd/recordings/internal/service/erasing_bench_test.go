package service

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	auditstore "recordings/audit/store"
	"recordings/blob"
	"recordings/erase"
	"recordings/erase/deletion"
	"recordings/erase/jobs"
	"recordings/index"
	"recordings/index/embedded"
	"recordings/index/indextest"
	"recordings/mapping"
)

const (
	benchCenter = "a5539ef5-7dd5-4150-818f-ee1bcd447cbe"
	benchRegion = "us-west"
	benchKept   = 50_000 // recordings that stay, and are searched
	benchGone   = 50_000 // those that are deleted
	benchRate   = 100    // searches per second
)

// BenchmarkBulkDeletion deletes metadata with the audit log that a service has, unthrottled and at the
// rate that is set if no other is, and tells what that does to searches beside it.
func BenchmarkBulkDeletion(b *testing.B) {
	for name, rate := range map[string]int{"unthrottled": 0, "1000 a second": 1000} {
		b.Run(name, func(b *testing.B) {
			x, d := openBench(b, rate)
			gone := benchGone
			if rate > 0 {
				gone = 10 * rate
			}
			fill(b, x, 0, benchKept)
			for b.Loop() {
				b.StopTimer()
				fill(b, x, benchKept, benchKept+gone)
				alone := searches(b, x, time.After(5*time.Second))
				b.StartTimer()

				began := time.Now()
				ended := make(chan time.Time)
				go func() { deleteFrom(b, d, benchKept, gone); close(ended) }()
				beside := searches(b, x, ended)
				took := time.Since(began)

				b.ReportMetric(float64(gone)/took.Seconds(), "recordings/s")
				b.ReportMetric(percentile(alone, 99), "µs/p99-alone")
				b.ReportMetric(percentile(beside, 99), "µs/p99-beside")
				b.ReportMetric(percentile(alone, 50), "µs/p50-alone")
				b.ReportMetric(percentile(beside, 50), "µs/p50-beside")
			}
		})
	}
}

// openBench opens an index, and deletions with an audit log.
func openBench(b *testing.B, rate int) (*embedded.Index, *deletion.Deletions) {
	b.Helper()
	dir := b.TempDir()
	x, err := embedded.Open(context.Background(), embedded.Options{Dir: filepath.Join(dir, "data"), Log: zerolog.Nop()})
	if err != nil {
		b.Fatal(err)
	}
	log, err := auditstore.Open(auditstore.Options{Dir: filepath.Join(dir, "audit"), Log: zerolog.Nop()})
	if err != nil {
		b.Fatal(err)
	}
	media, err := blob.New(context.Background(), blob.Options{})
	if err != nil {
		b.Fatal(err)
	}
	d, err := deletion.Open(context.Background(), deletion.Options{
		Index: x, Orphans: x, Eraser: erase.New(x, media), Keeper: jobs.NewFiles(filepath.Join(dir, "jobs")),
		Audit: auditor{log}, Region: benchRegion, Rate: rate, Log: zerolog.Nop(),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		d.Close()
		media.Close()
		if err := x.Close(); err != nil {
			b.Error(err)
		}
		if err := log.Close(); err != nil {
			b.Error(err)
		}
	})
	return x, d
}

// startOf is when the n-th recording starts.
func startOf(n int) mapping.Time { return mapping.Time(1_700_000_000_000 + 1000*n) }

// fill puts recordings, and waits until the search index has them.
func fill(b *testing.B, x *embedded.Index, from, to int) {
	b.Helper()
	for ; from < to; from += 1000 {
		var some []*mapping.Recording
		for n := from; n < from+1000; n++ {
			r := indextest.New(fmt.Sprintf("recording-%d", n), benchRegion, startOf(n))
			r.CallerPhoneNumber = fmt.Sprintf("+1650%07d", n*7919%10_000_000)
			some = append(some, r)
		}
		for _, result := range x.PutAll(b.Context(), benchCenter, some, index.PutOptions{}) {
			if result.Err != nil {
				b.Fatal(result.Err)
			}
		}
	}
	indextest.Settle(b, x)
}

// deleteFrom deletes the recordings that start with the n-th or later.
func deleteFrom(b *testing.B, d *deletion.Deletions, n, count int) {
	request := deletion.Request{
		Criteria: map[string]string{mapping.ParamStartTime: fmt.Sprint(int64(startOf(n)))}, Expected: uint64(count),
	}
	job, err := d.Begin(context.Background(), benchCenter, "ops", request)
	for err == nil && !job.Phase.Ended() {
		time.Sleep(5 * time.Millisecond)
		job, err = d.Get(b.Context(), benchCenter, job.Number)
	}
	if err != nil || job.Deleted != uint64(count) {
		b.Errorf("%+v, %v", job, err)
	}
}

// searches looks for recordings that stay, so many times a second until something comes, and tells how
// long each search took.
func searches(b *testing.B, x *embedded.Index, until <-chan time.Time) (took []time.Duration) {
	b.Helper()
	tick := time.NewTicker(time.Second / benchRate)
	defer tick.Stop()
	var mu sync.Mutex
	var all sync.WaitGroup
	defer all.Wait()
	for n := 0; ; n++ {
		select {
		case <-tick.C:
		case <-until:
			all.Wait()
			return took
		}
		all.Go(func() {
			criteria, err := mapping.ParseCriteria(map[string]string{
				mapping.ParamCallerPhoneNumber: fmt.Sprintf("*%03d", n%1000),
			})
			q := index.Query{
				Scope: index.Scope{ContactCenter: benchCenter, Region: benchRegion}, Criteria: criteria, Limit: 20,
			}
			began := time.Now()
			if err == nil {
				_, err = index.Find(b.Context(), x, q)
			}
			mu.Lock()
			defer mu.Unlock()
			if took = append(took, time.Since(began)); err != nil {
				b.Error(err)
			}
		})
	}
}

// percentile is that of durations, in microseconds.
func percentile(took []time.Duration, p int) float64 {
	slices.Sort(took)
	return float64(took[min(len(took)-1, len(took)*p/100)].Microseconds())
}
