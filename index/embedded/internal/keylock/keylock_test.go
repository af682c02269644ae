package keylock_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"recordings/index"
	"recordings/index/embedded/internal/keylock"
)

// TestLock: of those who want one key, one at a time has it, whatever other keys they want and in
// whatever order.
func TestLock(t *testing.T) {
	const workers, rounds, keys = 8, 200, 5
	l := keylock.New()
	var held [keys]int
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for round := range rounds {
				a, b := (w+round)%keys, (w*3+round)%keys
				unlock, err := l.Lock(t.Context(), fmt.Sprint(a), fmt.Sprint(b), fmt.Sprint(a))
				if err != nil {
					t.Error(err)
					return
				}
				held[a]++ // the race detector sees who is not alone
				if a != b {
					held[b]++
				}
				unlock()
			}
		})
	}
	all.Wait()

	total := 0
	for _, n := range held {
		total += n
	}
	if total < workers*rounds {
		t.Errorf("%d times somebody held a key, want %d at least", total, workers*rounds)
	}
}

// TestLockGivenUp: who gives up waiting holds nothing, and the others go on.
func TestLockGivenUp(t *testing.T) {
	l := keylock.New()
	unlock, err := l.Lock(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 { // whether "b" comes before or behind "a" is up to the seed
		if _, err := keylock.New().Lock(t.Context(), "a", "b"); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Lock(ctx, "a", "b"); !errors.Is(err, index.ErrUnavailable) || !errors.Is(err, context.Canceled) {
			t.Fatalf("waiting for what is held, and giving up: %v", err)
		}
	}

	unlock()
	if _, err := l.Lock(t.Context(), "a", "b"); err != nil {
		t.Errorf("when nobody holds anything: %v", err)
	}
}
