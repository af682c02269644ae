package supervisor_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"recordings/cmd/recordings/internal/supervisor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestProtocol listens where systemd would.
func TestProtocol(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "30000000")
	t.Setenv("WATCHDOG_PID", "")

	s, err := supervisor.FromEnvironment()
	if err != nil || s.Watchdog != 30*time.Second {
		t.Fatalf("%+v %v", s, err)
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{s.Starting("opening"), `^STATUS=opening$`},
		{s.Ready("answering at\nhttp://127.0.0.1:8080"), `^READY=1\nSTATUS=answering at http://127\.0\.0\.1:8080$`},
		{s.Reloading(), `^RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]+$`},
		{s.Stopping(), `^STOPPING=1\nSTATUS=[^\n]+$`},
	} {
		if c.err != nil {
			t.Fatal(c.err)
		}
		got := make([]byte, 4096)
		n, err := conn.Read(got)
		if err != nil || !regexp.MustCompile(c.want).Match(got[:n]) {
			t.Errorf("got %q, %v; want %s", got[:n], err, c.want)
		}
	}
}

// TestNobody: without a supervisor nobody is told, and nothing is wrong.
func TestNobody(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "")
	of, err := supervisor.FromEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []supervisor.Supervisor{{}, of} {
		if err := errors.Join(s.Starting("x"), s.Ready("x"), s.Reloading(), s.Stopping()); err != nil {
			t.Error(err)
		}
		s.Watch(t.Context(), zerolog.Nop(), nil) // returns at once
	}

	t.Setenv("WATCHDOG_USEC", "soon")
	if _, err := supervisor.FromEnvironment(); err == nil {
		t.Error("a wrong WATCHDOG_USEC is no error")
	}
}

// TestWatch: signs of life are given three times as often as they must be, and not by a service that is
// broken, or says nothing. Each time is told in the log once, and signs go on when it is alive again.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer // read when Watch has ended
		var signs atomic.Int32
		s := supervisor.Supervisor{Watchdog: 30 * time.Second, Notify: func(state string) error {
			if state != "WATCHDOG=1" {
				t.Errorf("told %q", state)
			}
			signs.Add(1)
			return nil
		}}

		// What the service answers when it is asked whether it is alive.
		var alive atomic.Pointer[func() error]
		answer := func(f func() error) { alive.Store(&f) }
		well := func() error { return nil }
		answer(well)

		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			s.Watch(ctx, zerolog.New(&log), func(context.Context) error { return (*alive.Load())() })
		}()

		in := func(d time.Duration, want int32, what string) {
			before := signs.Load()
			time.Sleep(d)
			synctest.Wait()
			if got := signs.Load() - before; got != want {
				t.Errorf("%s: %d signs in %v, want %d", what, got, d, want)
			}
		}
		hanging := func() (end func()) {
			hang := make(chan struct{})
			answer(func() error { <-hang; return nil })
			return func() { close(hang) }
		}

		synctest.Wait()
		time.Sleep(time.Second)
		in(time.Minute, 6, "alive")
		answer(func() error { return errors.New("nothing can be written") })
		in(10*time.Minute, 0, "broken")
		answer(well)
		in(time.Minute, 6, "mended")

		end := hanging()
		in(10*time.Minute, 0, "hanging")
		answer(well)
		end()
		in(time.Minute, 7, "no more") // the late answer is one, too

		// It ends with ctx, also where it waits for an answer.
		end = hanging()
		in(time.Minute, 0, "hanging again")
		stop()
		<-ended
		end()
		if got := strings.Count(log.String(), "no sign of life"); got != 3 {
			t.Errorf("told %d times in the log:\n%s", got, &log)
		}
	})
}
