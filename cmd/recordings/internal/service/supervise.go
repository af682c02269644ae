package service

import (
	"context"
	"errors"

	"recordings/index"
)

// supervise tells the supervisor that the service answers, and from now on that it is alive, until it
// has stopped.
func (s *Service) supervise() {
	s.tellReady(nil)

	watching, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Supervisor.Watch(watching, s.Log, s.alive)
	}()
	s.unwatch = func() { stop(); <-ended }
}

// errBroken is what only a restart helps against.
var errBroken = errors.New("nothing can be written any more")

// alive reports whether the service does its work, as far as a restart could help: it is not broken,
// and a read comes back, whatever it says. One that never does gets no answer from alive, either.
func (s *Service) alive(ctx context.Context) error {
	if s.index.Status().Broken {
		return errBroken
	}
	_, _ = s.index.Get(ctx, index.Scope{Region: s.Config.Region}, "") // which no recording is called
	return nil
}

// waits is told, while the index is being opened, what that waits for.
func (s *Service) waits(reason string) {
	s.gate.wait(reason)
	s.tell(s.Supervisor.Starting("waiting for space: " + reason))
}

// tellReady tells that the service answers, and if its configuration was not read again, why.
func (s *Service) tellReady(wrong error) {
	status := "answering at " + s.URL()
	if wrong != nil {
		status += "; " + wrong.Error()
	}
	s.tell(s.Supervisor.Ready(status))
}

// tell notes that something could not be told.
func (s *Service) tell(err error) {
	if err != nil {
		s.Log.Warn().Err(err).Msg("the supervisor cannot be told how the service is doing")
	}
}
