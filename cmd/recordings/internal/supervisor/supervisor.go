// Package supervisor tells what has started the service how it is doing: systemd, or whoever else
// speaks its protocol, see sd_notify(3). A service that nobody supervises tells nobody.
package supervisor

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/rs/zerolog"
)

// Supervisor is whoever is told. The zero value stands for nobody.
type Supervisor struct {
	// Notify sends assignments, one a line. nil: nobody listens.
	Notify func(state string) error

	// Watchdog is how long after a sign of life the next one is due at the latest. Without it the
	// supervisor ends the process, and starts it anew. 0: nobody waits for one.
	Watchdog time.Duration
}

// FromEnvironment is the supervisor that the environment variables of the process name: NOTIFY_SOCKET,
// WATCHDOG_USEC and WATCHDOG_PID.
func FromEnvironment() (Supervisor, error) {
	watchdog, err := daemon.SdWatchdogEnabled(false)
	notify := func(state string) error {
		_, err := daemon.SdNotify(false, state)
		return err
	}
	return Supervisor{Notify: notify, Watchdog: watchdog}, err
}

// Ready tells that the service answers, and in a few words what it does. It also ends what Reloading
// began.
func (s Supervisor) Ready(status string) error {
	return s.tell(daemon.SdNotifyReady, statusLine(status))
}

// Starting tells in a few words what the service does before it is ready.
func (s Supervisor) Starting(status string) error { return s.tell(statusLine(status)) }

// Reloading tells that the configuration is being read again.
func (s Supervisor) Reloading() error {
	return s.tell(daemon.SdNotifyReloading, strings.TrimSpace(daemon.SdNotifyMonotonicUsec()))
}

// Stopping tells that the service has begun to stop.
func (s Supervisor) Stopping() error {
	return s.tell(daemon.SdNotifyStopping, statusLine("requests that are running may end"))
}

// tell sends assignments at once.
func (s Supervisor) tell(lines ...string) error {
	if s.Notify == nil {
		return nil
	}
	return s.Notify(strings.Join(lines, "\n"))
}

// statusLine is the assignment of a text for people, which must be one line.
func statusLine(text string) string {
	return "STATUS=" + strings.Join(strings.Fields(text), " ")
}

// errSilent is that a service does not even say whether it is alive.
var errSilent = errors.New("it does not answer within its time")

// Watch gives signs of life until ctx ends, as long as alive says so in time: at least two of them
// within what the supervisor waits for one. Where alive is late it is not asked anew before it has
// answered.
func (s Supervisor) Watch(ctx context.Context, log zerolog.Logger, alive func(context.Context) error) {
	if s.Notify == nil || s.Watchdog <= 0 {
		return
	}
	pause := s.Watchdog / 3
	tick := time.NewTicker(pause)
	defer tick.Stop()

	answers := make(chan error, 1) // with room, so that a late answer waits for nobody
	asked, dead := false, false
	for {
		if !asked {
			asked = true
			go func() { answers <- alive(ctx) }()
		}

		var err error
		select {
		case <-ctx.Done():
			return
		case err = <-answers:
			asked = false
		case <-tick.C:
			err = errSilent
		}

		if err == nil {
			err = s.tell(daemon.SdNotifyWatchdog)
		}
		if err != nil && !dead && ctx.Err() == nil {
			log.Error().Err(err).Dur("watchdog", s.Watchdog).Msg("no sign of life is given to the supervisor")
		}
		dead = err != nil

		if !asked {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}
}
