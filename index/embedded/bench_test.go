package embedded_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"recordings/index"
	"recordings/index/embedded"
	"recordings/index/indextest"
	"recordings/mapping"
)

// believable returns a recording of about 1.5 KB as a recorder posts it: two agents, user data, one
// media file.
func believable(n int) *mapping.Recording {
	rnd := rand.New(rand.NewPCG(1, uint64(n)))
	start := mapping.Time(1_700_000_000_000 + int64(n)*1000)
	r := indextest.New(fmt.Sprintf("00PV5Q27MG8AB8VNE49362LAES%09d", n), "us-west", start)
	r.CallerPhoneNumber = fmt.Sprintf("+1650%07d", rnd.IntN(10_000_000))
	r.DialedPhoneNumber = fmt.Sprintf("+1800%07d", rnd.IntN(500))
	media := &r.MediaFiles[0]
	media.Descriptor = mapping.MediaDescriptor{
		Storage: mapping.StorageS3,
		Path:    "recordings/" + r.ID + ".mp3",
		Data:    jsontext.Value(`{"bucket":"stage-recordings"}`),
	}
	media.StopTime = start + mapping.Time(rnd.IntN(600_000))
	media.MediaID = r.ID + "_029FO32T0G8LDFTEK9I4K8DAES0KTDVE.wav"
	media.Type, media.Duration, media.Size, media.Tenant = "audio/wav", "8000", "8544", "Environment"
	media.Parameters = jsontext.Value(`{"record":"source","recorddn":"2222"}`)
	for i := range 2 {
		agent := rnd.IntN(2000)
		event := r.EventHistory[0]
		event.OccurredAt = start + mapping.Time(i*1000)
		event.Contact = &mapping.Contact{
			Type:        mapping.ContactUser,
			PhoneNumber: fmt.Sprint(5000 + agent),
			UserName:    fmt.Sprintf("agent%d@example.com", agent),
			FirstName:   fmt.Sprintf("First%d", agent%100),
			LastName:    fmt.Sprintf("Last%d", agent%300),
		}
		r.EventHistory = append(r.EventHistory[:i:i], event)
	}
	r.EventHistory = append(r.EventHistory, mapping.Event{
		OccurredAt: start,
		Event:      mapping.EventData,
		Data: jsontext.Value(fmt.Sprintf(`{"added":{"account":"%08d","case":"C-%d","language":"en",`+
			`"reason":"billing question %d","segment":"gold"}}`, rnd.IntN(100_000_000), n, rnd.IntN(50))),
	})
	return r
}

func openBench(b *testing.B) *embedded.Index {
	b.Helper()
	x, err := embedded.Open(b.Context(), embedded.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := x.Close(); err != nil {
			b.Error(err)
		}
	})
	return x
}

// measure reports the rate of a benchmark and the processor time of one operation, which other
// processes hardly disturb.
func measure(b *testing.B, fn func()) {
	b.Helper()
	before := processorTime(b)
	b.ResetTimer()
	fn()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
	b.ReportMetric(float64(processorTime(b)-before)/float64(time.Microsecond)/float64(b.N), "cpu-µs/op")
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

const benchCenter = "a5539ef5-7dd5-4150-818f-ee1bcd447cbe"

// load puts recordings [from, to) from a number of goroutines.
func load(b *testing.B, x *embedded.Index, from, to, writers int) {
	b.Helper()
	var next atomic.Int64
	next.Store(int64(from))
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= to {
					return
				}
				if _, err := x.Put(b.Context(), benchCenter, believable(n)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkPut(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			x := openBench(b)
			measure(b, func() { load(b, x, 0, b.N, writers) })
		})
	}
}

// BenchmarkIndexed measures what can be put for ever: until the search index has all of it.
func BenchmarkIndexed(b *testing.B) {
	x := openBench(b)
	measure(b, func() {
		load(b, x, 0, b.N, 16)
		indextest.Settle(b, x)
	})
}

