package store_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"recordings/audit"
	"recordings/audit/store"
	"recordings/mapping"
)

// mixed is an entry as a service writes them: of 20 entries, 9 are views, 6 belong to listenings (two
// each), 5 are searches. Ids are random, as those of calls are.
func mixed(rng *rand.Rand, n int) audit.Entry {
	id := uuid.Must(uuid.NewRandomFromReader(source{rng}))
	e := audit.Entry{
		User: fmt.Sprintf("supervisor%02d", rng.IntN(50)), Role: "admin",
		Address: fmt.Sprintf("10.20.%d.%d", rng.IntN(4), rng.IntN(250)), ContactCenter: center,
		Action: audit.View, Recording: id.String(),
	}
	switch k := n % 20; {
	case k < 5:
		e.Action, e.Recording = audit.Search, ""
		e.Facts = map[string]any{"found": rng.IntN(100)}
		phone := fmt.Sprintf("+1650%07d", rng.IntN(1e7))
		e.Detail = map[string]any{"startTime": "2026-05-17T00:00:00Z", "callerPhoneNumber": phone}
	case k < 8:
		e.Action, e.Outcome = audit.Play, audit.Begun
		e.Facts = map[string]any{"media": id.String()[:8] + ".mp3"}
	case k < 11:
		e.Action = audit.Play
		e.Facts = map[string]any{"media": id.String()[:8] + ".mp3", "begun": n, "bytes": 480_000, "ranges": "0-479999"}
	}
	return e
}

// source makes random bytes of random numbers.
type source struct{ *rand.Rand }

func (s source) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(s.Uint32())
	}
	return len(b), nil
}

// BenchmarkSize writes AUDIT_ENTRIES entries, a million if that is not set, and tells how many bytes
// each takes, how long opening takes, and queries by recording and by time. What it has measured stands in the
// README of cmd/recordings.
func BenchmarkSize(b *testing.B) {
	count, err := strconv.Atoi(os.Getenv("AUDIT_ENTRIES"))
	if err != nil {
		count = 1_000_000
	}
	dir := filepath.Join(b.TempDir(), "audit")
	open := func(o store.Options) *store.Log {
		o.Dir, o.FS = dir, vfs.Default
		l, err := store.Open(o)
		if err != nil {
			b.Fatal(err)
		}
		return l
	}
	rng := rand.New(rand.NewPCG(1, 2))
	c := newClock(1_750_000_000_000)
	l := open(store.Options{Now: c.now})
	var asked []string
	began := time.Now()
	for n := range count {
		e := mixed(rng, n)
		if n%(count/1000) == 19 && e.Recording != "" {
			asked = append(asked, e.Recording)
		}
		if _, err := l.Note(e); err != nil {
			b.Fatal(err)
		}
		c.advance(time.Duration(rng.IntN(500)) * time.Millisecond)
	}
	b.ReportMetric(float64(time.Since(began).Microseconds())/float64(count), "µs/note")
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}

	began = time.Now()
	l = open(store.Options{Now: c.now})
	defer l.Close()
	b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/open")
	time.Sleep(3 * time.Second) // compactions end
	b.ReportMetric(float64(l.Status().DiskBytes)/float64(count), "bytes/entry")

	query := func(q audit.Query) time.Duration {
		began := time.Now()
		found := 0
		_, err := l.Walk(b.Context(), q, func([]byte) error {
			found++
			return nil
		})
		if err != nil || found == 0 {
			b.Fatal(found, err)
		}
		return time.Since(began)
	}
	var slowest time.Duration
	for _, id := range asked {
		slowest = max(slowest, query(audit.Query{Recording: id}))
	}
	b.ReportMetric(float64(slowest.Microseconds()), "µs/recording-max")
	slowest = 0
	for range 100 {
		from := mapping.Time(1_750_000_000_000 + rng.Int64N(int64(count)*200))
		slowest = max(slowest, query(audit.Query{From: from, To: from + 60_000}))
	}
	b.ReportMetric(float64(slowest.Microseconds()), "µs/minute-max")
}
