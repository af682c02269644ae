package service

import (
	"context"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"recordings/cmd/recordings/internal/config"
	"recordings/cmd/recordings/internal/supervisor"
)

// told is what a supervisor was told, each in its first line.
type told struct {
	mu     sync.Mutex
	states []string
	more   chan struct{}
}

// notify takes what the service tells.
func (t *told) notify(state string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.states = append(t.states, state)
	close(t.more)
	t.more = make(chan struct{})
	return nil
}

// await waits until a state with such a beginning was told so many times.
func (t *told) await(tb testing.TB, beginning string, times int) {
	tb.Helper()
	for deadline := time.After(time.Minute); ; {
		t.mu.Lock()
		n, more := 0, t.more
		for _, s := range t.states {
			if strings.HasPrefix(s, beginning) {
				n++
			}
		}
		states := slices.Clone(t.states)
		t.mu.Unlock()
		if n >= times {
			return
		}
		select {
		case <-more:
		case <-deadline:
			tb.Fatalf("%s was told %d times, want %d: %q", beginning, n, times, states)
		}
	}
}

// TestSupervised: what a supervisor is told from the start to the end, and that the configuration is
// read again in between, also where it cannot be.
func TestSupervised(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	c, listener := testConfig(t), &told{more: make(chan struct{})}
	hangups := make(chan os.Signal, 1)
	ended := make(chan error, 1)
	wrong := errors.New("recordings.yaml:7: regoin: is not known")
	go func() {
		ended <- Run(ctx, Options{
			Config: c, Log: zerolog.Nop(), Hangups: hangups,
			Read:       func() (*config.Config, error) { return nil, wrong },
			Supervisor: supervisor.Supervisor{Notify: listener.notify, Watchdog: 30 * time.Millisecond},
		})
	}()

	listener.await(t, "READY=1\nSTATUS=answering at http://127.0.0.1:", 1)
	listener.await(t, "WATCHDOG=1", 3)
	hangups <- syscall.SIGHUP
	listener.await(t, "RELOADING=1\nMONOTONIC_USEC=", 1)
	listener.await(t, "READY=1\n", 2)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}

	states := slices.DeleteFunc(listener.states, func(s string) bool { return s == "WATCHDOG=1" })
	if len(states) != 5 || states[0] != "STATUS=opening the index" || !strings.HasSuffix(states[3], wrong.Error()) ||
		!strings.HasPrefix(states[4], "STOPPING=1\n") {
		t.Errorf("told %q", states)
	}
}

// TestAsk asks a service that is alive, one that is not ready, something else, and nobody.
func TestAsk(t *testing.T) {
	c := testConfig(t)
	s, err := start(Options{Config: c, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}()
	c.Listen = s.listener.Addr().String()

	if err := Ask(t.Context(), c, false); err != nil {
		t.Error(err)
	}
	if err := Ask(t.Context(), c, true); err == nil || !strings.Contains(err.Error(), "503: not ready: the index is") {
		t.Errorf("got %v", err)
	}
	s.gate.open(http.NotFoundHandler())
	if err := Ask(t.Context(), c, false); err == nil || !strings.Contains(err.Error(), "404: is this the recordings") {
		t.Errorf("got %v", err)
	}
	c.Listen = "127.0.0.1:1"
	if err := Ask(t.Context(), c, false); err == nil || !strings.Contains(err.Error(), "no service answers at 127") {
		t.Errorf("got %v", err)
	}
}

// TestOwnURL: an address that stands for all is reached by the one of this machine.
func TestOwnURL(t *testing.T) {
	for listen, want := range map[string]string{
		":8080": "http://127.0.0.1:8080", "0.0.0.0:1": "http://127.0.0.1:1", "[::]:2": "http://[::1]:2",
		"10.0.0.7:3": "http://10.0.0.7:3", "host:4": "http://host:4",
	} {
		if got := ownURL(&config.Config{Listen: listen}); got != want {
			t.Errorf("%s: got %s", listen, got)
		}
	}
	if got := ownURL(&config.Config{Listen: ":8443", TLS: config.TLS{Certificate: "cert.pem"}}); got !=
		"https://127.0.0.1:8443" {
		t.Errorf("got %s", got)
	}
}
