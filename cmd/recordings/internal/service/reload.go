package service

import (
	"context"
	"errors"
	"fmt"

	"recordings/api"
	"recordings/api/access"
	"recordings/audit"
	"recordings/cmd/recordings/internal/config"
)

// Reload reads the configuration again, and puts into force what a running service can take over:
// who may call, which contact centers there are, the policies of retention, and the certificate. It is all
// or nothing: if anything is wrong, what was in force stays so, and the error says what. Requests that are
// running do not notice. It returns the settings that have changed and need a restart.
func (s *Service) Reload(context.Context) (needRestart []string, err error) {
	s.reloading.Lock()
	defer s.reloading.Unlock()

	s.tell(s.Supervisor.Reloading())
	defer func() { s.tellReady(err) }()
	needRestart, err = s.reload()
	if err != nil {
		s.Log.Error().Err(err).Msg("the configuration was not read again")
		return nil, &api.ConfigurationError{Err: err}
	}
	s.Log.Info().Strs("need_restart", needRestart).Int("users", len(s.inForce.Users)).
		Int("tokens", len(s.inForce.Tokens)).Msg("the configuration was read again")
	return needRestart, nil
}

// reload is Reload, by one at a time.
func (s *Service) reload() ([]string, error) {
	if s.Read == nil {
		return nil, errors.New("there is none")
	}
	c, err := s.Read()
	if err != nil {
		return nil, err
	}

	// What can fail comes first. From there on nothing does.
	useCertificate := func() {}
	if s.certificate != nil && c.TLS.Certificate != "" {
		if useCertificate, err = s.certificate.reload(c.TLS.Certificate, c.TLS.Key); err != nil {
			return nil, err
		}
	}
	if err := s.api.Reload(accessSettings(c)); err != nil {
		return nil, fmt.Errorf("who may call: %w", err)
	}

	useCertificate()
	s.retention.Replace(c.Retention, c.ContactCenters)
	s.inForce = c
	facts := map[string]any{"configuration": c.Hash}
	if _, err := s.audit.Note(audit.Entry{Action: audit.Reload, Facts: facts}); err != nil {
		s.Log.Error().Err(err).Msg("that the configuration was read again is not in the audit log")
	}
	return config.NeedRestart(s.Config, c), nil
}

// accessSettings are who may call, as a configuration says.
func accessSettings(c *config.Config) access.Settings {
	return access.Settings{Users: c.Users, Tokens: c.Tokens, ContactCenters: c.ContactCenters, SignOn: c.OIDC}
}
