// Package measure loads one engine with a corpus, searches it in every shape, and writes to it, and
// tells how long everything took.
//
// Each engine is measured in a process of its own (see cmd/bench), so that its memory can be told
// from that of others and no engine's work is in the way of another's.
package measure

import (
	"slices"
	"time"

	"recordings/cmd/bench/corpus"
)

// Plan says what to measure.
type Plan struct {
	Engine   string
	Corpus   corpus.Options
	Dir      string        // existing, and empty unless Loaded is there
	Loaded   string        // file that tells how loading went, where Dir is kept; it is written after loading
	LoadOnly bool          // measure nothing but loading
	Cap      time.Duration // how long one search may take
	Only     string        // measure only shapes with this in their name; empty: all
	PerShape time.Duration // how long one shape is repeated
	Mix      time.Duration // how long the mix of all shapes is repeated
	Writes   time.Duration // how long is written with each number of writers; 0: not at all
}

// Result is what was measured of one engine.
type Result struct {
	Engine  string
	Version string
	Failure string // why the engine could not be measured; empty: it was

	Recordings   int
	Build        time.Duration // until all recordings were durable, found, and the engine at rest
	DiskBytes    int64
	Memory       Memory
	Shapes       []Shape
	Mix          Latency // of two clients that search in all shapes that were answered in time
	MixWriting   Latency // the same, while recordings are written
	WritingRate  float64 // recordings per second written meanwhile
	DurableRates []Rate
}

// Memory are peaks in bytes.
type Memory struct {
	Loading   int64 // resident while loading, without files that are mapped into memory
	Searching int64 // the same while searching
	Mapped    int64 // resident at any time, mapped files included; 0 where it cannot be told
	GoHeap    int64 // in use by Go after loading and a garbage collection; 0 for what is not Go
}

// Rate is how many recordings per second so many writers made durable, one by one.
type Rate struct {
	Writers   int
	PerSecond float64
}

// Shape is what was measured of a shape.
type Shape struct {
	Name        string
	Adversarial bool
	Problem     string // why there is no answer; empty: there is one
	Latency     Latency
	IDs         []string
	More        bool
}

// The Problems of a shape that are none of the measurement.
const (
	TooSlow = "too slow" // it was not answered within Plan.Cap
	NotKept = "not kept" // the engine does not keep what the shape asks for
)

// Latency sums up how long searches took.
type Latency struct {
	N             int
	First         time.Duration // of the first one: what it needs may not be in memory yet
	P50, P99, Max time.Duration
}

// newLatency sums up times in the order in which they were measured. It changes that order.
func newLatency(times []time.Duration) Latency {
	if len(times) == 0 {
		return Latency{}
	}
	l := Latency{N: len(times), First: times[0]}
	slices.Sort(times)
	l.P50, l.P99, l.Max = quantile(times, 0.50), quantile(times, 0.99), times[len(times)-1]
	return l
}

// quantile returns the least of the sorted times that at least the share q of them do not exceed.
func quantile(sorted []time.Duration, q float64) time.Duration {
	rank := int(q * float64(len(sorted)))
	if float64(rank) < q*float64(len(sorted)) {
		rank++
	}
	return sorted[max(rank, 1)-1]
}