// BenchmarkRebuild measures rebuilding the search index, per recording.
func BenchmarkRebuild(b *testing.B) {
	o := embedded.Options{Dir: b.TempDir()}
	x, err := embedded.Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	load(b, x, 0, b.N, 16)
	if err := x.Close(); err != nil {
		b.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(o.Dir, "search")); err != nil {
		b.Fatal(err)
	}
	measure(b, func() {
		if x, err = embedded.Open(b.Context(), o); err != nil {
			b.Fatal(err)
		}
		if err := x.WaitReady(b.Context()); err != nil {
			b.Fatal(err)
		}
	})
	if err := x.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkLoad loads b.N recordings, and tells the greatest memory that the process had, and the
// latency of Get then. It is meant for -benchtime=1000000x.
func BenchmarkLoad(b *testing.B) {
	x := openBench(b)
	measure(b, func() {
		load(b, x, 0, b.N, 16)
		indextest.Settle(b, x)
	})
	b.ReportMetric(float64(peakMemory(b))/(1<<20), "peak-MiB")
	const reads = 20_000
	rnd := rand.New(rand.NewPCG(1, 2))
	took := make([]time.Duration, reads)
	for i := range took {
		id := believable(rnd.IntN(b.N)).ID
		began := time.Now()
		if _, err := x.Get(b.Context(), index.Scope{ContactCenter: benchCenter, Region: "us-west"}, id); err != nil {
			b.Fatal(err)
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[reads/2].Microseconds()), "get-p50-µs")
	b.ReportMetric(float64(took[reads*99/100].Microseconds()), "get-p99-µs")
}

// peakMemory is the greatest resident memory of the process so far, in bytes.
func peakMemory(b *testing.B) int64 {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return usage.Maxrss << 10
}

// BenchmarkPutAll puts groups of 1,000 from one goroutine.
func BenchmarkPutAll(b *testing.B) {
	x := openBench(b)
	groups := make(chan []*mapping.Recording, 2)
	go func() {
		defer close(groups)
		for n := 0; n < b.N; n += 1000 {
			var group []*mapping.Recording
			for i := n; i < min(n+1000, b.N); i++ {
				group = append(group, believable(i))
			}
			groups <- group
		}
	}()
	measure(b, func() {
		for group := range groups {
			for _, result := range x.PutAll(b.Context(), benchCenter, group, index.PutOptions{}) {
				if result.Err != nil {
					b.Fatal(result.Err)
				}
			}
		}
	})
}

// BenchmarkSuggest completes what is typed, among 200,000 recordings, or as many as RECORDINGS_BENCH_SIZE
// says. Each time another text is typed, as the next key makes one.
func BenchmarkSuggest(b *testing.B) {
	size := 200_000
	if text := os.Getenv("RECORDINGS_BENCH_SIZE"); text != "" {
		var err error
		if size, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	x := openBench(b)
	var group []*mapping.Recording
	for i := range size {
		if group = append(group, believable(i)); len(group) < 1000 && i < size-1 {
			continue
		}
		for _, result := range x.PutAll(b.Context(), benchCenter, group, index.PutOptions{}) {
			if result.Err != nil {
				b.Fatal(result.Err)
			}
		}
		group = group[:0]
	}
	indextest.Settle(b, x)

	rnd := rand.New(rand.NewPCG(3, 4))
	for _, shape := range []struct {
		name, field string
		text        func() string
	}{
		{"name=a", mapping.ParamUserName, func() string { return "a" }},
		{"name=agent12", mapping.ParamUserName, func() string { return fmt.Sprint("agent", rnd.IntN(100)) }},
		{"name=first7_last7", mapping.ParamUserName, func() string {
			return fmt.Sprintf("first%d last%d", rnd.IntN(100), rnd.IntN(10))
		}},
		{"dialed=18", mapping.ParamDialedPhoneNumber, func() string { return "18" }},
		{"caller=1234", mapping.ParamCallerPhoneNumber, func() string { return fmt.Sprintf("%04d", rnd.IntN(10_000)) }},
		{"caller=12345", mapping.ParamCallerPhoneNumber, func() string {
			return fmt.Sprintf("%05d", rnd.IntN(100_000))
		}},
		{"number=123456", mapping.ParamPhoneNumber, func() string { return fmt.Sprintf("%06d", rnd.IntN(1_000_000)) }},
		{"keys", mapping.FieldUserDataKeys, func() string { return "a" }},
		{"value=billing", mapping.ParamUserDataKey + "reason", func() string { return "billing question 1" }},
		{"value=C-12", mapping.ParamUserDataKey + "case", func() string { return fmt.Sprint("C-", rnd.IntN(1000)) }},
	} {
		b.Run(shape.name, func(b *testing.B) {
			var took []time.Duration
			before := processorTime(b)
			for b.Loop() {
				c, err := mapping.ParseCompletion(shape.field, shape.text())
				if err != nil {
					b.Fatal(err)
				}
				began := time.Now()
				q := index.Query{Scope: index.Scope{ContactCenter: benchCenter, Region: "us-west"}, Limit: 200}
				if _, err := index.Suggest(b.Context(), x, q, c, 10); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			used := processorTime(b) - before
			b.ReportMetric(float64(used.Microseconds())/float64(len(took)), "cpu-µs/op")
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}
