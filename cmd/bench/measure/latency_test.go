package measure

import (
	"testing"
	"time"
)

func TestLatency(t *testing.T) {
	var times []time.Duration
	for i := range 100 {
		times = append(times, time.Duration(100-i)*time.Millisecond) // 100 ms first, down to 1 ms
	}

	want := Latency{N: 100, First: 100 * time.Millisecond, P50: 50 * time.Millisecond, P99: 99 * time.Millisecond,
		Max: 100 * time.Millisecond}
	if got := newLatency(times); got != want {
		t.Errorf("latency of 1 to 100 ms is %+v, want %+v", got, want)
	}

	one := Latency{N: 1, First: 7, P50: 7, P99: 7, Max: 7}
	if got := newLatency([]time.Duration{7}); got != one {
		t.Errorf("latency of one search is %+v, want %+v", got, one)
	}

	if got := newLatency(nil); got != (Latency{}) {
		t.Errorf("latency of no search is %+v, want none", got)
	}
}
