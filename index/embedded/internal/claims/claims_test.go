package claims_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"recordings/index"
	"recordings/index/embedded/internal/claims"
)

// TestClaim: who claims is alone, who uses is not, whatever keys they want and in whatever order.
func TestClaim(t *testing.T) {
	const workers, rounds, keys = 8, 300, 5
	c := claims.New()
	var claimed, used [keys]int
	var mu [keys]sync.Mutex // guards used, which several change at a time
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for round := range rounds {
				a, b := (w+round)%keys, (w*3+round)%keys
				names := []string{fmt.Sprint(a), fmt.Sprint(b), fmt.Sprint(a)}
				if (w+round)%3 == 0 {
					release, err := c.Claim(t.Context(), names...)
					if err != nil {
						t.Error(err)
						return
					}
					claimed[a]++ // the race detector sees who is not alone
					if used[a] != 0 || used[b] != 0 {
						t.Errorf("%d, %d use what is claimed", used[a], used[b])
					}
					release()
					continue
				}
				release, err := c.Use(t.Context(), names...)
				if err != nil {
					t.Error(err)
					return
				}
				for _, add := range []int{1, -1} {
					mu[a].Lock()
					used[a] += add
					mu[a].Unlock()
				}
				release()
			}
		})
	}
	all.Wait()
}

// TestClaimWaits: a claim waits for users and keeps out who comes later, and who gives up has nothing.
func TestClaimWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := claims.New()
		begin := func(ask func(context.Context, ...string) (func(), error), keys ...string) <-chan func() {
			got := make(chan func(), 1)
			go func() {
				release, err := ask(t.Context(), keys...)
				if err != nil {
					t.Error(err)
				}
				got <- release
			}()
			synctest.Wait()
			return got
		}
		waits := func(what string, got <-chan func(), want bool) {
			t.Helper()
			synctest.Wait()
			if (len(got) == 0) != want {
				t.Errorf("%s waits: %t", what, !want)
			}
		}

		first := <-begin(c.Use, "a", "b")
		second := <-begin(c.Use, "b")
		claim := begin(c.Claim, "c", "b")
		later := begin(c.Use, "a", "b")
		other := begin(c.Use, "a")
		waits("a claim of what is used", claim, true)
		waits("a use of what somebody waits for", later, true)
		waits("a use of something else", other, false)

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		both := map[string]func(context.Context, ...string) (func(), error){"Claim": c.Claim, "Use": c.Use}
		for name, ask := range both {
			_, err := ask(ctx, "d", "b")
			if !errors.Is(err, index.ErrUnavailable) || !errors.Is(err, context.Canceled) {
				t.Errorf("%s, given up: %v", name, err)
			}
		}
		waits("a claim of what was given up", begin(c.Claim, "d"), false)

		first()
		waits("a claim of what another still uses", claim, true)
		second()
		waits("a claim of what nobody uses", claim, false)
		waits("a use of what is claimed", later, true)
		(<-claim)()
		waits("a use of what nobody claims", later, false)
	})
}
