package auth_test

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"recordings/api/auth"
)

// TestUses: of the uses of a user from a network one is told in a quarter of an hour, and a token is another
// user than a person of its name.
func TestUses(t *testing.T) {
	t.Parallel()
	var s auth.Uses
	at := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	alice, bob := &auth.User{Name: "alice"}, &auth.User{Name: "bob"}
	token := &auth.User{Name: "alice", Source: auth.SourceToken + "hash"}
	here, there := netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("2001:db8::/64")

	for i, x := range []struct {
		user    *auth.User
		network netip.Prefix
		after   time.Duration
		want    bool
	}{
		{alice, here, 0, true},
		{alice, here, 0, false},
		{alice, there, 0, true},
		{bob, here, 0, true},
		{token, here, 0, true},
		{&auth.User{Name: "alice", Role: auth.RoleOps}, here, 0, false}, // with other rights it is the same user
		{alice, here, 14 * time.Minute, false},
		{alice, netip.Prefix{}, 14 * time.Minute, true},
		{alice, here, 15 * time.Minute, true}, // what came in between puts it off no further
		{alice, here, 16 * time.Minute, false},
		{alice, there, 16 * time.Minute, true},
	} {
		if got := s.First(x.user, x.network, at.Add(x.after)); got != x.want {
			t.Errorf("use %d is the first: %v, want %v", i, got, x.want)
		}
	}
}

// TestUsesAreBounded: of more than are remembered at a time some are told again; what is over makes room.
func TestUsesAreBounded(t *testing.T) {
	t.Parallel()
	var s auth.Uses
	at := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	use := func(n int, after time.Duration) bool {
		return s.First(&auth.User{Name: fmt.Sprint(n)}, netip.Prefix{}, at.Add(after))
	}

	for i := range 9_000 {
		use(i, 0)
	}
	for i := range 3_000 {
		use(10_000+i, 20*time.Minute)
	}
	if use(10_000, 21*time.Minute) || use(12_999, 21*time.Minute) {
		t.Error("one that is not over made room, although others were")
	}

	for i := range 20_000 {
		use(20_000+i, 22*time.Minute)
	}
	if !use(10_000, 23*time.Minute) {
		t.Error("after 20,000 others it is remembered still")
	}
}

// TestUsesAtATime: of many at a time one is the first.
func TestUsesAtATime(t *testing.T) {
	t.Parallel()
	var s auth.Uses
	var all sync.WaitGroup
	var first atomic.Int64
	at := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for range 64 {
		all.Go(func() {
			if s.First(&auth.User{Name: "alice"}, netip.Prefix{}, at) {
				first.Add(1)
			}
		})
	}
	all.Wait()
	if first.Load() != 1 {
		t.Errorf("%d were the first", first.Load())
	}
}

// BenchmarkUses is what each request with a password or a token costs.
func BenchmarkUses(b *testing.B) {
	var s auth.Uses
	u, at := &auth.User{Name: "alice"}, time.Now()
	network := netip.MustParsePrefix("192.0.2.1/32")
	for b.Loop() {
		s.First(u, network, at)
	}
}
