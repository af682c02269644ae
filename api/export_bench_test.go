package api_test

import (
	"fmt"
	"io"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"recordings/api"
	"recordings/index"
	"recordings/index/indextest"
	"recordings/mapping"
)

// exportBenchSize is how many recordings an export of the benchmark has.
const exportBenchSize = 100_000

// typical is a recording of about 1.3 KB.
func typical(n int) *mapping.Recording {
	start := mapping.Time(1_700_000_000_000 + int64(n)*60_000)
	r := indextest.New(
		fmt.Sprintf("%08X00PV5Q27MG8AB8VNE49362LA", uint32(n)*2654435761),
		"test",
		start,
	) // in no order of time
	r.CallerPhoneNumber = fmt.Sprintf("+1650%07d", n%10_000_019)
	m := &r.MediaFiles[0]
	m.Descriptor = mapping.MediaDescriptor{
		Storage: mapping.StorageS3,
		Path:    "calls/" + r.ID + ".mp3",
		Data:    jsontext.Value(`{"bucket":"stage-recordings"}`),
	}
	m.StopTime = start + 250_000
	m.MediaID, m.Type, m.Duration, m.Size, m.Tenant = r.ID+"_029FO32T0G8LDFTEK9I4K8DAES0KTDVE.wav", "audio/wav", "250",
		"4000044", "Environment"
	m.Parameters = jsontext.Value(`{"record":"source","recorddn":"2222"}`)
	for i := range 3 {
		e := r.EventHistory[0]
		c := *e.Contact
		e.OccurredAt += mapping.Time(1000 * (i + 1))
		c.UserName, c.FirstName, c.LastName = fmt.Sprintf(
			"agent%d@example.com",
			(n+i)%2000,
		), fmt.Sprintf(
			"First%d",
			n%100,
		), fmt.Sprintf(
			"Last%d",
			n%300,
		)
		e.Contact = &c
		r.EventHistory = append(r.EventHistory, e)
	}
	r.EventHistory = append(r.EventHistory, mapping.Event{OccurredAt: start, Event: mapping.EventData,
		Data: jsontext.Value(
			fmt.Sprintf(
				`{"added":{"account":"%08d","case":"C-%d","language":"en","reason":"billing question %d",`+
					`"segment":"gold"}}`,
				n*7919%100_000_000,
				n,
				n%50,
			),
		)})
	return r
}

// stored is a recording as an index reads it.
func stored(r *mapping.Recording) *mapping.Stored {
	data, err := mapping.Encode(r)
	if err != nil {
		panic(err)
	}
	s, err := mapping.ReadStored(data)
	if err != nil {
		panic(err)
	}
	return s
}

// BenchmarkExport measures an export of many recordings over HTTP, in rows a second.
func BenchmarkExport(b *testing.B) {
	x := openIndex(b)
	const group = 1000
	for from := 0; from < exportBenchSize; from += group {
		all := make([]*mapping.Recording, group)
		for i := range all {
			all[i] = typical(from + i)
		}
		for _, result := range x.PutAll(b.Context(), "cc", all, index.PutOptions{}) {
			if result.Err != nil {
				b.Fatal(result.Err)
			}
		}
	}
	indextest.Settle(b, x.(index.Health))
	s := newServer(b, api.Options{Index: x})
	for _, format := range []string{"ndjson", "csv", "xlsx"} {
		b.Run(format, func(b *testing.B) {
			var bytes int64
			cpu := processorTime(b)
			for b.Loop() {
				r, err := http.NewRequest("GET", s.URL+"/api/v2/export?startTime=0&format="+format, nil)
				if err != nil {
					b.Fatal(err)
				}
				r.SetBasicAuth("alice", password)
				resp, err := s.client.Do(r)
				if err != nil {
					b.Fatal(err)
				}
				if bytes, err = io.Copy(io.Discard, resp.Body); err != nil {
					b.Fatal(err)
				}
				resp.Body.Close()
			}
			b.ReportMetric(float64(exportBenchSize*b.N)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64((processorTime(b)-cpu).Microseconds())/float64(exportBenchSize*b.N), "cpu-µs/row")
			b.ReportMetric(float64(bytes)/exportBenchSize, "bytes/row")
		})
	}
}

// processorTime is what this process has used, which other processes hardly disturb.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
