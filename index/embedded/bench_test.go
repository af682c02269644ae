package embedded_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"recordings/index/embedded"
	"recordings/index/indextest"
	"recordings/mapping"
)

// believable returns a recording of about 1.5 KB as a recorder posts it: two agents, user data, one media file.
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
		Data: jsontext.Value(fmt.Sprintf(`{"added":{"account":"%08d","case":"C-%d","language":"en","reason":"billing question %d","segment":"gold"}}`,
			rnd.IntN(100_000_000), n, rnd.IntN(50))),
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
			b.ResetTimer()
			load(b, x, 0, b.N, writers)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "puts/s")
		})
	}
}

// BenchmarkIndexed measures what can be put for ever: until the search index has all of it.
func BenchmarkIndexed(b *testing.B) {
	x := openBench(b)
	b.ResetTimer()
	load(b, x, 0, b.N, 16)
	indextest.Settle(b, x)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "puts/s")
}
