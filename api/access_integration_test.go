//go:build integration

package api_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"recordings/api"
	"recordings/api/auth"
	"recordings/api/front"
)

// TestManyLogins: 200 passwords at once, right and wrong, from as many addresses, keep the memory below
// 300 MB. Each takes 19 MiB to check.
func TestManyLogins(t *testing.T) {
	const logins, most = 200, 300 << 20
	hash, err := auth.HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	proxies, err := front.ParseProxies([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	o := api.Options{TrustedProxies: proxies}
	for i := range logins {
		o.Users = append(o.Users, auth.User{Name: fmt.Sprint("u", i), PasswordHash: hash, Role: auth.RoleOps})
	}
	s := newServer(t, o)

	var peak uint64
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak = max(peak, m.Sys-m.HeapReleased)
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()

	var wg sync.WaitGroup
	for i := range logins {
		wg.Go(func() {
			h := map[string]string{"X-Forwarded-For": fmt.Sprintf("198.51.%d.%d", i/100, i%100+1)}
			user, want := fmt.Sprint("u", i), 200
			if i%4 == 3 {
				user, want = fmt.Sprint("nobody", i), 401
			}
			if a := s.do(t, "GET", "/api/v2/me", user, h, ""); a.status != want {
				t.Errorf("%s: %d %s", user, a.status, a.body)
			}
		})
	}
	wg.Wait()
	close(stop)
	<-ended
	t.Logf("%d MiB at most", peak>>20)
	if peak > most {
		t.Errorf("%d logins take %d MiB", logins, peak>>20)
	}
}
