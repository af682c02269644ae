package service

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"path/filepath"

	"github.com/rs/zerolog"

	"recordings/audit"
	auditstore "recordings/audit/store"
	"recordings/index"
)

// auditMinFree is how much of the disk must be free for entries of the audit log, in bytes. It is less
// than the recordings need to be accepted, and than the ballast that they hold back: what is there can
// be played on a full disk, too, for some 100,000 times.
const auditMinFree = 16 << 20

// RoleCommand is the role in the audit log of who works on a data directory without the service.
const RoleCommand = "command line"

// auditOptions are the settings of the audit log in a data directory.
func auditOptions(data string, log zerolog.Logger) auditstore.Options {
	return auditstore.Options{Dir: filepath.Join(data, auditstore.Dir), Log: log, MinFree: auditMinFree}
}

// Audited writes down what a command does to a data directory that no service has open, before it does
// it.
func Audited(ctx context.Context, data string, log zerolog.Logger, e audit.Entry) (err error) {
	l, err := auditstore.Open(auditOptions(data, log))
	if err != nil {
		return err
	}
	defer func() {
		if closed := l.Close(); err == nil {
			err = closed
		}
	}()
	_, err = l.Record(ctx, ByCommand(e))
	return err
}

// ByCommand is an entry of who runs a command on this machine.
func ByCommand(e audit.Entry) audit.Entry {
	e.Role = RoleCommand
	if u, err := user.Current(); err == nil {
		e.User = u.Username
	}
	return e
}

// gone reports whether there is no recording of an id.
func (s *Service) gone(ctx context.Context, contactCenter, id string) (bool, error) {
	_, err := s.index.Get(ctx, index.Scope{ContactCenter: contactCenter, Region: index.AnyRegion}, id)
	if errors.Is(err, index.ErrNotFound) {
		return true, nil
	}
	return false, err
}

// openAudit opens the audit log of an open index, and writes down with which configuration the service
// starts. A log that cannot be written now says so in the status, and refuses what must be written there.
func (s *Service) openAudit(ctx context.Context) (err error) {
	o := auditOptions(s.Config.Data, s.Log)
	o.Keep, o.KeepDetails, o.Release = s.Config.AuditKeep, s.Config.AuditKeepDetails, s.index.Release
	o.Gone = s.gone
	if s.audit, err = auditstore.Open(o); err != nil {
		return fmt.Errorf("opening the data directory %s: %w", s.Config.Data, err)
	}

	facts := map[string]any{"configuration": s.Config.Hash, "version": s.Version}
	if _, err := s.audit.Record(ctx, audit.Entry{Action: audit.Start, Facts: facts}); err != nil {
		s.Log.Error().Err(err).Msg("the start of the service is not in the audit log")
	}
	return nil
}
