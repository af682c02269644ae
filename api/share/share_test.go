package share_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"recordings/api/share"
)

// soon takes a place, or gives up after a second.
func soon(t *testing.T, p *share.Places, owners ...string) (leave func(), err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	return p.Take(ctx, owners...)
}

// TestPlaces: no owner has more than its part, and what one gives back another has.
func TestPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := share.New(4, 2)
		first, err := soon(t, p, "center a", "user 1")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := soon(t, p, "center a", "user 2"); err != nil {
			t.Fatal(err)
		}
		if _, err := soon(t, p, "center a", "user 3"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a third place of a contact center: %v", err)
		}
		if _, err := soon(t, p, "center b", "user 1"); err != nil {
			t.Errorf("another contact center: %v", err)
		}
		if _, err := soon(t, p, "center c", "user 1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a third place of a user: %v", err)
		}
		if _, err := soon(t, p, "center c", "user 4"); err != nil {
			t.Errorf("the last place: %v", err)
		}
		if _, err := soon(t, p, "center d", "user 5"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("one place more than there are: %v", err)
		}

		waited := make(chan error)
		go func() {
			_, err := p.Take(t.Context(), "center a", "user 5")
			waited <- err
		}()
		synctest.Wait()
		first()
		first() // is given back once
		if err := <-waited; err != nil {
			t.Errorf("a place that was waited for: %v", err)
		}
		if _, err := soon(t, p, "center e"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a place was given back twice: %v", err)
		}
	})
}

// TestManyTake: whatever many do at a time, the bounds hold, and everybody has a turn.
func TestManyTake(t *testing.T) {
	p := share.New(5, 3)
	var all atomic.Int32
	var each [4]atomic.Int32
	var wg sync.WaitGroup
	for worker := range 16 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(worker), 0))
			for range 200 {
				owner := r.IntN(len(each))
				leave, err := p.Take(t.Context(), fmt.Sprint(owner))
				if err != nil {
					t.Error(err)
					return
				}
				if n, of := all.Add(1), each[owner].Add(1); n > 5 || of > 3 {
					t.Errorf("%d have a place, %d of one owner", n, of)
				}
				all.Add(-1)
				each[owner].Add(-1)
				leave()
			}
		})
	}
	wg.Wait()
}
