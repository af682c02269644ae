package pace_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"recordings/index/embedded/internal/pace"
)

func TestSleepEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		pace.Sleep(ctx, time.Hour)
		if took := time.Since(began); took != time.Second {
			t.Errorf("it slept for %v", took)
		}
	})
}

// TestRest works for a while, and measures how long it then rests.
func TestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var searches uint64
		b := pace.NewBackground(t.Context(), func() uint64 { return searches })
		rest := func(work time.Duration) time.Duration {
			time.Sleep(work)
			began := time.Now()
			if err := b.Rest(); err != nil {
				t.Fatal(err)
			}
			return time.Since(began)
		}

		for _, c := range []struct {
			work    time.Duration
			more    uint64 // searches meanwhile
			resting time.Duration
		}{
			{0, 0, 0}, // the first turn begins
			{10 * time.Millisecond, 1, 0},
			{10 * time.Millisecond, 0, 60 * time.Millisecond}, // there was a search in this turn
			{30 * time.Millisecond, 0, 30 * time.Millisecond},
			{30 * time.Millisecond, 5, 90 * time.Millisecond},
			{time.Hour, 0, 200 * time.Millisecond},
		} {
			searches += c.more
			if got := rest(c.work); got != c.resting {
				t.Errorf("after %v of work and %d searches it rests for %v, want %v", c.work, c.more, got, c.resting)
			}
		}
	})
}

func TestRestEndsWithContext(t *testing.T) {
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(enough)
	if err := pace.NewBackground(ctx, func() uint64 { return 0 }).Rest(); !errors.Is(err, enough) {
		t.Errorf("it goes on: %v", err)
	}
}
